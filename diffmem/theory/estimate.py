"""A number with its standard error."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..representation import one_line


class Estimate(NamedTuple):
    """A Monte-Carlo estimate: a mean over independent draws."""

    value: Float[ArrayLike, "*levels"]
    """The mean."""
    error: Float[ArrayLike, "*levels"]
    """Its standard error, one standard deviation."""

    __repr__ = one_line


def mean_estimate(samples: Float[Array, "m *levels"] | Float[np.ndarray, "m *levels"]) -> Estimate:
    """Mean of m independent draws along the first axis and its standard error `sd/sqrt(m)`, in NumPy or JAX as given.

    Raises ValueError for fewer than two draws, which have no standard error.
    """
    m = samples.shape[0]
    if m < 2:
        raise ValueError(f"`samples` must hold at least 2 draws, but holds {m}.")
    return Estimate(samples.mean(0), samples.std(0, ddof=1) / m**0.5)
