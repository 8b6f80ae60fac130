"""Neighbours that are no twins of the first, and what makes twins."""

import numpy as np
import pytest
from audits import WORK, close_to, points

from diffmem.auditing.near_duplicates import Against, closeness
from diffmem.auditing.resumable import Queries
from diffmem.metrics import nearest


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


@pytest.mark.parametrize("copies", [1, 13, 50])
def test_left_out_points_are_compared_with_others_than_their_twins(copies):
    """As if each group of near-duplicates were the point itself."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(120, 12))
    twins = rows[7] + 1e-4 * rng.normal(size=(copies, 12))
    whole = np.concatenate([rows, twins, rows[20:40] + 1e-4])
    train = points(whole)
    left = Queries(train, np.arange(120), True)
    distinct = np.arange(len(whole))
    around = Against(train, distinct, close_to(reach=0.0), WORK).search(left, 12, "train")
    against = Against(train, distinct, closeness(train, left, around, 1 / 3, None), WORK)
    found = against.left_out(left, around, "train")
    expected = nearest(rows, rows, 3).distance
    np.testing.assert_allclose(found.d1, expected[:, 1], atol=2e-3)
    np.testing.assert_allclose(found.d2, expected[:, 2], atol=2e-3)
    assert (found.ratio > 0.5).all()


def test_left_out_points_with_twins_only_are_compared_with_these():
    train = points(np.array([[0.0, 0], [0.1, 0], [0, 0.1], [0.1, 0.1]]))
    left = Queries(train, np.arange(4), True)
    against = Against(train, np.arange(4), close_to(fixed=1.0, reach=1.0), WORK)
    found = against.left_out(left, against.search(left, 12, "train"), "train")
    np.testing.assert_allclose(found.d1, 0.1)
    assert np.isinf(found.d2).all() and (found.ratio == 1).all()
