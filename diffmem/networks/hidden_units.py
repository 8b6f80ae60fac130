"""What a layer inside any network receives: the activations of its hidden units."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array, PyTree

Layer = Callable[[Any], Any]
"""`where(model)` picks a layer of a model, as for `equinox.tree_at`: `lambda score: score.network.last`."""


def layer_input(model: PyTree, where: Layer, call: Callable[[Any], Any]) -> Array:
    """The vector (or image) that the layer `where(model)` receives while `call(model)` runs.

    `model` is any pytree of Equinox modules, a network or a score that holds one; the layer is a module that is called
    with one argument, and the hidden units are the coordinates of that argument: `call = lambda score:
    score.evaluate(x, level)` gives the activations for one point, for many under `jax.vmap` around the whole. Cost: one
    call. Raises ValueError unless the layer is called exactly once; layers inside `lax.scan` cannot be read.

    Example: the last of two layers receives what the first one answers.
        >>> import equinox as eqx, jax, jax.numpy as jnp
        >>> from diffmem import networks
        >>> first, last = (eqx.nn.Linear(2, 2, key=jax.random.key(i)) for i in range(2))
        >>> both = eqx.nn.Sequential([first, last])
        >>> x = jnp.ones(2)
        >>> found = networks.layer_input(both, lambda model: model.layers[1], lambda model: model(x))
        >>> print(bool(jnp.all(found == first(x))))
        True
    """
    seen = _Seen()
    call(eqx.tree_at(where, model, replace_fn=lambda layer: _Recorded(layer, seen)))
    if len(seen.values) != 1:
        raise ValueError(f"`where` must pick a layer that is called once, but it is called {len(seen.values)} times.")
    return seen.values[0]


class _Seen:
    """What a layer has received so far."""

    def __init__(self):
        self.values = []


class _Recorded(eqx.Module):
    """A layer that keeps what it is called with; everything else about it is as before."""

    layer: Any
    seen: _Seen = eqx.field(static=True)

    def __call__(self, h, *, key=None):  # containers of Equinox hand a key to each layer
        self.seen.values.append(h)
        return self.layer(h) if key is None else self.layer(h, key=key)

    def __getattr__(self, name):
        if name.startswith("__") or name in ("layer", "seen"):
            raise AttributeError(name)
        return getattr(self.layer, name)
