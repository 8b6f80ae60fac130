"""The probability flow from data to noise: exact log-likelihoods, with their errors for many points, and inversion."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..annotations import Numbers, Point, Points, RandomKey, Scalar
from ..batches import equal_batches
from ..checks import check_count, check_finite, check_key, check_kind, check_number, require
from ..level import float_dtype, strong
from ..processes import AbstractProcess
from ..scores import AbstractDensity, AbstractScore
from ..scores.base import answered_dtype, as_point
from .adaptive import solved
from .base import AbstractIntegrator
from .dynamics import Node, nodes_at, require_noise, times_within, velocity

TOLERANCE, MAX_STEPS = 1e-7, 16384  # of the adaptive flow; single precision stops at its own rounding
LOST = f"`score` must be finite along the flow and smooth enough for {MAX_STEPS} steps, but log p was not found"
COARSER = 10  # times the tolerance, of the run that measures the error: steps of a fifth order are 1.6 times as long
SHARED = 20  # tolerances of |log p| + d that both runs may be off by, or that their difference may hide by chance
ROUNDED = 2  # roundings of the coordinates of a point on its way, which both runs make


def log_likelihood(
    score: AbstractScore,
    process: AbstractProcess,
    x: Point,
    times: Numbers | None = None,
    *,
    key: RandomKey | None = None,
) -> Float[Array, ""]:
    """log p(x) in nats at the level of the last time, for one point x, by the probability flow.

        log p(x) = log p_T(x_T) + int div velocity dt
        div velocity = alpha' (sigma^2 div s + d)/alpha - sigma' sigma div s

    p_T is the score's own law where it is a density, else N(0, sigma_T^2 I). Adaptive, of order five, from t_min to
    t_max, or between the ends of `times` (strictly decreasing, as for sampling), on each of which it steps: where the
    weights of training points change hands no grid is fine enough, and the tolerance adds steps. The error of a step is
    held below 1e-7 (1e-6 in single precision) of the state and of the integral, with which the error of the result was
    below 1e-5 (1e-3) of |log p| + d, d the dimension, on every law near the origin that was tried; `log_likelihoods`
    estimates it. More than 16,384 steps are an error. The divergence is exact, in closed form or d forward derivatives
    an evaluation; with a `key` it is an unbiased estimate from one Rademacher probe (average over keys). The density is
    of x with noise sigma(t_min) on it. Needs sigma > 0 there; log-densities may be positive. Source: Song et al.,
    arXiv:2011.13456, eqs. 39-40; Chen et al., arXiv:1806.07366, theorem 1.
    """
    value = _flow_log_prob(score, process, x, times, key)
    return require(value, ~jnp.isnan(value), LOST + ".")


class LogLikelihoods(NamedTuple):
    """log p of each point in nats."""

    value: Float[np.ndarray, "count"]
    """The mean over probes, or the value of the exact divergence."""
    error: Float[np.ndarray, "count"]
    """Its standard error over probes; with the exact divergence, how far a run of ten times the tolerance is off, and
    what both may be off by.
    """

    def __repr__(self) -> str:
        mean, spread = self.value.mean(), self.value.std(ddof=min(1, len(self.value) - 1)) / len(self.value) ** 0.5
        mean_of = f"{len(self.value)} points, mean {mean:.5g} +- {spread:.2g}"
        return f"LogLikelihoods({mean_of}, errors up to {self.error.max():.1g})"

    def bits_per_dimension(self, d: int, bin_width: Scalar = 1.0) -> "LogLikelihoods":
        """Bits per dimension of points of d coordinates and their errors; see `bits_per_dimension`."""
        return LogLikelihoods(bits_per_dimension(self.value, d, bin_width), self.error / (d * math.log(2)))


def log_likelihoods(
    score: AbstractScore,
    process: AbstractProcess,
    points: Points,
    times: Numbers | None = None,
    *,
    key: RandomKey | None = None,
    probes: int = 8,
    batch_size: int | None = None,
) -> LogLikelihoods:
    """`log_likelihood` of each of many points (count, *shape), compiled once.

    Without a `key` the divergence is exact, in closed form or by d derivatives an evaluation: for networks, a matter of
    some hundred dimensions. The flow is then computed again at ten times the tolerance, for about half the cost, and
    `error` is the difference, about the error of that coarser run, plus 20 tolerances of |log p| + d and 2 roundings of
    the coordinates, far from 0 in units of the noise: an estimate and no bound, above the true error at points of the
    laws with a closed form that were tried, and far below it where single precision loses a point hundreds of sigma off
    its law. With a `key` it is Hutchinson's estimate: `probes` random probes for each point, each through the whole
    flow, give an unbiased mean and its standard error. Probes of point i depend on key and i only. `batch_size` points
    are computed at a time, all by default. A score from outside JAX needs `vjp` (`FromHost`).

    Raises ValueError for fewer than 2 probes, a batch size below 1, points that are not finite, and where values are
    NaN, which says of how many points.
    """
    check_count("batch_size", 1 if batch_size is None else batch_size)
    if key is not None:
        check_key(key)
    if key is not None and probes < 2:
        raise ValueError(f"`probes` must be at least 2 to have an error, but is {probes}.")
    points = strong(points, float_dtype(points))
    if points.ndim < 2 or len(points) < 1:
        raise ValueError(f"`points` must have shape (count, *shape) and hold a point, but has shape {points.shape}.")
    check_finite("points", points)
    times = None if times is None else strong(times, float_dtype(times))
    batches = equal_batches(len(points), batch_size or len(points))
    parts = [_of_batch(score, process, points[index], times, key, index, probes)[:keep] for index, keep in batches]
    found = np.concatenate(parts, dtype=np.float64)
    if lost := int(np.isnan(found).any(axis=1).sum()):
        raise ValueError(f"{LOST} at {lost} of {len(found)} points.")
    if key is None:
        value, coarse, slope = found.T
        shared = SHARED * _tolerance(points.dtype) * (np.abs(value) + points[0].size)
        blurred = ROUNDED * float(np.finfo(points.dtype).eps) * slope
        return LogLikelihoods(value, np.abs(value - coarse) + shared + blurred)
    return LogLikelihoods(found.mean(axis=1), found.std(axis=1, ddof=1) / probes**0.5)


def bits_per_dimension(log_prob: Float[np.ndarray, "*count"], d: int, bin_width: Scalar = 1.0):
    """`-log p/(d log 2) - log2(bin_width)`: the code length of data on a lattice of spacing `bin_width`, per dimension.

    log p is the density in nats of points in d dimensions to each of which uniform noise in a cell of the lattice was
    added (dequantization), so that the result bounds the code length from above. Pixels of 256 values scaled to [-1, 1)
    have `bin_width` 2/256; with 1 the result is the density's own. Raises ValueError unless d and the width are
    positive.

    Source: Theis, van den Oord and Bethge, arXiv:1511.01844, section 3.1.
    """
    check_count("d", d)
    check_number("bin_width", bin_width)
    width = float(bin_width)
    if not width > 0:
        raise ValueError(f"`bin_width` must be positive, but is {width}.")
    return -np.asarray(log_prob, np.float64) / (d * math.log(2)) - math.log2(width)


def invert(
    score: AbstractScore,
    process: AbstractProcess,
    integrator: AbstractIntegrator,
    x: Point,
    times: Numbers,
    *,
    key: RandomKey,
) -> Float[Array, "*shape"]:
    """The noise at times[0] that the probability flow carries to x at times[-1], for one point x.

    `times` is the grid of sampling, strictly decreasing; the integrator runs it backwards, so that sampling the result
    (with finish="state") returns x up to the integrator's error. Needs sigma > 0 at the data end; stochastic
    integrators are refused.
    """
    check_kind("integrator", integrator, AbstractIntegrator, "an integrator, such as integrators.Heun()")
    if integrator.stochastic:
        raise ValueError(f"`integrator` must draw no noise to be inverted, but {type(integrator).__name__} does.")
    x = _data(score, process, x)
    times = times_within(process, times)
    check_key(key)
    x = require_noise(x, process, times[-1])
    return integrator(score, process, x, times[::-1], key=key)[0]


@eqx.filter_jit
def _of_batch(score, process, points, times, key, index, probes: int):
    """For each point log p by each of its probes; without a key log p at the tolerance and at the coarser one, and
    `sum_k |x_k d log p / d x_k|`, what a relative rounding of the coordinates moves log p by.
    """

    def of_point(x, i):
        if key is None:
            run = lambda slack: _flow_log_prob(score, process, x, times, None, slack)  # noqa: E731
            values = jax.lax.map(run, jnp.asarray([1, COARSER], x.dtype))
            level = process.level(process.t_min if times is None else times[-1])
            return jnp.append(values, jnp.sum(jnp.abs(x * score.score(x, level))))
        keys = jax.random.split(jax.random.fold_in(key, i), probes)
        return jax.vmap(lambda key: _flow_log_prob(score, process, x, times, key))(keys)

    return jax.vmap(of_point)(points, index)


def _flow_log_prob(score, process, x, times, key, slack=1.0) -> Float[Array, ""]:
    """`log_likelihood` at `slack` times its tolerance, but NaN where it is an error."""
    x = _data(score, process, x)
    if key is not None:
        check_key(key)
    ends = times_within(process, [process.t_max, process.t_min] if times is None else times)
    x = require_noise(x, process, ends[-1])
    return _integrated(score, process, x, ends[::-1].astype(x.dtype), key, slack)


def _data(score, process, x):
    check_kind("score", score, AbstractScore, "a score, such as scores.Empirical(points)")
    check_kind("process", process, AbstractProcess, "a process, such as processes.EDM()")
    x = as_point(x)
    check_finite("x", x)
    return x.astype(answered_dtype(score, x.shape, x.dtype))


# compiled once for each structure of score and shape, also where the caller compiles nothing
@eqx.filter_jit
def _integrated(score, process, x, upwards, key, slack):
    """log p at the end of the flow plus the integral of the divergence; NaN where the end is not reached."""
    import diffrax

    divergence = _exact_divergence if key is None else _probed_divergence(key, x)

    def rate(t, y, _):
        node = nodes_at(process, t, x.dtype)
        rates = velocity(score.evaluate(y[0], node.level), node), divergence(score, y[0], node)
        # the time lost, in which the solver would go on with NaN to its last step
        lost = ~(jnp.isfinite(rates[0]).all() & jnp.isfinite(rates[1]))
        return *(jnp.where(lost, 0, part) for part in rates), lost.astype(x.dtype)

    tolerance = slack * _tolerance(x.dtype)
    controller = diffrax.PIDController(rtol=tolerance, atol=tolerance)
    controller = diffrax.ClipStepSizeController(controller, step_ts=upwards)
    start = x, jnp.zeros((), x.dtype), jnp.zeros((), x.dtype)
    term, ends = diffrax.ODETerm(rate), (upwards[0], upwards[-1])
    found = solved(term, None, start, *ends, controller, MAX_STEPS, throw=False)
    end, integral, lost = (leaf[0] for leaf in found.ys)
    level = nodes_at(process, upwards[-1], x.dtype).level
    if isinstance(score, AbstractDensity):
        last = score.log_prob(end, level)
    else:
        last = -jnp.sum(end**2) / (2 * level.sigma**2) - x.size * jnp.log(2 * jnp.pi * level.sigma**2) / 2
    return jnp.where((found.result == diffrax.RESULTS.successful) & (lost == 0), last + integral, jnp.nan)


def _tolerance(dtype) -> float:
    """The tolerance of a step, relative and absolute, in this precision."""
    return max(TOLERANCE, 10 * float(jnp.finfo(dtype).eps))


def _exact_divergence(score, x, node: Node):
    (alpha, sigma), (alpha_rate, sigma_rate) = node.level, node.rate
    divergence = score.divergence(x, node.level)
    # the divergence of D tends to 0 with alpha
    denoiser = jnp.where(alpha == 0, 0, (sigma**2 * divergence + x.size) / jnp.where(alpha == 0, 1, alpha))
    return alpha_rate * denoiser - sigma_rate * sigma * divergence


def _probed_divergence(key, x):
    probe = jax.random.rademacher(key, x.shape, x.dtype)

    def divergence(score, x, node):
        # backwards, which a network outside JAX may have alone
        flow = lambda x: velocity(score.evaluate(x, node.level), node)  # noqa: E731
        return jnp.sum(probe * jax.vjp(flow, x)[1](probe)[0])

    return divergence
