"""Attractors against closed forms, and against plain mean shift run to the end.

Everything has 60 points and 60 starts in the plane, some of no weight or repeated: one compilation serves all.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import metrics, scores, theory
from diffmem.level import NoiseLevel

DTYPE = jnp.zeros(()).dtype
SIZE = 60


def cast(points):
    return np.asarray(points, DTYPE)


def held(points):
    """The score of up to 60 points of the plane."""
    padding = np.zeros((SIZE - len(points), 2))
    return scores.Empirical(cast(np.concatenate([points, padding])), cast(np.arange(SIZE) < len(points)))


def sought(score, starts, level, **options):
    """The attractors from up to 60 starts, and the one that each start reached."""
    starts = np.asarray(starts, float)
    found = metrics.attractors(score, cast(np.resize(starts, (SIZE, 2))), level, **options)
    assert np.array_equal(found.reached, np.resize(found.reached[: len(starts)], SIZE))
    return found, found.reached[: len(starts)]


TWO = np.array([[1.0, 0.0], [-1.0, 0.0]])


@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("ratio", [0.2, 0.7, 0.95, 1.2])
def test_two_points(ratio, alpha):
    starts = np.array([[0.9, 0.0], [0.2, 0.3], [-1.7, 1.0], [3.0, -0.5]])
    found, reached = sought(held(TWO), starts, NoiseLevel(alpha, alpha * ratio))
    m = theory.magnetization(ratio)
    expected = [-m, m] if m else [0]
    accuracy = 1e-8 if jnp.float64 == DTYPE else 1e-5
    np.testing.assert_allclose(np.sort(found.points[:, 0]), alpha * np.array(expected), atol=accuracy)
    np.testing.assert_allclose(found.points[:, 1], 0, atol=accuracy)
    assert (reached >= 0).all()
    if m:  # no start crosses the midpoint
        np.testing.assert_array_equal(np.sign(found.points[reached, 0]), np.sign(starts[:, 0]))
    # at the fixed point the weights are (1 + m)/2 and (1 - m)/2
    np.testing.assert_allclose(found.leader_weight, (1 + m) / 2, atol=1e-4)


def test_a_saddle_is_not_an_attractor():
    found, reached = sought(held(TWO), [[0.0, 0.0], [0.5, 0.0]], NoiseLevel(1.0, 0.8))
    assert list(reached) == [-1, 0] and len(found.points) == 1
    # above the bifurcation the midpoint is one
    assert list(sought(held(TWO), [[0.0, 0.0]], NoiseLevel(1.0, 1.1))[1]) == [0]


def test_too_few_steps_are_told():
    found, reached = sought(held(TWO), [[30.0, 0.0]], NoiseLevel(1.0, 0.9), steps=2)
    assert list(reached) == [-1] and found.points.shape == (0, 2) and found.memorized.shape == (0,)


def test_every_training_point_is_an_attractor_at_low_noise():
    points = np.random.default_rng(0).uniform(size=(SIZE, 2)) + np.arange(SIZE)[:, None]
    found, reached = sought(held(points), 0.5 * points, NoiseLevel(0.5, 0.02))
    np.testing.assert_allclose(found.points, cast(0.5 * points)[found.leader], atol=1e-5)
    assert found.memorized.all() and sorted(reached) == list(range(SIZE)) and (np.diff(found.log_prob) <= 0).all()
    np.testing.assert_array_equal(found.leader[reached], np.arange(SIZE))


def test_the_ends_are_those_of_plain_mean_shift():
    points = np.random.default_rng(1).normal(size=(SIZE, 2))
    sigma = 0.35
    found, _ = sought(held(points), points, NoiseLevel(1.0, sigma))
    x = points.copy()
    for _ in range(5000):
        energy = ((x[:, None] - points[None]) ** 2).sum(-1) / (2 * sigma**2)
        weight = np.exp(energy.min(1, keepdims=True) - energy)
        x = weight @ points / weight.sum(1, keepdims=True)
    gap = np.linalg.norm(np.unique(np.round(x, 4), axis=0)[:, None] - found.points[None], axis=-1)
    assert 3 <= len(found.points) <= 20
    # every end of the slow way is found, and nothing that is no end of it
    assert gap.min(1).max() < 2e-3 and gap.min(0).max() < 2e-3
    assert (found.leader_weight < 0.5).any() and np.array_equal(found.memorized, found.leader_weight > 0.5)


def test_deep_wells_of_a_circle_are_attractors_of_the_plane():
    turn = np.random.default_rng(3).uniform(0, 2 * np.pi, SIZE)
    points, curve = (
        np.stack([np.cos(angle), np.sin(angle)], axis=-1) for angle in (turn, 2 * np.pi * np.arange(840) / 840)
    )
    score, level = held(points), NoiseLevel(1.0, 0.08)
    along = metrics.wells(score, cast(curve), level)
    found, _ = sought(score, points, level)
    deep = along.depth > 0.05
    gap = np.linalg.norm(curve[along.index[deep]][:, None] - found.points[None], axis=-1)
    assert deep.sum() > 5 and gap.min(1).max() < 0.03
    # the same states by both: equal weights of the leading point
    np.testing.assert_allclose(found.leader_weight[gap.argmin(1)], along.leader_weight[deep], atol=0.03)


def test_one_gaussian_of_any_event_shape_has_one_attractor():
    mean, variances = cast([[0.5], [-2.0], [1.0]]), cast([[0.1], [1.0], [4.0]])
    starts = cast(np.random.default_rng(2).normal(size=(9, 3, 1)) * 5)
    found = metrics.attractors(scores.Gaussian(mean, variances), starts, NoiseLevel(0.7, 0.2))
    assert (found.reached == 0).all() and found.points.shape == (1, 3, 1)
    np.testing.assert_allclose(found.points[0], 0.7 * mean, atol=1e-5)


@pytest.mark.parametrize(
    ("level", "options", "message"),
    [
        (NoiseLevel(1.0, 0.0), {}, "`sigma` must be positive, but is 0"),
        (NoiseLevel(1.0, 1.0), {"steps": 0}, "`tolerance` and `steps` must be positive"),
        (NoiseLevel(1.0, 1.0), {"tolerance": 0.0}, "`tolerance` and `steps` must be positive"),
    ],
)
def test_bad_searches_are_one_sentence(level, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.attractors(held(TWO), cast(TWO), level, **options)
    with pytest.raises(ValueError, match="`starts` must have shape"):
        metrics.attractors(held(TWO), cast(np.zeros((0, 2))), NoiseLevel(1.0, 1.0))


@pytest.mark.parametrize("sigma", [1.2, 5.0, 20.0])
def test_two_points_with_one_attractor_between_them(sigma):
    """From a start on a point: the midpoint, which neither point owns, with exactly half of the weight each."""
    points = np.zeros((SIZE, 2), DTYPE)
    points[: SIZE // 2, 0], points[SIZE // 2 :, 0] = 1, -1
    weights = np.zeros(SIZE, DTYPE)
    weights[[0, -1]] = 0.5
    score = scores.Empirical(points, weights)
    found = metrics.attractors(score, points, NoiseLevel(DTYPE.type(1), DTYPE.type(sigma)))
    np.testing.assert_allclose(found.points, np.zeros((1, 2)), atol=1e-4)
    np.testing.assert_allclose(found.leader_weight, 0.5, atol=1e-4 / sigma**2 + 1e-6)
    assert not found.memorized.any()
