"""Training of a score on points by stochastic gradient descent, with snapshots of its course."""

import os
import time
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from .. import __version__
from ..annotations import RandomKey
from ..checks import as_values
from ..progress import Progress, followed
from ..representation import one_line
from ..scores import AbstractScore
from ..whole_files import expanded, replace_file
from .fingerprint import digest_of, program_of
from .loop import Data, Plan, State, advance, evaluate
from .preparation import Keys, as_data, held_out_data, keys_of, padded, planned, same_shapes, stacked, typed
from .snapshots import begun, checked_schedule, packed

SECONDS = 2.0  # duration of one call of the compiled loop, for which progress and Ctrl-C must wait


class Training(NamedTuple):
    """A training and its history at k snapshots; after `fit_many` everything has a leading axis of members."""

    score: AbstractScore
    """The trained score: with the last weights, or their running mean where `ema` was given."""
    steps: Int[np.ndarray, " k"]
    """Numbers of steps taken before each snapshot."""
    snapshots: AbstractScore
    """The scores at the snapshots, stacked: arrays have leading axes (members and) k, for `eqx.filter_vmap`."""
    loss: Float[np.ndarray, "*members k"]
    """Mean of the objective over the batches since the snapshot before; NaN at a snapshot before the first step."""
    train_loss: Float[np.ndarray, "*members k"]
    """The objective on the training points, at 12 levels and noise that are equal for all snapshots."""
    held_out_loss: Float[np.ndarray, "*members k"] | None
    """The objective on the held-out points, likewise."""

    __repr__ = one_line

    def at(self, snapshot: int) -> AbstractScore:
        """The score at a snapshot (of one training, not of many)."""
        return _entry(self.snapshots, snapshot)

    def member(self, i: int) -> "Training":
        """One training of `fit_many`."""
        held_out = None if self.held_out_loss is None else self.held_out_loss[i]
        score, snapshots = _entry(self.score, i), _entry(self.snapshots, i)
        return Training(score, self.steps, snapshots, self.loss[i], self.train_loss[i], held_out)


def fit(
    score: AbstractScore,
    points: Any,
    objective: Any,
    *,
    key: RandomKey,
    steps: int,
    batch: int = 128,
    optimiser: Any = None,
    labels: Int[ArrayLike, " n"] | None = None,
    held_out: Any = None,
    held_out_labels: Int[ArrayLike, " m"] | None = None,
    noise_draws: int | None = None,
    snapshots: int | Sequence[int] | Int[np.ndarray, " k"] = 24,
    ema: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | bool = False,
) -> Training:
    """Train every floating array of `score` on `points`, by `steps` steps of an optimiser.

    `points` (n, *shape), or a pytree of such arrays where the objective asks for one. `objective` is an
    `AbstractObjective` such as `ScoreMatching(levels, weight)`. `optimiser` is any optax one, `optax.adam(1e-3)` unless
    given (weight decay: `optax.adamw`). Each step draws `batch` points with replacement, so that its cost does not
    depend on n, with new levels and noise; with `noise_draws` (m in the literature), the levels and noise of a point
    are one of m that were drawn for it at the start. `labels` are for a score that has `conditioned(label)`. `ema` is
    the decay of a running mean of the weights; it is (1 + step)/(10 + step) at first, where that is smaller.

    `snapshots`: their number, for log-spaced ones, or the numbers of steps at which scores are kept and the loss is
    computed on the training points and on `held_out`, over at most 1,024 points each, at equal levels and noise.

    `checkpoint`: a file written at the start and at every snapshot, from which an interrupted call goes on when it is
    repeated, to the last bit. That of another call is refused (other data, another optimiser or learning rate, another
    version of JAX), and one that is damaged. `progress(done, steps, stage)` is called with the state of the work; True
    shows it on standard error.

    All random numbers follow from `key`: step i uses fold_in(key, i). One compilation for the loop, one for the loss on
    a set of each size. A loss that is not finite gives one warning. Raises ValueError for sizes below 1, arrays of
    different lengths, `ema` outside [0, 1), and a score without floating arrays.
    """
    plan, weights, fixed = planned(score, objective, optimiser, batch, noise_draws, ema)
    data = as_data(as_values("points", None) if points is None else points, labels)
    run = _Run(plan, data, held_out_data(held_out, held_out_labels, data), typed(key), checkpoint)
    with followed(progress) as report:
        return run(plan.start(weights, fixed), checked_schedule(snapshots, steps), report)


def fit_many(
    scores: Sequence[AbstractScore],
    points: Any,
    objective: Any,
    *,
    key: Keys,
    steps: int,
    batch: int = 128,
    optimiser: Any = None,
    labels: Int[ArrayLike, " n"] | None = None,
    held_out: Any = None,
    held_out_labels: Int[ArrayLike, " m"] | None = None,
    noise_draws: int | None = None,
    snapshots: int | Sequence[int] | Int[np.ndarray, " k"] = 24,
    ema: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | bool = False,
) -> Training:
    """`fit` of several scores of one structure at once, by vmap, for several training sets, sizes, widths or seeds.

    `points` is a list with the training set of each member (of any lengths), or one set for all, which may have
    `labels`; `held_out` is one set for all. Widths differ by masks (`ResidualMLP(active=...)`). Member i uses
    fold_in(key, i), or the i-th of several keys; members with equal keys and equal numbers of points see equal batches
    and noise. Member i has the result of `fit(scores[i], points[i], ...)` with its key, up to rounding;
    `Training.member(i)` returns it.

    Raises as `fit`, and ValueError for scores of different structure, another number of point sets or keys, and labels
    of a list of sets.
    """
    if not scores:
        raise ValueError("`scores` must hold at least one score, but is empty.")
    parts = [planned(score, objective, optimiser, batch, noise_draws, ema) for score in scores]
    plan = parts[0][0]
    structures = {jax.tree.structure(score) for score in scores}
    if len(structures) > 1 or any(not same_shapes(part[1:], parts[0][1:]) for part in parts):
        raise ValueError("`scores` must be of one structure and size (widths differ by `active`), but are not.")
    if isinstance(points, list):
        if labels is not None:
            raise ValueError("`labels` must be None where `points` is a list of sets, but are given.")
        if len(points) != len(scores):
            raise ValueError(f"`points` must be one set for each of {len(scores)} scores, but are {len(points)}.")
        sets = [as_data(own, None) for own in points]
        data, axes = padded(sets), Data(0, 0, 0)
    else:
        sets = [as_data(points, labels)]
        data, axes = sets[0], Data(None, None, None)
    weights, fixed = (stacked([part[k] for part in parts]) for k in (1, 2))
    run = _Run(
        plan, data, held_out_data(held_out, held_out_labels, sets[0]), keys_of(key, len(scores)), checkpoint, axes
    )
    with followed(progress) as report:
        return run(jax.vmap(plan.start)(weights, fixed), checked_schedule(snapshots, steps), report)


class _Run(NamedTuple):
    """One call of `fit` or `fit_many`."""

    plan: Plan
    data: Data
    held_out: Data | None
    key: Key[Array, "*members"]
    checkpoint: str | os.PathLike[str] | None
    axes: Data | None = None

    def __call__(self, state: State, schedule: Int[np.ndarray, " k"], report: Progress) -> Training:
        """Train up to each number of steps of the schedule, and keep a snapshot there."""
        path = None if self.checkpoint is None else expanded(self.checkpoint)
        history, done, piece = self._empty(state, len(schedule)), 0, 16
        facts = {} if path is None else self._facts(state, schedule)
        if path is not None:
            state, history, done = begun(path, facts, (state, history, done))
        first = int(schedule[done - 1]) if done else 0
        for k in range(done, len(schedule)):
            state, loss, piece = self._advanced(state, first, int(schedule[k]), int(schedule[-1]), report, piece)
            first = int(schedule[k])
            for part, value in zip(jax.tree.leaves(history), jax.tree.leaves(self._snapshot(state, loss))):
                part[k] = value
            if path is not None:
                replace_file(path, packed(facts, (state, history, k + 1)))
        return self._finished(state, schedule, history)

    def _advanced(self, state: State, first: int, last: int, end: int, report: Progress, piece: int):
        """The state after `last` steps, the mean loss, and the length of a call, which grows to two seconds."""
        # summed over all calls in order, so that the mean does not depend on how long each call was
        total, at = jnp.zeros(self.key.shape, jax.tree.leaves(state.weights)[0].dtype), first
        while at < last:
            started, upto = time.monotonic(), min(at + piece, last)
            whole = upto - at == piece
            ends = jnp.asarray(at), jnp.asarray(upto)
            state, total = advance(self.plan, self.data, state, total, self.key, *ends, self.axes)
            at = upto
            report(at, end, f"loss {np.mean(total) / (at - first):.4g}")
            # only a call of full length shows how long one takes
            if whole and time.monotonic() - started < SECONDS / 4:
                piece *= 4
        return state, np.asarray(total) / (last - first) if last > first else np.nan, piece

    def _snapshot(self, state: State, loss):
        """A snapshot: the weights, and the losses of the batches, of the training set and of held-out points."""
        train = evaluate(self.plan, self.data, state, self.key, self.axes)
        if self.held_out is None:
            return state.shown, loss, train
        axes = None if self.axes is None else Data(None, None, None)
        return state.shown, loss, train, evaluate(self.plan, self.held_out, state, self.key, axes)

    def _empty(self, state: State, k: int):
        """Arrays for k snapshots."""
        row = np.zeros(self.key.shape, jax.tree.leaves(state.weights)[0].dtype)
        seen = (state.shown, *[row] * (2 if self.held_out is None else 3))
        return jax.tree.map(lambda leaf: np.zeros((k, *leaf.shape), leaf.dtype), seen)

    def _facts(self, state: State, schedule) -> dict:
        """The facts that a checkpoint must share with the call that goes on from it."""
        update, total, ends = self.plan.optimiser.update, jnp.zeros(self.key.shape), (jnp.asarray(0), jnp.asarray(1))
        update = update if self.axes is None else jax.vmap(update)
        return {
            "version": __version__,
            "jax": jax.__version__,
            "snapshots": schedule.tolist(),
            "key": np.asarray(jax.random.key_data(self.key)).tolist(),
            "start and data": digest_of((state.weights, state.fixed, self.data, self.held_out)),
            "objective": eqx.tree_pformat(self.plan.objective, short_arrays=False),
            "batch": [self.plan.batch, self.plan.noise_draws, self.plan.ema],
            "optimiser": [program_of(update, state.weights, state.moments, state.weights), digest_of(state.moments)],
            "program": program_of(advance, self.plan, self.data, state, total, self.key, *ends, self.axes),
        }

    def _finished(self, state: State, schedule, history) -> Training:
        weights, *losses = history
        loss, train, *other = (part if self.axes is None else part.T for part in losses)
        lost = schedule[~np.isfinite(loss.reshape(-1, len(schedule))).all(axis=0) & (schedule > 0)]
        if lost.size:
            message = f"the loss is not finite up to step {lost[0]}: a smaller step of the optimiser may help."
            warnings.warn(message, stacklevel=4)
        members = self.axes is not None
        put = lambda leaf: jnp.asarray(np.swapaxes(leaf, 0, 1) if members else leaf)  # noqa: E731
        repeat = lambda leaf: jnp.repeat(jnp.expand_dims(leaf, int(members)), len(schedule), int(members))  # noqa: E731
        fixed = jax.tree.map(repeat, state.fixed)
        snapshots = eqx.combine(jax.tree.map(put, weights), fixed, self.plan.rest)
        score = eqx.combine(state.shown, state.fixed, self.plan.rest)
        return Training(score, schedule, snapshots, loss, train, other[0] if other else None)


def _entry(score, i: int):
    """Entry i of the leading axis of every array of a stacked score."""
    return jax.tree.map(lambda leaf: leaf[i] if eqx.is_array(leaf) else leaf, score)
