"""The adaptive distance by hand, and for copies and fresh points."""

import numpy as np
import pytest

from diffmem.metrics import extraction

TRAIN = np.array([[0.0], [1.0], [3.0], [10.0]])


def test_by_hand():
    found = extraction.adaptive_distance(np.array([[0.1], [6.0]]), TRAIN, neighbours=3)
    np.testing.assert_allclose(found.distance, [0.1 / (0.5 * (0.1 + 0.9 + 2.9) / 3), 3 / (0.5 * (3 + 4 + 5) / 3)])
    assert list(found.index) == [0, 2] and list(found.extracted) == [True, False]
    of_record = extraction.adaptive_distance(np.array([[0.1], [6.0]]), TRAIN, neighbours=3, of_record=True)
    np.testing.assert_allclose(of_record.distance, [0.1 / (0.5 * (1 + 3 + 10) / 3), 3 / (0.5 * (2 + 3 + 7) / 3)])


def test_copies_and_fresh_points():
    rng = np.random.default_rng(0)
    train, fresh = rng.normal(size=(200, 16)), rng.normal(size=(20, 16))
    assert extraction.adaptive_distance(train[:20] + 0.05 * fresh, train).extracted.all()
    assert not extraction.adaptive_distance(fresh, train).extracted.any()


def test_repetitions_and_near_twins_change_nothing():
    rng = np.random.default_rng(1)
    train = rng.normal(size=(120, 16))
    samples = train[:20] + 0.3 * rng.normal(size=(20, 16))
    once = extraction.adaptive_distance(samples, train)
    many = extraction.adaptive_distance(samples, np.concatenate([train, *[train[:20]] * 40]))
    np.testing.assert_array_equal(many.distance, once.distance)
    twins = train[:1] + 1e-3 * rng.normal(size=(5, 16))
    for of_record in (False, True):
        once, many = (
            extraction.adaptive_distance(samples[:1], points, 9, of_record=of_record)
            for points in (train, np.concatenate([train, twins]))
        )
        np.testing.assert_allclose(many.distance, once.distance, rtol=0.02)


def test_one_neighbour_is_itself():
    np.testing.assert_allclose(extraction.adaptive_distance(np.array([[0.1]]), TRAIN, 1).distance, 2)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`share`"):
        extraction.adaptive_distance(TRAIN, TRAIN, 2, share=0.0)
    with pytest.raises(ValueError, match="`train` must hold 50 distinct points"):
        extraction.adaptive_distance(TRAIN, TRAIN)


def test_an_exact_copy_has_distance_zero_at_any_number_of_neighbours():
    for neighbours in (1, 2):
        found = extraction.adaptive_distance(TRAIN[1:2], TRAIN, neighbours)
        assert found.distance[0] == 0 and found.extracted[0]
