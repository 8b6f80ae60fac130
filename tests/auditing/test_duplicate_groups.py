"""Groups of twins against all pairs."""

import numpy as np
import pytest
from audits import WORK, close_to, points
from scipy.sparse.csgraph import connected_components

from diffmem.auditing import duplicate_groups
from diffmem.auditing.duplicate_groups import equal_rows, grouped
from diffmem.auditing.near_duplicates import Against, closeness
from diffmem.auditing.resumable import Queries


def by_all_pairs(rows, close):
    """Groups by the rule as it is stated, for each row among all others that differ from it."""
    distance = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    steps = np.abs(rows[:, None] - rows[None]).max(axis=2)
    links = distance == 0
    for i in range(len(rows)):
        others = np.unique(np.flatnonzero(distance[i] > 0))
        _, firsts = np.unique(rows[others], axis=0, return_index=True)
        others = others[np.sort(firsts)]
        order = others[np.argsort(distance[i, others], kind="stable")][:12]
        r, flat = distance[i, order], steps[i, order] <= close.level
        ranks = [m for m in range(1, len(r)) if r[m - 1] < close.share * r[m] or (flat[m - 1] and close.level)]
        limit = r[max(ranks) - 1] if ranks else 0.0
        links[i] |= distance[i] <= limit if close.fixed is None else distance[i] <= close.fixed
    labels = connected_components(links, directed=False)[1]
    return np.array([np.flatnonzero(labels == label)[0] for label in labels])


CLOSE = [close_to(), close_to(level=1.0), close_to(fixed=3.0)]


@pytest.mark.parametrize("close", CLOSE)
@pytest.mark.parametrize("forced", [False, True])
def test_groups_are_those_of_all_pairs(close, forced, monkeypatch):
    if forced:  # as where no few directions tell points apart
        monkeypatch.setattr(duplicate_groups, "MOST_PAIRS", -1)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 40, (150, 20)).astype(np.uint8)
    rows[100:130] = rows[:30] + rng.integers(0, 2, (30, 20)).astype(np.uint8)
    rows[130:140] = rows[100:110]
    rows[140:145] = rows[:5] + rng.integers(0, 8, (5, 20)).astype(np.uint8)
    found = grouped(points(rows), close, equal_rows(points(rows)), WORK, seed=0)
    np.testing.assert_array_equal(found.component, by_all_pairs(rows.astype(float), close))
    assert found.searched and found.first[130:140].tolist() == list(range(100, 110))


@pytest.mark.parametrize("copies", [12, 40, 200])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_picture_that_was_saved_often_is_one_group(copies, level):
    rng = np.random.default_rng(6)
    rows = rng.integers(0, 256, (1200, 30)).astype(np.uint8)
    rows[5] = 90
    whole = np.concatenate([rows, rows[5] + rng.integers(0, 2, (copies, 30)).astype(np.uint8)])
    close = close_to(share=0.1, reach=60.0, level=level)._replace(dense=0.0 if level else 60.0)
    found = grouped(points(whole), close, equal_rows(points(whole)), WORK, seed=0)
    expected = np.r_[np.arange(1200), np.full(copies, 5)]
    np.testing.assert_array_equal(found.component, expected)


def test_what_cannot_be_searched_is_said(monkeypatch):
    monkeypatch.setattr(duplicate_groups, "MOST_PAIRS", -1)
    monkeypatch.setattr(duplicate_groups, "GENEROUS", 0)
    rows = np.arange(12.0).reshape(6, 2)[[0, 0, 1, 2, 3, 4]]
    found = grouped(points(rows), close_to(reach=100.0), equal_rows(points(rows)), WORK, seed=0)
    assert not found.searched and found.component.tolist() == [0, 0, 2, 3, 4, 5]


def test_plain_surroundings_make_no_twins():
    """Photographs of a plain sky are all near to each other, and far from those of leaves; none is a twin."""
    rng = np.random.default_rng(4)
    rows = np.concatenate([0.01 * rng.normal(size=(60, 30)), rng.normal(size=(60, 30))])
    train = points(rows)
    around = Against(train, np.arange(120), close_to(reach=0.0), WORK).search(
        Queries(train, np.arange(120), True), 12, "train"
    )
    close = closeness(train, Queries(train, np.arange(120), True), around, 1 / 3, None)
    found = grouped(train, close, np.arange(120), WORK, seed=0)
    assert found.component.tolist() == list(range(120))
