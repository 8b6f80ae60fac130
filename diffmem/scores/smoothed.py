"""Log-domain smoothing: the mean of a score over offsets of its argument, the gradient of a blurred log-density."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..annotations import Point, Points, RandomKey, Scalar
from ..checks import check_finite, is_concrete
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractScore, Evaluation, as_point, noise_of

Scale = float | Float[Array, ""] | Callable[[NoiseLevel], Scalar]


class Smoothed(AbstractScore):
    """`s'(x) = mean_m s(x + e_m)`, the gradient of `mean_m log p(x + e_m)`; `D'(x) = mean_m D(x + e_m)`.

    `offsets` (m, *shape) must have mean zero (antithetic pairs: `antithetic_offsets`); only then is D' the Tweedie
    denoiser of s' and finite at alpha = 0. With e_m ~ N(0, h^2 I) it is the score of k * log p, k the Gaussian kernel
    of width h. Blurring log p merges what lies along a manifold of data, but hardly thickens it, since log p is nearly
    quadratic across; blurring p itself (`Widened`) thickens it by h.

    Offsets are in units of x and fixed at all levels, so that the bandwidth in data units is h/alpha. This is how
    sigma-CFDM smooths a flow-matching score (Scarvelis et al., arXiv:2310.12395, whose formula is mean_m D(x + e_m)).
    `scale`, a number or a function of the level, multiplies the offsets: `lambda level: level.alpha` fixes the
    bandwidth in data units, so that all processes have one smoothed score at given sigma/alpha.

    At sigma = 0, D' is the mean of the points nearest to the x + e_m, and where scores are infinite of both signs the
    sign is that of alpha D' - x. Cost: m evaluations a point. Raises ValueError
    for offsets that are not finite, of no points, or of another mean. Source: Farghly et al., arXiv:2510.02305.
    """

    held: AbstractScore
    offsets: Float[Array, "m *shape"]
    scale: Scale

    def __init__(self, held: AbstractScore, offsets: Points, scale: Scale = 1.0):
        _check_offsets(offsets)
        self.held, self.offsets, self.scale = held, as_point(offsets), scale

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`mean_m D(x + e_m)`, and the mean of the noises."""
        mean, noise = _mean_over(eqx.Partial(_mean_and_noise, self.held), *self._shifted(x, level))
        return Evaluation(mean, _or_limit(noise, noise_of(mean, x, level), level))

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """`mean_m s(x + e_m)`."""
        return _score_over(self.held, *self._shifted(x, level))

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """`mean_m div s(x + e_m)`."""
        return _mean_over(self.held.divergence, *self._shifted(x, level))

    def _shifted(self, x, level: NoiseLevel):
        """x, the offsets at this level and the level, in the precision of x."""
        x = as_point(x)
        level = cast_level(level, x.dtype)
        scale = strong(jnp.asarray(self.scale(level) if callable(self.scale) else self.scale), x.dtype)
        return x, scale * strong(self.offsets, x.dtype), level


def _mean_and_noise(score: AbstractScore, x, level):
    found = score.evaluate(x, level)
    return found.mean, found.noise


@eqx.filter_jit
def _mean_over(function, x, offsets, level):
    found = jax.vmap(lambda offset: function(x + offset, level))(offsets)
    return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found)


@eqx.filter_jit
def _score_over(held: AbstractScore, x, offsets, level):
    score = _mean_over(held.score, x, offsets, level)
    without_noise = lambda: -noise_of(_mean_over(held.denoise, x, offsets, level), x, level)  # noqa: E731
    return jax.lax.cond(level.sigma == 0, lambda: _or_limit(score, without_noise(), level), lambda: score)


def _or_limit(mean: Float[Array, "*shape"], limit: Float[Array, "*shape"], level: NoiseLevel):
    """The mean of noises or scores, and at sigma = 0, where they may be infinite of both signs, the limit instead."""
    opposed = (cast_level(level, mean.dtype).sigma == 0) & jnp.isnan(mean)
    return jnp.where(opposed, jax.lax.stop_gradient(limit), mean)


def antithetic_offsets(
    shape: tuple[int, ...], count: int, bandwidth: Scalar, *, key: RandomKey
) -> Float[Array, "count *shape"]:
    """`count` normal offsets of standard deviation `bandwidth` in each coordinate, e and -e, so that their mean is 0.

    The first half are the normal quantiles of a scrambled Sobol sequence, more even than independent draws; most even
    where count/2 is a power of 2. Drawn on the host, so the key must be concrete. Raises ValueError for a count that is
    odd or below 2, a negative bandwidth, and more than 21,201 coordinates.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    d = int(np.prod(shape))
    if count < 2 or count % 2:
        raise ValueError(f"`count` must be even and at least 2, but is {count}.")
    if not bandwidth >= 0:
        raise ValueError(f"`bandwidth` must be at least 0, but is {bandwidth}.")
    if not 1 <= d <= qmc.Sobol.MAXDIM:
        raise ValueError(f"`shape` must have 1 to {qmc.Sobol.MAXDIM} coordinates, but {shape} has {d}.")
    seed = int(jax.random.bits(key, dtype=np.uint32))
    doublings = int(np.ceil(np.log2(count // 2)))
    uniform = qmc.Sobol(d, scramble=True, seed=seed).random_base2(doublings)[: count // 2]
    # a scrambled point may round to 0, whose quantile is infinite: centre it in its cell of 2^-32
    half = ndtri(uniform * (1 - 2.0**-32) + 2.0**-33).reshape(-1, *shape)
    dtype = float_dtype(bandwidth)
    return strong(bandwidth, dtype) * jnp.asarray(np.concatenate([half, -half]), dtype)


def _check_offsets(offsets: ArrayLike) -> None:
    if np.ndim(offsets) < 1 or np.shape(offsets)[0] < 1:
        raise ValueError(f"`offsets` must have shape (m, *shape) with m >= 1, but has shape {np.shape(offsets)}.")
    check_finite("offsets", offsets)
    if is_concrete(offsets):
        values = np.asarray(offsets)
        mean, size = np.abs(values.mean(axis=0)).max(), np.abs(values).max()
        # summation rounds by at most m units, and far less in practice
        if mean > len(values) * np.finfo(float_dtype(offsets)).eps * size:
            raise ValueError(f"`offsets` must have mean 0, but their mean has an entry of size {mean:.3g}.")
