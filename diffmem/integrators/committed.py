"""A deterministic sampler that stops asking the score once it is certain where each trajectory ends."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PyTree

from ..reductions.batches import redone
from ..scores import Empirical
from .base import AbstractStepper
from .dynamics import flow_towards
from .merged import merged


class Path(NamedTuple):
    """State of a trajectory: whether and to which point it is committed, and the state of the stepper."""

    committed: Bool[Array, ""]
    leader: Int[Array, ""]
    inner: PyTree


class Committed(AbstractStepper):
    """`stepper` until the final training point is certain, then the straight line to it in x/alpha: closed form.

    For `Empirical` scores and deterministic steppers. Before each step `Empirical.commitment` is asked, which shares
    the step's own pass over the points; a trajectory whose end is certain, with a line that is proven right to
    `tolerance` sigma/alpha at that time, takes no further step. In a batch (one vmap) the cost follows the number of
    trajectories that are not committed, in quarters. From data to noise nothing is certain, and the steps are the
    stepper's. Not differentiable. Raises ValueError for a stochastic stepper and for other scores.
    """

    stepper: AbstractStepper
    tolerance: float = 1e-3

    def __check_init__(self):
        if self.stepper.stochastic:
            raise ValueError(f"`stepper` must be deterministic, but is {self.stepper}.")
        if not self.tolerance > 0:
            raise ValueError(f"`tolerance` must be positive, but is {self.tolerance}.")

    def init(self, score, x, nodes, key):
        """Not committed, and the stepper's own state."""
        if not isinstance(score, Empirical):
            raise ValueError(f"`score` must be `Empirical` to be committed, but is {type(score).__name__}.")
        return Path(jnp.asarray(False), jnp.asarray(0), self.stepper.init(score, x, nodes, key))

    def step(self, score, x, state, now, after, key):
        """The stepper's step, or the line."""
        arrays, static = eqx.partition(score, eqx.is_array)

        def line(arrays, x, state: Path, now, after, key):
            score = eqx.combine(arrays, static)
            point = (score.centres.centre + score.reduction.at(score.centres, state.leader)[0]).reshape(x.shape)
            return flow_towards(point, x, now.level, after.level), state

        def work(arrays, x, state: Path, now, after, key):
            score = eqx.combine(arrays, static)
            found = score.commitment(x, now.level)
            stepped, inner = self.stepper.step(score, x, state.inner, now, after, key)
            near = found.deviation * now.level.alpha <= self.tolerance * now.level.sigma
            falling = after.level.sigma * now.level.alpha < now.level.sigma * after.level.alpha
            fresh = Path(found.certain & near & falling, found.leader, inner)
            ahead = line(arrays, x, fresh, now, after, key)[0]
            return jnp.where(fresh.committed, ahead, stepped), fresh

        return skipping(state.committed, line, merged(work), arrays, x, state, now, after, key)


def skipping(done, idle, work, *arguments):
    """`idle(*arguments)` where done, else `work(*arguments)`; a batch runs `work` for those that are not done."""

    def choose(done, *arguments):
        return jax.lax.cond(done, idle, work, *arguments)

    batch = jax.custom_batching.custom_vmap(choose)

    @batch.def_vmap
    def _(size, batched, done, *arguments):
        axes = jax.tree.map(lambda many: 0 if many else None, tuple(batched[1:]))
        keep = jax.vmap(idle, axes, axis_size=size)(*arguments)

        def some(index):
            picked = jax.tree.map(lambda leaf, many: leaf[index] if many else leaf, arguments, tuple(batched[1:]))
            return jax.vmap(work, axes, axis_size=len(index))(*picked)

        out = redone(~jnp.broadcast_to(done, (size,)), some, keep)
        return out, jax.tree.map(lambda _: True, out)

    return batch(done, *arguments)
