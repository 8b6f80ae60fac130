"""Critical times of two deltas, in closed form where one exists; their free energy against the density itself."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES

from diffmem import processes, theory


def test_critical_times():
    assert theory.symmetry_breaking_time(processes.OrnsteinUhlenbeck()) == pytest.approx(
        math.log1p(2**0.5) / 2, rel=1e-6
    )
    for separation in (1.0, 3.0):
        found = theory.symmetry_breaking_time(processes.EDM(), noise=0.0, separation=separation)
        assert found == pytest.approx(separation, rel=1e-6)
    # sigma^2 + sigma = 1: derived from v = (x - D)/sigma at x = 0
    golden = (5**0.5 - 1) / 2
    assert theory.symmetry_breaking_time(processes.FlowMatching(), noise=0.0) == pytest.approx(golden, rel=1e-5)


@pytest.mark.parametrize("separation", [0.3, 0.73, 0.95])
def test_the_ornstein_uhlenbeck_flow_breaks_where_the_noise_is_the_separation(separation):
    """The time in closed form, and paths from beside the midpoint, of dx/dt = -x - score by hand, around it."""
    found = theory.symmetry_breaking_time(processes.OrnsteinUhlenbeck(), noise=0.0, separation=separation)
    assert found == pytest.approx(-math.log1p(-(separation**2)) / 2, rel=1e-5)

    def growth(t, step=1e-4, x=1e-6):
        """Relative change of a small x over a step back in time."""
        alpha, variance = math.exp(-t), -math.expm1(-2 * t)
        denoised = separation * math.tanh(alpha * separation * x / variance)
        return step * (x + (alpha * denoised - x) / variance) / x

    assert growth(found * 0.99) > 0 > growth(found * 1.01)


@pytest.mark.parametrize("separation", [1.0, 1.7])
def test_the_ornstein_uhlenbeck_flow_has_no_time_for_distant_points(separation):
    with pytest.raises(ValueError, match=r"must lose its stability .* it is unstable throughout"):
        theory.symmetry_breaking_time(processes.OrnsteinUhlenbeck(), noise=0.0, separation=separation)


@pytest.mark.parametrize("separation", [0.4, 1.0, 2.5])
def test_the_reverse_sde_breaks_at_half_the_inverse_hyperbolic_sine(separation):
    found = theory.symmetry_breaking_time(processes.OrnsteinUhlenbeck(), separation=separation)
    assert found == pytest.approx(math.asinh(separation**2) / 2, rel=1e-5)


def test_magnetization():
    for ratio in (0.3, 0.8, 0.99):
        m = theory.magnetization(2 * ratio, separation=2.0)
        assert m > 0 and m == pytest.approx(math.tanh(m / ratio**2), rel=1e-12)
    assert theory.magnetization(1.0) == theory.magnetization(7.0) == 0
    assert theory.magnetization(0.0) == 1
    gaps = np.geomspace(1e-4, 1e-2, 9)
    values = np.array([theory.magnetization(math.sqrt(1 - gap)) for gap in gaps])
    assert np.polyfit(np.log(gaps), np.log(values), 1)[0] == pytest.approx(0.4993, abs=2e-4)
    assert values[0] / math.sqrt(3e-4) == pytest.approx(1, abs=4.1e-5)
    with pytest.raises(ValueError, match="`ratio` and `separation` must"):
        theory.magnetization(-1.0)


def test_free_energy_is_minus_the_log_density_along_the_axis():
    separation, sigma = 1.7, 0.9
    m = np.linspace(-2, 2, 41)
    x = separation * m
    exact = np.logaddexp(-((x - separation) ** 2) / (2 * sigma**2), -((x + separation) ** 2) / (2 * sigma**2))
    centre = np.log(2) - separation**2 / (2 * sigma**2)
    temperature = (sigma / separation) ** 2
    found = theory.two_delta_free_energy(m, sigma, separation)
    np.testing.assert_allclose(found, -temperature * (exact - centre), atol=1e-6)


@pytest.mark.parametrize("ratio", [0.2, 0.9, 1.4])
def test_free_energy_is_stationary_at_the_magnetization_and_curved_as_the_response_says(ratio):
    m = jnp.asarray(theory.magnetization(ratio), jnp.zeros(()).dtype)
    slope = jax.grad(theory.two_delta_free_energy)
    assert abs(slope(m, ratio)) < 2e-6
    # F'' = 1 - D'(m): the inverse of the response
    assert jax.grad(slope)(m, ratio) * theory.susceptibility(ratio) == pytest.approx(1, rel=2e-4)


def test_free_energy_keeps_its_digits_at_small_m_and_its_limits():
    m = jnp.asarray([1e-4, 30.0], jnp.zeros(()).dtype)
    low, high = theory.two_delta_free_energy(m, 2.0)
    assert low == pytest.approx(1e-8 / 2 * (1 - 1 / 4), rel=1e-5)
    assert high == pytest.approx(450 - 4 * (30 / 4 - math.log(2)), rel=1e-5)
    np.testing.assert_allclose(
        theory.two_delta_free_energy(np.array([-0.5, 0.0, 1.0]), 0.0), [-0.375, 0, -0.5], rtol=1e-6
    )


def test_response_diverges_with_exponent_one_and_the_posterior_variance_does_not():
    gaps = np.geomspace(1e-4, 1e-2, 9)
    below = np.array([theory.susceptibility(2 * math.sqrt(1 - gap), 2.0) for gap in gaps])
    above = np.array([theory.susceptibility(2 * math.sqrt(1 + gap), 2.0) for gap in gaps])
    np.testing.assert_allclose(above, (1 + gaps) / gaps, rtol=1e-9)
    assert np.polyfit(np.log(gaps), np.log(below), 1)[0] == pytest.approx(-0.9997, abs=3e-4)
    assert above[0] / below[0] == pytest.approx(2, abs=1e-3)
    # a shift h of D moves the fixed point by h times the response
    shift, sigma = 1e-7, 0.8
    m = theory.magnetization(sigma)
    moved = m
    for _ in range(2000):
        moved = math.tanh(moved / sigma**2) + shift
    assert (moved - m) / shift == pytest.approx(theory.susceptibility(sigma), rel=1e-4)
    assert 1 - theory.magnetization(1.0) ** 2 == 1.0 and theory.susceptibility(1.0) == math.inf
    assert theory.susceptibility(0.0) == 1.0 and theory.susceptibility(1e3) == pytest.approx(1, abs=2e-6)


@pytest.mark.parametrize("name", PROCESSES)
def test_bifurcation_is_the_speciation_of_two_points(name):
    process, separation = PROCESSES[name], 1.3
    t = theory.bifurcation_time(process, separation)
    assert t == pytest.approx(theory.speciation_time(process, np.array([separation**2])), rel=1e-5)
    level = process.level(t)
    # the slope of D at the midpoint, alpha mu^2/sigma^2, times alpha is 1 there
    assert (float(level.alpha) * separation / float(level.sigma)) ** 2 == pytest.approx(1, rel=1e-4)
    with pytest.raises(ValueError, match="`separation` must be positive"):
        theory.bifurcation_time(process, 0.0)


def test_crossings_near_the_data_are_found():
    """1/2 asinh(mu^2) for the reverse SDE of Ornstein-Uhlenbeck, sigma = mu for a variance-exploding flow."""
    process = processes.OrnsteinUhlenbeck()
    for mu in (0.05, 0.1, 0.148):
        found = theory.symmetry_breaking_time(process, 1.0, mu)
        assert found == pytest.approx(math.asinh(mu**2) / 2, rel=1e-3)
    assert theory.symmetry_breaking_time(processes.EDM(), 0.0, 0.05) == pytest.approx(0.05, rel=1e-4)
    exploding = processes.VarianceExploding()
    time = theory.symmetry_breaking_time(exploding, 0.0, 49.9)
    assert float(exploding.sigma(time)) == pytest.approx(49.9, rel=1e-4)


def test_the_ends_of_temperature():
    assert theory.two_delta_free_energy(0.5, np.inf) == 0.125
    assert theory.two_delta_free_energy(0.5, 1e25) == pytest.approx(0.125)
    assert theory.magnetization(1e200) == 0.0 and theory.susceptibility(1e200) == 1.0
