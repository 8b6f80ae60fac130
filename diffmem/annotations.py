"""Names for the types of arguments, so that a signature can be read: `posterior(self, x: Point, level: NoiseLevel)`."""

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray, Real
from typing_extensions import TypeAliasType

Scalar = TypeAliasType("Scalar", Real[ArrayLike, ""])
"""A real number, or an array of JAX or NumPy without axes."""

Number = TypeAliasType("Number", int | float | np.integer | np.floating)
"""One real number: an integer of any size, such as 10**100, a float, or a scalar of NumPy."""

Point = TypeAliasType("Point", Real[ArrayLike, "*shape"])
"""One point of any event shape; batch with `jax.vmap`."""

Points = TypeAliasType("Points", Real[ArrayLike, "..."])
"""Points (count, *shape) of any event shape, with a leading axis of points."""

Numbers = TypeAliasType("Numbers", Real[ArrayLike, "..."])
"""Real numbers in the shape that the docstring says."""

RandomKey = TypeAliasType("RandomKey", PRNGKeyArray)
"""A key of `jax.random.key` or `jax.random.PRNGKey`."""
