"""Copies that were mirrored, shifted or taken in part."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

from . import variants
from .findings import Changed, Options
from .judged import Judged
from .near_duplicates import Against, Nearest
from .resumable import Queries, Sides
from .shares import share
from .variants import Variant

PLAIN_TILE = 0.5  # a tile counts if its second neighbour is this far, in median distances of neighbours, by its area


def changed_copies(sides: Sides, against: Against, rule: Judged, options: Options) -> tuple[Changed, ...]:
    """For each kind of change that was asked for, which samples meet the d1/d2 rule after it and not without it.

    A variant compares a mirrored, shifted or cut sample with the training points, cut alike. A tile counts only where
    the second neighbour is as far as half the median distance of neighbours is in an area of its size, since plain
    tiles, such as the corners of digits, agree by chance. The same is done to the controls, which show how often.
    """
    found = [_kind(name, some, sides, against, rule) for name, some in _asked(against, options)]
    best = [np.where(rule.copied, -1, one.best) for one in found]
    return tuple(one._replace(best=only, samples=share(only >= 0)) for one, only in zip(found, best))


def are_changed(queries: Queries, against: Against, rule: Judged, options: Options) -> Bool[np.ndarray, "count"]:
    """Which queries are copies after one of the changes that were asked for."""
    found = np.zeros(queries.count, bool)
    for _, some in _asked(against, options):
        found |= _best(some, queries, "planted", against, rule)[0] >= 0
    return found


def _asked(against: Against, options: Options) -> Iterator[tuple[str, list[Variant]]]:
    shape = against.train.event_shape
    if options.flips:
        yield "mirrored", list(variants.flips(shape))
    if options.shifts:
        yield "shifted", list(variants.shifts(shape, options.shifts))
    if options.tiles:
        yield "in part", list(variants.tiles(shape, options.tiles))


def _kind(kind: str, some: list[Variant], sides: Sides, against: Against, rule: Judged) -> Changed:
    best, row = _best(some, sides.samples, "samples", against, rule)
    control = _best(some, sides.control, "control", against, rule)[0] if sides.control.count else None
    return Changed(
        kind,
        best,
        row,
        tuple(one.name for one in some),
        share(best >= 0),
        None if control is None else share(control >= 0),
    )


def _best(some, queries, side, against, rule) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """The variant of the smallest d1/d2 below the limit, -1 where there is none, and the training point it copies."""
    best, row = np.full(queries.count, -1), np.full(queries.count, -1)
    smallest = np.full(queries.count, rule.threshold)
    for k, variant in enumerate(some):
        near = against.nearest(queries, f"{variant.name} {side}".replace(" ", "-").replace(",", ""), variant)
        ratio = np.where(_is_plain(near, variant, against), 1.0, near.ratio)
        better = rule.holds(ratio) & (ratio < smallest)
        best[better], row[better], smallest[better] = k, near.row[better], ratio[better]
    return best, row


def _is_plain(near: Nearest, variant: Variant, against: Against):
    if variant.kind != "tile":
        return np.zeros(len(near.d1), bool)
    area = variant.of_train(against.train, slice(0, 1)).size / against.train.d
    return near.d2 < PLAIN_TILE * against.close.spacing * np.sqrt(area)
