"""An observer whose closed-over arrays are the score's own, so that a step and its observer share one pass over the
points.

`observe=lambda x, level: score.posterior(x, level).participation` closes over concrete arrays; the score that the step
uses enters the compiled function as an argument. To the compiler these are different arrays, and the same posterior
would be computed twice. With the same arrays `merged` finds that it is the same computation.
"""

import weakref

import equinox as eqx
import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jaxtyping import Array, PyTree

from ..level import NoiseLevel, cast_level
from ..scores import AbstractScore
from .base import Observer

_traces: dict = {}  # of observers still alive: one used again is neither traced nor compiled again


class SharedObserver(eqx.Module):
    """The traced observer; `places` says which array leaf of the score each of its constants is (-1: none, it is in
    `own`).
    """

    own: list[Array]
    program: PyTree = eqx.field(static=True)
    structure: PyTree = eqx.field(static=True)
    places: tuple[int, ...] = eqx.field(static=True)

    def bind(self, score: AbstractScore) -> Observer:
        """The observer on the arrays of this (traced) score."""
        leaves, own = _arrays(score), iter(self.own)
        constants = [leaves[place] if place >= 0 else next(own) for place in self.places]

        def observe(x, level: NoiseLevel):
            flat = jaxpr_as_fun(ClosedJaxpr(self.program, constants))(x, *cast_level(level, x.dtype))
            return jax.tree.unflatten(self.structure, flat)

        return observe


def share(observe: Observer | None, score: AbstractScore, shape: tuple[int, ...], dtype) -> SharedObserver | None:
    """The observer with its closed-over arrays taken out."""
    if observe is None:
        return None
    program, constants, structure = _traced(observe, shape, dtype)
    identities = {id(leaf): place for place, leaf in enumerate(_arrays(score))}
    places = tuple(identities.get(id(constant), -1) for constant in constants)
    own = [constant for constant, place in zip(constants, places) if place < 0]
    return SharedObserver(own, program, structure, places)


def _traced(observe, shape, dtype):
    name = id(observe), shape, str(dtype)
    if name in _traces:
        return _traces[name]
    point, number = jax.ShapeDtypeStruct(shape, dtype), jax.ShapeDtypeStruct((), dtype)
    flat = lambda x, alpha, sigma: observe(x, NoiseLevel(alpha, sigma))  # noqa: E731
    closed, out = jax.make_jaxpr(flat, return_shape=True)(point, number, number)
    traced = closed.jaxpr, closed.consts, jax.tree.structure(out)
    # the constants of an observer made inside a transformation must not outlive it
    if not any(isinstance(constant, jax.core.Tracer) for constant in closed.consts):
        _traces[name] = traced
        weakref.finalize(observe, _traces.pop, name, None)
    return traced


def _arrays(score):
    return [leaf for leaf in jax.tree.leaves(score) if eqx.is_array(leaf)]
