"""Floating-point arithmetic under the sums over points: full-precision products, and double precision on demand."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

HIGHEST = jax.lax.Precision.HIGHEST


def dot(left: Array, right: Array) -> Array:
    """A matrix product at full precision, whatever the device's default."""
    return jnp.matmul(left, right, precision=HIGHEST)


def unit_of(x) -> float:
    """The rounding unit u of x's dtype: 2^-24 in single, 2^-53 in double precision."""
    return float(jnp.finfo(x.dtype).eps) / 2


def gamma(k: int, unit: float) -> float:
    """Bound on the relative error of k roundings.

    Source: Higham, Accuracy and stability of numerical algorithms, lemma 3.1.
    """
    return k * unit / (1 - k * unit)


def doubled(*values: Array) -> tuple[Array, ...]:
    """`values` in double precision, also while JAX's x64 is off; use inside `with jax.enable_x64(True)`.

    Every operation on them belongs inside such a block, and results are cast back before it ends. Sums, products,
    exponentials, scans and `lax.cond` work there under `jit`, `vmap` and outer scans from JAX 0.8 on; `argmax` does
    not. Derivatives are not taken through it: its callers have their own rules.
    """
    return tuple(jax.lax.convert_element_type(value, jnp.float64) for value in values)


def in_double(function: Callable, centres, *queries: Array) -> PyTree:
    """`function(centres, *queries)` with the queries in double precision, its results in the dtype of the centres."""
    with jax.enable_x64(True):
        found = function(centres, *doubled(*queries))
        return jax.tree.map(lambda leaf: leaf if leaf.dtype == jnp.int32 else leaf.astype(centres.dtype), found)


@jax.custom_jvp
def residual(
    x: Float[Array, "*shape"], alpha: Float[Array, ""], part: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """`x - alpha part`, formed in double precision and rounded once to the dtype of x."""
    with jax.enable_x64(True):
        x64, alpha64, part64 = doubled(x, alpha, part)
        return (x64 - alpha64 * part64).astype(x.dtype)


@residual.defjvp
def _residual_jvp(primals, tangents):
    (x, alpha, part), (x_t, alpha_t, part_t) = primals, tangents
    return residual(x, alpha, part), x_t - alpha_t * part - alpha * part_t
