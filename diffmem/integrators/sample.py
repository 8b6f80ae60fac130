"""Sampling: many points, one compiled function."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from ..annotations import Points
from ..batches import equal_batches
from ..checks import check_count
from ..level import cast_level, float_dtype, strong
from ..processes import AbstractProcess
from ..representation import one_line
from ..same_functions import known
from ..scores import AbstractDensity, AbstractScore
from ..scores.base import answered_dtype
from .base import AbstractIntegrator, Observer
from .ddim import DDIM
from .dynamics import checked_times
from .lost_samples import LostSamplesError, are_finite, lost_sentence, stays_finite


class Samples(NamedTuple):
    """What `sample` returns."""

    points: Float[Array, "count *shape"]
    """The samples: D or the state at the last time."""
    observed: PyTree
    """Observations, leaves of shape (steps + 1, count, ...); None without an observer."""
    exact_start: bool
    """Whether the starting points were drawn from the score's own law at times[0]."""

    __repr__ = one_line


def sample(
    score: AbstractScore,
    process: AbstractProcess,
    integrator: AbstractIntegrator,
    times: Float[ArrayLike, "..."],
    shape: tuple[int, ...],
    count: int,
    *,
    key: PRNGKeyArray,
    observe: Observer | None = None,
    start: Points | None = None,
    finish: str = "denoise",
    batch_size: int | None = None,
) -> Samples:
    """Draw `count` points: noise at times[0], carried by `integrator` along `process` to times[-1] under `score`.

    The law of the points is that of the data in the score, up to the errors of the score and of the steps: with
    `scores.Empirical` they are copies of the training set.

    Example: every sample of a score that knows one point is that point.
        >>> import numpy as np, jax.random as jr, diffmem as dm
        >>> process, score = dm.processes.EDM(), dm.scores.Empirical(np.array([[0.5, -2.0]]))
        >>> times = dm.integrators.grids.karras(process, steps=8)
        >>> out = dm.sample(score, process, dm.integrators.DDIM(), times, (2,), 3, key=jr.key(0))
        >>> print(np.asarray(out.points).round(4).tolist())
        [[0.5, -2.0], [0.5, -2.0], [0.5, -2.0]]

    Args:
        times: (steps + 1,), strictly decreasing, from `grids`.
        shape: event shape of one point.
        observe: `observe(x, level, found)`, measured at the state before each step and at the last state, where
            `found = score.evaluate(x, level)` comes from the step itself (for a mixture, `found.info` is the
            posterior). Nothing else of a path is stored.
        start: (count, *shape), states at times[0]. Without it the points begin in the exact law of the score at
            times[0] where the score is a density, else in N(0, sigma^2 I), a mismatch that nothing corrects later;
            `exact_start` of the result says which.
        finish: "denoise" returns D at the last state, "state" the state itself, which carries noise of the last sigma.
        batch_size: points computed at a time, by one compiled function; all by default.

    Sample i depends on `key` and i alone, not on `count` or `batch_size`: on one JAX version and device, up to rounding
    (JAX 0.5 changed its default draws). Points have the dtype in which the score answers `start`, its own draws, or the
    times' dtype. Another call with the same shapes and the same `observe`, or one of the same text that refers to the
    same objects, does not compile again.

    Raises ValueError for bad times, shapes and counts, and where samples are NaN or infinite: it says of how many and
    from which time on, and its `samples` holds what was computed. An error of the score or the observer is shown as it
    is.
    """
    times = checked_times(times)
    shape = tuple(int(size) for size in shape)
    _check_request(shape, count, start, finish, batch_size)
    exact = start is None and isinstance(score, AbstractDensity)
    starts = None if start is None else strong(start, float_dtype(start))
    observe = known(observe)

    batches = []
    for index, keep in equal_batches(count, batch_size or count):
        begin = None if starts is None else starts[index]
        rest = exact, finish, key, index
        try:
            points, seen = _batch(score, process, integrator, times, shape, observe, begin, *rest)
        except eqx.EquinoxRuntimeError:
            # an adaptive solver gives up on NaN; every other error is shown as it is
            look = partial(_batch, score, process, DDIM(), times, shape, stays_finite, begin, *rest)
            sentence = lost_sentence(process, times, lambda look=look: look()[1], 0, count)
            if sentence is None:
                raise
            raise LostSamplesError(sentence) from None
        if keep < len(index):
            points, seen = points[:keep], jax.tree.map(lambda leaf, keep=keep: leaf[:, :keep], seen)
        batches.append((points, seen))
    points, observed = zip(*batches)
    joined = observed[0]
    if len(batches) > 1:
        joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *observed)
    found = Samples(points[0] if len(batches) == 1 else jnp.concatenate(points), joined, exact)
    finite = are_finite(found.points)
    if finite is None:
        return found
    index = jnp.flatnonzero(~finite)[: batch_size or count]
    begin = None if starts is None else starts[index]
    look = partial(_batch, score, process, integrator, times, shape, stays_finite, begin, exact, finish, key, index)
    lost = int((~finite).sum())
    raise LostSamplesError(str(lost_sentence(process, times, lambda: look()[1], lost, count)), found)


@eqx.filter_jit
def _batch(score, process, integrator, times, shape, observe, starts, exact, finish, key, index):
    dtype = answered_dtype(score, shape, times.dtype if starts is None else starts.dtype, drawn=exact)
    level = cast_level(process.level(times[0]), dtype)
    run = integrator.denoised if finish == "denoise" else integrator

    def one(i, x):
        begin, path = jax.random.split(jax.random.fold_in(key, i))
        if exact:
            x = score.sample(level, key=begin)
        elif x is None:
            x = level.sigma * jax.random.normal(begin, shape, dtype)
        return run(score, process, x.astype(dtype), times, key=path, observe=observe)

    return jax.vmap(one, out_axes=(0, 1))(index, starts)


def _check_request(shape, count, start, finish, batch_size):
    check_count("count", count)
    check_count("batch_size", count if batch_size is None else batch_size)
    if finish not in ("denoise", "state"):
        raise ValueError(f"`finish` must be 'denoise' or 'state', but is {finish!r}.")
    if start is not None and jnp.shape(start) != (count, *shape):
        raise ValueError(f"`start` must have shape {(count, *shape)}, but has {jnp.shape(start)}.")
