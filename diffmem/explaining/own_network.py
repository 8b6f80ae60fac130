"""A user's own network as a score: a score, a pair of score and process, or a function of (x, alpha, sigma)."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Real

from ..annotations import Numbers
from ..level import NoiseLevel
from ..processes import AbstractProcess
from ..scores import AbstractScore, FromHost

HOST_ARGUMENTS = 3  # x, alpha, sigma
TRIED = 5  # points at once: a single grey image could pass for a batch of one
WANTED = (
    "a score, a pair (score, process), a triple (score, process, times), or a function of (x, alpha, sigma) on batches "
    "of NumPy arrays"
)


class OwnNetwork(NamedTuple):
    """A score with the process of its training and the times at which it is used, where these are known."""

    score: AbstractScore
    process: AbstractProcess | None = None
    times: Numbers | None = None


def network_called(name: str, predicts: str = "x0") -> OwnNetwork:
    """The network of `module:function`: what the function returns without arguments, or the function itself.

    Raises ValueError where there is no such thing, where it fails, and for what is no network.
    """
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise ValueError(f"`--network` must be module:function, such as mine:load, but is {name!r}.")
    try:
        found = importlib.import_module(module)
    except Exception as error:
        raise ValueError(
            f"`--network` must name a module that can be imported, but {module}: {said(error)}."
        ) from error
    for part in attribute.split("."):
        if part not in dir(found):
            raise ValueError(f"`--network` must name a function of {module}, which has no {part}.")
        found = getattr(found, part)
    return as_network(found, predicts, name)


def as_network(given: Any, predicts: str = "x0", name: str = "network") -> OwnNetwork:
    """A score, a pair, a triple, a host function or a function without arguments that returns one, as a network.

    Raises ValueError for anything else, and with the words of the error where the function fails.
    """
    if isinstance(given, OwnNetwork):
        return given
    if isinstance(given, AbstractScore):
        return OwnNetwork(given)
    if isinstance(given, tuple) and 2 <= len(given) <= 3:
        kinds = AbstractScore, AbstractProcess
        if all(isinstance(part, kind) for part, kind in zip(given, kinds)):
            return OwnNetwork(*given)
    if callable(given) and not name.endswith("()()"):  # a function of a function is still looked at
        return _called(given, predicts, name)
    raise ValueError(f"`{name}` must be {WANTED}, but is of type {type(given).__name__}.")


def _called(function: Callable, predicts: str, name: str) -> OwnNetwork:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = ()
    needed = [
        one for one in parameters if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]
    if len(needed) == HOST_ARGUMENTS:
        return OwnNetwork(FromHost(function, predicts))
    if needed:
        raise ValueError(
            f"`{name}` must take (x, alpha, sigma), or nothing and return a score, but takes "
            f"({', '.join(one.name for one in needed)}): diffmem.from_torch makes a score of a PyTorch module."
        )
    try:
        made = function()
    except Exception as error:
        raise ValueError(
            f"`{name}` must return a network when called without arguments, but failed: {said(error)}. For a PyTorch "
            "module return what diffmem.from_torch makes of it."
        ) from error
    return as_network(made, predicts, f"{name}()")


def shaped_for(network: OwnNetwork, events: Real[np.ndarray, "n *event"]) -> Real[np.ndarray, "n *shape"]:
    """The points in the first of these shapes that the network takes: as images, flat, with the channel first.

    Raises ValueError where it takes none, with what it was called and what it said to that.
    """
    event = events.shape[1:]
    shapes = [event, (int(np.prod(event)),)]
    if len(event) == 2:
        shapes.append((1, *event))
    if len(event) == 3:
        shapes.append((event[-1], *event[:-1]))
    failures, causes = {}, []
    for shape in dict.fromkeys(shapes):
        try:
            tried = jax.vmap(lambda x: network.score.denoise(x, NoiseLevel(1.0, 1.0)))(
                jnp.zeros((TRIED, *shape), jnp.float32)
            )
            if np.shape(tried) == (TRIED, *shape):
                # pixels of one colour stay together when the channel goes first
                moved = np.moveaxis(events, -1, 1) if len(event) == 3 and shape == (event[-1], *event[:-1]) else events
                return moved.reshape(len(events), *shape)
            failures.setdefault(f"the answer has shape {np.shape(tried)[1:]}", []).append(shape)
        except Exception as error:
            failures.setdefault(said(error), []).append(shape)
            causes.append(error)
    told = "; ".join(f"with {TRIED} of shape {_either(some)}: {text}" for text, some in failures.items())
    raise ValueError(f"The network must answer to points in one of their shapes, but fails {told}.") from next(
        iter(causes), None
    )


def _either(shapes: list[tuple[int, ...]]) -> str:
    """`(4, 4), (16,) or (1, 4, 4)`."""
    *most, last = map(str, shapes)
    return f"{', '.join(most)} or {last}" if most else last


def said(error: BaseException) -> str:
    """The last line of an error that says anything, and its kind."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith(("-", "  "))]
    said = [line for line in lines if "Error" in line] or lines
    text = (said[-1] if said else "no reason given").rstrip(".")
    kind = type(error).__name__
    return text if kind in text or "Error" in text else f"{kind}: {text}"
