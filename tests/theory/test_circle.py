"""The circle: densities against quadrature, ripples against exact sums, counts against simulated fields."""

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from diffmem import theory

X64 = jax.config.jax_enable_x64


@pytest.mark.parametrize("sigma", [0.05, 0.4, 3.0])
def test_density_is_the_average_over_the_circle(sigma):
    radius = 1.3
    for r in (0.0, 0.7, 1.3, 1.6):

        def kernel(angle):
            square = r**2 + radius**2 - 2 * r * radius * np.cos(angle)
            return np.exp(-(square - (r - radius) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)

        mean = quad(kernel, 0, np.pi, points=[min(5 * sigma, 3.0)], limit=200, epsabs=0, epsrel=1e-11)[0] / np.pi
        expected = np.log(mean) - (r - radius) ** 2 / (2 * sigma**2)
        found = theory.circle_log_density(r, sigma, radius)
        assert float(found) == pytest.approx(expected, rel=1e-9 if X64 else 2e-5, abs=1e-6)


def test_density_holds_all_the_mass_and_its_gradient_is_the_radial_score():
    mass = quad(lambda r: 2 * np.pi * r * np.exp(float(theory.circle_log_density(r, 0.3))), 0, 4)[0]
    assert mass == pytest.approx(1, rel=1e-5)
    for r in (0.2, 1.0, 1.5):
        k = r / 0.09
        expected = -r / 0.09 + ive(1, k) / ive(0, k) / 0.09
        slope = jax.grad(theory.circle_log_density)(np.asarray(r, np.float64 if X64 else np.float32), 0.3)
        assert float(slope) == pytest.approx(expected, rel=1e-4)


def test_ridge_is_where_the_density_is_largest():
    for sigma in (0.05, 0.3, 0.7):
        r = 2 * theory.circle_ridge(sigma, 1.0)
        assert r == pytest.approx(theory.circle_ridge(2 * sigma, 2.0), rel=1e-12)
        around = np.asarray(theory.circle_log_density(np.linspace(r - 0.1, r + 0.1, 201), 2 * sigma, 2.0))
        assert abs(np.argmax(around) - 100) <= 2
    assert theory.circle_ridge(0.01) == pytest.approx(1 - 0.01**2 / 2, abs=1e-8)
    assert theory.circle_ridge(0.0, 3.0) == 3.0
    assert theory.circle_ridge(0.7072) == theory.circle_ridge(5.0) == 0.0
    # just below the closing of the ring r^2 = 8 s^4 (1 - 2 s^2), as for any pitchfork
    sigma = np.sqrt((1 - 1e-4) / 2)
    assert theory.circle_ridge(sigma) == pytest.approx(np.sqrt(8 * sigma**4 * 1e-4), rel=1e-3)


@pytest.mark.parametrize("sigma", [0.05, 0.1, 0.2])
def test_ripple_is_that_of_the_exact_density(sigma):
    """At r = R the density of a K-gon is a sum of exp(cos/s^2), and its first harmonic 2 I_K/I_0."""
    for ripple in (0.1, 0.01, 0.001):
        size = theory.polygon_size(ripple, sigma)
        assert theory.polygon_ripple(size, sigma) == pytest.approx(ripple, rel=1e-4)
        k = round(size)
        angles = 2 * np.pi * np.arange(k) / k
        top, bottom = (np.exp((np.cos(angles - turn) - 1) / sigma**2).sum() for turn in (0, np.pi / k))
        exact = (top - bottom) / (top + bottom)
        assert exact == pytest.approx(2 * ive(k, sigma**-2) / ive(0, sigma**-2), rel=2e-2)
        # in units of K: d log ripple = -K s^2 dK
        assert abs(np.log(theory.polygon_ripple(float(k), sigma) / exact)) < 0.02 * (k * sigma) ** 2
    assert theory.polygon_size(0.1, 3 * sigma, 3.0) == pytest.approx(theory.polygon_size(0.1, sigma))


def test_number_of_attractors_and_size_of_fluctuations_of_many_points():
    sigma, n, nodes, rng = 0.08, 40_000, 2048, np.random.default_rng(4)
    turn = np.arange(-nodes // 2, nodes // 2) * 2 * np.pi / nodes
    kernel = np.fft.rfft(np.fft.ifftshift(np.exp((np.cos(turn) - 1) / sigma**2)))
    counts, spreads = [], []
    for _ in range(60):
        density = np.fft.irfft(np.fft.rfft(np.bincount(rng.integers(nodes, size=n), minlength=nodes)) * kernel, nodes)
        counts.append(((density > np.roll(density, 1)) & (density >= np.roll(density, -1))).sum())
        spreads.append(density.var() / density.mean() ** 2)
    assert abs(np.mean(counts) - theory.circle_attractors(sigma)) < 3 * np.std(counts) / 60**0.5
    assert np.mean(spreads) ** 0.5 == pytest.approx(theory.circle_fluctuation(n, sigma), rel=0.1)
    assert np.std(spreads) / np.mean(spreads) / 60**0.5 < 0.1  # small enough for the line above to say something


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.circle_ridge(-1.0), "`sigma` must be nonnegative, but is -1.0."),
        (lambda: theory.circle_ridge(1.0, 0.0), "`radius` must be positive, but is 0.0."),
        (lambda: theory.polygon_size(2.0, 0.1), "`ripple` must lie between 0 and 2, but is 2.0."),
        (lambda: theory.polygon_size(0.1, 0.0), "`sigma` must be positive, but is 0.0."),
        (lambda: theory.circle_attractors(0.0), "`sigma` must be positive"),
        (lambda: theory.circle_fluctuation(0, 0.1), "`n` must be positive, but is 0."),
    ],
)
def test_bad_circles_are_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_slope_of_the_density_is_the_score_at_the_centre_and_at_small_noise():
    """0 at the centre, by symmetry; on the circle -1/(2 R) for small s, from I1/I0 = 1 - s^2/(2 R^2)."""
    slope = jax.grad(theory.circle_log_density)
    assert abs(float(slope(0.0, 0.1))) < 1e-4
    for sigma in (1e-3, 1e-4, 1e-6):
        assert float(slope(1.0, sigma)) == pytest.approx(-0.5, rel=1e-5)
    for r in (0.02, 0.3, 0.9):
        k = r / 0.1**2
        exact = -r / 0.1**2 + ive(1, k) / ive(0, k) / 0.1**2
        assert float(slope(r, 0.1)) == pytest.approx(exact, rel=1e-9 if X64 else 2e-4)
    assert theory.circle_ridge(1e-170) == 1.0
