"""Ambient training: the optimal denoiser when each training point is seen only in one noisy copy."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers, Point, Points, RandomKey, Scalar
from ..checks import check_nonnegative
from ..level import NoiseLevel, cast_level, strong
from ..reductions import AbstractReduction
from .base import AbstractDensity, Evaluation, over_sigma
from .empirical import Empirical


class Ambient(AbstractDensity):
    """The closed-form optimum of ambient training at noise above that of the data.

    `points` (n, *shape) are the noisy copies `y_i = x_i + noise z_i`, one for each datum, drawn once; the data x_i
    themselves are never seen. At sigma > alpha noise, further noise is added to a copy, `x = alpha y_i + tau z` with
    `tau^2 = sigma^2 - alpha^2 noise^2`, and the optimum is the score of the density

        p(x) = sum_i w_i N(x; alpha y_i, tau^2 I),   s = (alpha yhat - x) / tau^2,   yhat = E[y | x] at (alpha, tau)
        D    = yhat + alpha noise^2 s = (sigma^2 yhat - alpha noise^2 x) / tau^2

    the score of `noisy = Empirical(points)` at the level (alpha, tau); D obeys Tweedie's identity at (alpha, sigma). At
    sigma = alpha noise (tau = 0), D = y_i and the score is 0 on alpha y_i, and both are infinite elsewhere; below there
    is no optimum: an error, also when traced. At alpha = 0, D is the mean.

    D diverges as sigma falls to the noise, so integrate in tau: on a process with alpha = 1 the probability flow is
    `dx/d tau = (x - yhat)/tau`, the flow of `noisy`. `dm.sample(ambient.noisy, EDM(sigma_min=tau_min,
    sigma_max=tau_max), ...)` with `finish="state"` gives the states at sigma = sqrt(tau^2 + noise^2).

    `weights`, `reduction` and errors as in `Empirical`; also ValueError for a negative noise, and from `draw`, as there
    is no law at sigma = 0. Source: derived from the objective of Shah et al., arXiv:2502.21278.
    """

    noisy: Empirical
    """The score of the noisy copies, at levels (alpha, tau)."""
    carried: Float[Array, ""]
    """Standard deviation of the noise in the points."""

    def __init__(
        self, points: Points, noise: Scalar, weights: Numbers | None = None, reduction: AbstractReduction | None = None
    ):
        check_nonnegative("noise", noise)
        self.noisy = Empirical(points, weights, reduction)
        self.carried = strong(noise, self.noisy.centres.dtype)

    def added(self, level: NoiseLevel) -> NoiseLevel:
        """(alpha, tau), the level of x as a noisy version of a copy; an error where sigma < alpha noise."""
        alpha, sigma = cast_level(level, self.carried.dtype)
        own = alpha * self.carried
        sigma = _above(sigma, own)
        gap = (sigma - own) * (sigma + own)
        flat = gap == 0
        return NoiseLevel(alpha, jnp.where(flat, 0, jnp.sqrt(jnp.where(flat, 1, gap))))

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`D = yhat + alpha noise^2 s`, the noise of `noisy` times sigma/tau, and the posterior of `noisy`."""
        added = self.added(level)
        found, gain = self.noisy.evaluate(x, added), added.alpha * self.carried**2
        sigma = cast_level(level, gain.dtype).sigma
        ratio = jnp.where(sigma == 0, 1, sigma) / jnp.where(added.sigma == 0, 1, added.sigma)
        score = -over_sigma(found.noise, added.sigma)
        return Evaluation(found.mean + jnp.where(gain == 0, 0, gain * score), ratio * found.noise, found.info)

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """`(alpha yhat - x) / tau^2`."""
        return self.noisy.score(x, self.added(level))

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """The divergence of the score of `noisy` at (alpha, tau)."""
        return self.noisy.divergence(x, self.added(level))

    def log_prob(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """log p(x)."""
        return self.noisy.log_prob(x, self.added(level))

    def sample(self, level: NoiseLevel, *, key: RandomKey) -> Float[Array, "*shape"]:
        """`alpha y_i + tau z` with i drawn by weight."""
        return self.noisy.sample(self.added(level), key=key)


def _above(sigma: Float[Array, ""], own: Float[Array, ""]) -> Float[Array, ""]:
    """sigma; an error below `own`, the noise of the points at this alpha."""
    low = sigma < own
    if isinstance(low, jax.core.Tracer):
        return eqx.error_if(sigma, low, "`sigma` must be at least alpha times the noise of the points, but is below.")
    if bool(low):
        raise ValueError(
            f"`sigma` must be at least alpha times the noise of the points, {float(own):.4g}, "
            f"but is {float(sigma):.4g}."
        )
    return sigma
