"""The noncentral chi-square law against SciPy in its range, and against series and closed forms far outside it."""

import numpy as np
import pytest
from scipy.special import gammaln, log_ndtr, logsumexp
from scipy.stats import chi2, ncx2

from diffmem.theory.random_energy import noncentral

SCORES = np.array([-6.0, -3, -1, -0.2, 0, 0.2, 1, 3, 6])


def saddle(x, d, noncentrality):
    """The place q of x: the positive root of L w^2 + d w = x for w = e^-q."""
    return -np.log(2 * x / (d + np.sqrt(d**2 + 4 * noncentrality * x)))


@pytest.mark.parametrize("d", [2, 3, 5, 10, 100, 1000])
@pytest.mark.parametrize("per_dimension", [0.0, 0.1, 1.0, 30.0])
def test_tails_and_density_in_scipys_range(d, per_dimension):
    noncentrality = np.full(len(SCORES), per_dimension * d)
    q = noncentral.quantile(SCORES, float(d), noncentrality)
    x, _ = noncentral.value_at(q, float(d), noncentrality)
    law = ncx2(d, per_dimension * d) if per_dimension else chi2(d)
    tails = noncentral.log_tails(q, float(d), noncentrality)
    # SciPy's own tails lose digits below 1e-12
    near = np.abs(SCORES) < 5
    np.testing.assert_allclose(np.exp(tails.below)[near], law.cdf(x)[near], rtol=2e-11)
    np.testing.assert_allclose(np.exp(tails.above)[near], law.sf(x)[near], rtol=2e-11)
    np.testing.assert_allclose(tails.below, log_ndtr(SCORES), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(tails.above, log_ndtr(-SCORES), rtol=1e-11, atol=1e-11)
    slope = d * np.exp(-q) + 2 * noncentrality * np.exp(-2 * q)
    found = np.exp(noncentral.log_density(q, float(d), noncentrality)) / slope
    np.testing.assert_allclose(found[near], law.pdf(x)[near], rtol=1e-10)


def log_probability_by_series(x, d, noncentrality):
    """log P(X < x) as a Poisson mixture of incomplete gamma functions, each a power series, all in logarithms."""
    j = np.arange(int(noncentrality + 20 * noncentrality**0.5 + 60))[:, None]
    shape, z = d / 2 + j, x / 2
    terms = np.arange(400)
    series = logsumexp(terms * np.log(z) - gammaln(shape + terms + 1) + gammaln(shape + 1), axis=1)
    gamma = shape[:, 0] * np.log(z) - z - gammaln(shape[:, 0] + 1) + series
    j = j[:, 0]
    poisson = j * np.log(noncentrality / 2) - noncentrality / 2 - gammaln(j + 1)
    return logsumexp(poisson + gamma)


@pytest.mark.parametrize(
    ("d", "noncentrality", "x"), [(10, 20.0, 1e-30), (50, 100.0, 0.01), (1000, 1500.0, 300.0), (1000, 3000.0, 900.0)]
)
def test_far_tail_by_series(d, noncentrality, x):
    exact = log_probability_by_series(x, d, noncentrality)
    q = np.array(saddle(x, d, noncentrality))
    found = noncentral.log_tails(q, float(d), np.array(noncentrality)).below
    assert exact < -200
    np.testing.assert_allclose(found, exact, rtol=1e-13, atol=1e-10)


def test_two_dimensions_about_the_mean_point_is_exponential():
    x = np.array([1e-280, 1e-9, 1.0, 60.0, 1400.0])
    tails = noncentral.log_tails(saddle(x, 2, 0.0), 2.0, np.zeros(5))
    np.testing.assert_allclose(tails.above[2:], -x[2:] / 2, rtol=1e-12)
    np.testing.assert_allclose(tails.below, np.log(-np.expm1(-x / 2)), rtol=1e-12, atol=1e-12)


def test_one_dimension_is_a_folded_normal():
    mean, x = 40.0, np.array([25.0, 38.0, 40.0, 42.0, 60.0]) ** 2
    q = saddle(x, 1, mean**2)
    tails = noncentral.log_tails(q, 1.0, np.full(5, mean**2))
    np.testing.assert_allclose(tails.below, log_ndtr(np.sqrt(x) - mean), rtol=1e-9)
    np.testing.assert_allclose(tails.above, log_ndtr(mean - np.sqrt(x)), rtol=1e-9)


@pytest.mark.parametrize(
    ("d", "noncentrality", "tilt", "score"),
    [(7, 3.0, 0.5, -2.0), (7, 3.0, 0.5, 1.0), (50, 40.0, 2.0, -6.0), (50, 40.0, 2.0, -3.0), (300, 100.0, 0.1, -2.0)],
)
def test_tilted_tails_are_those_of_another_noncentral_law(d, noncentrality, tilt, score):
    """e^(-tilt X/2) f(x) is M times the density of Y/(1 + tilt), Y of noncentrality L/(1 + tilt)."""
    q = noncentral.quantile(np.array(score), float(d), np.array(noncentrality))
    x, _ = noncentral.value_at(q, float(d), np.array(noncentrality))
    found = noncentral.log_tails(q, float(d), np.array(noncentrality), tilt)
    grown = 1 + tilt
    log_mean = -d / 2 * np.log(grown) - noncentrality * tilt / grown / 2 + tilt * x / 2
    law = ncx2(d, noncentrality / grown)
    np.testing.assert_allclose(found.below, log_mean + law.logcdf(grown * x), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found.above, log_mean + law.logsf(grown * x), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("d", [10.0, 1e3, 1e6, 1e12])
@pytest.mark.parametrize("per_dimension", [1.0, 5e10])
def test_quantiles_return_far_in_both_tails(d, per_dimension):
    scores = np.array([-45.0, -21.3, -8, -1, 0, 1, 8, 20])
    noncentrality = np.full(8, per_dimension * d)
    tails = noncentral.log_tails(noncentral.quantile(scores, d, noncentrality), d, noncentrality)
    np.testing.assert_allclose(tails.below, log_ndtr(scores), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(tails.above, log_ndtr(-scores), rtol=1e-10, atol=1e-10)


def test_a_million_millions_of_dimensions_are_nearly_normal():
    """Cornish and Fisher's expansion to the skewness; the next term is 1e-10."""
    d, noncentrality = 1e12, np.full(len(SCORES), 3e12)
    q = noncentral.quantile(SCORES, d, noncentrality)
    _, offset = noncentral.value_at(q, d, noncentrality)
    variance = 2 * d + 4 * noncentrality
    skewness = 8 * (d + 3 * noncentrality) / variance**1.5
    np.testing.assert_allclose(offset / np.sqrt(variance), SCORES + skewness / 6 * (SCORES**2 - 1), atol=1e-9)
