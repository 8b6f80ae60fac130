"""How much of a suspected image each state of a path holds: least squares on the image and the start."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, Point, RandomKey
from ...arithmetic import dot
from ...checks import brief
from ...integrators import DDIM, AbstractIntegrator, sample
from ...processes import AbstractProcess
from ...representation import one_line
from ...scores import AbstractScore
from ...tensors import read_tensor


class Decomposition(NamedTuple):
    """Coefficients of `x_t = w_0 x* + w_T x_T` at each time of each path, and how far they are from the schedule."""

    target: Float[Array, "nodes count"]
    """`w_0`, the coefficient of the target x*."""
    start: Float[Array, "nodes count"]
    """`w_T`, the coefficient of the start x_T."""
    excess: Float[Array, "count"]
    """`D1 = sum_t (w_0 - alpha_t)`: the target appears earlier, or stronger, than the schedule adds signal."""
    deficit: Float[Array, "count"]
    """`D2 = -sum_t (w_T - sigma_t)`: the start is forgotten earlier than the schedule removes noise."""

    __repr__ = one_line


def decomposed(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    target: Point,
    integrator: AbstractIntegrator | None = None,
) -> Decomposition:
    """Least squares, at each time of the path of each start, of the state on the target x* and the start x_T.

    `target` has the shape of one point and must not be proportional to a start; `integrator` is `DDIM()` by default.
    For a score that knows x* alone, DDIM gives `w_0 = alpha_t - alpha_T sigma_t/sigma_T` and `w_T = sigma_t/sigma_T`:
    with such scores both sums are constants of the grid, whatever x*. Any score will do, guided or not. Cost: one path.
    Raises ValueError for a target of another shape. Source: Kim et al., arXiv:2509.25705.
    """
    starts = jnp.asarray(read_tensor(starts))
    if jnp.shape(target) != starts.shape[1:]:
        raise ValueError(f"`target` must have the shape {starts.shape[1:]} of a start, but is {brief(target)}.")
    integrator = DDIM() if integrator is None else integrator
    path = sample(
        score, process, integrator, times, starts.shape[1:], len(starts), key=key, start=starts, observe=_state
    ).observed
    flat = path.reshape(*path.shape[:2], -1)
    w_0, w_T = _least_squares(flat, jnp.ravel(jnp.asarray(target, flat.dtype)), flat[0])
    alpha, sigma = process.level(jnp.asarray(times))
    excess = jnp.sum(w_0 - alpha[:, None].astype(w_0.dtype), axis=0)
    deficit = -jnp.sum(w_T - sigma[:, None].astype(w_T.dtype), axis=0)
    return Decomposition(w_0, w_T, excess, deficit)


def decomposition(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    target: Point,
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count"]:
    """`D1 = sum_t (w_0 - alpha_t)` of each start: the larger, the earlier the target x* appears on its path.

    The mean over the starts of a prompt is the statistic of Kim et al., arXiv:2509.25705. Its order over prompts is
    meaningful, its sign is not: with a nonzero signal at times[0] it is negative even where every sample is x*. For
    what else the coefficients tell, and the arguments, see `decomposed`. Cost: one path.
    """
    return decomposed(score, starts, process, times, key, target=target, integrator=integrator).excess


def _state(x, level, found):
    return x


def _least_squares(path, target, starts):
    """Coefficients (nodes, count) of states (nodes, count, d) on the target (d,) and the starts (count, d).

    In units of both, by Gram and Schmidt: the coefficient of the start is that of its part beside the target.
    """
    (target, length), (starts, own) = _unit(target), _unit(starts)
    cross = dot(starts, target)
    beside = starts - cross[:, None] * target[None]
    w_T = jnp.sum(path * beside[None], axis=-1) / jnp.sum(beside**2, axis=-1)[None]
    w_0 = dot(path, target) - w_T * cross[None]
    return w_0 / length, w_T / own[None]


def _unit(vectors):
    """Vectors of norm 1 and their lengths, of any size that their dtype holds."""
    largest = jnp.max(jnp.abs(vectors), axis=-1, keepdims=True)
    scaled = vectors / largest
    norm = jnp.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / norm, (largest * norm)[..., 0]
