"""Default numbers of points and dimensions of a collapse study: a wide range that is cheap to compute."""

from ...data import Dataset
from ...data.dimension import pooled_side

SIZES = (8, 32, 128, 512, 2048)
KEPT = 3
MOST_DIMENSIONS = 256  # with more, a study by default would take minutes


def default_sizes(dataset: Dataset) -> tuple[int, ...]:
    """Up to three numbers of training points, a factor of 4 apart, the largest being all points or 2,048 of them."""
    below = [size for size in SIZES if size < dataset.n]
    return tuple(sorted({*below, min(dataset.n, SIZES[-1])})[-KEPT:])


def default_dimensions(dataset: Dataset) -> tuple[int, ...]:
    """Up to three dimensions: that of the data itself, and below, to at most 256, those to which square images can be
    pooled, or else powers of 4.
    """
    candidates = range(4, MOST_DIMENSIONS + 1)
    pooled = [d for d in candidates if pooled_side(dataset.event_shape, d) is not None]
    if len(pooled) > 1:
        return tuple(sorted({*pooled, dataset.d})[-KEPT:])
    # a projection keeps fewer directions than there are points
    most = min(dataset.d, dataset.n - 1, MOST_DIMENSIONS)
    projected = [4**k for k in range(1, 5) if 4**k < most]
    return tuple(sorted({*projected, dataset.d})[-KEPT:])
