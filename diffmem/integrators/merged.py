"""Equal computations made once: what the compiler does for single operations, and not for loops."""

from collections.abc import Callable

import jax
from jax.extend.core import ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun
from jaxtyping import PyTree


def merged(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """`function` with the equations of its trace that are equal made once.

    Equal are equations of the same operation on the same values; functions inside (`jit`, loops) are the same only if
    they are the same traced object, so that their derivatives are too. The denoiser and the noise of one step, and its
    observer, ask for the same posterior and call the same traced pass; without this it would run two or three times, as
    XLA does not merge equal loops. Operations with effects, such as checks when run, are left alone.
    """

    def call(*arguments):
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        program = ClosedJaxpr(_merged(closed.jaxpr), closed.consts)
        return jax.tree.unflatten(jax.tree.structure(shape), jaxpr_as_fun(program)(*jax.tree.leaves(arguments)))

    return call


def _merged(program: Jaxpr) -> Jaxpr:
    """The program without the equations whose values another one has."""
    kept: list[JaxprEqn] = []
    place, alias = {}, {}
    for equation in program.eqns:
        equation = equation.replace(invars=[_known(alias, value) for value in equation.invars])
        name = None if equation.effects else _name(equation)
        if name is None or name not in place:
            if name is not None:
                place[name] = len(kept)
            kept.append(equation)
            continue
        first = kept[place[name]]
        # values that the first did not need are named as the second names them
        outvars = [
            second if isinstance(value, DropVar) else value for value, second in zip(first.outvars, equation.outvars)
        ]
        kept[place[name]] = first.replace(outvars=outvars)
        alias |= {second: value for second, value in zip(equation.outvars, outvars) if second is not value}
    return program.replace(eqns=kept, outvars=[_known(alias, value) for value in program.outvars])


def _known(alias: dict, value):
    return value if isinstance(value, Literal) else alias.get(value, value)


def _name(equation: JaxprEqn) -> tuple:
    """Equal for equal equations, as long as the program lives."""
    values = tuple(
        (str(value.aval), repr(value.val)) if isinstance(value, Literal) else id(value) for value in equation.invars
    )
    settings = tuple((key, _setting(value)) for key, value in sorted(equation.params.items()))
    return equation.primitive, values, settings


def _setting(value):
    """A parameter by its value where that can be compared, else by which object it is."""
    try:
        hash(value)
    except TypeError:
        return tuple(map(_setting, value)) if isinstance(value, (tuple, list)) else id(value)
    return value
