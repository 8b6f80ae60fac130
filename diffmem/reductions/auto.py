"""Which reduction suits a training set."""

import jax
import numpy as np
from jaxtyping import ArrayLike

from ..checks import check_points
from .base import AbstractReduction
from .chunked import Chunked
from .dense import Dense
from .plan import plan

FEW = 256  # coordinates of all points up to which the formula itself is the fastest way


def auto(points: ArrayLike) -> AbstractReduction:
    """`Dense` for a handful of points (n, *shape), `Chunked` with the blocks of `plan` for all others.

    The default of `Empirical`, whose attribute `reduction` says what was chosen. Splitting points over devices is left
    to `Sharded`, whose mesh is the caller's.
    """
    check_points(points)
    n, d = np.shape(points)[0], int(np.prod(np.shape(points)[1:]))
    if n * d <= FEW:
        return Dense()
    return Chunked(*plan(n, d, 4, jax.default_backend()))
