"""Mixtures of Gaussian components: one pass shared by the single Gaussian, the mixture and the low-rank mixture."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int

from ...annotations import Point, RandomKey, Scalar
from ...arithmetic import dot, residual
from ...level import NoiseLevel, cast_level, strong
from ...reductions import Posterior
from ..base import AbstractMixture, Evaluation, cast_point
from .covariances import AbstractCovariances


class AbstractGaussianFamily(AbstractMixture):
    """`p(x) = sum_i w_i N(x; alpha mu_i, alpha^2 S_i + sigma^2 I)`.

    With the precision `P_i = (alpha^2 S_i + sigma^2)^-1` and `q_i = P_i (x - alpha mu_i)`, component i gives
    the conditional mean `m_i = mu_i + alpha S_i q_i` and the score -q_i; `alpha m_i - x = -sigma^2 q_i` holds without
    cancellation. Full-rank components are finite at sigma = 0; all are finite at alpha = 0.
    """

    centres: eqx.AbstractVar[Float[Array, "k d"]]
    log_weights: eqx.AbstractVar[Float[Array, "k"]]
    covariances: eqx.AbstractVar[AbstractCovariances]
    shape: eqx.AbstractVar[tuple[int, ...]]

    def prior(self) -> Float[Array, "k"]:
        """The weights w_i of the components."""
        return jnp.exp(self.log_weights)

    def reweighted(self, log_factors: Float[Array, "k"]):
        """The score with weights `w_i exp(log_factors_i)`, normalised; -inf takes a component out."""
        log_weights = jax.nn.log_softmax(self.log_weights + strong(log_factors, self.log_weights.dtype))
        return eqx.tree_at(lambda score: score.log_weights, self, log_weights)

    def posterior(self, x: Point, level: NoiseLevel) -> Posterior:
        """One pass over the components; see `Posterior`."""
        x, (alpha, sigma) = self._cast(x, level)
        log_joint, q = self._components(x, alpha, sigma)
        log_prob = jax.nn.logsumexp(log_joint)
        w, log_w = _shares(log_joint), log_joint - log_prob
        leader = jnp.argmax(w)
        means = self._means(x, alpha, sigma)
        # the leader's mean plus weighted differences: a shared offset costs no digits
        mean = means[leader] + dot(w, means - means[leader][None])
        return Posterior(
            log_prob=log_prob,
            mean=mean.reshape(x.shape),
            displacement=-(sigma**2 * dot(w, q)).reshape(x.shape),
            entropy=-jnp.sum(jnp.where(w > 0, w * jnp.where(w > 0, log_w, 0), 0)),
            participation=1 / jnp.sum(w**2),
            leader=leader,
            leader_weight=w[leader],
            spread=dot(w, self._within(x.size, alpha, sigma)) + dot(w, jnp.sum((means - mean[None]) ** 2, axis=1)),
            discarded=jnp.zeros_like(log_prob),
        )

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """D, the noise `sigma sum_i w_i q_i` and the posterior."""
        found = self.posterior(x, level)
        return Evaluation(found.mean, -cast_level(level, found.mean.dtype).sigma * self.score(x, level), found)

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """`-sum_i w_i q_i`: no division by sigma, so it is finite wherever the density is."""
        x, (alpha, sigma) = self._cast(x, level)
        log_joint, q = self._components(x, alpha, sigma)
        return -dot(_shares(log_joint), q).reshape(x.shape)

    def log_partition(self, x, level: NoiseLevel, beta: Scalar = 1.0) -> Float[Array, ""]:
        """`log sum_i exp(-beta E_i)` with `E_i = -log w_i N_i - (d/2) log(2 pi sigma^2)`; infinite at sigma = 0."""
        x, (alpha, sigma) = self._cast(x, level)
        energies = -self._components(x, alpha, sigma)[0] - x.size / 2 * jnp.log(2 * jnp.pi * sigma**2)
        return jax.nn.logsumexp(-strong(beta, x.dtype) * energies)

    def weights(self, x, level: NoiseLevel, k: int) -> tuple[Int[Array, "k"], Float[Array, "k"]]:
        """Indices and weights of the k heaviest components, heaviest first."""
        if not 1 <= k <= self.log_weights.size:
            raise ValueError(
                f"`k` must be between 1 and {self.log_weights.size}, the number of components, but is {k}."
            )
        x, (alpha, sigma) = self._cast(x, level)
        weight, index = jax.lax.top_k(jax.nn.softmax(self._components(x, alpha, sigma)[0]), k)
        return index, weight

    def covariance(self, x: Point, level: NoiseLevel) -> Float[Array, "..."]:
        """Posterior covariance `sum_i w_i (sigma^2 S_i P_i + (m_i - D)(m_i - D)^T)`, shape (*shape, *shape)."""
        x, (alpha, sigma) = self._cast(x, level)
        log_joint, q = self._components(x, alpha, sigma)
        w = _shares(log_joint)
        within = self.covariances.matrices(lambda s: sigma**2 * s * self._precision(s, alpha, sigma), x.size)
        offsets = self._offsets(x, q, w, alpha, sigma)
        between = dot(offsets.T, w[:, None] * offsets)
        return (jnp.sum(w[:, None, None] * within, axis=0) + between).reshape(x.shape + x.shape)

    def jacobian_vector(self, x, level: NoiseLevel, v: Point) -> Float[Array, "*shape"]:
        """`(alpha / sigma^2) C v`, regular at sigma = 0."""
        x, (alpha, sigma) = self._cast(x, level)
        v = strong(v, x.dtype).ravel()
        log_joint, q = self._components(x, alpha, sigma)
        w = _shares(log_joint)
        every = jnp.broadcast_to(v[None], q.shape)
        within = alpha * self.covariances.apply(lambda s: s * self._precision(s, alpha, sigma), every)
        # between components sigma^2 cancels: d w_i = -w_i <q_i - mean q, v>
        along = dot(q - dot(w, q)[None], v)
        offsets = self._offsets(x, q, w, alpha, sigma)
        return (dot(w, within) - dot(w * along, offsets)).reshape(x.shape)

    def divergence(self, x, level: NoiseLevel) -> Float[Array, ""]:
        """`-sum_i w_i tr P_i + sum_i w_i |q_i - mean q|^2`."""
        x, (alpha, sigma) = self._cast(x, level)
        log_joint, q = self._components(x, alpha, sigma)
        w = _shares(log_joint)
        spread = q - dot(w, q)[None]
        trace = self.covariances.total(lambda s: self._precision(s, alpha, sigma), x.size)
        return jnp.sum(w * (jnp.sum(spread**2, axis=1) - trace))

    def sample(self, level: NoiseLevel, *, key: RandomKey) -> Float[Array, "*shape"]:
        """`alpha mu_i + (alpha^2 S_i + sigma^2)^(1/2) z` with i drawn by weight."""
        alpha, sigma = cast_level(level, self.centres.dtype)
        which, noise = jr.split(key)
        i = jr.categorical(which, self.log_weights)
        z = jr.normal(noise, self.centres.shape[1:], self.centres.dtype)
        spread = self.covariances.apply(
            lambda s: jnp.sqrt(alpha**2 * s + sigma**2), jnp.broadcast_to(z[None], self.centres.shape)
        )
        return (alpha * self.centres[i] + spread[i]).reshape(self.shape)

    def _components(self, x, alpha, sigma):
        """log w_i N(x; ...) and q_i."""
        away = self._away(x, alpha)
        q = self.covariances.apply(lambda s: self._precision(s, alpha, sigma), away)
        root = self.covariances.apply(lambda s: jnp.sqrt(self._precision(s, alpha, sigma)), away)
        log_det = self.covariances.total(lambda s: jnp.log(alpha**2 * s + sigma**2), x.size)
        return self.log_weights - (jnp.sum(root**2, axis=1) + log_det + x.size * math.log(2 * math.pi)) / 2, q

    def _away(self, x, alpha):
        """x - alpha mu_i."""
        return jax.vmap(lambda mean: residual(x.ravel(), alpha, mean))(self.centres)

    def _means(self, x, alpha, sigma):
        """m_i, by one function of S_i: through q_i, rounding off the span of S_i would return divided by sigma^2."""
        gain = self.covariances.apply(lambda s: alpha * s * self._precision(s, alpha, sigma), self._away(x, alpha))
        return self.centres + gain

    def _within(self, d: int, alpha, sigma):
        """Trace of the covariance of x_0 given x and the component, `sigma^2 tr S_i P_i`."""
        return self.covariances.total(lambda s: sigma**2 * s * self._precision(s, alpha, sigma), d)

    def _offsets(self, x, q, w, alpha, sigma):
        """m_i - D, as -(sigma^2 / alpha)(q_i - mean q) where noise is small and by the means where signal is."""
        small = alpha > sigma
        mean_q = dot(w, q)[None]
        by_noise = -(sigma**2) / jnp.where(small, alpha, 1) * (q - mean_q)
        means = self._means(x, alpha, sigma)
        means = means - means[jnp.argmax(w)][None]
        by_signal = means - dot(w, means)[None]
        return jnp.where(small, by_noise, by_signal)

    def _precision(self, s, alpha, sigma):
        return 1 / (alpha**2 * s + sigma**2)

    def _cast(self, x, level: NoiseLevel):
        return cast_point(x, self.shape, self.centres.dtype), cast_level(level, self.centres.dtype)


def _shares(log_joint: Float[Array, "k"]) -> Float[Array, "k"]:
    """The weights of the components; 1 for a single one, whose density then need not be computed."""
    return jnp.ones_like(log_joint) if log_joint.size == 1 else jax.nn.softmax(log_joint)
