"""Positive controls: copies planted among the user's own data, to see which of them the rule finds."""

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Real

from .sets import PointSet
from .variants import spatial_axes

PLANTED = 40  # of each kind
NOISES = (0.05, 0.1, 0.2, 0.3)  # lengths of noise, in units of the median distance of neighbours
QUALITIES = (90, 50)  # of JPEG


class Planted(NamedTuple):
    """One kind of copies."""

    name: str
    events: Real[np.ndarray, "count *event"]


def planted(train: PointSet, rows: np.ndarray, spacing: float, rng: np.random.Generator) -> Iterator[Planted]:
    """Copies of the training points at `rows`, as they are and changed in ways that people report.

    Noise has a stated length in units of `spacing`, the median distance of a training point from its neighbour. Images
    are also mirrored, shifted by one pixel, brightened by a tenth of their range, compressed as JPEG where they have 8
    bits, and joined from halves of two training points.
    """
    events = train.events(rows)
    yield Planted("an exact copy", events)
    wide = events.astype(np.float64)
    for length in NOISES:
        noise = rng.normal(size=wide.shape) * length * spacing / np.sqrt(train.d)
        yield Planted(f"a copy with noise of {length:g} neighbour distances", (wide + noise).astype(np.float32))
    axes = spatial_axes(train.event_shape)
    if axes is None:
        return
    levels = np.issubdtype(events.dtype, np.integer)
    if levels:
        moved = wide + rng.integers(-1, 2, wide.shape)
        yield Planted("a copy with each pixel changed by at most one level", moved.clip(*train.extremes))
    if events.dtype == np.uint8:
        for quality in QUALITIES:
            yield Planted(f"a copy compressed as JPEG of quality {quality}", _compressed(events, quality))
    yield from _moved(wide, axes)


def _moved(wide: np.ndarray, axes: tuple[int, int]) -> Iterator[Planted]:
    low, high = wide.min(), wide.max()
    yield Planted("a copy brighter by a tenth of the range", (wide + 0.1 * (high - low)).clip(low, high))
    yield Planted("a mirrored copy", np.flip(wide, axes[1]))
    yield Planted("a copy shifted by one pixel", _shifted(wide, axes[1]))
    half = wide.copy()
    lower = [slice(None)] * wide.ndim
    lower[axes[0]] = slice(wide.shape[axes[0]] // 2, None)
    half[tuple(lower)] = np.roll(wide, 1, axis=0)[tuple(lower)]
    yield Planted("the halves of two training points", half)


def _shifted(wide, axis):
    """By one pixel; the first column is repeated."""
    first = np.take(wide, [0], axis=axis)
    rest = np.take(wide, np.arange(wide.shape[axis] - 1), axis=axis)
    return np.concatenate([first, rest], axis=axis)


def _compressed(events: np.ndarray, quality: int) -> np.ndarray:
    return np.stack([_as_jpeg(event, quality) for event in events])


def _as_jpeg(event, quality):
    from PIL import Image

    first = event.ndim == 3 and event.shape[-1] not in (1, 3)
    image = np.moveaxis(event, 0, -1) if first else event
    squeezed = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    stream = io.BytesIO()
    Image.fromarray(squeezed).save(stream, "JPEG", quality=quality)
    found = np.asarray(Image.open(stream)).reshape(image.shape)
    return np.moveaxis(found, -1, 0) if first else found
