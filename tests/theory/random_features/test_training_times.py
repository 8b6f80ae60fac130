"""The bulks of the spectrum against its density and against drawn matrices; training times from drawn eigenvalues."""

import math

import numpy as np
import pytest

from diffmem import theory
from diffmem.level import NoiseLevel

MOMENTS = theory.activation_moments(NoiseLevel(0.9, 0.5))


def test_the_bulk_of_the_sample():
    """Its ends hold the density for many points; its centre gives a training time that is linear in n."""
    psi_p, psi_n = 400.0, 40.0
    low, high = theory.sample_bulk(psi_p, psi_n, MOMENTS)
    assert np.all(theory.spectral_density(np.array([low * 1.1, high * 0.95]), psi_p, psi_n, MOMENTS) > 1e-3)
    assert np.all(theory.spectral_density(np.array([low * 0.85, high * 1.1]), psi_p, psi_n, MOMENTS) < 1e-5)
    times = [theory.memorization_time(psi_p, n, MOMENTS) for n in (4, 40)]
    assert times[1] == pytest.approx(10 * times[0])
    assert times[1] == pytest.approx(40 / (MOMENTS.sigma**2 * MOMENTS.conditional))
    assert theory.generalization_time(psi_p, MOMENTS) < times[0] / 10
    many = theory.generalization_time(1e8, MOMENTS) * (MOMENTS.sigma * MOMENTS.slope * MOMENTS.gamma) ** 2
    assert many == pytest.approx(1, rel=1e-3)


def test_training_times_from_the_eigenvalues_of_drawn_matrices():
    """`tau = psi_p/(sigma^2 l)` with the mean of the n eigenvalues of the sample above the floor (tau_mem), and with the
    lowest of the d eigenvalues of the population (tau_gen)."""
    rng, d, psi_p, psi_n = np.random.default_rng(2), 12, 400, 20
    p, n = psi_p * d, psi_n * d
    w, x, omega = rng.normal(size=(p, d)), rng.normal(size=(d, n)), rng.normal(size=(p, n))
    g = MOMENTS.slope * MOMENTS.alpha * w @ x / math.sqrt(d) + math.sqrt(MOMENTS.conditional) * omega
    factor = np.hstack([g / math.sqrt(n), math.sqrt(MOMENTS.noise / d) * w])
    above = np.linalg.eigvalsh(factor.T @ factor)[:n]  # the d largest belong to the population
    tau_mem = psi_p / (MOMENTS.sigma**2 * above.mean())
    assert theory.memorization_time(psi_p, psi_n, MOMENTS) == pytest.approx(tau_mem, rel=0.1)
    low, high = np.array(theory.sample_bulk(psi_p, psi_n, MOMENTS)) - MOMENTS.floor
    # the d lowest lie below the bulk, at a share d/n = .05
    assert low * 0.9 < np.quantile(above, 0.1) < above[-1] < high * 1.1

    wide = rng.normal(size=(6 * 200, 200))
    largest = (MOMENTS.slope * MOMENTS.gamma) ** 2 * np.linalg.eigvalsh(wide.T @ wide / 200) + MOMENTS.nonlinear
    np.testing.assert_allclose(theory.population_bulk(6.0, MOMENTS), largest[[0, -1]], rtol=0.05)
    tau_gen = 6 / (MOMENTS.sigma**2 * largest[0])
    assert theory.generalization_time(6.0, MOMENTS) == pytest.approx(tau_gen, rel=0.05)
