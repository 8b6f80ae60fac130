"""The collapse of each point, against quadrature, against the exact posterior, and in its order."""

import math

import jax
import jax.random as jr
import numpy as np
import pytest

from diffmem import reductions, scores, theory
from diffmem.level import NoiseLevel

KEY = jr.key(0)


def half_weight_ratio(others: int, distance: float, repeats: float = 1.0) -> float:
    """r where `E 1/(1 + (m/c) e^-(s^2/2 + s g)) = 1/2`, s = distance/r, g standard Gaussian: m others at one place."""
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.hermite_e.hermegauss(200)

    def excess(log_r):
        s = distance / math.exp(log_r)
        odds = math.log(others / repeats) - s**2 / 2 - s * nodes
        return weights @ (1 / (1 + np.exp(odds))) / weights.sum() - 0.5

    return math.exp(brentq(excess, math.log(distance / 50), math.log(distance * 50)))


@pytest.mark.parametrize(("others", "repeats"), [(10, 1), (100, 1), (100, 5)])
def test_a_point_beside_many_at_one_place_is_told_from_them_where_quadrature_says(others, repeats):
    points = np.concatenate([[[3.0, 0.0]], np.zeros((others, 2))])
    counts = np.r_[repeats, np.ones(others)]
    (found,) = theory.point_collapse_ratios(points, np.array([0]), key=KEY, repeats=counts, draws=4000)
    assert found == pytest.approx(half_weight_ratio(others, 3.0, repeats), rel=0.02)


def test_at_its_ratio_a_point_holds_half_of_the_exact_posterior_weight():
    points = np.asarray(jr.normal(jr.key(1), (60, 3), "float32"))
    of = np.array([3, 40])
    found = theory.point_collapse_ratios(points, of, key=KEY, draws=2000)
    score = scores.Empirical(points, reduction=reductions.Dense())
    for i, ratio in zip(of, found):
        z = np.asarray(jr.normal(jr.key(2), (2000, 3), "float32"))
        level = NoiseLevel(1.0, float(ratio))
        index, weight = jax.vmap(lambda x: score.weights(x, level, 60))(points[i] + np.float32(ratio) * z)
        own = np.asarray(weight)[np.asarray(index) == i]
        assert own.shape == (2000,)
        assert own.mean() == pytest.approx(0.5, abs=float(5 * own.std() / 2000**0.5))


def test_a_planted_outlier_is_first_and_a_repeated_point_before_its_likes():
    points = np.array(jr.normal(jr.key(3), (200, 8)), np.float64)
    points[17] *= 4
    ratios = theory.point_collapse_ratios(points, key=KEY)
    assert ratios.argmax() == 17
    repeats = np.ones(200)
    repeats[5] = 20
    again = theory.point_collapse_ratios(points, key=KEY, repeats=repeats)
    assert again[5] > 1.2 * ratios[5]
    np.testing.assert_array_equal(np.delete(again, 5), np.delete(ratios, 5))


def test_near_twins_collapse_together_far_above_the_noise_that_tells_them_apart():
    points = np.array(jr.normal(jr.key(4), (100, 6)), np.float64)
    points[:4] = points[0] + 1e-9 * points[:4]
    apart = theory.point_collapse_ratios(points, np.arange(4), key=KEY)
    groups = np.maximum(np.arange(100), 3)
    together = theory.point_collapse_ratios(points, np.arange(4), key=KEY, groups=groups)
    assert apart.max() < 1e-7 and together.min() > 0.1


def test_the_mean_of_all_points_agrees_with_the_collapse_of_the_set():
    points = np.asarray(jr.normal(jr.key(5), (400, 20)), np.float64)
    ratios = theory.point_collapse_ratios(points, key=KEY)
    whole = theory.subset_collapse_ratio(points, 400, key=jr.key(6))
    assert np.median(ratios) == pytest.approx(float(whole.value), rel=0.05)


def test_units_and_what_else_is_asked_for_change_nothing():
    points = np.array(jr.normal(jr.key(7), (50, 4)), np.float64)
    ratios = theory.point_collapse_ratios(points, key=KEY)
    np.testing.assert_allclose(theory.point_collapse_ratios(1000 * points, key=KEY), 1000 * ratios, rtol=1e-6)
    np.testing.assert_array_equal(theory.point_collapse_ratios(points, np.array([7, 3]), key=KEY), ratios[[7, 3]])


def test_a_group_with_half_of_all_weight_never_shares_it():
    points = np.array([[0.0], [1.0], [2.0]])
    found = theory.point_collapse_ratios(points, key=KEY, groups=np.array([0, 0, 1]), repeats=np.array([1, 1, 9]))
    assert np.isinf(found).all()


@pytest.mark.parametrize("bad", [np.zeros((1, 2)), np.array([[np.nan], [1.0]])])
def test_points_that_have_no_ratio_are_refused(bad):
    with pytest.raises(ValueError, match="`points` must"):
        theory.point_collapse_ratios(bad, key=KEY)
