"""The resolvent of random features: Marchenko-Pastur limits, drawn matrices, sum rules, edges, derivatives."""

import math

import numpy as np
import pytest
from examples import PROCESSES

from diffmem import theory
from diffmem.level import NoiseLevel

MOMENTS = theory.activation_moments(NoiseLevel(0.9, 0.5))
Z = np.array([0.3 + 0.1j, 1.0 + 0.02j, -0.05 + 0.0j, 4.0 + 1.0j])


def marchenko_pastur(z, ratio):
    """Stieltjes transform of W W^T/d, (p, d), p/d = ratio: the root of `ratio z m^2 + (z + ratio - 1) m + 1 = 0`."""
    linear = z + ratio - 1
    root = np.sqrt(linear**2 - 4 * ratio * z + 0j)
    found = np.stack([(-linear + root) / (2 * ratio * z), (-linear - root) / (2 * ratio * z)])
    # the physical branch: positive imaginary part, and positive below the spectrum
    return np.where((found[0].imag > 1e-12) | ((z.imag == 0) & (found[0].real > 0)), found[0], found[1])


def matrix(rng, d, psi_p, psi_n, moments, spectrum):
    """U and W of the Gaussian equivalent, drawn in NumPy."""
    p, n = psi_p * d, psi_n * d
    w, omega = rng.normal(size=(p, d)), rng.normal(size=(p, n))
    x = np.sqrt(np.resize(spectrum, d))[:, None] * rng.normal(size=(d, n))
    g = moments.slope * moments.alpha * w @ x / math.sqrt(d) + math.sqrt(moments.conditional) * omega
    return g @ g.T / n + moments.noise * w @ w.T / d + moments.floor * np.eye(p), w


@pytest.mark.parametrize("psi_p", [0.5, 1.0, 6.0])
def test_noise_alone_is_marchenko_pastur(psi_p):
    alone = MOMENTS._replace(alpha=0.0, conditional=0.0)
    found = theory.resolvent(Z + alone.floor, psi_p, 3.0, alone)
    np.testing.assert_allclose(found.q, marchenko_pastur(Z / alone.noise, psi_p) / alone.noise, rtol=1e-10)


@pytest.mark.parametrize(("psi_p", "psi_n"), [(2.0, 5.0), (8.0, 2.0)])
def test_nonlinear_data_alone_is_marchenko_pastur(psi_p, psi_n):
    alone = MOMENTS._replace(slope=0.0)
    found = theory.resolvent(Z + alone.floor, psi_p, psi_n, alone)
    scale = alone.conditional
    np.testing.assert_allclose(found.q, marchenko_pastur(Z / scale, psi_p / psi_n) / scale, rtol=1e-10)


def test_infinitely_many_points_are_the_population():
    """U_pop = a^2 Gamma^2 W W^T/d + mu_*^2, inside the two ends of rho_2."""
    found = theory.resolvent(Z + MOMENTS.nonlinear, 6.0, 1e12, MOMENTS)
    scale = (MOMENTS.slope * MOMENTS.gamma) ** 2
    np.testing.assert_allclose(found.q, marchenko_pastur(Z / scale, 6.0) / scale, rtol=1e-9)
    low, high = theory.population_bulk(6.0, MOMENTS)
    inside, outside = np.array([low, high]) * [1.01, 0.99], np.array([low, high]) * [0.99, 1.01]
    assert np.all(theory.spectral_density(inside, 6.0, 1e12, MOMENTS) > 1e-3)
    assert np.all(theory.spectral_density(outside, 6.0, 1e12, MOMENTS) < 1e-6)


@pytest.mark.parametrize(("psi_p", "psi_n"), [(3, 2), (2, 6)])
def test_traces_of_drawn_matrices(psi_p, psi_n):
    """All traces and their derivatives, for data of three variances; errors of order 1/d."""
    d, spectrum = 180, np.array([0.4, 0.8, 1.8])
    u, w = matrix(np.random.default_rng(0), d, psi_p, psi_n, MOMENTS, spectrum)
    z = np.array([0.3 + 0.4j, -0.1 + 0.0j])
    found = theory.resolvent(z, psi_p, psi_n, MOMENTS, spectrum)
    p = len(u)
    eigenvalues, vectors = np.linalg.eigh(u)
    seen = vectors.T @ w
    for i, one in enumerate(z):
        gain = 1 / (eigenvalues - one)
        inside = seen.T * gain @ seen
        weighed = np.resize(spectrum, d)
        values = gain.mean(), weighed @ np.diag(inside) / (p * d), np.trace(inside) / (p * d)
        steep = seen.T * gain**2 @ seen
        slopes = (gain**2).mean(), weighed @ np.diag(steep) / (p * d), np.trace(steep) / (p * d)
        for truth, one_found in zip((*values, *slopes), (found.q, found.r, found.s, *found.slopes)):
            assert abs(one_found[i] - truth) < 0.02 * abs(truth)
        assert abs(found.noise_slope[i] + np.trace(inside @ inside) / d**2 / p) < 0.03 * abs(found.noise_slope[i])


def test_isotropic_is_one_variance_and_derivatives_are_differences():
    found = theory.resolvent(Z, 4.0, 3.0, MOMENTS)
    np.testing.assert_allclose(found.r, found.s, rtol=1e-13)
    several = theory.resolvent(Z, 4.0, 3.0, MOMENTS, np.ones(5))
    np.testing.assert_allclose(several.q, found.q, rtol=1e-12)
    step = 1e-5
    ends = [theory.resolvent(Z[[0, 1, 3]] + sign * step, 4.0, 3.0, MOMENTS) for sign in (1, -1)]
    np.testing.assert_allclose(found.slopes[0][[0, 1, 3]], (ends[0].q - ends[1].q) / (2 * step), rtol=1e-5)
    noisy = [MOMENTS._replace(sigma=math.sqrt(MOMENTS.sigma**2 + sign * step)) for sign in (1, -1)]
    ends = [theory.resolvent(Z, 4.0, 3.0, one).s for one in noisy]
    np.testing.assert_allclose(found.noise_slope, (ends[0] - ends[1]) / (2 * step * MOMENTS.slope**2), rtol=1e-5)


@pytest.mark.parametrize("name", PROCESSES)
def test_mass_and_mean_on_every_process(name):
    """The density and the atom share one unit of mass; the mean eigenvalue is E f^2."""
    process, (psi_p, psi_n) = PROCESSES[name], (8.0, 3.0)
    level = process.level(process.time_at(np.float32(0.5)))
    moments = theory.activation_moments(NoiseLevel(*(float(part) for part in level)))
    x = np.geomspace(1e-5, 3 * theory.population_bulk(psi_p, moments)[1], 4000)
    density = theory.spectral_density(moments.floor + x, psi_p, psi_n, moments)
    assert theory.spectral_atom(psi_p, psi_n) == 0.5
    assert np.trapezoid(density, x) == pytest.approx(0.5, abs=1e-3)
    mean = 0.5 * moments.floor + np.trapezoid(density * (moments.floor + x), x)
    assert mean == pytest.approx(moments.signal + moments.noise + moments.nonlinear, rel=2e-3)


def test_eigenvalues_of_one_matrix():
    """Kolmogorov distance below .015 and exactly p - n - d eigenvalues at the floor."""
    d, psi_p, psi_n = 60, 8, 4
    u, _ = matrix(np.random.default_rng(1), d, psi_p, psi_n, MOMENTS, np.ones(1))
    above = np.linalg.eigvalsh(u) - MOMENTS.floor
    count = (psi_p - psi_n - 1) * d
    assert np.sum(np.abs(above) < 1e-10) == count == round(theory.spectral_atom(psi_p, psi_n) * psi_p * d)
    x = np.geomspace(3e-5, 1.5 * above[-1], 3000)
    density = theory.spectral_density(MOMENTS.floor + x, psi_p, psi_n, MOMENTS)
    share = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    ranks = (np.arange(len(above) - count) + 0.5) / (len(above) - count)
    assert np.abs(np.interp(above[count:], x, share / share[-1]) - ranks).max() < 0.015


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.0, 2.0, MOMENTS), "`psi_p` must be positive and finite, but is 0.0."),
        ((-1.0, 2.0, math.inf, MOMENTS), "`psi_n` must be positive and finite, but is inf."),
        ((1 - 1j, 2.0, 2.0, MOMENTS), "`z` must be finite with imaginary parts of at least 0"),
        ((-1.0, 2.0, 2.0, MOMENTS, np.array([1.0, 3.0])), "`spectrum` must have mean 1, but has 2.0."),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        theory.resolvent(*arguments)
