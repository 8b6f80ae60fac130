"""Sets of one audit must be comparable: one shape, one range of values; what can be put right is, and is said."""

from typing import NoReturn

import numpy as np

from ...data.pixels import KEPT, Range, checked_range, range_note, range_of
from ...metrics import range_conflict
from .opening import Reading
from .point_set import PointSet, fitting

LOOKED_AT = 512  # rows of each set from which the ends of its range are taken
QUANTILES = (0.001, 0.999)  # for ends: a few wild numbers say nothing about the range
NEAR = 2.0  # times the largest pixel: another set of a kind with one up to that is in the same range
FAINT = 0.02  # of the range that was said: numbers that fill less of it, beside others that fill more, are in others
TIMES = 7.0  # that the others fill more
FIT = 0.25  # of the width of a set: how far the ends of another lie from its own where both are in the same units
REACHED = 0.9  # of a range: largest number of pixels that fill it


def agreeing(sets: list[PointSet], reading: Reading, *, features: bool = False) -> list[PointSet]:
    """The sets, training set second, with one event shape and in one range of values.

    Channels come last, grey images beside colour ones get three channels, and flat rows the shape of the others. Pixels
    (unsigned integers) are brought to [-1, 1] where sets are stored differently; equal ones are compared as they are.
    Raises ValueError for shapes and ranges that do not fit, unless `features` says that numbers have no range.
    """
    sets = _in_one_shape(sets)
    ranges = [_range(one, sets, reading) for one in sets]
    stored = {(one.rows.dtype, ends) for one, ends in zip(sets, ranges)}
    sets = [one._replace(ends=ends, mapped=len(stored) > 1) for one, ends in zip(sets, ranges)]
    sets = [one._replace(notes=(*one.notes, *_note(one, reading))) for one in sets]
    if not features:
        for one in (sets[0], *sets[2:]):
            _check_units(one, sets[1], reading)
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
    colour = max((shape for shape in images if len(shape) == 3), key=lambda shape: shape[-1], default=None)
    sets = [_coloured(one, colour) if colour else one for one in sets]
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
    if points.event_shape == shape or points.event_shape not in (shape[:2], (*shape[:2], 1)):
        return points
    note = "Grey images were compared as colour images, since other sets are in colour."
    return points._replace(event_shape=shape, grey=True, notes=(*points.notes, *((note,) if shape[-1] > 1 else ())))


def _range(points: PointSet, sets: list[PointSet], reading: Reading) -> Range | None:
    """The numbers that stand for -1 and 1: those that were said, or those of pixels, which is one range for all sets
    of a kind whose largest numbers are not too far apart."""
    said = _said(points, reading)
    if said is not None:
        return None if checked_range(said) == KEPT else checked_range(said)
    if points.rows.dtype not in (np.uint8, np.uint16):
        return None
    like = sets[1] if sets[1].rows.dtype == points.rows.dtype else points
    alike = [one.extremes[1] for one in sets if one.rows.dtype == like.rows.dtype]
    largest = max(number for number in alike if number <= NEAR * like.extremes[1])
    ends = range_of(np.array([largest], like.rows.dtype))
    return ends if points.extremes[1] <= ends[1] else range_of(np.array([points.extremes[1]], points.rows.dtype))


def _said(points, reading):
    return reading.samples_range if points.role == "samples" and reading.samples_range else reading.range


def _note(points, reading):
    return () if points.ends is None else (range_note(points.ends, _said(points, reading) is not None),)


def _check_units(points: PointSet, train: PointSet, reading: Reading) -> None:
    """Raise ValueError where two sets seem to be in different units, unless the range of the samples was said.

    They do where one is in [0, 1] and the other in [-1, 1] or the like; where floating-point numbers fill hardly any of
    the range that was said, beside others that fill it; and where a range was guessed that the other set belies.
    """
    own = points.role == "samples" and reading.samples_range is not None
    sides = (points, _ends(points)), (train, _ends(train))
    if not (own and points.ends is None):
        for (one, (low, high)), (_, (least, most)) in (sides, sides[::-1]):
            floating = one.rows.dtype.kind == "f" and one.ends is not None
            if floating and 0 < high - low < 2 * FAINT and most - least > TIMES * (high - low):
                _refuse(_seem(one), points, train)
    if own:
        return
    conflict = range_conflict(*(ends[:, None] for _, ends in sides))
    if conflict:
        _refuse(conflict.replace("`samples` run", f"`{points.role}` run").rstrip("."), points, train)
    for pixels, other in (sides, sides[::-1]):
        if pixels[0].rows.dtype.kind == "u" and _said(pixels[0], reading) is None and _belied(*pixels, *other):
            _refuse(_seem(other[0]), points, train)


def _belied(pixels: PointSet, filled: np.ndarray, other: PointSet, ends: np.ndarray) -> bool:
    """Whether pixels that were taken to end below the largest of their kind seem not to, by the ends of another set.

    `filled` are the ends of the pixels in the range that they were taken to have, where it runs from -1 to 1.
    """
    full = np.iinfo(pixels.rows.dtype).max
    if pixels.ends is None or pixels.ends[1] >= full:
        return False
    if other.ends is not None:  # pixels, too: the range of one is that of both, unless the other fills all of its own
        return other.ends[1] > pixels.ends[1] and other.extremes[1] < REACHED * np.iinfo(other.rows.dtype).max
    part = (filled + 1) / 2 * pixels.ends[1] / full  # of the range of all such integers
    return not _fits(ends, filled) and (_fits(ends, part) or _fits(ends, 2 * part - 1))


def _fits(ends, others) -> bool:
    return bool(np.abs(ends - others).max() <= FIT * np.ptp(others))


def _seem(points) -> str:
    low, high = points.extremes
    return f"`{points.role}` run from {low:.4g} to {high:.4g}: they seem to be in different units than the other set"


def _refuse(what: str, points: PointSet, train: PointSet) -> NoReturn:
    brought = [
        f" (`{one.role}` holds {one.ends[0]:g} to {one.ends[1]:g}, taken for -1 to 1)"
        for one in (points, train)
        if one.ends is not None
    ]
    raise ValueError(
        f"{what}{''.join(brought)}; say which numbers stand for black and white by `range` "
        f"and `samples_range`, (-1, 1) if they are meant as they are."
    )


def _ends(points) -> np.ndarray:
    """The least and the largest number, in units of the range where there is one."""
    looked_at = fitting(LOOKED_AT, points.d, 8)
    rows = points.block(slice(None) if points.n <= looked_at else np.linspace(0, points.n - 1, looked_at).astype(int))
    low, high = points.ends if points.ends is not None and not points.mapped else KEPT
    return 2 * (np.quantile(rows, QUANTILES) - low) / (high - low) - 1
