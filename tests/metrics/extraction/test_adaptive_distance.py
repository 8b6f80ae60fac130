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


def test_bad_arguments():
    with pytest.raises(ValueError, match="`share`"):
        extraction.adaptive_distance(TRAIN, TRAIN, 2, share=0.0)
    with pytest.raises(ValueError, match="`k` must be"):
        extraction.adaptive_distance(TRAIN, TRAIN)
