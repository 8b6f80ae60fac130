"""The grids of the papers on conditional models, and what exact scores do on them: basin masses and closed paths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from diffmem import integrators, scores
from diffmem.metrics import detection, nearest
from diffmem.papers.latent_diffusion import log_snr, stable_diffusion

DTYPE = jnp.zeros(()).dtype
D, ATOMS, COUNT = 16, 24, 8000
POINTS = np.random.default_rng(3).normal(size=(ATOMS, D)).astype(DTYPE)
MULTIPLICITIES = np.random.default_rng(4).integers(1, 17, ATOMS)
PRIOR = MULTIPLICITIES / MULTIPLICITIES.sum()
WEIGHTS = PRIOR.astype(DTYPE)


def ends_of(score, process, times, count=COUNT, start=None):
    run = score, process, integrators.DDIM(), times, (D,), count
    return np.asarray(integrators.sample(*run, key=jax.random.key(5), start=start).points)


def noise(count=COUNT):
    return jax.random.normal(jax.random.key(6), (count, D), DTYPE)


def basins(ends, points):
    """Number of samples on each atom; all must lie within .05 of one."""
    found = nearest(ends, points)
    assert found.distance.max() < 0.05
    return np.bincount(found.index[:, 0], minlength=len(points))


def test_the_schedule_is_that_of_stable_diffusion():
    process, times = stable_diffusion()
    bars = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    alpha, sigma = process.level(times)
    assert len(times) == 51 and times[-1] == 0 and alpha[-1] == 1 and sigma[-1] == 0
    np.testing.assert_allclose(alpha[:-1] ** 2, bars[981::-20], rtol=1e-5)
    assert float((alpha / sigma)[0] ** 2) == pytest.approx(0.0058, abs=5e-5)


def test_the_other_grid_is_uniform_in_log_snr():
    process, times = log_snr(50, bound=8.0)
    alpha, sigma = process.level(times[:-1])
    np.testing.assert_allclose(
        2 * np.log(alpha / sigma), np.linspace(-8, 8, 50), atol=1e-5 if np.float64 == DTYPE else 2e-3
    )
    assert times[-1] == 0 and process.level(times[-1]) == (1, 0)


def test_basins_have_the_prior_mass_on_the_wide_grid():
    """From pure noise, 8000 samples: chi-square of the counts of 24 atoms against their multiplicities."""
    counts = basins(ends_of(scores.Empirical(POINTS, WEIGHTS), *log_snr(200), start=noise()), POINTS)
    assert stats.chisquare(counts, COUNT * PRIOR).pvalue > 1e-3


@pytest.mark.slow
def test_basins_have_the_mass_given_a_soft_label():
    embeddings = np.random.default_rng(7).normal(size=(ATOMS, 2)).astype(DTYPE)
    score = scores.PromptedEmpirical(POINTS, embeddings, embeddings[2], 0.6, weights=WEIGHTS)
    mass = np.asarray(score.prior(), np.float64)
    counts = basins(ends_of(score, *log_snr(200), start=noise()), POINTS)
    frequent = COUNT * mass >= 5
    observed = np.append(counts[frequent], counts[~frequent].sum())
    expected = COUNT * np.append(mass[frequent], mass[~frequent].sum())
    kept = expected > 0
    assert stats.chisquare(observed[kept], expected[kept] * observed.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.slow
def test_pure_noise_is_a_biased_start_of_the_schedule_of_stable_diffusion():
    """Its terminal signal-to-noise ratio is not 0: atoms shifted by 2 are hit with the wrong frequencies from pure
    noise, and with the right ones from the exact law at the first node.
    """
    shifted = POINTS + 2
    score = scores.Empirical(shifted, WEIGHTS)
    biased, exact = (basins(ends_of(score, *stable_diffusion(), start=start), shifted) for start in (noise(), None))
    deviations = (biased - COUNT * PRIOR) / np.sqrt(COUNT * PRIOR * (1 - PRIOR))
    assert np.abs(deviations).max() >= 6
    assert stats.chisquare(exact, COUNT * PRIOR).pvalue > 1e-3


def test_the_path_to_a_lone_point_has_the_same_excess_for_all_points():
    """x = (sigma/sigma_T) z + (alpha - alpha_T sigma/sigma_T) x*; the sum of the coefficient less alpha is -2.817."""
    process, times = stable_diffusion()
    alpha, sigma = process.level(times)
    law = float(-(alpha / sigma)[0] * sigma.sum())
    assert law == pytest.approx(-2.817, abs=1e-3)
    for points in (POINTS[:1], 3 * POINTS[1:2]):
        found = detection.decomposition(
            scores.Empirical(points), noise(4), process, times, jax.random.key(0), target=points[0]
        )
        np.testing.assert_allclose(found, law, rtol=1e-10 if np.float64 == DTYPE else 1e-4)


@pytest.mark.slow
def test_labels_of_few_effective_records_concentrate():
    """The share of samples on the heaviest atom falls with the effective number of records and is its exact mass."""
    rng = np.random.default_rng(8)
    points = rng.normal(size=(60, D)).astype(DTYPE)
    embeddings = rng.normal(size=(60, 3)).astype(DTYPE)
    process, times = log_snr(100)
    effective, top, exact = [], [], []
    for record, width in enumerate(np.linspace(0.15, 1.2, 12)):
        score = scores.PromptedEmpirical(points, embeddings, embeddings[record], np.asarray(width, DTYPE))
        mass = np.asarray(score.prior(), np.float64)
        index = nearest(ends_of(score, process, times, 400, noise(400)), points).index[:, 0]
        effective.append(1 / (mass**2).sum())
        top.append((index == mass.argmax()).mean())
        exact.append(mass.max())
    top, exact = np.array(top), np.array(exact)
    assert stats.spearmanr(effective, top).statistic <= -0.9
    assert (np.abs(top - exact) <= 4 * np.sqrt(exact * (1 - exact) / 400) + 1e-6).all()
