"""What tells one training from another: the bits of its arrays, and the program of one of its steps."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

ADDRESS = re.compile(r" at 0x\w+")  # of an object, another one in every process


def digest_of(arrays: Any) -> str:
    """Digest of all arrays in a tree, to the last bit."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(arrays):
        found.update(_bytes(leaf))
    return found.hexdigest()


def program_of(function: Callable[..., Any], *arguments: Any) -> str:
    """Digest of what a function computes for arguments of these shapes: its operations and all their constants.

    Equal in all processes with one version of JAX. A learning rate, an activation or a schedule changes it, a name does
    not. Cost: one tracing.
    """
    with jax.numpy_dtype_promotion("standard"):  # optimisers mix integers and numbers
        traced = eqx.filter_make_jaxpr(function)(*arguments)[0]
    found = hashlib.sha256(ADDRESS.sub("", str(traced)).encode())
    for constant in traced.consts:
        found.update(_bytes(constant))
    return found.hexdigest()


def _bytes(array: Any) -> bytes:
    keys = isinstance(array, jax.Array) and jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(array) if keys else array).tobytes()
