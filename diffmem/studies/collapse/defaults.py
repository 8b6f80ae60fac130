"""Which n and d to study when nobody says: a spread that stays cheap."""

import math

from ...data import Dataset

SIZES = (8, 32, 128, 512, 2048)
KEPT = 3
MOST_DIMENSIONS = 256  # above it a default study would take minutes


def default_sizes(dataset: Dataset) -> tuple[int, ...]:
    """Up to three numbers of training points, a factor of 4 apart, the largest being all points or 2,048 of them."""
    below = [size for size in SIZES if size < dataset.n]
    return tuple(sorted({*below, min(dataset.n, SIZES[-1])})[-KEPT:])


def default_dimensions(dataset: Dataset) -> tuple[int, ...]:
    """Up to three dimensions of at most 256: those to which square images can be pooled, powers of 4 elsewhere."""
    pooled = [d for d in _pooled(dataset.event_shape) if 4 <= d <= MOST_DIMENSIONS]
    if len(pooled) > 1:
        return tuple(sorted(pooled)[-KEPT:])
    # a projection keeps fewer directions than there are points
    most = min(dataset.d, dataset.n - 1, MOST_DIMENSIONS)
    projected = [4**k for k in range(1, 5) if 4**k < most]
    whole = dataset.d if dataset.d <= MOST_DIMENSIONS else most
    return tuple(sorted({*projected, max(whole, 1)})[-KEPT:])


def _pooled(event_shape: tuple[int, ...]) -> list[int]:
    """Dimensions of square images averaged over blocks, all sides that divide the side."""
    if len(event_shape) not in (2, 3) or event_shape[0] != event_shape[1]:
        return []
    side, channels = event_shape[0], math.prod(event_shape[2:])
    return [k * k * channels for k in range(1, side + 1) if side % k == 0]
