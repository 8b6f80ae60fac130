"""Floating-point arithmetic under the sums over points: full-precision products, and double precision on demand."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

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
    not. Derivatives are not taken through it: see `refined`.
    """
    return tuple(jax.lax.convert_element_type(value, jnp.float64) for value in values)


def in_double(function: Callable, centres, *queries: Array) -> PyTree:
    """`function(centres, *queries)` with the queries in double precision, its results in the dtype of the centres."""
    with jax.enable_x64(True):
        found = function(centres, *doubled(*queries))
        return jax.tree.map(lambda leaf: leaf if leaf.dtype == jnp.int32 else leaf.astype(centres.dtype), found)


def uniform_double(key: PRNGKeyArray):
    """A number in (0, 1) of 64 random bits, in double precision also while JAX's x64 is off."""
    high, low = jax.random.bits(key, (2,), jnp.uint32)
    with jax.enable_x64(True):
        return (high.astype(jnp.float64) + (low.astype(jnp.float64) + 0.5) * 2.0**-32) * 2.0**-32


def squared_norms(rows: Float[ArrayLike, "rows d"], xp=jnp):
    """|row|^2 of each row, in twice the digits of the dtype: a rounded value and what rounding lost."""
    with jax.enable_x64(True):
        full = xp.sum(rows.astype(np.float64) ** 2, axis=1)
        squares = full.astype(rows.dtype)
        return squares, (full - squares.astype(np.float64)).astype(rows.dtype)


def rounding_of_difference(rows: Float[ArrayLike, "rows d"], centre: Float[ArrayLike, "d"]):
    """What rounding loses in `rows - centre`.

    Source: Knuth, The art of computer programming 2, section 4.2.2.
    """
    total = rows - centre[None]
    virtual = total - rows
    return (rows - (total - virtual)) + (-centre[None] - virtual)


def minus_product(x: Float[Array, "..."], alpha: Float[Array, "..."], part: Float[Array, "..."]) -> Array:
    """`x - alpha part` without the rounding of the product: halves of half the digits are multiplied exactly.

    Source: Dekker, A floating-point technique for extending the available precision (1971).
    """
    kind = jnp.finfo(x.dtype)
    high = lambda value: jax.lax.reduce_precision(value, kind.nexp, (kind.nmant - 1) // 2)  # noqa: E731
    a, p = high(alpha), high(part)
    return x - a * p - a * (part - p) - (alpha - a) * p - (alpha - a) * (part - p)


def residual(
    x: Float[Array, "*shape"], alpha: Float[Array, ""], part: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """`x - alpha part`, formed in double precision and rounded once to the dtype of x."""
    return refined(minus_product, lambda x, alpha, part: x - alpha * part, x, alpha, part)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def refined(exact: Callable, plain: Callable, *values: Array) -> Array:
    """`exact(*values)` in double precision, rounded once to the dtype of the first; its derivatives are those of
    `plain(*values)` in that dtype.
    """
    with jax.enable_x64(True):
        return exact(*doubled(*values)).astype(values[0].dtype)


def _refined_jvp(exact, plain, values, tangents):
    return refined(exact, plain, *values), along_live(plain, values, tangents)


refined.defjvp(_refined_jvp, symbolic_zeros=True)


def along_live(function: Callable, primals: tuple, tangents: tuple) -> PyTree:
    """The tangent of `function` along those tangents that are not known to be zero, each of which costs work; None
    where all are.
    """
    live = jax.tree.map(moves, tangents)
    moving, fixed = eqx.partition(primals, live)
    if jax.tree.leaves(moving):
        of_moving = lambda moving: function(*eqx.combine(moving, fixed))  # noqa: E731
        return jax.jvp(of_moving, (moving,), (eqx.filter(tangents, live),))[1]


def moves(tangent) -> bool:
    """Whether a tangent is not known to be zero."""
    return type(tangent) is not SymbolicZero
