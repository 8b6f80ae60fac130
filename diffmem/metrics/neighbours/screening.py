"""Squared distances by single-precision matrix products, with a proven bound on their error."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real, Shaped

COMPILED = 2**33  # multiply-adds of a search from which a product that is compiled for its shape saves time
U = 2.0**-24  # unit roundoff of float32


class Placed(NamedTuple):
    """Points in the coordinates of a search."""

    rows: Float[np.ndarray, "count d"] | Float[Array, "count d"]
    """`scale (x - centre)` in float32."""
    squares: Float[np.ndarray, "count"]
    """Their squared norms, in float64."""


class Frame(NamedTuple):
    """The coordinates of a search: points less a centre, in units in which float32 neither over- nor underflows."""

    centre: Float[np.ndarray, "d"]
    """Float32 where both sets of points are float32 exactly, else float64."""
    scale: float
    """A power of 2; 1 for data of ordinary size."""
    compiled: bool
    """Whether products are made by XLA, whose kernels are faster than those of some builds of OpenBLAS."""

    def place(self, points: Real[np.ndarray, "count d"]) -> Placed:
        """The points in these coordinates, one float32 copy, right to one or two units of roundoff."""
        kind = self.centre.dtype if self.scale == 1 else np.dtype(np.float64)
        rows = np.subtract(points, self.centre, dtype=kind, casting="unsafe")
        rows = (rows if self.scale == 1 else rows * self.scale).astype(np.float32, copy=False)
        squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        return Placed(jax.device_put(rows) if self.compiled else rows, squares)

    def screened(self, a: Placed, b: Placed) -> Float[np.ndarray, "count n"] | Float[Array, "count n"]:
        """`|b|^2 / 2 - a.b = (scale^2 |x - y|^2 - |a|^2) / 2` in float32, wrong by up to `screening_error`.

        XLA returns at once and computes until the values are read. Its highest precision is float32 on CPUs and GPUs.
        """
        product = _compiled_product if self.compiled else _product
        return product(a.rows, b.rows, (b.squares / 2).astype(np.float32))


def frame(queries: Real[np.ndarray, "count d"], points: Real[np.ndarray, "n d"]) -> Frame:
    """The coordinates of a search: centred on the mean of up to 2048 points, scaled by the largest coordinate."""
    exact = all(np.can_cast(side.dtype, np.float32) for side in (queries, points))
    largest = max(abs(float(extreme)) for side in (queries, points) for extreme in (side.min(), side.max()))
    exponent = np.frexp(largest)[1] + 1  # |x - centre| <= 2 largest
    scale = 1.0 if abs(exponent) <= 20 else 2.0 ** min(-int(exponent), 1000)
    # any centre near the points will do; the sum of largest numbers would overflow
    unit = 2.0**-16 if exponent > 1000 else 1.0
    centre = np.multiply(points[:: max(1, len(points) // 1024)], unit, dtype=np.float64).mean(axis=0) / unit
    return Frame(centre.astype(np.float32 if exact else np.float64), scale, queries.size * len(points) >= COMPILED)


def screening_error(a: Placed, b: Placed) -> Float[np.ndarray, "count"]:
    """Bound on the error of each row of `screened`: `(d + 1) u |b| (|a| + |b|/2) + 4 u (|a| + |b|)^2 + 8 d m`.

    |b| is the largest norm, u = 2^-24, m = 2^-126 the smallest normal number. First term: one inner product of d + 1
    terms, in any order and with or without fused multiply-adds. Second: u (|a| + |b|)^2 from the rounding of the
    coordinates in `place`, half as much from that of the norms, half as much from that of the limit to which they are
    compared, and twice as much as a margin for direct float64 distances. Third: products that underflow, also where
    hardware flushes them to 0, for coordinates up to 1; for larger ones the margin in the second term covers them.
    Source: Jeannerod and Rump, SIAM J. Matrix Anal. Appl. 34, 338 (2013), for the inner product; the rest derived.
    """
    d = a.rows.shape[1]
    norm, largest = np.sqrt(a.squares), np.sqrt(b.squares.max())
    product = (d + 1) * U * largest * (norm + largest / 2)
    return product + 4 * U * (norm + largest) ** 2 + 8 * d * float(np.finfo(np.float32).tiny)


def kth_smallest(screened: Shaped[np.ndarray, "count n"], k: int) -> Shaped[np.ndarray, "count"]:
    """An upper bound of the k-th smallest entry of each row, mostly equal to it: the k-th smallest minimum of groups.

    Groups of columns are folded onto each other, several times faster than selecting in the whole row.
    """
    width = max(64, 32 * k)
    least = screened[:, :width].copy()
    for start in range(width, screened.shape[1], width):
        part = screened[:, start : start + width]
        into = least[:, : part.shape[1]]
        np.minimum(into, part, out=into)
    return np.partition(least, k - 1, axis=1)[:, k - 1]


def _product(a, b, halves):
    product = a @ b.T
    return np.subtract(halves, product, out=product)


@jax.jit
def _compiled_product(a, b, halves):
    return halves[None, :] - jnp.matmul(a, b.T, precision="highest")
