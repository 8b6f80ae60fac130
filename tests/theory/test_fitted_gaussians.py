"""Disagreement of two fitted Gaussians: closed forms, a Monte Carlo without the library, invariances."""

import numpy as np
import pytest

from diffmem import theory

SPECTRUM = np.array([4.0, 1.0, 0.3, 0.02, 0.0])


@pytest.mark.parametrize("d", [1, 2, 7, 50])
def test_equal_eigenvalues(d):
    """(d + 1)/2 of n with the mean known, and 2 more with it fitted."""
    found = theory.gaussian_reproducibility_error(100, np.full(d, 0.3), known_mean=True)
    assert found == pytest.approx((d + 1) / 200)
    assert theory.gaussian_reproducibility_error(100, np.full(d, 0.3)) == pytest.approx((d + 5) / 200)


def test_one_direction_is_the_scatter_of_a_standard_deviation():
    """s_A = sqrt(chi^2_n / n) has variance 1 - E[s]^2, E[s] = sqrt(2/n) Gamma((n + 1)/2)/Gamma(n/2)."""
    from scipy.special import gammaln

    n = 4000
    mean = np.sqrt(2 / n) * np.exp(gammaln((n + 1) / 2) - gammaln(n / 2))
    exact = 2 * (1 - mean**2)
    assert theory.gaussian_reproducibility_error(n, np.array([2.5]), known_mean=True) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("known_mean", [True, False])
def test_roots_of_sampled_covariances(known_mean):
    rng, n, pairs = np.random.default_rng(0), 3000, 200

    def fitted():
        points = rng.normal(size=(n, len(SPECTRUM))) * np.sqrt(SPECTRUM)
        mean = np.zeros(len(SPECTRUM)) if known_mean else points.mean(0)
        values, axes = np.linalg.eigh((points - mean).T @ (points - mean) / n)
        return mean, (axes * np.sqrt(np.maximum(values, 0))) @ axes.T

    errors = []
    for _ in range(pairs):
        (m, a), (other, b) = fitted(), fitted()
        errors.append((np.sum((m - other) ** 2) + np.sum((a - b) ** 2)) / SPECTRUM.sum())
    expected = theory.gaussian_reproducibility_error(n, SPECTRUM, known_mean=known_mean)
    assert abs(np.mean(errors) - expected) < 4 * np.std(errors) / pairs**0.5 + 0.01 * expected


def test_scale_order_and_dead_directions_do_not_matter():
    plain = theory.gaussian_reproducibility_error(10, SPECTRUM)
    assert theory.gaussian_reproducibility_error(10, 1e-8 * SPECTRUM[::-1]) == pytest.approx(plain)
    assert theory.gaussian_reproducibility_error(10, SPECTRUM[:4]) == pytest.approx(plain)
    assert theory.gaussian_reproducibility_error(20, SPECTRUM) == pytest.approx(plain / 2)


def test_bounds_of_the_docstring():
    for seed in range(20):
        values = np.random.default_rng(seed).exponential(size=12) ** 3
        found = theory.gaussian_reproducibility_error(1, values, known_mean=True)
        assert 1 <= found <= 6.5 * values.max() / values.mean()


@pytest.mark.parametrize(
    ("n", "spectrum", "message"),
    [
        (0, SPECTRUM, "`n` must be finite and at least 1, but is 0"),
        (np.inf, SPECTRUM, "`n` must be finite"),
        (10, np.zeros(2), "positive eigenvalue"),
        (10, np.array([1.0, -1.0]), "finite and nonnegative"),
    ],
)
def test_bad_arguments_are_one_sentence(n, spectrum, message):
    with pytest.raises(ValueError, match=message):
        theory.gaussian_reproducibility_error(n, spectrum)
