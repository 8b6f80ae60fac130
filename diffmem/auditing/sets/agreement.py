"""Sets of one audit must be comparable: one shape, one range of values; what can be put right is, and is said."""

import numpy as np

from ...data.pixels import KEPT, Range, checked_range, range_note, range_of
from .opening import Reading
from .point_set import PointSet

LOOKED_AT = 512  # rows of each set from which the spread of its values is taken
ENDS = (0.01, 0.99)  # quantiles: a few wild samples say nothing about the range
WIDEST = 1.7  # ratio of spreads from which two sets are not in one range: [-1, 1] is twice as wide as [0, 1]


def agreeing(sets: list[PointSet], reading: Reading, *, features: bool = False) -> list[PointSet]:
    """The sets, training set second, with one event shape and in one range of values.

    Channels come last, grey images beside colour ones get three channels, and flat rows the shape of the others. Pixels
    (unsigned integers) are brought to [-1, 1] where sets are stored differently; equal ones are compared as they are.
    Raises ValueError for shapes and ranges that do not fit, unless `features` says that numbers have no range.
    """
    sets = _in_one_shape(sets)
    train = sets[1]
    ranges = [_range(one, train, reading) for one in sets]
    stored = {(one.rows.dtype, ends) for one, ends in zip(sets, ranges)}
    sets = [one._replace(ends=ends, mapped=len(stored) > 1) for one, ends in zip(sets, ranges)]
    sets = [one._replace(notes=(*one.notes, *_note(one, reading))) for one in sets]
    if not features:
        for one in (sets[0], *sets[2:]):
            _check_spread(one, train=sets[1], said=reading.samples_range is not None)
    return sets


def unit_of(points: PointSet) -> float:
    """What a difference of 1 in the numbers of `block` is worth, in units in which the range is [-1, 1]."""
    return 1.0 if points.ends is None or points.mapped else 2 / (points.ends[1] - points.ends[0])


def _in_one_shape(sets):
    shapes = {one.event_shape for one in sets}
    if len(shapes) > 1:
        sets = [_channels_last(one) for one in sets]
    images = [one.event_shape for one in sets if len(one.event_shape) > 1]
    sets = [_unflattened(one, images[0]) if images else one for one in sets]
    colour = [shape for shape in images if len(shape) == 3]
    sets = [_coloured(one, colour[0]) if colour else one for one in sets]
    train = sets[1]
    for one in sets:
        if one.event_shape != train.event_shape:
            raise ValueError(
                f"`{one.role}` and `train` must hold points of one shape, but have {one.event_shape} and "
                f"{train.event_shape}; images of folders are resized by `size`."
            )
    return sets


def _channels_last(points):
    shape = points.event_shape
    if len(shape) != 3 or shape[-1] in (1, 3) or shape[0] not in (1, 3):
        return points
    return points._replace(event_shape=(*shape[1:], shape[0]), channels_first=True)


def _unflattened(points, shape):
    flat = len(points.event_shape) == 1 and points.d == np.prod(shape)
    return points._replace(rows=points.rows.reshape(points.n, *shape), event_shape=shape) if flat else points


def _coloured(points, shape):
    if points.event_shape != shape[:2]:
        return points
    note = "Grey images were compared as colour images, since other sets are in colour."
    return points._replace(event_shape=shape, grey=True, notes=(*points.notes, note))


def _range(points: PointSet, train: PointSet, reading: Reading) -> Range | None:
    """The numbers that stand for -1 and 1: those that were said, or those of pixels."""
    said = reading.samples_range if points.role == "samples" and reading.samples_range else reading.range
    if said is not None:
        return None if checked_range(said) == KEPT else checked_range(said)
    if points.rows.dtype not in (np.uint8, np.uint16):
        return None
    like = train if train.rows.dtype == points.rows.dtype else points
    ends = range_of(np.array([like.extremes[1]], like.rows.dtype))
    return ends if points.extremes[1] <= ends[1] else range_of(np.array([points.extremes[1]], points.rows.dtype))


def _note(points, reading):
    said = reading.samples_range if points.role == "samples" and reading.samples_range else reading.range
    return () if points.ends is None else (range_note(points.ends, said is not None),)


def _check_spread(points: PointSet, train: PointSet, said: bool) -> None:
    """Raise ValueError where one set is in [0, 1] and the other in [-1, 1] or the like."""
    if said and points.role == "samples":
        return
    (low, high), (first, last) = _spread(points), _spread(train)
    width, other = high - low, last - first
    apart = abs((low + high) - (first + last)) / 2
    if min(width, other) > 0 and (max(width, other) > WIDEST * min(width, other) or apart > max(width, other)):
        raise ValueError(
            f"`{points.role}` and `train` must be in one range, but most values lie between {low:.3g} and {high:.3g} "
            f"and between {first:.3g} and {last:.3g}: say which numbers stand for black and white by `range` and "
            f"`samples_range`, (-1, 1) if they are meant as they are, or that they are `features`."
        )


def _spread(points):
    rows = points.block(slice(None) if points.n <= LOOKED_AT else np.linspace(0, points.n - 1, LOOKED_AT).astype(int))
    ends = points.ends if points.ends is not None and not points.mapped else KEPT
    low, high = np.quantile(rows, ENDS)
    if low == high:
        low, high = rows.min(), rows.max()
    return tuple(float(2 * (value - ends[0]) / (ends[1] - ends[0]) - 1) for value in (low, high))
