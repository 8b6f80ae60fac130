"""Groups of twins against all pairs, and neighbours that are no twins of the first."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from diffmem.auditing import near_duplicates as twins
from diffmem.auditing.near_duplicates import Against, Closeness, closeness, equal_rows, grouped
from diffmem.auditing.resumable import Queries, Work
from diffmem.auditing.sets import PointSet
from diffmem.metrics import nearest

WORK = Work(None, lambda done, total, stage: None)


def points(rows, role="train"):
    return PointSet(role, role, rows, rows.shape[1:], role)


def close_to(share=1 / 3, reach=50.0, fixed=None, level=0.0):
    return Closeness(share, reach, fixed, level, 50.0, 8.0)


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
        monkeypatch.setattr(twins, "MOST_PAIRS", -1)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 40, (150, 20)).astype(np.uint8)
    rows[100:130] = rows[:30] + rng.integers(0, 2, (30, 20)).astype(np.uint8)
    rows[130:140] = rows[100:110]
    rows[140:145] = rows[:5] + rng.integers(0, 8, (5, 20)).astype(np.uint8)
    found = grouped(points(rows), close, equal_rows(points(rows)), WORK, seed=0)
    np.testing.assert_array_equal(found.component, by_all_pairs(rows.astype(float), close))
    assert found.searched and found.first[130:140].tolist() == list(range(100, 110))


def test_what_cannot_be_searched_is_said(monkeypatch):
    monkeypatch.setattr(twins, "MOST_PAIRS", -1)
    monkeypatch.setattr(twins, "GENEROUS", 0)
    rows = np.arange(12.0).reshape(6, 2)[[0, 0, 1, 2, 3, 4]]
    found = grouped(points(rows), close_to(reach=100.0), equal_rows(points(rows)), WORK, seed=0)
    assert not found.searched and found.component.tolist() == [0, 0, 2, 3, 4, 5]


@pytest.mark.parametrize("fixed", [None, 0.5])
def test_the_second_neighbour_is_no_twin_of_the_first(fixed):
    rng = np.random.default_rng(1)
    train = 10 * rng.normal(size=(40, 6))
    cluster = train[0] + 0.01 * rng.normal(size=(9, 6))  # more twins than the first searches look at
    whole = np.concatenate([train, cluster])
    close = close_to(reach=1.0, fixed=fixed)
    asked = points(np.stack([train[0] + 0.05, train[1]]), "samples")
    found = Against(points(whole), np.arange(len(whole)), close, WORK).nearest(Queries(asked), "s")
    distance = np.linalg.norm(asked.rows[:, None] - train[None], axis=2)
    np.testing.assert_allclose(found.d2, np.sort(distance, axis=1)[:, 1])
    assert found.d1[0] <= distance[0, 0] and found.d2_of_twins[0] < 1 and found.ratio[1] == 0


def test_a_set_of_twins_only_has_no_second_neighbour():
    rows = np.array([[0.0, 0], [0.1, 0], [0, 0.1]])
    found = Against(points(rows), np.arange(3), close_to(fixed=1.0, reach=1.0), WORK).nearest(
        Queries(points(rows)), "s"
    )
    assert np.isinf(found.d2).all() and (found.ratio == 1).all()


@pytest.mark.parametrize("twinned", [False, True])
def test_the_spacing_is_not_drawn_in_by_twins(twinned):
    """A second copy of each point leaves the spacing of the points as it was."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(400, 30))
    whole = np.concatenate([rows, rows + 0.001 * rng.normal(size=rows.shape)]) if twinned else rows
    train = points(whole)
    drawn = Queries(train, np.arange(0, 400, 2), True)
    around = Against(train, np.arange(len(whole)), close_to(reach=0.0), WORK).search(drawn, 12, "train")
    close = closeness(train, drawn, around, 1 / 3, None)
    expected = np.median(nearest(rows[::2], rows, 2).distance[:, 1])
    assert close.spacing == pytest.approx(expected, rel=0.01)
    assert close.share == pytest.approx(1 / 3) and close.level == 0 and close.fixed is None
    assert expected / 3 < close.reach < expected / 2
    assert closeness(train, drawn, around, 1 / 3, 0.1).fixed == pytest.approx(0.1 * expected, rel=0.01)


def test_in_two_dimensions_twins_must_be_nearer_than_chance_puts_them():
    rows = np.random.default_rng(3).random((500, 2))
    train = points(rows)
    drawn = Queries(train, np.arange(500), True)
    around = Against(train, np.arange(500), close_to(reach=0.0), WORK).search(drawn, 12, "train")
    close = closeness(train, drawn, around, 1 / 3, None)
    assert close.dimension == pytest.approx(2, abs=0.4) and close.share < 0.06


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
