"""A mixture of M Gaussians of equal weight and variance, to be trained: it can store M points and no more."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..annotations import Point, Points, RandomKey, Scalar
from ..arithmetic import dot, doubled, residual
from ..checks import check_finite, check_points, check_positive, check_scale
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractScore, Evaluation, cast_point


class TiedMixture(AbstractScore):
    """The denoiser of `(1/M) sum_i N(mu_i, v I)`, written to be trained: the means and log v are its weights.

        D(x) = sum_i w_i (mu_i + alpha v/(alpha^2 v + sigma^2) (x - alpha mu_i)),
        w_i proportional to exp(-|x - alpha mu_i|^2 / (2 (alpha^2 v + sigma^2)))

    With M = n, the training points as means and v -> 0 it is the `Empirical` score, which copies; with the means and
    variance of the population it generalizes. With fewer means it can store M of the points or the population, but not
    both; `training.fit` finds out which. `means` (M, *shape), `variance` positive. Only the first `active` means are in
    use: mixtures of several M are then of one structure, which `training.fit_many` trains at once.

    At sigma = 0, D is x/alpha and the score is finite; at alpha = 0, D is the mean of the means. Neither small sigma
    nor a shift of all points costs digits. Cost: 3 M d multiplications for D and the score together. Raises ValueError
    for means that are not finite, a variance that is not positive, and `active` outside [1, M]. Source: Buchanan et
    al., arXiv:2508.17689, their model of a network of finite capacity.
    """

    centres: Float[Array, "m d"]
    log_variance: Float[Array, ""]
    active: Int[Array, ""]
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, means: Points, variance: Scalar, active: int | None = None):
        check_finite("means", means)
        check_points(means)
        m, *shape = np.shape(means)
        active = m if active is None else active
        if not 1 <= active <= m:
            raise ValueError(f"`active` must be from 1 to {m}, the number of means, but is {active}.")
        check_positive("variance", variance)
        dtype = float_dtype(means)
        check_scale({"means": means, "variance": variance}, dtype)
        self.centres = strong(means, dtype).reshape(m, -1)
        self.log_variance = jnp.log(strong(variance, dtype))
        self.active, self.shape = jnp.asarray(active), tuple(shape)

    @classmethod
    def of_points(
        cls,
        points: Points,
        components: int,
        *,
        capacity: int | None = None,
        variance: float = 1e-6,
        key: RandomKey,
    ) -> "TiedMixture":
        """The start of a training: `components` points as means, drawn at random, none twice before all have been.

        `capacity` means are held, by default `components`; `variance` is in units of that of a coordinate of the points
        (1e-6: a start that has memorized its means). Raises ValueError for equal points and too few components.
        """
        check_points(points)
        held = components if capacity is None else capacity
        if not 1 <= components <= held:
            raise ValueError(f"`components` must be from 1 to `capacity`, {held}, but is {components}.")
        host = np.asarray(points, np.float64)
        scale = float(np.mean((host - host.mean(0)) ** 2))
        if not scale > 0:
            raise ValueError("`points` must hold two different points, but all are equal.")
        order = np.asarray(jax.random.permutation(key, len(host)))
        return cls(jnp.asarray(points)[np.resize(order, held)], variance * scale, components)

    @property
    def means(self) -> Float[Array, "m *shape"]:
        """All means, (M, *shape), including those not in use."""
        return self.centres.reshape(-1, *self.shape)

    @property
    def variance(self) -> Float[Array, ""]:
        """v, in squared data units."""
        return jnp.exp(self.log_variance)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`m + alpha v/(alpha^2 v + sigma^2) (x - alpha m)`, m the weighted mean of the means, and the noise."""
        leader, away, shift, alpha, sigma, inverse = self._parts(x, level)
        between = (away - alpha * shift) * inverse
        mean = leader + shift + alpha * self.variance * inverse * between
        return Evaluation(mean.reshape(self.shape), (sigma * inverse * between).reshape(self.shape))

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """`(alpha m - x)/(alpha^2 v + sigma^2)`: no division by sigma."""
        _, away, shift, alpha, _, inverse = self._parts(x, level)
        return ((alpha * shift - away) * inverse * inverse).reshape(self.shape)

    def _parts(self, x, level: NoiseLevel):
        """The nearest mean mu_j, x - alpha mu_j, m - mu_j, alpha, sigma, and `(alpha^2 v + sigma^2)^(-1/2)`, which is a
        number where the sum is none.
        """
        x = cast_point(x, self.shape, self.centres.dtype).ravel()
        alpha, sigma = cast_level(level, x.dtype)
        inverse = 1 / jnp.hypot(alpha * jnp.exp(self.log_variance / 2), sigma)
        return *_weighted_mean(self.centres, self.active, x, alpha, inverse), alpha, sigma, inverse


@eqx.filter_jit
def _weighted_mean(centres: Float[Array, "m d"], active: Int[Array, ""], x: Float[Array, "d"], alpha, inverse):
    """The nearest mean mu_j, x - alpha mu_j, and m - mu_j with m the weighted mean of the means."""
    used = jnp.arange(len(centres)) < active
    # relative to one of the means, so that a shift of all costs no digits; not to their mean, which would be rounded
    origin = jax.lax.stop_gradient(centres[0])
    offsets, seen = centres - origin[None], residual(x, alpha, origin)
    near = dot(offsets, seen) - alpha * jnp.sum(offsets**2, axis=1) / 2
    j = jnp.argmax(jnp.where(used, jax.lax.stop_gradient(near), -jnp.inf))
    gained = (alpha * inverse) * (_log_ratios(offsets, seen, alpha, j) * inverse)
    w = jax.nn.softmax(jnp.where(used, gained, -jnp.inf))
    return centres[j], residual(x, alpha, centres[j]), dot(w, offsets) - offsets[j]


@jax.custom_jvp
def _log_ratios(offsets: Float[Array, "m d"], seen: Float[Array, "d"], alpha, j: Int[Array, ""]) -> Float[Array, "m"]:
    """`t_i - t_j` with `t_i = <o_i, x> - alpha |o_i|^2 / 2`, in double precision, as their difference loses digits.

    Times alpha/(alpha^2 v + sigma^2) it is `log(w_i/w_j)`.
    """
    with jax.enable_x64(True):
        o, x, a = doubled(offsets, seen, alpha)
        # sums, as vmap gives a matrix product in double precision back in single while x64 is off
        t = jnp.sum(o * (x[None] - a / 2 * o), axis=1)
        return (t - t[j]).astype(seen.dtype)


@_log_ratios.defjvp
def _log_ratios_jvp(primals, tangents):
    (offsets, seen, alpha, j), (offsets_t, seen_t, alpha_t, _) = primals, tangents
    slope = dot(offsets, seen_t) + dot(offsets_t, seen) - alpha * jnp.sum(offsets * offsets_t, axis=1)
    slope = slope - alpha_t * jnp.sum(offsets * offsets, axis=1) / 2
    return _log_ratios(*primals), slope - slope[j]
