"""The probability flow from data to noise: exact log-likelihoods and inversion."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers, Point, RandomKey
from ..checks import check_finite, check_key, check_kind, require
from ..processes import AbstractProcess
from ..scores import AbstractDensity, AbstractScore
from ..scores.base import answered_dtype, as_point
from .adaptive import attempted
from .base import AbstractIntegrator
from .dynamics import Node, nodes_at, require_noise, times_within, velocity

TOLERANCE, MAX_STEPS = 1e-7, 16384  # of the adaptive flow; single precision stops at its own rounding
LOST = f"`score` must be finite along the flow and smooth enough for {MAX_STEPS} steps, but log p was not found"


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
    value = flow_log_prob(score, process, x, times, key)
    return require(value, ~jnp.isnan(value), LOST + ".")


def flow_log_prob(score, process, x, times, key, slack=1.0) -> Float[Array, ""]:
    """`log_likelihood` at `slack` times its tolerance, but NaN where it is an error."""
    x = _data(score, process, x)
    if key is not None:
        check_key(key)
    ends = times_within(process, [process.t_max, process.t_min] if times is None else times)
    x = require_noise(x, process, ends[-1])
    return _integrated(score, process, x, ends[::-1].astype(x.dtype), key, slack)


def tolerance_in(dtype) -> float:
    """The tolerance of a step, relative and absolute, in this precision."""
    return max(TOLERANCE, 10 * float(jnp.finfo(dtype).eps))


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

    tolerance = slack * tolerance_in(x.dtype)
    controller = diffrax.PIDController(rtol=tolerance, atol=tolerance)
    controller = diffrax.ClipStepSizeController(controller, step_ts=upwards)
    start = x, jnp.zeros((), x.dtype), jnp.zeros((), x.dtype)
    found = attempted(diffrax.ODETerm(rate), None, start, upwards[0], upwards[-1], controller, MAX_STEPS)
    end, integral, lost = (leaf[0] for leaf in found.ys)
    value = _terminal(score, process, end, upwards[-1]) + integral
    return jnp.where((found.result == diffrax.RESULTS.successful) & (lost == 0), value, jnp.nan)


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


def _data(score, process, x):
    check_kind("score", score, AbstractScore, "a score, such as scores.Empirical(points)")
    x = as_point(x)
    check_finite("x", x)
    return x.astype(answered_dtype(score, x.shape, x.dtype))


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


def _terminal(score, process, x, t):
    level = nodes_at(process, t, x.dtype).level
    if isinstance(score, AbstractDensity):
        return score.log_prob(x, level)
    return -jnp.sum(x**2) / (2 * level.sigma**2) - x.size * jnp.log(2 * jnp.pi * level.sigma**2) / 2
