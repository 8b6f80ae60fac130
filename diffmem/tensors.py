"""Arrays of other kinds, as the package computes with them: of PyTorch, and of JAX on meshes of explicit axes."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding


def read_tensor(values: Any) -> Any:
    """A PyTorch tensor as a NumPy array, wherever it is, with or without gradients; a JAX array as by `untyped`;
    everything else as it is.

    Half precisions of PyTorch, of which NumPy lacks one, become float32. PyTorch is not imported.
    """
    if isinstance(values, jax.Array):
        return untyped(values)
    if type(values).__module__.split(".")[0] != "torch":
        return values
    tensor = values.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype.itemsize < 4 and tensor.dtype.is_floating_point else tensor)


def untyped(values: jax.Array) -> jax.Array:
    """The same array, nothing moved, without mesh axes of explicit type: array code would have to name a sharding for
    every result.
    """
    if isinstance(values, jax.core.Tracer) or not isinstance(values.sharding, NamedSharding):
        return values
    mesh = values.sharding.mesh
    if mesh.are_all_axes_auto:
        return values
    sharding = NamedSharding(Mesh(mesh.devices, mesh.axis_names), values.sharding.spec)
    pieces = [shard.data for shard in values.addressable_shards]
    return jax.make_array_from_single_device_arrays(values.shape, sharding, pieces)


def resolution(values: Any) -> float:
    """The relative spacing of floating-point numbers as they are given; 0 for integers, lists and other objects."""
    if isinstance(values, (np.ndarray, jax.Array)):
        return float(jnp.finfo(values.dtype).eps) if jnp.issubdtype(values.dtype, jnp.floating) else 0.0
    if type(values).__module__.split(".")[0] == "torch" and values.dtype.is_floating_point:
        return float(sys.modules["torch"].finfo(values.dtype).eps)
    return 0.0
