"""Excess entropy of real training sets against the large-d formula."""

import numpy as np
import pytest
from scipy.special import logsumexp

from diffmem import theory


def forward_log_probs(n, d, ratio, rng, queries=600):
    """log p_emp at forward samples of n points of N(0, I), alpha = 1, sigma = ratio."""
    points = rng.normal(size=(n, d))
    noisy = points[rng.integers(n, size=queries)] + ratio * rng.normal(size=(queries, d))
    energy = ((noisy**2).sum(1)[:, None] + (points**2).sum(1) - 2 * noisy @ points.T) / (2 * ratio**2)
    return logsumexp(-energy, axis=1) - np.log(n) - d / 2 * np.log(2 * np.pi * ratio**2)


@pytest.mark.parametrize(("d", "theory_at"), [(32, 0.521), (64, 0.651)])
def test_training_sets_past_collapse(d, theory_at):
    n = 1000
    collapse = np.log1p(theory.collapse_ratio(n, np.ones(d)) ** 2) / 2
    ratio = float(np.sqrt(np.expm1(2 * 1.6 * collapse)))
    most = np.log(n) / d
    predicted = float(theory.gaussian_excess_entropy(ratio**-2, np.ones(d), n)) / most
    assert predicted == pytest.approx(theory_at, abs=1e-3)
    found = theory.excess_entropy(forward_log_probs(n, d, ratio, np.random.default_rng(0)), ratio, n, d)
    assert abs(float(found.value) / most - predicted) < 0.04 + 3 * float(found.error) / most


def test_both_ends():
    n, d, rng = 100, 16, np.random.default_rng(1)
    collapsed = theory.excess_entropy(forward_log_probs(n, d, 0.01, rng), 0.01, n, d)
    assert abs(float(collapsed.value)) < 3 * float(collapsed.error)
    merged = theory.excess_entropy(forward_log_probs(n, d, 1e4, rng), 1e4, n, d)
    assert abs(float(merged.value) - np.log(n) / d) < 3 * float(merged.error)


def test_formula_is_zero_before_the_collapse_ratio():
    variances = np.array([2.0, 1.0, 0.2])
    ratio = theory.collapse_ratio(20, variances)
    assert theory.gaussian_excess_entropy((0.9 * ratio) ** -2, variances, 20) == 0
    assert theory.gaussian_excess_entropy((1.1 * ratio) ** -2, variances, 20) > 0
    assert float(theory.gaussian_excess_entropy(0.0, variances, 20)) == pytest.approx(np.log(20) / 3, rel=1e-6)


def test_bad_dimension():
    with pytest.raises(ValueError, match="`d` must be at least 1, but is 0"):
        theory.excess_entropy(np.zeros(3), 1.0, 5, 0)


def test_levels_on_later_axes_and_the_population():
    """With log p of the population it is (log n - I)/d; all levels at once or one by one."""
    rng, n, d, sigma = np.random.default_rng(3), 50, 4, np.array([0.5, 2.0])
    x = rng.normal(size=(20_000, d)) * np.sqrt(1 + sigma[:, None, None] ** 2)
    variance = 1 + sigma[:, None] ** 2
    log_probs = (-(x**2).sum(-1) / (2 * variance) - d / 2 * np.log(2 * np.pi * variance)).T
    found = theory.excess_entropy(log_probs, sigma, n, d)
    expected = np.log(n) / d - np.log1p(sigma**-2) / 2
    assert (np.abs(np.asarray(found.value) - expected) < 4 * np.asarray(found.error)).all()
    one = theory.excess_entropy(log_probs[:, 1], 2.0, n, d)
    np.testing.assert_allclose(one.value, found.value[1], rtol=1e-5)
