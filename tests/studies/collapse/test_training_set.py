"""Training sets with repetitions."""

import jax
import numpy as np
import pytest

from diffmem.data import Dataset
from diffmem.studies.collapse.training_set import effective_number, training_set

POINTS = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


def test_without_repetitions_it_is_what_the_data_set_draws():
    dataset = Dataset(POINTS)
    found = training_set(dataset, 12, 5)
    key = jax.random.split(jax.random.key(5), 3)[0]
    np.testing.assert_array_equal(found.points, dataset.take(12, key=key).points)
    np.testing.assert_array_equal(found.distinct, found.points)
    assert found.owner.tolist() == list(range(12)) and found.counts.tolist() == [1] * 12


def test_all_repeated_alike_is_the_set_without_repetitions():
    once, thrice = training_set(Dataset(POINTS), 20, 1), training_set(Dataset(np.tile(POINTS, (3, 1))), 60, 1)
    np.testing.assert_array_equal(thrice.distinct, once.distinct)
    assert thrice.counts.tolist() == [3] * 20
    np.testing.assert_array_equal(thrice.owner, np.tile(once.owner, 3))


def test_points_are_those_of_their_owners():
    found = training_set(Dataset(np.concatenate([POINTS, POINTS[:7], POINTS[:2]])), 25, 3)
    np.testing.assert_array_equal(found.points, found.distinct[found.owner])
    np.testing.assert_array_equal(np.bincount(found.owner), found.counts)
    assert len(np.unique(found.distinct, axis=0)) == len(found.distinct) < 25


def test_fewer_points_than_dimensions_are_kept_in_their_span():
    wide = np.random.default_rng(1).normal(size=(10, 500)).astype(np.float32)
    found = training_set(Dataset(wide), 6, 0)
    assert found.distinct.shape == (6, 6) and found.points.shape == (6, 500)
    between = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (found.points, found.distinct)]
    np.testing.assert_allclose(*between, atol=1e-4)
    np.testing.assert_allclose(found.span.lift(found.distinct), found.points, atol=1e-4)
    assert training_set(Dataset(wide), 6, 0, spanned=False).span is None


def test_effective_number_is_the_exponential_of_the_entropy():
    assert effective_number(Dataset(POINTS), 12, range(3)) == 12.0
    assert effective_number(Dataset(np.tile(POINTS, (2, 1))), 40, range(2)) == pytest.approx(20)
    weights = np.array([21, *[1] * 19]) / 40
    heavy = Dataset(np.concatenate([POINTS, np.repeat(POINTS[:1], 20, axis=0)]))
    assert effective_number(heavy, 40, range(1)) == pytest.approx(np.exp(-np.sum(weights * np.log(weights))))
    with pytest.raises(ValueError, match=r"`dataset` must hold points that differ, but all 4 points drawn from data"):
        effective_number(Dataset(np.ones((9, 2))), 4, range(1))
