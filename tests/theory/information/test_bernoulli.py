"""The divergence of two events against its formula, its limits, and the divergence of laws that it bounds."""

import numpy as np
import pytest
from scipy.stats import norm

from diffmem import theory


def test_formula_and_limits():
    q, p = np.array([0.3, 1.0, 0.0, 0.5]), np.array([0.1, 0.2, 0.2, 0.5])
    expected = [0.3 * np.log(3) + 0.7 * np.log(7 / 9), np.log(5), np.log(1.25), 0]
    np.testing.assert_allclose(theory.bernoulli_divergence(q, p), expected, rtol=1e-12, atol=1e-15)
    assert theory.bernoulli_divergence(0.5, 0.0) == np.inf


@pytest.mark.parametrize("shift", [0.3, 1.0, 3.0])
def test_bounds_the_divergence_of_normal_laws(shift):
    """KL(N(m, 1) || N(0, 1)) = m^2/2; events {z > c}."""
    cuts = np.linspace(-2, 4, 25)
    least = theory.bernoulli_divergence(norm.sf(cuts - shift), norm.sf(cuts))
    assert (least <= shift**2 / 2).all() and least.max() > shift**2 / 4


def test_a_number_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="`p` must be between 0 and 1"):
        theory.bernoulli_divergence(0.5, 1.5)


def test_small_masses():
    """To first order in both masses q log(q/p) - q + p, which is p times a number of order 1."""
    for q, p in ((1e-20, 2e-20), (1e-17, 1e-16), (1e-10, 2e-10)):
        assert theory.bernoulli_divergence(q, p) == pytest.approx(q * np.log(q / p) - q + p, rel=1e-9)
    assert theory.bernoulli_divergence(np.array([1, 1, 0, 0.5]), np.array([1, 0.5, 1, 1])) == pytest.approx(
        [0, np.log(2), np.inf, np.inf]
    )
