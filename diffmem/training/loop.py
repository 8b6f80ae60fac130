"""The compiled part of training: many steps in one loop, and the loss of a snapshot."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from ..annotations import RandomKey
from .objective import AbstractObjective

EVALUATED = 1024  # points of a data set on which the loss of a snapshot is computed
POOL, CHOICE = 2**32 - 1, 2**32 - 2  # folded into a key; larger than all numbers of steps and points
LEVELS = 12  # noise levels of the loss of a snapshot, at the middles of equal shares of the law of levels


class Data(NamedTuple):
    """Points and labels, pytrees of arrays with a leading axis; entries from number `count` on are padding."""

    points: Any
    labels: Int[Array, "..."] | None
    count: Int[ArrayLike, "..."]


class State(NamedTuple):
    """A score in training."""

    weights: Any
    """Its floating arrays, which are trained."""
    fixed: Any
    """Its other arrays."""
    moments: Any
    """The state of the optimiser."""
    average: Any
    """The running mean of the weights; None without `ema`."""

    @property
    def shown(self) -> Any:
        """The weights of the score to return: the running mean where there is one."""
        return self.weights if self.average is None else self.average


class Plan(eqx.Module):
    """What does not change from step to step. The optimiser is static: another one compiles again."""

    rest: Any
    objective: AbstractObjective
    optimiser: Any = eqx.field(static=True)
    batch: int = eqx.field(static=True)
    noise_draws: int | None = eqx.field(static=True)
    ema: float | None

    def start(self, weights: Any, fixed: Any) -> State:
        """The state before the first step."""
        return State(weights, fixed, self.optimiser.init(weights), None if self.ema is None else weights)

    def step(self, state: State, data: Data, key: RandomKey, number: Int[Array, ""]):
        """One step of one network: its new state and its loss. Batches are drawn with replacement."""
        pick, noise = jax.random.split(jax.random.fold_in(key, number))
        index = jax.random.randint(pick, (self.batch,), 0, data.count)
        fresh = jax.vmap(lambda j: jax.random.fold_in(noise, j))(jnp.arange(self.batch))
        keys = self._noise_keys(fresh, jax.random.fold_in(key, POOL), index)
        points, labels = jax.tree.map(lambda part: part[index], (data.points, data.labels))

        def loss(weights):
            score = eqx.combine(weights, state.fixed, self.rest)
            one = lambda point, label, key, anew: self._item_loss(score, point, label, key, anew)  # noqa: E731
            return jax.vmap(one)(points, labels, keys, fresh).mean()

        value, slope = jax.value_and_grad(loss)(state.weights)
        with jax.numpy_dtype_promotion("standard"):  # optimisers mix integers and numbers
            updates, moments = self.optimiser.update(slope, state.moments, state.weights)
        weights = eqx.apply_updates(state.weights, updates)
        return State(weights, state.fixed, moments, self._averaged(state.average, weights, number)), value

    def _noise_keys(self, fresh: Key[Array, " batch"], pool: RandomKey, index: Int[Array, " batch"]):
        """Keys of the noise of a batch: the fresh ones, or for each point one of its `noise_draws`."""
        if self.noise_draws is None:
            return fresh
        which = jax.vmap(lambda key: jax.random.randint(key, (), 0, self.noise_draws))(fresh)
        return jax.vmap(lambda i, j: jax.random.fold_in(jax.random.fold_in(pool, i), j))(index, which)

    def _item_loss(self, score, point, label, key: RandomKey, fresh: RandomKey) -> Float[Array, ""]:
        """The loss of one item, with levels and noise from `key`."""
        if self.noise_draws is None:
            return self.objective(score, point, label, key=key)
        # which labels are left out, and which items, is no noise, and drawn anew
        return self.objective(score, point, label, key=key, fresh=fresh)

    def _averaged(self, average, weights, number):
        """The exponential moving average, over fewer steps at first so that the initial weights are forgotten."""
        if self.ema is None:
            return None
        done = number.astype(float)
        decay = jnp.minimum(self.ema, (1 + done) / (10 + done))
        return jax.tree.map(lambda old, new: old + ((1 - decay) * (new - old)).astype(old.dtype), average, weights)


@eqx.filter_jit
def advance(plan: Plan, data: Data, state: State, total, key, first: Int[Array, ""], last: Int[Array, ""], axes):
    """The state after the steps first, ..., last - 1, and `total` with their losses added, in order.

    With `axes`, the in_axes of the data, of many networks at once. The number of steps is not static: one compilation
    serves any number.
    """
    step = plan.step if axes is None else jax.vmap(plan.step, in_axes=(0, axes, 0, None))

    def body(number, carried):
        state, total = carried
        state, loss = step(state, data, key, number)
        return state, total + loss

    return jax.lax.fori_loop(first, last, body, (state, total))


@eqx.filter_jit
def evaluate(plan: Plan, data: Data, state: State, key, axes) -> Float[Array, "..."]:
    """The mean objective over points (at most 1024) and 12 levels, at points and noise that depend on `key` only."""
    one = lambda state, data, key: _mean_loss(plan, state, data, key)  # noqa: E731
    return one(state, data, key) if axes is None else jax.vmap(one, in_axes=(0, axes, 0))(state, data, key)


def _mean_loss(plan: Plan, state: State, data: Data, key: RandomKey) -> Float[Array, ""]:
    score = eqx.combine(state.shown, state.fixed, plan.rest)
    length = jax.tree.leaves(data.points)[0].shape[0]
    index = jnp.arange(length)
    if length > EVALUATED:
        index = jax.random.choice(jax.random.fold_in(key, CHOICE), length, (EVALUATED,), replace=False)
    quantiles = jnp.asarray((np.arange(LEVELS) + 0.5) / LEVELS)

    def of_point(i):
        datum, label = jax.tree.map(lambda part: part[i], (data.points, data.labels))

        def of_level(j):
            own = jax.random.fold_in(jax.random.fold_in(key, i), j)
            return plan.objective.drawn(score, datum, label, plan.objective.levels.at(quantiles[j]), own)

        return jax.vmap(of_level)(jnp.arange(LEVELS)).mean()

    there = index < data.count
    losses = jax.lax.map(of_point, index, batch_size=256)
    return jnp.sum(jnp.where(there, losses, 0)) / jnp.sum(there).astype(losses.dtype)
