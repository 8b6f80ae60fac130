"""The contract of an integrator: one point, one key, a grid of times; and of a stepper, which owns the loop."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from ..level import NoiseLevel
from ..processes import AbstractProcess
from ..scores import AbstractScore, Evaluation
from ..scores.base import as_point
from .dynamics import Node, nodes_at

Observer = Callable[[Float[Array, "*shape"], NoiseLevel, Evaluation], PyTree]
"""Measured along the path: `observe(x, level, found)`, with the `found = score.evaluate(x, level)` of the step."""


class AbstractIntegrator(eqx.Module):
    """Carries one point from `times[0]` to `times[-1]`; towards the noise as well when it draws none itself."""

    stochastic: ClassVar[bool] = False
    """Whether it draws noise and therefore runs from noise to data only; a subclass that does says True."""

    @abstractmethod
    def __call__(
        self,
        score: AbstractScore,
        process: AbstractProcess,
        x: Float[ArrayLike, "*shape"],
        times: Float[ArrayLike, "nodes"],
        *,
        key: PRNGKeyArray,
        observe: Observer | None = None,
    ) -> tuple[Float[Array, "*shape"], PyTree]:
        """The state at `times[-1]` and the observations at every grid time, stacked (None without an observer)."""

    def denoised(self, score, process, x, times, *, key, observe=None) -> tuple[Float[Array, "*shape"], PyTree]:
        """The same with D of the state at `times[-1]` in its place."""
        x, observed = self(score, process, x, times, key=key, observe=observe)
        return score.denoise(x, nodes_at(process, times, x.dtype).at(-1).level), observed


class AbstractStepper(AbstractIntegrator):
    """An integrator that makes one step between neighbouring grid times: a sampler is one formula.

    Subclass requirements: `init`, the state carried beside x (None for a one-step method), and `step`. In return: the
    loop, the evaluation of the score that each step starts from, the observations, and for a `stochastic` stepper a key
    for each step, `fold_in(key, step index)` (None for the others).
    """

    @abstractmethod
    def init(self, score: AbstractScore, x: Float[Array, "*shape"], nodes: Node, key: PRNGKeyArray) -> PyTree:
        """State before the first step; a multistep method starts its history accurately enough to keep its order."""

    @abstractmethod
    def step(
        self,
        score: AbstractScore,
        x: Float[Array, "*shape"],
        here: Evaluation,
        state: PyTree,
        now: Node,
        after: Node,
        key: PRNGKeyArray,
    ) -> tuple[Float[Array, "*shape"], PyTree]:
        """x and the state at `after`; `here` is the score's evaluation at x and `now`."""

    def __call__(self, score, process, x, times, *, key, observe=None):
        """Steps through the grid; each observation is of the state before a step, the last one of the final state."""
        x, _, seen = self._run(score, process, x, times, key, observe, last=observe is not None)
        return x, seen

    def denoised(self, score, process, x, times, *, key, observe=None):
        """The same, with the D that the evaluation of the final state found."""
        _, mean, seen = self._run(score, process, x, times, key, observe, last=True)
        return mean, seen

    def _run(self, score, process, x, times, key, observe: Observer | None, last: bool):
        """The final state, D where the score was evaluated last (there, if `last`), and the observations."""
        x = as_point(x)
        nodes = nodes_at(process, times, x.dtype)
        if self.stochastic:
            backwards = nodes.time[0] < nodes.time[-1]
            x = eqx.error_if(x, backwards, f"`{type(self).__name__}` runs from noise to data only.")
        steps = nodes.time.shape[0] - 1
        # one row for a step: the loop fetches it at once, which is most of what a cheap step costs
        leaves, tree = jax.tree.flatten(nodes)
        rows = jnp.stack(leaves, axis=-1)
        pairs = jnp.stack([rows, jnp.concatenate([rows[1:], rows[-1:]])], axis=1)

        def advance(carry, inputs):
            x, state, _ = carry
            pair, subkey, stays = inputs
            now, after = (jax.tree.unflatten(tree, list(row)) for row in pair)
            here = score.evaluate(x, now.level)
            seen = None if observe is None else observe(x, now.level, here)
            move = lambda: self.step(score, x, here, state, now, after, subkey)  # noqa: E731
            x, state = move() if stays is None else jax.lax.cond(stays, lambda: (x, state), move)
            return (x, state, here.mean), seen

        start = x, self.init(score, x, nodes, jax.random.fold_in(key, steps)), x
        # the final state is evaluated in the same loop, which is compiled once
        count = steps + last
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(count)) if self.stochastic else None
        stays = jnp.arange(count) == steps if last else None
        (x, _, mean), seen = jax.lax.scan(advance, start, (pairs[:count], keys, stays))
        return x, mean, seen


class AbstractOneStep(AbstractStepper):
    """A stepper without memory. Subclass requirement: `step`, which passes its state through."""

    def init(self, score: AbstractScore, x: Float[Array, "*shape"], nodes: Node, key: PRNGKeyArray) -> None:
        """None."""
        return None
