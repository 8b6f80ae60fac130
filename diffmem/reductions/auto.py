"""The reduction that suits the size of a problem and the device."""

import os

import jax
import numpy as np
from jaxtyping import ArrayLike

from ..level import float_dtype
from .base import AbstractReduction, Gibbs
from .centres import Centres
from .checks import check_points
from .chunked import LOW_DIMENSION, Chunked
from .screened import Screened

WORTH = 1 << 24  # coordinates from which a pass takes longer than compiling and preparing a screen is worth
SHARE = 0.5  # of the memory that points and screen may take


class Auto(AbstractReduction):
    """Decides when points are given to a score, by their number, dimension and memory: `score.reduction` is its choice.

    `Screened` where a pass is long (n d >= 2^24, d > 32) and the screen fits into half of the device's memory beside
    the points; `Chunked` otherwise, which needs no preparation. Splitting points over devices is left to `Sharded`,
    whose mesh is the caller's.
    """

    def chosen(self, points: ArrayLike) -> AbstractReduction:
        """The reduction for these points, (n, *shape)."""
        check_points(points)
        n, d = np.shape(points)[0], int(np.prod(np.shape(points)[1:]))
        needed = n * d + n * min(d, 512) * 2
        large = n * d >= WORTH and d > LOW_DIMENSION
        number = np.dtype(float_dtype(points)).itemsize
        return Screened() if large and needed * number <= SHARE * memory() else Chunked()

    def rows(self, n: int, d: int) -> int:
        """Those of `Chunked`; not used, as `chosen` comes first."""
        return Chunked().rows(n, d)

    def gibbs(self, centres: Centres, x, alpha, sigma) -> Gibbs:
        """That of `Chunked`; not used, as `chosen` comes first."""
        return Chunked().gibbs(centres, x, alpha, sigma)


def memory() -> float:
    """Bytes of the default device: its own, or those of the machine."""
    stats = jax.devices()[0].memory_stats() or {}
    return float(stats.get("bytes_limit", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
