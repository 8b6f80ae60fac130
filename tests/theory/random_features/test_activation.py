"""Constants of an activation: polynomials in closed form, tabulated tanh values, an independent integral, the clocks."""

import math

import numpy as np
import pytest
from examples import PROCESSES
from scipy.integrate import quad

from diffmem import theory
from diffmem.level import NoiseLevel


def unit(t):
    return NoiseLevel(math.exp(-t), math.sqrt(-math.expm1(-2 * t)))


@pytest.mark.parametrize("level", [NoiseLevel(0.8, 0.6), NoiseLevel(1.3, 0.2), NoiseLevel(0.0, 0.7)])
def test_a_cube_in_closed_form(level):
    """f = x^3: a = 3 Gamma^2, v^2 = 6 alpha^6, s^2 = 6 (Gamma^6 - alpha^6)."""
    found, (alpha, sigma) = theory.activation_moments(level, lambda x: x**3), level
    gamma = math.hypot(alpha, sigma)
    assert found.slope == pytest.approx(3 * gamma**2, rel=1e-12)
    assert found.conditional == pytest.approx(6 * alpha**6, rel=1e-10, abs=1e-14)
    assert found.floor == pytest.approx(6 * (gamma**6 - alpha**6), rel=1e-10)
    assert found.signal == pytest.approx((3 * gamma**2 * alpha) ** 2) and found.gamma == pytest.approx(gamma)


@pytest.mark.parametrize(("t", "conditional", "floor"), [(0.01, 0.02554, 0.001874), (0.1, 0.01384, 0.01357)])
def test_tabulated_values_of_tanh(t, conditional, floor):
    found = theory.activation_moments(unit(t))
    assert found.slope == pytest.approx(0.60571, abs=5e-6)
    assert found.slope**2 + found.nonlinear == pytest.approx(0.39429, abs=6e-6)
    assert found.conditional == pytest.approx(conditional, abs=6e-6) and found.floor == pytest.approx(floor, abs=6e-6)


@pytest.mark.parametrize("name", PROCESSES)
def test_parts_add_up_on_every_process(name):
    """E f^2 = (a alpha)^2 + (a sigma)^2 + v^2 + s^2, the left side by adaptive integration."""
    process = PROCESSES[name]
    for ratio in (0.01, 0.6, 3.0):
        level = NoiseLevel(*(float(part) for part in process.level(process.time_at(np.float32(ratio)))))
        found = theory.activation_moments(level, np.arctan)
        density = lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi)  # noqa: E731
        square = quad(lambda x: density(x) * math.atan(found.gamma * x) ** 2, -12, 12, epsabs=1e-13)[0]
        assert found.signal + found.noise + found.nonlinear == pytest.approx(square, rel=1e-6)
        assert found.conditional > 0 and found.floor > 0


def test_limits():
    """A linear activation leaves nothing; without noise the datum explains all; s^2 = sigma^2 (E f'^2 - a^2) at small."""
    linear = theory.activation_moments(NoiseLevel(0.6, 0.8), lambda x: 2 * x)
    assert linear.slope == pytest.approx(2) and linear.nonlinear < 1e-24
    clean = theory.activation_moments(NoiseLevel(1.0, 0.0))
    assert clean.floor < 1e-24 and clean.noise == 0
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    steep = weights @ np.cosh(nodes) ** -4 / weights.sum()
    for sigma in (1e-6, 1e-3):
        found = theory.activation_moments(NoiseLevel(1.0, sigma))
        assert found.floor == pytest.approx(sigma**2 * (steep - found.slope**2), rel=1e-5)


@pytest.mark.parametrize(
    ("level", "activation", "message"),
    [
        (NoiseLevel(0.0, 0.0), np.tanh, "`level` must be finite, nonnegative and not 0, but is"),
        (NoiseLevel(-1.0, 0.5), np.tanh, "`level` must be finite"),
        (NoiseLevel(0.6, 0.8), lambda x: np.maximum(x, 0), "`activation` must have mean 0 under noisy data"),
    ],
)
def test_bad_input_is_one_sentence(level, activation, message):
    with pytest.raises(ValueError, match=message):
        theory.activation_moments(level, activation)


def test_an_activation_with_a_kink_may_be_centred_by_its_exact_mean():
    """max(u, 0) - 1/sqrt(2 pi) for data of variance 1: a = 1/2, and a^2 + v^2 + s^2 is all of its variance."""
    level = NoiseLevel(0.8, 0.6)
    found = theory.activation_moments(level, lambda u: np.maximum(u, 0) - 1 / math.sqrt(2 * math.pi))
    assert found.slope == pytest.approx(0.5, abs=1e-3)
    total = found.slope**2 + found.conditional + found.floor
    assert total == pytest.approx(0.5 - 1 / (2 * math.pi), abs=1e-3)
