"""Wells along a circle against exact densities of polygons and three points."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ive

from diffmem import metrics, scores
from diffmem.level import NoiseLevel

DTYPE = jnp.zeros(()).dtype


def circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype(DTYPE)


def held(angles):
    """The score of up to 30 points; those of no weight let all tests share a compilation."""
    padded = np.concatenate([circle(angles), np.zeros((30 - len(angles), 2), DTYPE)])
    return scores.Empirical(padded, (np.arange(30) < len(angles)).astype(DTYPE))


CURVE = circle(2 * np.pi * np.arange(840) / 840)


@pytest.mark.parametrize("k", [5, 14, 24])
def test_wells_of_a_regular_polygon(k):
    """Nodes hit every corner and, for even numbers, the middles: the depth is that of the exact sum."""
    sigma = 0.15
    found = metrics.wells(held(2 * np.pi * np.arange(k) / k), CURVE, NoiseLevel(1.0, sigma))
    assert list(found.index) == [840 // k * i for i in range(k)]
    angles = 2 * np.pi * np.arange(k) / k
    middle = round(840 / k / 2) * 2 * np.pi / 840
    top, bottom = (np.log(np.exp((np.cos(angles - turn) - 1) / sigma**2).sum()) for turn in (0, middle))
    np.testing.assert_allclose(found.depth, top - bottom, rtol=1e-3, atol=2e-5)
    weight = 1 / np.exp((np.cos(angles) - 1) / sigma**2).sum()
    np.testing.assert_allclose(found.leader_weight, weight, rtol=1e-4)
    if k > 5:
        assert 2 * np.tanh(found.depth[0] / 2) == pytest.approx(4 * ive(k, sigma**-2) / ive(0, sigma**-2), rel=0.05)


def test_kinds():
    """A point by itself, and three that share a well: memorized and spurious, or shallow if it takes more depth."""
    score = held(np.array([1.0, 3.95, 4.0, 4.05]))
    found = metrics.wells(score, CURVE, NoiseLevel(1.0, 0.15))
    assert list(found.memorized) == [True, False] and list(found.spurious) == [False, True]
    assert not found.shallow.any()
    strict = metrics.wells(score, CURVE, NoiseLevel(1.0, 0.15), shallow=1e3)
    assert list(strict.memorized) == [True, False] and list(strict.shallow) == [False, True]
    assert not strict.spurious.any()


def test_the_pass_that_counts_is_the_lower_one():
    """Three points, unequal gaps: each well ends at the pass towards its nearer neighbour."""
    sigma, angles = 0.2, np.array([0.0, 1.0, 2.6])
    found = metrics.wells(held(angles), CURVE, NoiseLevel(1.0, sigma))
    t = np.linspace(0, 2 * np.pi, 40_001)
    value = np.log(np.exp((np.cos(t[:, None] - angles) - 1) / sigma**2).sum(1))
    low = [value[(t > a) & (t < b)].min() for a, b in zip(angles, [*angles[1:], 2 * np.pi])]
    tops = [value[abs(t - a) < 0.2].max() for a in angles]
    expected = [tops[0] - max(low[0], low[2]), tops[1] - max(low[0], low[1]), tops[2] - max(low[1], low[2])]
    np.testing.assert_allclose(found.depth, expected, atol=2e-3)


def test_wells_do_not_depend_on_where_the_curve_starts():
    score, level = held(np.random.default_rng(0).uniform(0, 2 * np.pi, 30)), NoiseLevel(1.0, 0.1)
    found = metrics.wells(score, CURVE, level)
    for turn in (1, 400, 839):
        other = metrics.wells(score, np.roll(CURVE, turn, axis=0), level)
        order = np.argsort((other.index - turn) % 840)
        np.testing.assert_array_equal(((other.index - turn) % 840)[order], found.index)
        np.testing.assert_allclose(other.depth[order], found.depth, atol=1e-5)


def test_one_point_is_one_well_and_equal_values_are_none():
    found = metrics.wells(held(np.array([0.5])), CURVE, NoiseLevel(1.0, 0.5))
    assert len(found.index) == 1 and found.memorized.all()
    assert found.depth[0] == pytest.approx(2 / 0.25, rel=1e-3)
    centre = scores.Empirical(np.zeros((1, 1), DTYPE))
    flat = metrics.wells(centre, np.ones((6, 1), DTYPE), NoiseLevel(1.0, 0.5))
    assert len(flat.index) == len(flat.depth) == len(flat.memorized) == 0


def test_bad_curves_are_one_sentence():
    score = held(np.arange(3.0))
    with pytest.raises(ValueError, match="`curve` must hold at least 3 nodes"):
        metrics.wells(score, CURVE[:2], NoiseLevel(1.0, 0.1))
    with pytest.raises(ValueError, match="`sigma` must be positive"):
        metrics.wells(score, CURVE, NoiseLevel(1.0, 0.0))
    with pytest.raises(ValueError, match="`shallow` must be at least 0"):
        metrics.wells(score, CURVE, NoiseLevel(1.0, 0.1), shallow=-1.0)
