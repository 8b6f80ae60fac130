"""The probability flow from data to noise: exact log-likelihoods and inversion."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ..processes import AbstractProcess
from ..scores import AbstractDensity, AbstractScore
from ..scores.base import answered_dtype, as_point
from .adaptive import solved
from .base import AbstractIntegrator
from .dynamics import Node, checked_times, nodes_at, require_noise, velocity

TOLERANCE, MAX_STEPS = 1e-7, 16384  # of the adaptive flow; single precision stops at its own rounding


def log_likelihood(
    score: AbstractScore,
    process: AbstractProcess,
    x: Float[ArrayLike, "*shape"],
    times: Float[ArrayLike, "..."] | None = None,
    *,
    key: PRNGKeyArray | None = None,
) -> Float[Array, ""]:
    """log p(x) in nats at the level of the last time, for one point x, by the probability flow.

        log p(x) = log p_T(x_T) + int div velocity dt
        div velocity = alpha' (sigma^2 div s + d)/alpha - sigma' sigma div s

    p_T is the score's own law where it is a density, else N(0, sigma_T^2 I). Adaptive (order five, relative tolerance
    1e-7) from t_min to t_max, or in fixed steps of the same method along `times` (strictly decreasing, as for
    sampling). The divergence is exact, in closed form or d forward derivatives an evaluation; with a `key` it is an
    unbiased estimate from one Rademacher probe (average over keys). The density is of x with noise sigma(t_min) on it.
    Needs sigma > 0 there; log-densities may be positive. Source: Song et al., arXiv:2011.13456, eqs. 39-40; Chen et
    al., arXiv:1806.07366, theorem 1.
    """
    x = _data(score, process, x)
    ends = jnp.asarray([process.t_max, process.t_min]) if times is None else checked_times(times)
    x = require_noise(x, process, ends[-1])
    upwards = ends[::-1].astype(x.dtype)
    return _integrated(score, process, x, upwards, key, times is None)


# compiled once for each structure of score and shape, also where the caller compiles nothing
@eqx.filter_jit
def _integrated(score, process, x, upwards, key, adaptive: bool):
    """log p at the end of the flow plus the integral of the divergence, up the times."""
    import diffrax

    divergence = _exact_divergence if key is None else _probed_divergence(key, x)

    def rate(t, y, _):
        node = nodes_at(process, t, x.dtype)
        return velocity(score.evaluate(y[0], node.level), node), divergence(score, y[0], node)

    if adaptive:
        tolerance = max(TOLERANCE, 10 * float(jnp.finfo(x.dtype).eps))
        controller, most = diffrax.PIDController(rtol=tolerance, atol=tolerance), MAX_STEPS
    else:
        controller, most = diffrax.StepTo(ts=upwards), upwards.shape[0]
    start = x, jnp.zeros((), x.dtype)
    found = solved(diffrax.ODETerm(rate), None, start, upwards[0], upwards[-1], controller, most)
    return _terminal(score, process, found[0][0], upwards[-1]) + found[1][0]


def invert(
    score: AbstractScore,
    process: AbstractProcess,
    integrator: AbstractIntegrator,
    x: Float[ArrayLike, "*shape"],
    times: Float[ArrayLike, "..."],
    *,
    key: PRNGKeyArray,
) -> Float[Array, "*shape"]:
    """The noise at times[0] that the probability flow carries to x at times[-1], for one point x.

    `times` is the grid of sampling, strictly decreasing; the integrator runs it backwards, so that sampling the result
    (with finish="state") returns x up to the integrator's error. Needs sigma > 0 at the data end; stochastic
    integrators are refused.
    """
    if integrator.stochastic:
        raise ValueError(f"`integrator` must draw no noise to be inverted, but {type(integrator).__name__} does.")
    x = _data(score, process, x)
    times = checked_times(times)
    x = require_noise(x, process, times[-1])
    return integrator(score, process, x, times[::-1], key=key)[0]


def _data(score, process, x):
    x = as_point(x)
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
