"""The equations every sampler discretises, as pure functions of a score's evaluation and a node.

With D = E[x_0 | x], noise = E[z | x] = (x - alpha D)/sigma and g^2 = 2 sigma (sigma' - sigma alpha'/alpha):

    probability flow   dx/dt = velocity = alpha' D + sigma' noise
    reverse SDE        dx    = (velocity - c^2/2 g^2 score) dt + c g dW,  t decreasing
    same flow          d(x/alpha)/d(sigma/alpha) = noise

Sources: Song et al., arXiv:2011.13456, eqs. 6 and 13; Karras et al., arXiv:2206.00364, eqs. 1 and 4.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from ..annotations import Numbers
from ..checks import as_values, brief, check_kind, is_concrete, require
from ..level import NoiseLevel, cast_level, cast_rate, float_dtype, strong
from ..processes import AbstractProcess
from ..representation import one_line
from ..scores import Evaluation


class Node(NamedTuple):
    """What a stepper sees of the process at one grid time; a stack of nodes has leaves of one more axis."""

    time: Float[Array, "*nodes"]
    level: NoiseLevel
    rate: NoiseLevel

    __repr__ = one_line

    def at(self, i: int) -> "Node":
        """Node number i of a stack."""
        return jax.tree.map(lambda leaf: leaf[i], self)


def nodes_at(process: AbstractProcess, times: Float[ArrayLike, "*nodes"], dtype) -> Node:
    """The nodes of `process` at `times`, computed in the times' own precision and then cast to `dtype`."""
    times = strong(times, float_dtype(times))
    level, rate = process.level(times), process.rate(times)
    return Node(times.astype(dtype), cast_level(level, dtype), cast_rate(rate, dtype))


def times_within(process: AbstractProcess, times: Numbers) -> Float[Array, "nodes"]:
    """`times` as a floating array; refused unless they are at least two, finite and strictly decreasing, with ends that
    have a noise level: no negative or undefined alpha or sigma.
    """
    check_kind("process", process, AbstractProcess, "a process, such as processes.EDM()")
    times = as_values("times", times)
    if np.ndim(times) != 1 or np.size(times) < 2:
        raise ValueError(f"`times` must be one-dimensional with at least 2 entries, but has shape {np.shape(times)}.")
    # after the cast, which may make neighbours equal
    times = strong(times, float_dtype(times))
    known = lambda value: np.asarray(value) if is_concrete(value) else value  # noqa: E731
    seen = known(times)
    fall = (seen[1:] < seen[:-1]).all() & (abs(seen) < np.inf).all()
    times = require(times, fall, f"`times` must be finite and strictly decreasing, but is {brief(times)}.")
    ends = seen[:: len(seen) - 1]
    alpha, sigma = map(known, process.level(ends))
    for end, inside in zip(ends, (alpha >= 0) & (sigma >= 0)):
        words = f"`times` must lie within the process, but {brief(end)} is outside of {type(process).__name__}."
        times = require(times, inside, words)
    return times


def require_noise(value, process: AbstractProcess, time: ArrayLike):
    """`value`; refused unless sigma > 0 at `time`, where an equation divides by it."""
    sigma = process.sigma(time)
    return require(value, sigma > 0, f"`times` must end where sigma > 0, but sigma({brief(time)}) is {brief(sigma)}.")


def velocity(found: Evaluation, node: Node) -> Float[Array, "*shape"]:
    """`alpha' D + sigma' noise`, the drift of the probability flow; finite at alpha = 0."""
    return node.rate.alpha * found.mean + node.rate.sigma * found.noise


def diffusion_squared(node: Node) -> Float[Array, "*nodes"]:
    """`g^2 = 2 sigma (sigma' - sigma alpha'/alpha)`; infinite at alpha = 0."""
    (alpha, sigma), (alpha_rate, sigma_rate) = node.level, node.rate
    return 2 * sigma * (sigma_rate - sigma * alpha_rate / alpha)


def reverse_drift(found: Evaluation, node: Node, noise: Float[ArrayLike, ""] = 1.0) -> Float[Array, "*shape"]:
    """`velocity - c^2/2 g^2 score`, c = `noise`: 0 is the probability flow, 1 the reverse SDE; infinite at alpha 0."""
    scale = jnp.asarray(noise, found.noise.dtype) ** 2 / 2 * diffusion_squared(node) / node.level.sigma
    return velocity(found, node) + scale * found.noise


def log_ratio(level: NoiseLevel) -> Float[Array, "*nodes"]:
    """`lambda = log(alpha/sigma)`, the clock of the exponential integrators: infinite at both ends."""
    return jnp.log(level.alpha) - jnp.log(level.sigma)


def flow_towards(denoised, x: Float[Array, "*shape"], now: NoiseLevel, after: NoiseLevel) -> Float[Array, "*shape"]:
    """The probability flow between two levels for a constant D: `(s_b/s_a) x + (a_b - a_a s_b/s_a) D`.

    Regular at alpha = 0 (either end) and at sigma_b = 0; sigma_a must be positive.
    """
    shrink = after.sigma / now.sigma
    return shrink * x + (after.alpha - now.alpha * shrink) * denoised


def leaves_noise(now: NoiseLevel, after: NoiseLevel) -> Bool[Array, ""]:
    """Whether the step comes from noise without (much) signal: alpha grows fourfold, and sigma/alpha is still 7 or more
    after it. There D is nearly the mean and moves as alpha/sigma, so that `flow_towards` may go far at once.
    """
    return (4 * now.alpha <= after.alpha) & (after.sigma >= 7 * after.alpha)


def conditional(denoised, x: Float[Array, "*shape"], now: NoiseLevel, after: NoiseLevel, eta: Float[ArrayLike, ""]):
    """Mean and standard deviation of x_b given x_a and x_0 = D, for any process.

        r = a_a s_b / (a_b s_a),  deviation = eta s_b sqrt(1 - r^2),
        mean = a_b D + sqrt(s_b^2 - deviation^2) (x - a_a D)/s_a

    At eta = 1 it is the exact law of the forward process; at eta = 0 the deterministic step of `flow_towards`; between
    them the marginals are the same. Regular at a_a = 0 and s_b = 0. Source: Song, Meng and Ermon, arXiv:2010.02502,
    eqs. 12 and 16.
    """
    eta = jnp.asarray(eta, x.dtype)
    r = now.alpha * after.sigma / (after.alpha * now.sigma)
    lost = eta**2 * (1 - r) * (1 + r)
    mean = after.alpha * denoised + after.sigma * jnp.sqrt(1 - lost) / now.sigma * (x - now.alpha * denoised)
    return mean, after.sigma * jnp.sqrt(lost)
