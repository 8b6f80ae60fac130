"""Mixtures of Gaussian components: one pass shared by the single Gaussian, the mixture and the low-rank mixture."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int

from ...annotations import Point, RandomKey, Scalar
from ...arithmetic import dot, residual
from ...checks import check_key, check_positive, check_rank
from ...level import NoiseLevel, cast_level, strong
from ...reductions import Posterior
from ..base import AbstractMixture, Evaluation, cast_query, infinite, or_one
from .covariances import AbstractCovariances
from .scales import in_units, precision, scaled, unit_of_level, variance, variance_within

MOST_NATS = 80.0  # of an exponent, so that a component without weight does not overflow


class Components(NamedTuple):
    """What one query makes of the components."""

    q: Float[Array, "k d"]
    """P_i (x - alpha mu_i), without the directions in which P_i is infinite."""
    w: Float[Array, "k"]
    """Posterior weights."""
    log_w: Float[Array, "k"]
    log_prob: Float[Array, ""]


class AbstractGaussianFamily(AbstractMixture):
    """`p(x) = sum_i w_i N(x; alpha mu_i, alpha^2 S_i + sigma^2 I)`.

    With the precision `P_i = (alpha^2 S_i + sigma^2)^-1` and `q_i = P_i (x - alpha mu_i)`, component i gives
    the conditional mean `m_i = mu_i + alpha S_i q_i` and the score -q_i; `alpha m_i - x = -sigma^2 q_i` holds without
    cancellation.

    Rates of any size: beyond the fourth root of the largest number both are divided by the larger, and x too. Limits:
    all are finite at alpha = 0, full-rank components also at sigma = 0, as which a sigma counts whose square is then
    below the normal numbers of the dtype. A component without variance in some directions is at sigma = 0 a law on a
    subspace: D is the nearest point of it in those directions, the score is infinite off the subspace and as in the
    other directions on it, and log p is -inf off it and +inf on it. Of several components the nearest subspaces count,
    and among them those of the fewest dimensions.
    """

    centres: eqx.AbstractVar[Float[Array, "k d"]]
    shares: eqx.AbstractVar[Float[Array, "k"]]
    log_weights: eqx.AbstractVar[Float[Array, "k"]]
    covariances: eqx.AbstractVar[AbstractCovariances]
    shape: eqx.AbstractVar[tuple[int, ...]]

    @property
    def means(self) -> Float[Array, "k *shape"]:
        """The means mu_i, (k, *shape)."""
        return self.centres.reshape(-1, *self.shape)

    def prior(self) -> Float[Array, "k"]:
        """The weights w_i of the components."""
        return self.shares

    def reweighted(self, log_factors: Float[Array, "k"]):
        """The score with weights `w_i exp(log_factors_i)`, normalised; -inf takes a component out."""
        log_weights = jax.nn.log_softmax(self.log_weights + strong(log_factors, self.log_weights.dtype))
        return eqx.tree_at(lambda score: (score.shares, score.log_weights), self, (jnp.exp(log_weights), log_weights))

    def posterior(self, x: Point, level: NoiseLevel) -> Posterior:
        """One pass over the components; see `Posterior`."""
        x, (alpha, sigma), unit = self._cast(x, level)
        return in_units(unit, _posterior(self, x, _components(self, x, alpha, sigma), alpha, sigma))

    def _posterior_of(self, x, found: Components, alpha, sigma) -> Posterior:
        w, log_w = found.w, found.log_w
        leader = jnp.argmax(w)
        ahead, behind = self._means(x, leader, alpha, sigma)
        mean = ahead + dot(w, behind)
        offsets = self._offsets(x, found, alpha, sigma)
        return Posterior(
            log_prob=found.log_prob,
            mean=mean.reshape(x.shape),
            displacement=self._displacement(x.ravel(), found, mean, alpha, sigma).reshape(x.shape),
            entropy=-jnp.sum(jnp.where(w > 0, w * jnp.where(w > 0, log_w, 0), 0)),
            participation=1 / jnp.sum(w**2),
            leader=leader,
            leader_weight=w[leader],
            spread=dot(w, self.covariances.total(lambda s: variance_within(s, alpha, sigma), x.size))
            + dot(w, jnp.sum(offsets**2, axis=1)),
            discarded=jnp.zeros_like(found.log_prob),
        )

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """D, the noise `sigma sum_i w_i q_i` and the posterior."""
        x, (alpha, sigma), unit = self._cast(x, level)
        components = _components(self, x, alpha, sigma)
        found = _posterior(self, x, components, alpha, sigma)
        score = _off_subspaces(components, -dot(components.w, components.q), found.displacement.ravel())
        score = score.reshape(x.shape)
        # off a subspace both are infinite at sigma = 0
        noise = jnp.where(jnp.isinf(score), -score, -sigma * score)
        return Evaluation(found.mean, noise, in_units(unit, found))

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """`-sum_i w_i q_i`: no division by sigma, so it is finite wherever the density is."""
        x, (alpha, sigma), unit = self._cast(x, level)
        return _score(self, x, alpha, sigma).reshape(x.shape) / unit

    def log_partition(self, x, level: NoiseLevel, beta: Scalar = 1.0) -> Float[Array, ""]:
        """`log sum_i exp(-beta E_i)` with `E_i = -log w_i N_i - (d/2) log(2 pi sigma^2)`; infinite at sigma = 0."""
        check_positive("beta", beta)
        x, (alpha, sigma), _ = self._cast(x, level)
        found = _components(self, x, alpha, sigma)
        beta, edge = strong(beta, x.dtype), jnp.isinf(found.log_prob)
        # the infinite term of sigma = 0 outside of the sum, which has a derivative then
        shared = x.size / 2 * jnp.log(2 * jnp.pi * sigma**2)
        regular = jax.nn.logsumexp(beta * (found.log_w + jnp.where(edge, 0, found.log_prob))) + beta * shared
        return jnp.where(edge, found.log_prob, regular)

    def weights(self, x, level: NoiseLevel, k: int) -> tuple[Int[Array, "k"], Float[Array, "k"]]:
        """Indices and weights of the k heaviest components, heaviest first."""
        check_rank("k", k, self.log_weights.size, "components")
        x, (alpha, sigma), _ = self._cast(x, level)
        weight, index = jax.lax.top_k(_components(self, x, alpha, sigma).w, k)
        return index, weight

    def covariance(self, x: Point, level: NoiseLevel) -> Float[Array, "..."]:
        """Posterior covariance `sum_i w_i (sigma^2 S_i P_i + (m_i - D)(m_i - D)^T)`, shape (*shape, *shape)."""
        x, (alpha, sigma), _ = self._cast(x, level)
        found = _components(self, x, alpha, sigma)
        within = self.covariances.matrices(lambda s: variance_within(s, alpha, sigma), x.size)
        offsets = self._offsets(x, found, alpha, sigma)
        between = dot(offsets.T, found.w[:, None] * offsets)
        return (jnp.sum(found.w[:, None, None] * within, axis=0) + between).reshape(x.shape + x.shape)

    def jacobian_vector(self, x, level: NoiseLevel, v: Point) -> Float[Array, "*shape"]:
        """`(alpha / sigma^2) C v`, regular at sigma = 0."""
        x, (alpha, sigma), unit = self._cast(x, level)
        v = strong(v, x.dtype).ravel()
        q, w, *_ = found = _components(self, x, alpha, sigma)
        every = jnp.broadcast_to(v[None], q.shape)
        within = alpha * self.covariances.apply(lambda s: s * precision(s, alpha, sigma), every)
        # between components sigma^2 cancels: d w_i = -w_i <q_i - mean q, v>
        along = dot(q - dot(w, q)[None], v)
        product = dot(w, within) - dot(w * along, self._offsets(x, found, alpha, sigma))
        return product.reshape(x.shape) / unit

    def divergence(self, x, level: NoiseLevel) -> Float[Array, ""]:
        """`-sum_i w_i tr P_i + sum_i w_i |q_i - mean q|^2`; -inf at sigma = 0 where directions have no variance."""
        x, (alpha, sigma), unit = self._cast(x, level)
        found = _components(self, x, alpha, sigma)
        spread = found.q - dot(found.w, found.q)[None]
        trace = self.covariances.total(lambda s: precision(s, alpha, sigma), x.size)
        # weighed before it is squared: the square alone overflows where the weight is 0
        between = jnp.sum(found.w[:, None] * spread * spread)
        regular = (between - jnp.sum(found.w * trace)) / unit
        return jnp.where(jnp.isinf(found.log_prob), -jnp.inf, regular * (1 / unit))

    def sample(self, level: NoiseLevel, *, key: RandomKey) -> Float[Array, "*shape"]:
        """`alpha mu_i + (alpha^2 S_i + sigma^2)^(1/2) z` with i drawn by weight."""
        check_key(key)
        level = cast_level(level, self.centres.dtype)
        unit = unit_of_level(level)
        alpha, sigma = level.alpha / unit, level.sigma / unit
        which, noise = jr.split(key)
        i = jr.categorical(which, self.log_weights)
        z = jr.normal(noise, self.centres.shape[1:], self.centres.dtype)
        spread = self.covariances.apply(
            lambda s: jnp.sqrt(variance(s, alpha, sigma)), jnp.broadcast_to(z[None], self.centres.shape)
        )
        return unit * (alpha * self.centres[i] + spread[i]).reshape(self.shape)

    def _all_components(self, x, alpha, sigma) -> Components:
        away = self._away(x, alpha)
        q = self.covariances.apply(lambda s: precision(s, alpha, sigma), away)
        root = self.covariances.apply(lambda s: jnp.sqrt(precision(s, alpha, sigma)), away)
        log_det = self.covariances.total(lambda s: -jnp.log(or_one(precision(s, alpha, sigma))), x.size)
        log_density = -(jnp.sum(root**2, axis=1) + log_det + x.size * math.log(2 * math.pi)) / 2

        def on_subspaces():
            log_joint, edge = self._on_subspaces(x, away, log_density, alpha)
            return _weighed(log_joint, None, edge)

        def everywhere():
            return _weighed(self.log_weights + log_density, (log_density, self.shares), 0)

        return Components(q, *jax.lax.cond(sigma == 0, on_subspaces, everywhere))

    def _on_subspaces(self, x, away, log_density, alpha):
        """Of the limit sigma -> 0: the logarithms of w_i N_i in the directions with variance, for the nearest subspaces
        of the fewest dimensions, and infinity of the sign of log p where they are proper subspaces, else 0.
        """
        empty = lambda s: (alpha * (alpha * s) == 0).astype(s.dtype)  # noqa: E731
        distance = jnp.linalg.norm(self.covariances.apply(empty, away), axis=1)
        live = jnp.isfinite(self.log_weights)
        size = jnp.linalg.norm(x.ravel()) + alpha * jnp.linalg.norm(self.centres, axis=1)
        rounding = 8 * jnp.finfo(x.dtype).eps * size
        missing = self.covariances.total(empty, x.size)
        near = live & (distance <= jnp.min(jnp.where(live, distance, jnp.inf)) + rounding)
        kept = near & (missing == jnp.max(jnp.where(near, missing, -1)))
        touched = jnp.any(kept & (distance <= rounding))
        edge = jnp.where(jnp.any(kept & (missing > 0)), jnp.where(touched, jnp.inf, -jnp.inf), 0)
        return jnp.where(kept, self.log_weights + log_density, -jnp.inf), edge.astype(x.dtype)

    def _displacement(self, x, found: Components, mean, alpha, sigma):
        """alpha D - x, as `-sigma^2 sum_i w_i q_i` wherever P_i is finite, 0 on a subspace at sigma = 0."""
        by_noise = -(sigma**2) * dot(found.w, found.q)
        return jnp.where((sigma == 0) & jnp.isneginf(found.log_prob), alpha * mean - x, by_noise)

    def _away(self, x, alpha):
        """x - alpha mu_i."""
        return jax.vmap(lambda mean: residual(x.ravel(), alpha, mean))(self.centres)

    def _means(self, x, leader, alpha, sigma):
        """m_j of the leader j and all m_i - m_j, so that a shared offset costs no digits.

        By one function of S_i: through q_i, rounding off the span of S_i would return divided by sigma^2.
        """
        gain = self.covariances.apply(lambda s: alpha * s * precision(s, alpha, sigma), self._away(x, alpha))
        centre, own = self.centres[leader], gain[leader]
        return centre + own, (self.centres - centre[None]) + (gain - own[None])

    def _offsets(self, x, found: Components, alpha, sigma):
        """m_i - D, as -(sigma^2 / alpha)(q_i - mean q) where noise is small and by the means where signal is."""
        small = (alpha > sigma) & ~jnp.isinf(found.log_prob)
        mean_q = dot(found.w, found.q)[None]
        by_noise = -(sigma**2) / jnp.where(small, alpha, 1) * (found.q - mean_q)
        _, behind = self._means(x, jnp.argmax(found.w), alpha, sigma)
        by_signal = behind - dot(found.w, behind)[None]
        return jnp.where(small, by_noise, by_signal)

    def _cast(self, x, level: NoiseLevel):
        """x and level in the dtype of the centres and in units of `unit`, in which their squares are numbers; a sigma
        whose square is below the normal numbers counts as 0, its limit.
        """
        return scaled(*cast_query(x, level, self.shape, self.centres.dtype))


# compiled once for each shape, also where the caller compiles nothing


@eqx.filter_jit
def _components(family, x, alpha, sigma) -> Components:
    return family._all_components(x, alpha, sigma)


@eqx.filter_jit
def _posterior(family, x, found: Components, alpha, sigma) -> Posterior:
    return family._posterior_of(x, found, alpha, sigma)


@eqx.filter_jit
def _score(family, x, alpha, sigma) -> Float[Array, "d"]:
    found = family._all_components(x, alpha, sigma)
    regular = -dot(found.w, found.q)

    def off_subspace():
        ahead, behind = family._means(x, jnp.argmax(found.w), alpha, sigma)
        missed = family._displacement(x.ravel(), found, ahead + dot(found.w, behind), alpha, sigma)
        return _off_subspaces(found, regular, missed)

    return jax.lax.cond(sigma == 0, off_subspace, lambda: regular)


def _off_subspaces(found: Components, score, displacement):
    """The score, infinite in the directions of a displacement off the subspaces of sigma = 0."""
    return jnp.where(jnp.isneginf(found.log_prob) & (displacement != 0), infinite(displacement), score)


def _weighed(log_joint, bare, edge):
    """Posterior weights, their logarithms and log p, from log w_i N_i.

    `bare` are N_i w_i of components whose weight is 0, as log N_i and w_i: they add nothing, but log p has a slope in
    their weight, N_i / p.
    """
    if log_joint.size == 1:
        return jnp.ones_like(log_joint), jnp.zeros_like(log_joint), log_joint[0] + edge
    top = jax.lax.stop_gradient(jnp.max(log_joint))
    log_Z = jax.nn.logsumexp(log_joint - top)
    extra = jnp.zeros_like(log_joint)
    if bare is not None:
        log_density, shares = bare
        odds = jnp.exp(jnp.minimum(jax.lax.stop_gradient(log_density - top - log_Z), MOST_NATS))
        extra = jnp.where(shares == 0, shares * odds, 0)
        log_Z = log_Z + jnp.sum(extra)
    log_w = log_joint - top - log_Z
    return jnp.exp(log_w) + extra, log_w, top + log_Z + edge
