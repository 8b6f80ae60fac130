"""Faults people meet in counting copies: near twins in the training set, samples in other units, extreme numbers."""

import io

import numpy as np
import pytest
from PIL import Image

from diffmem import data, metrics

RNG = np.random.default_rng(7)


def test_a_near_twin_hides_no_copy():
    """czkawka 425: the exact case is the limit."""
    for gap in (1e-4, 1e-6, 1e-12, 0.0):
        found = metrics.memorization(np.array([[0.02]]), np.array([[0.0], [gap], [1.0]]))
        np.testing.assert_allclose(found.ratio, 0.02 / 0.98, rtol=0.01)
        assert found.copied.all() and found.twins.tolist() == [int(gap > 0)]
        assert found.twin_distance.tolist() == [gap]


@pytest.mark.parametrize("twin", ["one level of 17", "one level of 256", "one pixel"])
@pytest.mark.parametrize("sigma", [0.02, 0.05])
def test_digits_with_a_twin_of_each(twin, sigma):
    """Duplicate-Image-Finder 29: the share of copies stays what it is without the twins."""
    train = data.digits().points
    changes = {
        "one level of 17": RNG.choice([-1, 1], train.shape) / 8,
        "one level of 256": RNG.choice([-1, 1], train.shape) / 127.5,
        "one pixel": np.eye(64)[RNG.integers(64, size=len(train))] / 8,
    }
    both = np.concatenate([train, np.clip(train + changes[twin], -1, 1).astype(np.float32)])
    samples = train[:200] + sigma * RNG.normal(size=(200, 64)).astype(np.float32)
    once, twice = metrics.memorization(samples, train), metrics.memorization(samples, both)
    assert once.fraction >= 0.98 and abs(twice.fraction - once.fraction) <= 0.01
    assert (twice.twins > 0).mean() > 0.9  # the others are clipped to equal rows
    if sigma == 0.05:
        assert metrics.memorization(samples, both, twins=0.0).fraction < 0.15


def test_pictures_saved_twice_as_jpeg():
    """czkawka 425: compression at another quality makes a twin."""
    smooth = [np.kron(RNG.normal(size=(4, 4)), np.ones((8, 8))) * 50 + 128 for _ in range(40)]

    def compressed(picture, quality):
        buffer = io.BytesIO()
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
        return np.asarray(Image.open(buffer)) / 127.5 - 1

    first, second = (np.stack([compressed(p, quality).ravel() for p in smooth]) for quality in (95, 70))
    both = np.concatenate([first, second])
    found = metrics.memorization((first + second) / 2, both)
    assert found.fraction == 1.0
    assert metrics.memorization((first + second) / 2, both, twins=0.0).fraction < 0.1


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 255)])
def test_units_that_differ_are_said(low, high):
    """torchmetrics 1244, 1339, Text2Earth 13: samples in [0, 1]."""
    unit = RNG.uniform(size=(20, 30))
    unit[0, :2] = 0, 1
    train = low + (high - low) * unit
    with pytest.warns(UserWarning, match=rf"`samples` run from 0 to 1 and `train` from {low} to {high}"):
        metrics.memorization(unit[:5], train)


@pytest.mark.parametrize("scale", [1e-200, 1e-170, 1e-30, 1e150, 1e199, 1e300])
def test_distances_whose_squares_a_double_does_not_hold(scale):
    """torchmetrics 1380: squares over- or underflow; the distances do not."""
    points = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 4.0], [0.5, 0.5]])
    found = metrics.nearest(np.zeros((1, 2)), points * scale, 4)
    assert found.index.tolist() == [[3, 0, 1, 2]]
    np.testing.assert_allclose(found.distance[0] / scale, [0.5**0.5, 1, 2, 5], rtol=1e-14)


def test_small_differences_beside_large_numbers():
    """torchmetrics 1380: points of ordinary size at distances whose squares underflow."""
    points = np.array([[1.0, 0.0], [0.0, 3e-200], [0.0, 1e-200], [0.0, 1e-320]])
    found = metrics.nearest(np.zeros((2, 2)), points, 4)
    assert found.index[0].tolist() == [3, 2, 1, 0]
    np.testing.assert_allclose(found.distance[0, 1:], [1e-200, 3e-200, 1], rtol=1e-14)
    assert 0 < found.distance[0, 0] < 1e-319


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_large_integers_are_not_rounded(kind):
    """numpy 19097: 2^53 and 2^53 + 1 are one number in double precision."""
    points = np.array([[2**53], [2**53 + 1], [2**53 + 3], [5], [2**63 - 1]], kind)
    found = metrics.nearest(points, points, 3)
    assert found.index[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert found.index[1].tolist() == [1, 0, 2] and found.distance[1].tolist() == [0, 1, 2]
    assert found.distance[3].tolist()[:2] == [0, float(2**53 - 5)]
    ends = np.array([[np.iinfo(kind).min], [np.iinfo(kind).max]], kind)
    assert metrics.nearest(ends, ends, 2).distance[:, 1].tolist() == [2.0**64, 2.0**64]


@pytest.mark.parametrize("copies", [10, 11, 12, 40])
def test_a_picture_repeated_often_hides_no_copy(copies):
    """What is repeated most is memorized first."""
    train = RNG.normal(size=(300, 20))
    both = np.concatenate([train, train[0] + 1e-4 * RNG.normal(size=(copies, 20))])
    samples = np.concatenate([train[0] + 1e-4 * RNG.normal(size=(10, 20)), RNG.normal(size=(90, 20))])
    found = metrics.memorization(samples, both)
    assert found.copied.tolist() == [True] * 10 + [False] * 90
    assert (found.twins[:10] == copies).all()
