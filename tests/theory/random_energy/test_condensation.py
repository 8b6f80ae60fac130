"""Free energy and entropy of the background: quadrature, derivatives, drawn points, limits, the collapse identity."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import logsumexp

from diffmem import theory

SPECTRUM = np.array([3.0, 1.0, 0.2, 0.0])


def phi(beta, snr, spectrum=SPECTRUM):
    return theory.annealed_log_partition(beta, snr, spectrum, 1)


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5])
def test_annealed_sum_by_quadrature(beta):
    """One coordinate: E over u of log E over y, the inner mean and the outer one each integrated numerically."""
    variance, noise = 1.7, 0.6
    total = variance + noise

    def density(x, v):
        return math.exp(-(x**2) / (2 * v)) / math.sqrt(2 * math.pi * v)

    grid = np.linspace(-12, 12, 4001)
    step = grid[1] - grid[0]
    y = grid * math.sqrt(variance)
    weight = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi) * step
    u = grid[::20] * math.sqrt(total)
    inner = np.log(np.exp(-beta * (u[:, None] - y) ** 2 / (2 * noise)) @ weight)
    outer = np.exp(-(grid[::20] ** 2) / 2) / math.sqrt(2 * math.pi) * step * 20
    assert phi(beta, 1 / noise, np.array([variance])) == pytest.approx(float(inner @ outer), rel=1e-9)
    # and one value of the inner mean by an adaptive rule
    direct = dblquad(lambda v, _: math.exp(-beta * (u[80] - v) ** 2 / (2 * noise)) * density(v, variance), 0, 1, -9, 9)[
        0
    ]
    assert inner[80] == pytest.approx(math.log(direct), rel=1e-7)


def test_entropy_is_the_legendre_transform():
    beta, snr, n, step = np.array([0.2, 0.9, 1.0, 3.0]), 0.7, 1e4, 1e-5
    slope = (phi(beta + step, snr) - phi(beta - step, snr)) / (2 * step)
    expected = math.log(n) + phi(beta, snr) - beta * slope
    np.testing.assert_allclose(theory.background_entropy(beta, snr, SPECTRUM, n), expected, atol=1e-8)
    falling = theory.background_entropy(np.geomspace(1e-3, 1e3, 50), snr, SPECTRUM, n)
    assert (np.diff(falling) < 0).all()


@pytest.mark.parametrize("n", [7, 10**5, 10**60])
def test_collapse_is_condensation_at_the_temperature_of_the_diffusion(n):
    ratio = theory.collapse_ratio(n, SPECTRUM)
    assert theory.condensation_inverse_temperature(ratio**-2, SPECTRUM, n) == pytest.approx(1, rel=1e-8)
    snr = 0.37
    left = math.log(n) - float(theory.gaussian_information(snr, SPECTRUM))
    assert theory.background_entropy(1.0, snr, SPECTRUM, n) == pytest.approx(left, rel=1e-6, abs=1e-5)
    for factor in (0.3, 2.0, 50.0):
        found = theory.condensation_inverse_temperature((factor * ratio) ** -2, SPECTRUM, n)
        assert min(1, factor**2) * (1 - 1e-12) <= found <= max(1, factor**2)
        entropy = theory.background_entropy(found, (factor * ratio) ** -2, SPECTRUM, n)
        assert entropy == pytest.approx(0, abs=1e-7 * math.log(n))


def test_weak_signal_is_the_model_of_derrida():
    spectrum, n, snr = np.full(10**6, 1.0), 1000, 1e-8
    expected = math.sqrt(2 * math.log(n) / (spectrum.sum() * snr))
    assert theory.condensation_inverse_temperature(snr, spectrum, n) == pytest.approx(expected, rel=5e-3)


def test_drawn_points_on_both_sides_of_condensation():
    """200 dimensions and 10^4 points, where fluctuations are a few nats of several hundred."""
    d, n, rng = 200, 10_000, np.random.default_rng(0)
    spectrum = np.linspace(0.5, 1.5, d)
    scale = np.sqrt(spectrum)
    ratio = 2 * theory.collapse_ratio(n, spectrum)
    beta = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
    found = []
    for _ in range(12):
        u = rng.normal(size=d) * scale + ratio * rng.normal(size=d)
        u *= math.sqrt((spectrum.sum() + d * ratio**2) / (u @ u))  # the length at its typical value
        energy = ((u - rng.normal(size=(n, d)) * scale) ** 2).sum(1) / (2 * ratio**2)
        found.append(logsumexp(-beta[:, None] * energy, axis=1))
    critical = theory.condensation_inverse_temperature(ratio**-2, spectrum, n)
    assert 2 < critical < 4
    predicted = theory.quenched_log_partition(beta, ratio**-2, spectrum, n)
    # the lowest of n Gaussian energies lies log(4 pi log n)/(2 beta_c) higher than that of the limit
    lower = np.where(beta > critical / 2, beta / critical * math.log(4 * math.pi * math.log(n)) / 2, 0)
    change, error = np.mean(found, 0) - predicted, np.std(found, 0) / 12**0.5
    assert (change < 4 * error).all() and (change > -lower - 4 * error).all()
    annealed = theory.annealed_log_partition(beta, ratio**-2, spectrum, n)
    assert (annealed[-1] > predicted[-1] + 20) and annealed[0] == predicted[0]


def test_quenched_is_continuous_with_its_slope():
    snr, n = 0.8, 50
    critical = theory.condensation_inverse_temperature(snr, SPECTRUM, n)
    ends = critical * np.array([1 - 1e-6, 1.0, 1 + 1e-6])
    values = theory.quenched_log_partition(ends, snr, SPECTRUM, n)
    slopes = np.diff(values) / np.diff(ends)
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-4)


def test_limits():
    assert theory.annealed_log_partition(0.0, math.inf, SPECTRUM, 20) == pytest.approx(math.log(20))
    assert theory.annealed_log_partition(1.0, math.inf, SPECTRUM, 20) == -math.inf
    assert theory.annealed_log_partition(2.0, 0.0, SPECTRUM, 20) == pytest.approx(math.log(20) - 4)
    assert theory.background_entropy(0.5, 0.0, SPECTRUM, 20) == pytest.approx(math.log(20))
    assert theory.background_entropy(0.5, math.inf, SPECTRUM, 20) == -math.inf
    critical = theory.condensation_inverse_temperature
    assert critical(0.0, SPECTRUM, 20) == critical(1.0, np.zeros(2), 20) == math.inf
    assert critical(math.inf, SPECTRUM, 20) == critical(1.0, SPECTRUM, 1) == 0
    mean_energy = (0.5 + 0.7 * SPECTRUM).sum()
    one = theory.quenched_log_partition(np.array([0.0, 1.0, 2.0]), 0.7, SPECTRUM, 1)
    np.testing.assert_allclose(one, [0, -mean_energy, -2 * mean_energy])
    np.testing.assert_array_equal(
        theory.quenched_log_partition(np.array([0.0, 1.0]), math.inf, SPECTRUM, 1), [0, -math.inf]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 1.0, SPECTRUM, 9), "`beta` must be at least 0, but holds -1"),
        ((1.0, -1.0, SPECTRUM, 9), "`snr` must be at least 0, but is -1"),
        ((1.0, math.nan, SPECTRUM, 9), "`snr` must be at least 0, but is nan"),
        ((1.0, 1.0, SPECTRUM, 0), "`n` must be finite and at least 1, but is 0"),
        ((1.0, 1.0, np.array([-1.0]), 9), "`spectrum` must"),
    ],
)
def test_bad_input(arguments, message):
    for function in (theory.annealed_log_partition, theory.background_entropy, theory.quenched_log_partition):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


@pytest.mark.parametrize("n", [10**6, 10**9, 10**12])
def test_far_below_the_collapse_the_inverse_temperature_is_n_squared_over_e(n):
    """One direction of s = 1: `2 log n = log(1 + b) + b (b - 1)/(1 + b)^2`, which is log b + 1 up to 2/b."""
    found = theory.condensation_inverse_temperature(1.0, np.ones(1), n)
    assert found == pytest.approx(n**2 / math.e, rel=1e-9)


def test_the_annealed_sum_at_low_temperatures_and_little_signal():
    """With u = beta s = 1e15 the two last terms are c = 1 - 1/u and beta (1 - c) = beta/(1 + u) = 1/s."""
    expected = math.log(100) - (math.log1p(1e15) + 1 - 1e-15 + 1000) / 2
    assert theory.annealed_log_partition(1e18, 1e-3, np.ones(1), 100) == pytest.approx(expected, rel=1e-14)


def test_data_without_variance_have_no_condensation_at_any_noise():
    for snr in (1e300, math.inf):
        assert theory.condensation_inverse_temperature(snr, np.zeros(2), 10) == math.inf
        annealed = theory.annealed_log_partition(1.0, snr, np.zeros(2), 10)
        assert theory.quenched_log_partition(1.0, snr, np.zeros(2), 10) == pytest.approx(float(annealed))
