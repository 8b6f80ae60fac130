"""The two accurate kernels of a Gibbs sum: energies as gaps to a reference centre, and weighted sums of differences.

With reference y_j and r = x - alpha y_j, the gap of centre i is
`E_j - E_i = alpha <y_i - y_j, r - alpha (y_i - y_j)/2> / sigma^2 + log w_i - log w_j`:
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
def gaps(
    rows: Float[Array, "rows d"], reference: Float[Array, "d"], residual: Float[Array, "d"], alpha: Float[Array, ""]
) -> tuple[Float[Array, "rows"], Float[Array, "rows"]]:
    """`<y_i - y_j, r - alpha (y_i - y_j)/2>`, sigma^2/alpha of the gap, and `|y_i - y_j|^2`, for each row y_i.

    Taken term by term it vanishes exactly between mirror images, which decides ties at sigma = 0.
    """

    def add(sums, block):
        columns, anchor, r = block
        tilt = square = jnp.zeros_like(sums[0])
        for k in range(columns.shape[0]):
            delta = columns[k] - anchor[k]
            tilt, square = tilt + delta * (r[k] - alpha * delta / 2), square + delta * delta
        return (sums[0] + tilt, sums[1] + square), None

    zeros = jnp.zeros(rows.shape[0], rows.dtype)
    return jax.lax.scan(add, (zeros, zeros), (blocks(rows), in_blocks(reference), in_blocks(residual)))[0]


def _gaps_jvp(primals, tangents):
    """`d tilt = <delta, dr> + <d delta, r - alpha delta> - d alpha |delta|^2 / 2`, `d square = 2 <delta, d delta>`."""
    rows, reference, residual, alpha = primals
    rows_t, reference_t, residual_t, alpha_t = tangents
    tilt, square = gaps(rows, reference, residual, alpha)
    tilt_t = half_t = jnp.zeros_like(tilt)
    if moves(residual_t):
        tilt_t = tilt_t + dot(rows, residual_t) - dot(reference, residual_t)
    if moves(alpha_t):
        tilt_t = tilt_t - alpha_t * square / 2
    if moves(rows_t):
        tilt_t = tilt_t + dot(rows_t, residual)
        half_t = half_t + jnp.sum(rows * rows_t, axis=1) - dot(rows_t, reference)
    if moves(reference_t):
        tilt_t = tilt_t - dot(reference_t, residual)
        half_t = half_t - dot(rows, reference_t) + dot(reference, reference_t)
    return (tilt, square), (tilt_t - alpha * half_t, 2 * half_t)


gaps.defjvp(_gaps_jvp, symbolic_zeros=True)


@jax.custom_jvp
def pull(weights: Float[Array, "rows"], rows: Float[Array, "rows d"], reference: Float[Array, "d"]):
    """`sum_i w_i (y_i - y_j)`, by differences."""

    def add(_, column):
        coordinates, anchor = column
        return None, jnp.sum(weights * (coordinates - anchor))

    return jax.lax.scan(add, None, (rows.T, reference), unroll=reference.size <= BLOCK)[1]


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
