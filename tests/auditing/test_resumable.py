"""Searches among blocks of rows: exact, and taken up where they stopped."""

import itertools

import numpy as np
import pytest

from diffmem.auditing import resumable
from diffmem.auditing.resumable import Queries, Work, search
from diffmem.auditing.sets import PointSet, point_set
from diffmem.auditing.variants import AS_IT_IS, DIRECTION, flips, shifts, tiles


def silent(done, total, stage):
    pass


def points(role, rows, sha256="a"):
    return PointSet(role, role, rows, rows.shape[1:], sha256)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(point_set, "BLOCK_NUMBERS", 64 * 4)  # blocks of 64 rows
    monkeypatch.setattr(resumable, "VIEWED", 1)
    monkeypatch.setattr(resumable, "BATCH_NUMBERS", 256 * 4)  # batches of 256 queries


def direct(queries, train, k):
    distance = np.sqrt(np.square(queries[:, None].astype(float) - train[None]).sum(axis=2))
    index = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distance, index, 1), index


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8, np.int64])
@pytest.mark.parametrize("k", [1, 3])
def test_blocks_do_not_change_the_answer_nor_the_order_of_ties(dtype, k):
    rng = np.random.default_rng(0)
    train, queries = (rng.integers(0, 5, (count, 4)).astype(dtype) for count in (300, 290))
    found = search(Queries(points("samples", queries)), points("train", train), k, Work(None, silent), "s")
    distance, index = direct(queries, train, k)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-14)


def test_some_rows_and_not_themselves():
    rng = np.random.default_rng(1)
    train = rng.normal(size=(200, 4))
    among, asked = np.arange(0, 200, 2), np.array([4, 10, 198])
    of_train = points("train", train)
    found = search(Queries(of_train, asked, True), of_train, 2, Work(None, silent), "s", among=among)
    others = [np.setdiff1d(among, [row]) for row in asked]
    for row, rest, distance, index in zip(asked, others, found.distance, found.index):
        exact, at = direct(train[[row]], train[rest], 2)
        np.testing.assert_allclose(distance, exact[0])
        np.testing.assert_array_equal(index, rest[at[0]])


def test_fewer_rows_than_neighbours_leave_the_rest_open():
    found = search(Queries(points("s", np.zeros((1, 4)))), points("t", np.ones((2, 4))), 3, Work(None, silent), "s")
    assert found.index.tolist() == [[0, 1, -1]] and found.distance[0, 2] == np.inf


def test_directions():
    train, queries = np.array([[1.0, 0, 0, 0], [0, 5, 0, 0]]), np.array([[9.0, 1, 0, 0], [0, 0, 0, 0]])
    found = search(Queries(points("s", queries)), points("t", train), 1, Work(None, silent), "s", variant=DIRECTION)
    assert found.index.ravel().tolist() == [0, 0]
    assert 1 - found.distance[0, 0] ** 2 / 2 == pytest.approx(9 / np.sqrt(82), abs=1e-7)
    assert found.distance[1, 0] == 1  # a row of zeros has no direction


class Stopped(Exception):
    pass


def test_a_stopped_search_goes_on_where_it_was(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    train, queries = rng.normal(size=(400, 4)), rng.normal(size=(300, 4))
    sets = Queries(points("samples", queries, "q")), points("train", train, "t")
    monkeypatch.setattr(resumable, "BETWEEN_SAVES", -1.0)

    def stop_late(done, total, stage):
        if done > 200:
            raise Stopped

    with pytest.raises(Stopped):
        search(*sets, 2, Work(tmp_path, stop_late), "s")
    told = []
    found = search(*sets, 2, Work(tmp_path, lambda done, total, stage: told.append((done, stage))), "s")
    assert told[0] == (256, "s, from 1 of 300")  # 192 rows were saved
    np.testing.assert_array_equal(found.index, direct(queries, train, 2)[1])
    told.clear()
    again = search(*sets, 2, Work(tmp_path, lambda *news: told.append(news)), "s")
    np.testing.assert_array_equal(again.index, found.index)
    assert told == []


def test_parts_of_other_sets_or_damaged_ones_are_not_taken(tmp_path):
    rng = np.random.default_rng(3)
    train, queries = rng.normal(size=(100, 4)), rng.normal(size=(20, 4))
    work = Work(tmp_path, silent)
    search(Queries(points("s", queries, "q")), points("t", train, "t"), 1, work, "s")
    other = search(Queries(points("s", -queries, "-q")), points("t", train, "t"), 1, work, "s")
    np.testing.assert_array_equal(other.index, direct(-queries, train, 1)[1])
    (part,) = tmp_path.iterdir()
    part.write_bytes(part.read_bytes()[:100])
    again = search(Queries(points("s", -queries, "-q")), points("t", train, "t"), 1, work, "s")
    np.testing.assert_array_equal(again.index, other.index)


IMAGES = np.random.default_rng(4).integers(0, 256, (12, 6, 6, 3)).astype(np.uint8)
A = points("samples", IMAGES[:5], "a")
B = points("train", IMAGES, "b")
TILE, FINER = (next(tiles((6, 6, 3), grid)) for grid in (2, 3))
SHIFT, FARTHER = (next(shifts((6, 6, 3), most)) for most in (1, 2))
MIRRORED, UPSIDE_DOWN = itertools.islice(flips((6, 6, 3)), 2)


def of(points=A, index=None, among_themselves=False, train=B, k=2, among=None, variant=AS_IT_IS):
    """Arguments of a search."""
    return (Queries(points, index, among_themselves), train, k), {"among": among, "variant": variant}


EACH_ROW = np.arange(5)
PAIRS = {
    "samples": (of(), of(A._replace(sha256="c"))),
    "training set": (of(), of(train=B._replace(sha256="c"))),
    "dtype": (of(), of(A._replace(rows=A.rows.view(np.int8)))),
    "shape": (of(), of(train=B._replace(rows=B.rows.reshape(12, 3, 6, 6)))),
    "event shape": (of(), of(A._replace(event_shape=(6, 3, 6)))),
    "range": (of(train=B._replace(ends=(0, 255), mapped=True)), of(train=B._replace(ends=(0, 300), mapped=True))),
    "mapped": (of(train=B._replace(ends=(0, 255))), of(train=B._replace(ends=(0, 255), mapped=True))),
    "channels": (of(), of(A._replace(channels_first=True, rows=A.rows.reshape(5, 3, 6, 6)))),
    "grey": (of(), of(A._replace(grey=True, rows=A.rows[..., :1]))),
    "rows left out": (of(), of(A._replace(numbers=EACH_ROW + 1))),
    "which rows": (of(index=EACH_ROW), of(index=EACH_ROW[::-1])),
    "itself": (of(B, EACH_ROW), of(B, EACH_ROW, True)),
    "among": (of(among=np.arange(8)), of(among=np.arange(4, 12))),
    "k": (of(), of(k=3)),
    "variant": (of(), of(variant=DIRECTION)),
    "tiles": (of(variant=TILE), of(variant=FINER)),
    "shifts": (of(variant=SHIFT), of(variant=FARTHER)),
    "mirror": (of(variant=MIRRORED), of(variant=UPSIDE_DOWN)),
    "one name, other windows": (of(variant=TILE), of(variant=FINER._replace(name=TILE.name))),
}


@pytest.mark.parametrize("changed", PAIRS)
def test_all_that_a_search_depends_on_is_asked_for_before_it_is_taken_up(changed, tmp_path):
    told, work = [], Work(tmp_path, lambda *news: told.append(news))
    for arguments, options in PAIRS[changed]:
        told.clear()
        first = search(*arguments, work, "s", **options)
        assert told  # not taken from the other one
        told.clear()
        second = search(*arguments, work, "s", **options)
        assert not told  # equal arguments are known again
        np.testing.assert_array_equal(first.distance, second.distance)
