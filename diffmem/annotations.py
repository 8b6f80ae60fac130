"""Names for the types of arguments, so that a signature can be read: `posterior(self, x: Point, level: NoiseLevel)`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray, Real
from typing_extensions import TypeAliasType

Scalar = TypeAliasType("Scalar", Real[ArrayLike, ""])
"""A real number, or an array of JAX or NumPy without axes."""

Number = TypeAliasType("Number", int | float | np.integer | np.floating)
"""One real number: an integer of any size, such as 10**100, a float, or a scalar of NumPy."""


@runtime_checkable
class HasArray(Protocol):
    """Whatever NumPy makes an array of, such as a `Dataset` or a tensor of PyTorch."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """The array."""
        ...


# what doors convert (`checks.as_values`); behind them there are arrays only, as which a type checker sees all of it
Converted = Any if TYPE_CHECKING else HasArray | Sequence[Any]

Point = TypeAliasType("Point", Real[ArrayLike, "*shape"] | Converted)
"""One point of any event shape; batch with `jax.vmap`."""

Points = TypeAliasType("Points", Real[ArrayLike, "..."] | Converted)
"""Points (count, *shape) of any event shape, with a leading axis of points: an array, a `Dataset`, or lists."""

Numbers = TypeAliasType("Numbers", Real[ArrayLike, "..."] | Converted)
"""Real numbers in the shape that the docstring says: an array, lists, or a number."""

RandomKey = TypeAliasType("RandomKey", PRNGKeyArray)
"""A key of `jax.random.key` or `jax.random.PRNGKey`."""
