"""Sets of one audit must be comparable: one shape, one range of values; what can be put right is, and is said."""

import numpy as np

from ...data.pixels import KEPT, Range, checked_range, range_note, range_of
from ...metrics import range_conflict
from .opening import Reading
from .point_set import PointSet, fitting

LOOKED_AT = 512  # rows of each set from which the ends of its range are taken
QUANTILES = (0.001, 0.999)  # for ends: a few wild numbers say nothing about the range


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
            _check_units(one, train=sets[1], said=reading.samples_range is not None)
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


def _check_units(points: PointSet, train: PointSet, said: bool) -> None:
    """Raise ValueError where one set is in [0, 1] and the other in [-1, 1] or the like, unless that was said."""
    conflict = None if said and points.role == "samples" else range_conflict(_ends(points), _ends(train))
    if conflict:
        sentence = conflict.replace("`samples` run", f"`{points.role}` run")
        brought = [
            f" (`{one.role}` holds {one.ends[0]:g} to {one.ends[1]:g}, taken for -1 to 1)"
            for one in (points, train)
            if one.ends is not None
        ]
        raise ValueError(
            f"{sentence.rstrip('.')}{''.join(brought)}; say which numbers stand for black and white by `range` "
            f"and `samples_range`, (-1, 1) if they are meant as they are."
        )


def _ends(points) -> np.ndarray:
    """The least and the largest number, as points of one coordinate; in units of the range where there is one."""
    looked_at = fitting(LOOKED_AT, points.d, 8)
    rows = points.block(slice(None) if points.n <= looked_at else np.linspace(0, points.n - 1, looked_at).astype(int))
    low, high = points.ends if points.ends is not None and not points.mapped else KEPT
    return (2 * (np.quantile(rows, QUANTILES) - low) / (high - low) - 1)[:, None]
