"""Collapse of subsets of points: against the random-energy law, by symmetry, and beyond the points there are."""

import math

import jax
import numpy as np
import pytest
from scipy.optimize import brentq

from diffmem import theory
from diffmem.theory.collapse.from_points import pair_gaps

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
    gaps = pair_gaps(points, key=jax.random.split(KEY)[0], queries=1000)
    energy = gaps.square / (2 * 0.8**2) + gaps.projection / 0.8
    direct = 1 / np.exp(-energy).sum(axis=1)  # the own point has energy 0
    found = theory.subset_own_weight(points, 6, np.array([0.8]), key=KEY)
    np.testing.assert_allclose(np.asarray(found.value), [direct.mean()], rtol=1e-12)


def test_the_collapse_of_a_subset_is_that_of_as_many_fresh_points():
    points = RNG.normal(size=(1000, D))
    for n in (50, 1000):
        found = theory.subset_collapse_ratio(points, n, key=KEY)
        # and 2 % for the choice of the points, from whose subsets all queries come
        assert abs(found.value - exact_ratio(n)) < 4 * found.error + 0.02 * found.value
        assert 0 < found.error < 0.03 * found.value


@pytest.mark.slow
def test_the_error_is_the_spread_over_keys():
    """Thirty sets of queries and noises on the same points."""
    points = RNG.normal(size=(500, 6))
    for crossing in (
        lambda key: theory.subset_collapse_ratio(points, 500, key=key, queries=100),
        lambda key: theory.extrapolated_collapse_ratio(points, 2000, key=key, queries=100),
    ):
        found = [crossing(key) for key in jax.random.split(KEY, 30)]
        values, errors = np.array(found).T
        # a standard deviation of 30 values is known to 13 %
        assert values.std(ddof=1) == pytest.approx(errors.mean(), rel=0.45)


def test_scale_and_shift():
    points = RNG.normal(size=(300, 5))
    found = theory.subset_collapse_ratio(points, 60, key=KEY).value
    moved = theory.subset_collapse_ratio(5 * points + 1000, 60, key=KEY).value
    assert moved == pytest.approx(5 * found, rel=1e-5)


def test_more_points_than_there_are():
    """Gaussian points, whose law is known for every n: from 400 points, whose choice moves it by 2 %, to 8 times as
    many. In the mean over four sets 5 %."""
    sets = [RNG.normal(size=(400, D)) for _ in range(4)]
    found = [theory.extrapolated_collapse_ratio(points, 3200, key=KEY).value for points in sets]
    assert np.mean(found) == pytest.approx(exact_ratio(3200), rel=0.05)
    points = sets[0]
    assert theory.extrapolated_collapse_ratio(points, 200, key=KEY) == theory.subset_collapse_ratio(
        points, 200, key=KEY
    )


def test_the_extrapolated_ratio_is_larger_at_fewer_points():
    points = RNG.normal(size=(128, 6)) * np.array([3, 2, 1, 1, 0.5, 0.1])
    sizes = [64, 128, 256, 512, 1024]
    found = [theory.extrapolated_collapse_ratio(points, n, key=KEY).value for n in sizes]
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda p: theory.subset_own_weight(p, 1, np.ones(1), key=KEY), "`n` must be between 2 and 20"),
        (lambda p: theory.subset_own_weight(p, 21, np.ones(1), key=KEY), "`n` must be between 2 and 20"),
        (lambda p: theory.subset_own_weight(p, 5, np.zeros(1), key=KEY), "`ratio` must be positive"),
        (lambda p: theory.subset_collapse_ratio(p, 2, key=KEY), "`n` must be at least 3"),
        (lambda p: theory.extrapolated_collapse_ratio(p, 30, key=KEY), "`points` must be at least 64"),
        (lambda p: theory.subset_collapse_ratio(np.zeros((20, 2)), 5, key=KEY), "`points` must be mostly distinct"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(RNG.normal(size=(20, 2)))
