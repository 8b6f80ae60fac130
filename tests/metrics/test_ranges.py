"""Units of samples and training sets."""

import numpy as np
import pytest

from diffmem.metrics import range_conflict

RNG = np.random.default_rng(0)


def between(low, high, shape=(50, 16)):
    values = RNG.uniform(low, high, shape)
    values.flat[:2] = low, high
    return values


@pytest.mark.parametrize(
    ("samples", "train"),
    [
        (between(0, 1), between(-1, 1)),
        (between(-1, 1), between(0, 1)),
        (between(-0.05, 1.03), between(0, 255)),
        (between(0, 255), between(-1, 1)),
        (between(0, 1), between(0, 16)),
        (between(-1, 1), between(0, 16)),
        (between(0, 255).astype(np.uint8), between(0, 1).astype(np.float32)),
        (between(0, 1), between(0, 60000)),
    ],
)
def test_conflicts(samples, train):
    sentence = range_conflict(samples, train)
    for side in (samples, train):
        assert f"from {side.min():.4g} to {side.max():.4g}" in sentence


@pytest.mark.parametrize(
    ("samples", "train"),
    [
        (between(0, 1), between(0, 1)),
        (between(-1.04, 0.97), between(-1, 1)),
        (between(-0.5, 0.2), between(-1, 1)),  # means shrink
        (np.array([[0.02]]), np.array([[0.0], [1.0]])),
        (between(-3, 3), between(-4, 4)),
        (between(-3, 3), between(-1, 1)),  # noise is wider
        (between(0, 200), between(0, 255)),
        (np.zeros((3, 16)), between(0, 255)),
    ],
)
def test_no_conflict(samples, train):
    assert range_conflict(samples, train) is None


def test_sets_that_do_not_fit():
    with pytest.raises(ValueError, match="one event shape"):
        range_conflict(np.zeros((2, 3)), np.zeros((2, 4)))
