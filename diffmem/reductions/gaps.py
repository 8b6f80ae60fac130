"""The two accurate kernels of a Gibbs sum: energies as gaps to a reference centre, and weighted sums of differences.

With reference y_j and r = x - alpha y_j, the gap of centre i is
`E_j - E_i = (alpha <y_i - y_j, r> - alpha^2 |y_i - y_j|^2 / 2) / sigma^2 + log w_i - log w_j`:
no two large squared distances are ever subtracted. Both kernels work through blocks of coordinates, so that a vmapped
call
holds batch x rows numbers and no batch x rows x d array; their derivatives are matrix products.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

BLOCK = 16  # coordinates summed before they join the running sum: fewer roundings, and compile time free of d
HIGHEST = jax.lax.Precision.HIGHEST


def blocks(rows: Float[Array, "rows d"]) -> Float[Array, "blocks block rows"]:
    """The columns of rows in blocks of coordinates, padded with zeros."""
    rows_count, d = rows.shape
    width = min(BLOCK, d)
    padded = jnp.pad(rows.T, ((0, -d % width), (0, 0)))
    return padded.reshape(-1, width, rows_count)


def in_blocks(vector: Float[Array, "d"]) -> Float[Array, "blocks block"]:
    """A vector cut as the columns of `blocks` are."""
    width = min(BLOCK, vector.size)
    return jnp.pad(vector, (0, -vector.size % width)).reshape(-1, width)


@jax.custom_jvp
def gaps(rows: Float[Array, "rows d"], reference: Float[Array, "d"], residual: Float[Array, "d"]):
    """`<y_i - y_j, r>` and `|y_i - y_j|^2` for each row y_i, by differences."""

    def add(sums, block):
        columns, anchor, r = block
        cross = square = jnp.zeros_like(sums[0])
        for k in range(columns.shape[0]):
            delta = columns[k] - anchor[k]
            cross, square = cross + delta * r[k], square + delta * delta
        return (sums[0] + cross, sums[1] + square), None

    zeros = jnp.zeros(rows.shape[0], rows.dtype)
    return jax.lax.scan(add, (zeros, zeros), (blocks(rows), in_blocks(reference), in_blocks(residual)))[0]


def _gaps_jvp(primals, tangents):
    rows, reference, residual = primals
    rows_t, reference_t, residual_t = tangents
    cross_t = square_t = jnp.zeros(rows.shape[0], rows.dtype)
    if moves(residual_t):
        cross_t = cross_t + dot(rows, residual_t) - dot(reference, residual_t)
    if moves(rows_t):
        cross_t = cross_t + dot(rows_t, residual)
        square_t = square_t + 2 * jnp.sum(rows * rows_t, axis=1) - 2 * dot(rows_t, reference)
    if moves(reference_t):
        cross_t = cross_t - dot(reference_t, residual)
        square_t = square_t - 2 * dot(rows, reference_t) + 2 * dot(reference, reference_t)
    return gaps(rows, reference, residual), (cross_t, square_t)


gaps.defjvp(_gaps_jvp, symbolic_zeros=True)


@jax.custom_jvp
def pull(weights: Float[Array, "rows"], rows: Float[Array, "rows d"], reference: Float[Array, "d"]):
    """`sum_i w_i (y_i - y_j)`, by differences."""

    def add(_, column):
        coordinates, anchor = column
        return None, jnp.sum(weights * (coordinates - anchor))

    return jax.lax.scan(add, None, (rows.T, reference))[1]


def _pull_jvp(primals, tangents):
    weights, rows, reference = primals
    weights_t, rows_t, reference_t = tangents
    moved = jnp.zeros_like(reference)
    if moves(weights_t):
        moved = moved + dot(weights_t, rows) - jnp.sum(weights_t) * reference
    if moves(rows_t):
        moved = moved + dot(weights, rows_t)
    if moves(reference_t):
        moved = moved - jnp.sum(weights) * reference_t
    return pull(weights, rows, reference), moved


pull.defjvp(_pull_jvp, symbolic_zeros=True)


def moves(tangent) -> bool:
    """Whether a tangent is not known to be zero: products with known zeros would cost as much as the others."""
    return type(tangent) is not jax.custom_derivatives.SymbolicZero


def dot(left: Array, right: Array) -> Array:
    """A matrix product at full precision, whatever the device's default."""
    return jnp.matmul(left, right, precision=HIGHEST)
