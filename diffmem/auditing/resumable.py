"""Searches among rows on disk, a block at a time, that go on where they were stopped."""

import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Real

from .. import __version__
from ..metrics import Neighbours, nearest
from ..progress import Progress
from ..whole_files import read_sealed, replace_file, sealed
from .sets.point_set import BLOCK_NUMBERS, PointSet
from .variants import AS_IT_IS, Variant

BETWEEN_SAVES = 20.0  # seconds after which an unfinished search is saved
VIEWED = 8  # blocks at once where a block is no copy
BATCH_NUMBERS = BLOCK_NUMBERS // 2  # of queries that share a pass over the points


class Work(NamedTuple):
    """Where searches keep what they have found, and whom they tell how far they are."""

    store: Path | None
    progress: Progress

    def saved(self, name: str, key: str) -> tuple[Neighbours, int] | None:
        """What a search of this name and key has left, and among how many rows it was found."""
        if self.store is None:
            return None
        try:
            content = read_sealed(self.store / f"{name}.npz")
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                if str(found["key"]) != key:
                    return None
                return Neighbours(found["distance"], found["row"]), int(found["done"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, name: str, key: str, best: Neighbours, done: int) -> None:
        """Keep what a search has found among the first `done` rows, whole or not at all."""
        if self.store is None:
            return
        content = io.BytesIO()
        np.savez(content, key=np.array(key), distance=best.distance, row=best.index, done=np.array(done))
        replace_file(self.store / f"{name}.npz", sealed(content.getvalue()))


class Queries(NamedTuple):
    """Rows of a set that are looked for."""

    points: PointSet
    index: Int[np.ndarray, "count"] | None = None
    """Which rows; all by default."""
    among_themselves: bool = False
    """Whether they are rows of the training set, so that each is left out where its neighbours are looked for."""

    @property
    def count(self) -> int:
        """How many they are."""
        return self.points.n if self.index is None else len(self.index)

    def only(self, positions: Int[np.ndarray, "m"]) -> "Queries":
        """Those at some positions."""
        return self._replace(index=positions if self.index is None else self.index[positions])

    def rows(self, part: slice, variant: Variant) -> Real[np.ndarray, "m d"]:
        """Some of them, as they are compared."""
        chosen = part if self.index is None else self.index[part]
        return variant.of_sample(self.points, chosen)


class Sides(NamedTuple):
    """The samples, and points that are no copies, to which every rule is applied as well."""

    samples: Queries
    control: Queries


def search(
    queries: Queries,
    train: PointSet,
    k: int,
    work: Work,
    name: str,
    *,
    among: Int[np.ndarray, "kept"] | None = None,
    variant: Variant = AS_IT_IS,
) -> Neighbours:
    """The k nearest rows of the training set, or of its rows `among`, exactly; ties in the order of rows.

    Both sides are read in blocks and changed by `variant`; memory is a few blocks. What is found is saved now and then
    and at the end, and taken up again by a search of equal arguments. Indices are rows of the training set.
    """
    step = max(16, BATCH_NUMBERS // train.d)
    parts = [slice(start, min(start + step, queries.count)) for start in range(0, queries.count, step)]
    found = [_batch(queries, part, train, k, work, f"{name}-{part.start}", among, variant) for part in parts]
    return Neighbours(*(np.concatenate(arrays) for arrays in zip(*found)))


def _batch(queries, part, train, k, work: Work, name, among, variant) -> Neighbours:
    key = _key(queries, part, train, k, among, variant)
    count, total = part.stop - part.start, train.n if among is None else len(among)
    best, done = work.saved(name, key) or (Neighbours(np.full((count, k), np.inf), np.full((count, k), -1)), 0)
    if done == total:
        return best
    rows, last = queries.rows(part, variant), time.monotonic()
    view = among is None and train.is_stored_so and variant.train_side is None
    step = train.block_rows * (VIEWED if view else 1)
    itself = queries.index[part] if queries.among_themselves and queries.index is not None else None
    while done < total:
        stop = min(done + step, total)
        chosen = slice(done, stop) if among is None else among[done:stop]
        block = variant.of_train(train, chosen)
        best = _merged(best, _in_block(rows, block, chosen, k, itself), k)
        done = stop
        work.progress(done, total, f"{name.rsplit('-', 1)[0]}, from {part.start + 1} of {queries.count}")
        if done < total and time.monotonic() - last > BETWEEN_SAVES:
            work.save(name, key, best, done)
            last = time.monotonic()
    work.save(name, key, best, done)
    return best


def _in_block(rows, block, chosen, k, itself) -> Neighbours:
    """The k nearest in one block, by the numbers of the rows, without the row that does not count."""
    spare = 0 if itself is None else 1
    found = nearest(rows, block, min(k + spare, len(block)))
    numbers = np.arange(chosen.start, chosen.stop) if isinstance(chosen, slice) else chosen
    distance, index = found.distance, numbers[found.index]
    if itself is not None:
        distance = np.where(index == itself[:, None], np.inf, distance)
    return Neighbours(distance, index)


def _merged(best: Neighbours, more: Neighbours, k: int) -> Neighbours:
    """The k best of both; those held come first among equals, as their rows do."""
    distance = np.concatenate([best.distance, more.distance], axis=1)
    index = np.concatenate([best.index, more.index], axis=1)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return Neighbours(np.take_along_axis(distance, order, 1), np.take_along_axis(index, order, 1))


def _key(queries, part, train, k, among, variant):
    """What must be the same for a saved search to be taken up: all that its result depends on.

    That is both sets with how their rows are read, which rows are asked for and among which, k, the variant with its
    parameters, and this package; the metric and the centre are always the same.
    """
    facts = [__version__, k, repr(variant), queries.among_themselves, part.start, part.stop]
    for one in (queries.points, train):
        facts += [one.sha256, one.rows.dtype.str, one.rows.shape, one.event_shape]
        facts += [one.ends, one.mapped, one.channels_first, one.grey]
    digest = hashlib.sha256(json.dumps(facts, default=str).encode())
    for rows in (queries.index, among, queries.points.numbers, train.numbers):
        digest.update(b"-" if rows is None else np.asarray(rows, np.int64).tobytes())
    return digest.hexdigest()
