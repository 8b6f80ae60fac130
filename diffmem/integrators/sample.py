"""Sampling: many points, one compiled function."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PyTree, Shaped

from ..annotations import Numbers, Points, RandomKey
from ..batches import equal_batches
from ..checks import as_values, check_callable, check_count, check_finite, check_key, check_kind, check_whole, described
from ..level import cast_level, float_dtype, strong
from ..processes import AbstractProcess
from ..representation import one_line
from ..same_functions import known
from ..scores import AbstractDensity, AbstractScore
from ..scores.base import answered_dtype
from .base import AbstractIntegrator, Observer
from .conditions import Conditional, Groups, grouped
from .ddim import DDIM
from .dynamics import times_within
from .lost_samples import LostSamplesError, lost_among, lost_sentence, stays_finite

MOST = 2**31 - 1  # points, each of which draws by its number


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
    score: AbstractScore | Conditional,
    process: AbstractProcess,
    integrator: AbstractIntegrator,
    times: Numbers,
    shape: tuple[int, ...],
    count: int,
    *,
    key: RandomKey,
    observe: Observer | None = None,
    start: Points | None = None,
    condition: Shaped[ArrayLike, "..."] | None = None,
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
        condition: (count, ...), a condition for each sample, such as its class; `score(condition)` is then the score,
            for instance `scores.Labelled(...).conditioned`, or a function that makes a guided score of a label. All
            conditions share one compilation. Arrays that the function refers to are compiled in; a method of a score,
            or an `equinox.Partial`, hands them over.
        finish: "denoise" returns D at the last state, "state" the state itself, which carries noise of the last sigma.
        batch_size: points computed at a time, by one compiled function; all by default.

    Sample i depends on `key` and i alone, not on `count` or `batch_size`: on one JAX version and device, up to rounding
    (JAX 0.5 changed its default draws). Points have the dtype in which the score answers `start`, its own draws, or the
    times' dtype. Another call with the same shapes and the same `observe`, or one of the same text that refers to the
    same objects, does not compile again. An object that a score or observer refers to is compiled in as it is at the
    first call: what changes in it afterwards is not seen.

    Raises ValueError for bad times, shapes, counts and conditions, and where samples are NaN or infinite: it says how
    many and from which time on, and its `samples` holds what was computed. An error of the score or the observer is
    shown as it is.
    """
    times = times_within(process, times)
    start = None if start is None else as_values("start", start)
    shape = _check_request(shape, count, start, finish, batch_size)
    _check_parts(score, integrator, key, observe, condition)
    starts = None if start is None else strong(start, float_dtype(start))
    if condition is None:
        groups, given, one = None, score, score
    else:
        groups, given = grouped(condition, count), known(score)
        one = score(jnp.asarray(groups.conditions[0]))
        check_kind("score", one, AbstractScore, "a function of one condition that returns a score")
    exact = start is None and isinstance(one, AbstractDensity)
    run = _Run(process, integrator, times, shape, known(observe), exact, finish, key)
    return _finite(run, partial(_in_batches, given, starts, groups, count, batch_size or count), count)


def _finite(run: "_Run", followed: Callable, count: int) -> Samples:
    """The samples of `followed(run)`, or an error that says how many were lost and from which time on."""
    lost = lambda run, number: lost_sentence(run.process, run.times, followed(run)[1], number, count)  # noqa: E731
    try:
        found = Samples(*followed(run), run.exact)
    except eqx.EquinoxRuntimeError:
        # an adaptive solver gives up on NaN; every other error is shown as it is
        sentence = lost(run.watched(DDIM()), 0)
        if sentence is None:
            raise
        raise LostSamplesError(sentence) from None
    number = lost_among(found.points)
    if number == 0:
        return found
    raise LostSamplesError(str(lost(run.watched(run.integrator), number)), found)


def _in_batches(score, starts: Array | None, groups: Groups | None, count: int, size: int, run: "_Run"):
    """All points and what was observed of them, at most about `size` at a time."""
    rows, conditions = (np.arange(count), None) if groups is None else (groups.index, groups.conditions)
    batches = []
    for row, keep in equal_batches(len(rows), max(1, size // rows[0].size)):
        index = rows[row]
        points, seen = _batch(run, score, conditions, index, starts)
        if keep < len(index):
            points, seen = points[:keep], jax.tree.map(lambda leaf, keep=keep: leaf[:, :keep], seen)
        batches.append((points, seen))
    points, seen = zip(*batches)
    points, seen = jnp.concatenate(points), jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *seen)
    if groups is not None:
        points = points.reshape(-1, *points.shape[2:])[groups.place]
        seen = jax.tree.map(lambda leaf: leaf.reshape(len(leaf), -1, *leaf.shape[3:])[:, groups.place], seen)
    return points, seen


@eqx.filter_jit
def _batch(run: "_Run", score, conditions, index, starts):
    # the axis of the groups first: with another one it takes longer to compile
    starts = None if starts is None else starts[index.T]
    if conditions is None:
        return run(score, index, starts)
    of_group = lambda condition, index, starts: run(score(condition), index, starts)  # noqa: E731
    return jax.vmap(of_group, out_axes=(1, 2))(conditions, index.T, starts)


class _Run(eqx.Module):
    """All of a request but the score and the samples."""

    process: AbstractProcess
    integrator: AbstractIntegrator
    times: Float[Array, "nodes"]
    shape: tuple[int, ...] = eqx.field(static=True)
    observe: Observer | None
    exact: bool = eqx.field(static=True)
    finish: str = eqx.field(static=True)
    key: RandomKey

    def watched(self, integrator: AbstractIntegrator) -> "_Run":
        """The request again, by this integrator, observed for what is not finite."""
        return replace(self, integrator=integrator, observe=stays_finite)

    def __call__(self, score: AbstractScore, index: Int[Array, "count"], starts: Array | None):
        """The points and what was observed of each, whose first axis is that of the times."""
        wanted = self.times.dtype if starts is None else starts.dtype
        dtype = answered_dtype(score, self.shape, wanted, drawn=self.exact)
        level = cast_level(self.process.level(self.times[0]), dtype)
        run = self.integrator.denoised if self.finish == "denoise" else self.integrator

        def one(i, x):
            begin, path = jax.random.split(jax.random.fold_in(self.key, i))
            if self.exact:
                x = score.sample(level, key=begin)
            elif x is None:
                x = level.sigma * jax.random.normal(begin, self.shape, dtype)
            return run(score, self.process, x.astype(dtype), self.times, key=path, observe=self.observe)

        return jax.vmap(one, out_axes=(0, 1))(index, starts)


def _check_parts(score, integrator, key, observe, condition):
    if condition is None:
        check_kind("score", score, AbstractScore, "a score, such as scores.Empirical(points)")
    else:
        check_callable("score", score, "of one condition, where `condition` is given", 1)
    check_kind("integrator", integrator, AbstractIntegrator, "an integrator, such as integrators.DDIM()")
    check_key(key)
    if observe is not None:
        check_callable("observe", observe, "of (x, level, found)", 3)


def _check_request(shape, count, start, finish, batch_size):
    if not isinstance(shape, (tuple, list)):
        raise ValueError(f"`shape` must be a tuple, such as (2,), but is {described(shape)}.")
    for size in shape:
        check_whole("shape", size)
    shape = tuple(map(int, shape))
    check_count("count", count)
    if count > MOST:
        raise ValueError(f"`count` must be at most {MOST}, but is {count}.")
    check_count("batch_size", count if batch_size is None else batch_size)
    if finish not in ("denoise", "state"):
        raise ValueError(f"`finish` must be 'denoise' or 'state', but is {finish!r}.")
    if start is not None and jnp.shape(start) != (count, *shape):
        raise ValueError(f"`start` must have shape {(count, *shape)}, but has {jnp.shape(start)}.")
    if start is not None:
        check_finite("start", start)
    return shape
