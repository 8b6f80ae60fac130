"""The mass of a memorizing unit against a minimisation of its loss, and its limits."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from diffmem import theory


@pytest.mark.parametrize(("a", "n", "sigma", "decay"), [(20.0, 6, 0.2, 0.01), (3.0, 4, 0.5, 0.2), (1.0, 1, 1.0, 0.0)])
def test_is_the_minimum_of_the_loss_of_one_unit(a, n, sigma, decay):
    """E|s x (x . (x + sigma z)) - x|^2 by Gauss-Hermite nodes along x, the only direction that the unit sees."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()

    def loss(mass):
        s = mass / a
        return weights @ (a * (s * (a + sigma * np.sqrt(a) * nodes) - 1) ** 2) / n + 2 * decay * mass

    least = minimize_scalar(loss, bounds=(0, 2), method="bounded", options={"xatol": 1e-10}).x
    assert theory.memorizing_column_mass(a, n, sigma, decay) == pytest.approx(least, rel=1e-5)


def test_limits():
    """All of a point without noise and penalty, nothing of one that is not worth its penalty."""
    found = theory.memorizing_column_mass(np.array([4.0, 0.5]), 6, 0.0, 0.1)
    np.testing.assert_allclose(found, [(4 - 0.6) / 4, 0])
    np.testing.assert_allclose(theory.memorizing_column_mass(np.array([2.0, 9.0]), 3, 0.0, 0.0), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1, 0.1, 0.1), "`squared_norms` must be positive"),
        ((1.0, 0, 0.1, 0.1), "`n` must be at least 1, but is 0"),
        ((1.0, 1, -0.1, 0.1), "`sigma` must be finite and at least 0"),
        ((1.0, 1, 0.1, np.nan), "`weight_decay` must be finite"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        theory.memorizing_column_mass(*arguments)
