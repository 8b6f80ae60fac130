"""Collapse of subsets of points: against the random-energy law, direct energies, by symmetry."""

import math

import jax
import numpy as np
import pytest
from scipy.optimize import brentq

from diffmem import theory
from diffmem.theory.collapse.subsets import Drawn, crossing, drawn, left_out_means, other_factors, own_weights

KEY = jax.random.key(4)
RNG = np.random.default_rng(11)
D = 16
LAW = theory.IsotropicGaussian(D, 1.0)


def exact_ratio(n):
    """Where the own weight in the exact random-energy law is 1/2; the same draws at each ratio, so it is smooth."""

    def excess(log_ratio):
        return float(theory.random_energy_own_weight(n, LAW, math.exp(log_ratio), key=KEY, queries=400).value) - 0.5

    centre = math.log(theory.collapse_ratio(n, np.ones(D)))
    return math.exp(brentq(excess, centre - 0.3, centre + 0.3, xtol=3e-3))


@pytest.mark.slow
def test_own_weights_of_subsets_are_those_of_the_random_energy_law():
    points, ratios = RNG.normal(size=(1000, D)), np.array([0.5, 0.9])
    found = theory.subset_own_weight(points, 100, ratios, key=KEY)
    exact = theory.random_energy_own_weight(100, LAW, ratios, key=KEY)
    error = np.hypot(np.asarray(found.error), np.asarray(exact.error))
    assert (np.abs(np.asarray(found.value) - np.asarray(exact.value)) < 4 * error).all()


def test_all_points_are_one_subset():
    """n = N: the posterior weight itself, from direct energies with the noise solved from the gaps."""
    points = RNG.normal(size=(6, 3))
    gaps, _ = drawn(points, 6, KEY, 6)
    energy = gaps.square / (2 * 0.8**2) + gaps.projection / 0.8
    direct = 1 / np.exp(-energy).sum(axis=1)  # the own point has energy 0
    found = theory.subset_own_weight(points, 6, np.array([0.8]), key=KEY, queries=6)
    np.testing.assert_allclose(np.asarray(found.value), [direct.mean()], rtol=1e-12)


@pytest.mark.slow
def test_the_collapse_of_a_subset_is_that_of_as_many_fresh_points():
    points = RNG.normal(size=(1000, D))
    for n in (50, 1000):
        found = theory.subset_collapse_ratio(points, n, key=KEY)
        assert abs(found.value - exact_ratio(n)) < 4 * found.error
        assert 0 < found.error < 0.03 * found.value


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 200])
def test_the_error_is_the_spread_over_sets(n):
    """Forty sets of points, of very different scales within each: most of the error is which scales are there."""
    found = []
    for key in jax.random.split(KEY, 40):
        points = np.exp(RNG.normal(size=(200, 1))) * RNG.normal(size=(200, 6))
        found.append(theory.subset_collapse_ratio(points, n, key=key, queries=400))
    values, errors = np.array(found).T
    # a standard deviation of 40 values is known to 11 %; the slower side of the slope widens the error
    assert 0.75 < values.std(ddof=1) / errors.mean() < 1.25
    assert (abs(values - values.mean()) < 2 * errors).mean() >= 0.9


def test_leaving_out_groups_one_point_each():
    """Twenty points in twenty groups: the mean own weights of the sets without one, by the formula."""
    points = RNG.normal(size=(20, 3))
    gaps, order = drawn(points, 20, KEY, 20)
    factors = other_factors(gaps, 0.7)
    expected = []
    for left_out in order:
        kept = [i for i in range(20) if gaps.own[i] != left_out]
        rest = [j for j in range(20) if j != left_out]
        expected.append(np.mean([1 / (1 + factors[i, rest].sum()) for i in kept]))
    found = crossing(Drawn(gaps, order), 20, 0.7).log_ratio
    again = other_factors(gaps, np.exp(found))
    assert own_weights(again, gaps.own, order, 20).mean() == pytest.approx(0.5, abs=1e-5)
    np.testing.assert_allclose(left_out_means(factors, gaps.own, order, 20), expected, rtol=1e-12)


def test_fewer_points_than_queries_get_several_noises():
    gaps, order = drawn(RNG.normal(size=(30, 2)), 30, KEY, 100)
    assert gaps.square.shape == (90, 30) and sorted(order) == list(range(30))
    assert (np.bincount(gaps.own) == 3).all() and len(np.unique(gaps.projection[:, 0])) > 85


def test_scale_and_shift():
    points = RNG.normal(size=(300, 5))
    found = theory.subset_collapse_ratio(points, 60, key=KEY).value
    moved = theory.subset_collapse_ratio(5 * points + 1000, 60, key=KEY).value
    assert moved == pytest.approx(5 * found, rel=1e-5)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda p: theory.subset_own_weight(p, 1, np.ones(1), key=KEY), "`n` must be between 2 and 20"),
        (lambda p: theory.subset_own_weight(p, 21, np.ones(1), key=KEY), "`n` must be between 2 and 20"),
        (lambda p: theory.subset_own_weight(p, 5, np.zeros(1), key=KEY), "`ratio` must be positive"),
        (lambda p: theory.subset_collapse_ratio(p, 2, key=KEY), "`n` must be at least 3"),
        (lambda p: theory.subset_collapse_ratio(np.zeros((20, 2)), 5, key=KEY), "`points` must be mostly distinct"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(RNG.normal(size=(20, 2)))


@pytest.mark.slow
@pytest.mark.parametrize("far", [1e4, 1e8, 1e12])
def test_one_point_far_away_changes_nothing_for_the_others(far):
    points = np.random.default_rng(5).normal(size=(81, 3))
    points[80] = far
    near = theory.subset_collapse_ratio(points[:80], 80, key=jax.random.key(0))
    found = theory.subset_collapse_ratio(points, 81, key=jax.random.key(0))
    assert abs(found.value - near.value) < 3 * near.error
    alone = theory.point_collapse_ratios(points, key=jax.random.key(1))
    np.testing.assert_allclose(alone[:80], theory.point_collapse_ratios(points[:80], key=jax.random.key(1)), rtol=1e-3)
    assert alone[80] > far / 10


def test_the_collapse_in_far_groups_does_not_depend_on_how_far():
    points = np.round(1024 * np.random.default_rng(6).normal(size=(60, 3))) / 1024
    sides = np.repeat([[1.0], [-1.0]], 30, axis=0)
    near, far = (points + distance * sides for distance in (1e3, 1e8))
    weights = [theory.subset_own_weight(each, 60, np.array([0.1, 0.5]), key=KEY).value for each in (near, far)]
    np.testing.assert_allclose(*weights, rtol=1e-6)
    ratios = [theory.subset_collapse_ratio(each, 60, key=KEY) for each in (near, far)]
    np.testing.assert_allclose(*ratios, rtol=1e-4)


def test_points_that_are_all_there_twice_never_hold_half_of_the_weight():
    twice = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 2, axis=0)
    for key in jax.random.split(KEY, 5):
        with pytest.raises(ValueError, match="`points` must be mostly distinct"):
            theory.subset_collapse_ratio(twice, 40, key=key, queries=100)
