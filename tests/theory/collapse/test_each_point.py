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


def line_ratio(points, signed, low, high):
    """Root in the bracket of the mean weight at the first point of a line; `signed` counts are negative for others."""
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    points, signed = np.asarray(points, float), np.asarray(signed, float)

    def lead(r):
        energy = ((points[0] + r * nodes[:, None] - points) ** 2 / r**2 - nodes[:, None] ** 2) / 2
        factor = np.exp(-energy)
        return weights @ (factor @ signed / (factor @ abs(signed)))

    return brentq(lead, low, high)


@pytest.mark.parametrize(
    ("line", "groups", "repeats", "bracket"),
    [
        ([0, 0.5, 0, 4, 6], [0, 0, 1, 2, 3], [1, 1, 1, 1, 1], (1, 20)),
        ([0, 0.5, 1e-9, 4, 6], [0, 0, 1, 2, 3], [1, 1, 1, 1, 1], (1, 20)),
        ([0, 3, 0, 4, 6], [0, 0, 1, 2, 3], [1, 1, 1, 1, 1], (1, 20)),
        ([0, 0, 1, 5], [0, 1, 2, 3], [2, 1, 1, 1], (0.5, 20)),
        ([0, 0, 0, *4 * [0.5], 9, 10, 11, 12], [0, 1, 2, *4 * [0], 3, 4, 5, 6], [1] * 11, (5, 30)),
        ([0, 1, 1, 1, 100, 100, 100], [0, 1, 1, 1, 0, 0, 1], [1] * 7, (0.1, 1)),
    ],
)
def test_points_of_other_groups_at_the_same_place(line, groups, repeats, bracket):
    signed = np.where(np.array(groups) == 0, repeats, -1)
    points, groups, repeats = np.array(line, float)[:, None], np.array(groups), np.array(repeats)
    (found,) = theory.point_collapse_ratios(
        points, np.array([0]), key=KEY, groups=groups, repeats=repeats, draws=20_000
    )
    assert found == pytest.approx(line_ratio(line, signed, *bracket), rel=0.05)


def test_a_point_that_others_lie_on_in_greater_number_never_collapses():
    """The weight is 1/2 less something with one other at the place, 1/3 at most with two."""
    found = theory.point_collapse_ratios(np.array([[0.0], [0], [1], [5], [7], [7], [7]]), key=KEY)
    assert (found[[0, 1, 4, 5, 6]] == 0).all() and (found[[2, 3]] > 0.1).all()
    together = np.array([[0.0], [1], [0], [0], [0], [0]])
    groups = np.array([0, 0, 1, 1, 1, 1])
    (found,) = theory.point_collapse_ratios(together, np.array([0]), key=KEY, groups=groups, draws=100)
    assert found == 0


def test_half_of_all_weight_is_counted_however_far_it_lies():
    points, groups = np.array([[0.0], [1], [1], [1], *5 * [[1e6]]]), np.array([0, 1, 1, 1, *5 * [0]])
    assert theory.point_collapse_ratios(points, np.array([0]), key=KEY, groups=groups) == math.inf
    for seed in range(10):  # two points: each is half
        assert np.isinf(theory.point_collapse_ratios(np.array([[0.0], [1.0]]), key=jr.key(seed))).all()


def test_ratios_in_far_groups_do_not_depend_on_how_far():
    points = np.round(64 * np.random.default_rng(6).normal(size=(40, 3))) / 64
    sides = np.repeat([[1.0], [-1.0]], 20, axis=0)
    near, far = (theory.point_collapse_ratios(points + distance * sides, key=KEY) for distance in (1e2, 2.0**44))
    # their brackets differ, and with them the places of bisection
    assert np.isfinite(near).all() and (abs(far / near - 1) < 2e-3).all()
