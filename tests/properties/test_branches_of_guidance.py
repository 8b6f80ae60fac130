"""Where the branches of guidance differ: at the first step by the means, at the last step of exact scores not at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import mitigations
from diffmem.metrics import detection
from diffmem.papers.latent_diffusion import log_snr, stable_diffusion
from diffmem.studies.detection_benchmark import ANY, DIGIT, POSITIVE, digit_prompts

DTYPE = jnp.zeros(()).dtype
DOUBLE = DTYPE.itemsize == 8
DIGITS = digit_prompts(key=jax.random.key(5), count=10)
DIGITS = DIGITS._replace(points=DIGITS.points.astype(DTYPE))
MEMBERS = np.array([members for kind in (POSITIVE, ANY, DIGIT) for members in DIGITS.groups[kind]])
GRIDS = {"Stable Diffusion": stable_diffusion(), "log-SNR": log_snr(60)}


def noises(process, times, count):
    return (process.level(times[0]).sigma * jax.random.normal(jax.random.key(6), (count, 64), DTYPE)).astype(DTYPE)


@pytest.mark.parametrize("grid, low, high", [("Stable Diffusion", 1.0, 1.06), ("log-SNR", 0.98, 1.02)])
def test_the_first_gap_is_the_distance_of_the_means(grid, low, high):
    """`|eps_c - eps_u| -> (alpha/sigma) |mu_c - mu|`; at the first node of Stable Diffusion with an excess."""
    process, times = GRIDS[grid]
    alpha, sigma = process.level(times[0])
    starts = noises(process, times, 16)
    score = DIGITS.guided()
    gaps = np.array([mitigations.first_gaps(score(m), starts, process, times).mean() for m in MEMBERS])
    means = np.stack([DIGITS.points[m].mean(axis=0) for m in MEMBERS]) - DIGITS.points.mean(axis=0)
    law = float(alpha / sigma) * np.linalg.norm(means, axis=1)
    assert np.corrcoef(gaps, law)[0, 1] >= 0.998
    assert low <= (gaps / law).mean() <= high
    assert (gaps / law).min() >= 0.85 and (gaps / law).max() <= 1.3


@pytest.mark.parametrize("grid", ["Stable Diffusion", pytest.param("log-SNR", marks=pytest.mark.slow)])
def test_the_last_step_of_exact_scores_is_blind(grid):
    """Both branches have settled on one point, so that a detector there tells nothing apart."""
    process, times = GRIDS[grid]
    starts, score = noises(process, times, 4), DIGITS.guided()
    run = starts, process, times, jax.random.key(7)
    last = [np.asarray(detection.measured_along(detection.gap, score(m), *run)[-2]) for m in MEMBERS]
    assert np.max(last) < (1e-10 if DOUBLE else 1e-6)
    if DOUBLE:
        means = np.mean(last, axis=1)
        assert detection.roc(means[:10], means[10:]).auc == 0.5
