"""Names for the types of arguments, so that a signature can be read: `posterior(self, x: Point, level: NoiseLevel)`."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import ArrayLike, PRNGKeyArray, Real
from typing_extensions import TypeAliasType


@runtime_checkable
class Tensor(Protocol):
    """A tensor of PyTorch, known by two of its methods, so that PyTorch is not imported."""

    def detach(self) -> Any:
        """The tensor without gradients."""
        ...

    def cpu(self) -> Any:
        """The tensor in the memory of the host."""
        ...


Scalar = TypeAliasType("Scalar", Real[ArrayLike, ""])
"""A real number, or an array of JAX or NumPy without axes."""

Point = TypeAliasType("Point", Real[ArrayLike, "*shape"] | Tensor)
"""One point of any event shape; batch with `jax.vmap`."""

Points = TypeAliasType("Points", Real[ArrayLike, "..."] | Tensor)
"""Points (count, *shape) of any event shape, with a leading axis of points: arrays, or tensors of PyTorch."""

Numbers = TypeAliasType("Numbers", Real[ArrayLike, "..."] | Tensor)
"""Real numbers in the shape that the docstring says, in an array or a tensor of PyTorch."""

RandomKey = TypeAliasType("RandomKey", PRNGKeyArray)
"""A key of `jax.random.key` or `jax.random.PRNGKey`."""
