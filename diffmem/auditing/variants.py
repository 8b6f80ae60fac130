"""What is compared where a sample may be a mirrored, shifted or partial copy, or where it is a vector of features."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Real

from .sets.point_set import PointSet

Change = Callable[[Real[np.ndarray, "m *event"]], Real[np.ndarray, "m *other"]]
"""What is done to points in their event shape before they are compared."""


class Variant(NamedTuple):
    """A comparison: what is done to the samples, and what to the training points."""

    name: str
    kind: str
    """as it is, mirrored, shifted, tile or direction."""
    sample_side: Change | None = None
    train_side: Change | None = None

    def of_sample(self, points: PointSet, chosen: slice | np.ndarray) -> Real[np.ndarray, "m d"]:
        """Rows of the samples, changed and flat."""
        return _changed(points, chosen, self.sample_side)

    def of_train(self, points: PointSet, chosen: slice | np.ndarray) -> Real[np.ndarray, "m d"]:
        """Rows of the training set, changed and flat."""
        return _changed(points, chosen, self.train_side)


def _changed(points, chosen, change):
    if change is None:
        return points.block(chosen)
    found = change(points.events(chosen))
    return np.ascontiguousarray(found.reshape(len(found), -1))


# changes are tuples of their parameters, so that the text of a variant tells all that it does: saved searches are known
# again by it


class Direction(NamedTuple):
    """Rows divided by their lengths; a row of zeros stays."""

    def __call__(self, events: Real[np.ndarray, "m *event"]) -> Real[np.ndarray, "m d"]:
        """The rows, flat."""
        wide = events.astype(np.float64).reshape(len(events), -1)
        length = np.linalg.norm(wide, axis=1, keepdims=True)
        return (wide / np.where(length > 0, length, 1)).astype(np.float32)


class Mirrored(NamedTuple):
    """Events in reverse order along some axes of the batch."""

    axes: tuple[int, ...]

    def __call__(self, events: Real[np.ndarray, "m *event"]) -> Real[np.ndarray, "m *event"]:
        """A view of them."""
        return np.flip(events, self.axes)


class Cropped(NamedTuple):
    """A part of each image, whose height and width are these axes of the batch."""

    axes: tuple[int, int]
    window: tuple[slice, ...]

    def __call__(self, events: Real[np.ndarray, "m *event"]) -> Real[np.ndarray, "m *other"]:
        """A view of the part."""
        index = [slice(None)] * (self.axes[1] + 1)
        index[self.axes[0]], index[self.axes[1]] = self.window
        return events[tuple(index)]


AS_IT_IS = Variant("as it is", "as it is")
DIRECTION = Variant("direction", "direction", Direction(), Direction())


def spatial_axes(event_shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Axes of height and width of a batch of events; None where events are no images."""
    if len(event_shape) == 2 or (len(event_shape) == 3 and event_shape[-1] in (1, 3)):
        return 1, 2
    return (2, 3) if len(event_shape) == 3 and event_shape[0] in (1, 3) else None


def flips(event_shape: tuple[int, ...]) -> Iterator[Variant]:
    """Mirrored left to right, top to bottom, and both."""
    high, wide = _axes(event_shape, "flips")
    for name, axes in (("left to right", (wide,)), ("top to bottom", (high,)), ("both ways", (high, wide))):
        yield Variant(f"mirrored {name}", "mirrored", Mirrored(axes))


def shifts(event_shape: tuple[int, ...], most: int) -> Iterator[Variant]:
    """Moved by up to `most` pixels each way; what is compared is the part that both images have."""
    axes = _axes(event_shape, "shifts")
    sides = [event_shape[axis - 1] for axis in axes]
    if most >= min(sides):
        raise ValueError(f"`shifts` must be below {min(sides)}, the sides of the images, but is {most}.")
    for down in range(-most, most + 1):
        for right in range(-most, most + 1):
            if down or right:
                parts = [_overlap(side, move) for side, move in zip(sides, (down, right))]
                sample, train = (tuple(part[side] for part in parts) for side in (0, 1))
                name = f"shifted by {down} down, {right} right"
                yield Variant(name, "shifted", Cropped(axes, sample), Cropped(axes, train))


def tiles(event_shape: tuple[int, ...], grid: int) -> Iterator[Variant]:
    """The tiles of a grid by grid division, each compared at its own place."""
    axes = _axes(event_shape, "tiles")
    sides = [event_shape[axis - 1] for axis in axes]
    if not 2 <= grid <= min(sides):
        raise ValueError(f"`tiles` must be between 2 and {min(sides)}, the sides of the images, but is {grid}.")
    cuts = [np.linspace(0, side, grid + 1).astype(int).tolist() for side in sides]
    for i in range(grid):
        for j in range(grid):
            window = slice(cuts[0][i], cuts[0][i + 1]), slice(cuts[1][j], cuts[1][j + 1])
            change = Cropped(axes, window)
            yield Variant(f"tile in row {i + 1}, column {j + 1}", "tile", change, change)


def _overlap(side: int, move: int) -> tuple[slice, slice]:
    """What an image moved by so many pixels shows, and where that was before."""
    return slice(max(0, move), side + min(0, move)), slice(max(0, -move), side - max(0, move))


def _axes(event_shape, option):
    axes = spatial_axes(event_shape)
    if axes is None:
        raise ValueError(
            f"`{option}` must be used with images, but points have shape {event_shape}; `shape` says how flat rows "
            f"are images."
        )
    return axes
