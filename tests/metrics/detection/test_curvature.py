"""The curvature along the difference of the branches: closed form in posterior covariances, and where it is 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, reductions, scores
from diffmem.metrics import detection

POINTS = np.random.default_rng(5).normal(size=(12, 5))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=1.2)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (6, 5), jnp.zeros(()).dtype)
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3])


def guided(label, unconditional=None):
    one = scores.Labelled(
        scores.Empirical(POINTS, reduction=reductions.Dense()) if unconditional is None else unconditional,
        LABELS,
        label,
    )
    return scores.Guided(one, one.unconditional, 7.5)


@pytest.mark.parametrize("label", [1, 3])
@pytest.mark.parametrize("law", ["points", pytest.param("mixture", marks=pytest.mark.slow)])
def test_it_is_the_difference_of_the_covariances_along_the_difference_of_the_scores(label, law):
    """`H s = (alpha^2/sigma^4) (C_c - C_u) s`; label 3 has one point, C_c = 0."""
    mixture = scores.GaussianMixture(np.full(12, 1 / 12), POINTS, np.full(12, 0.1))
    score = guided(label, mixture if law == "mixture" else None)
    alpha, sigma = level = PROCESS.level(TIMES[0])
    found = detection.curvature(score, STARTS, PROCESS, TIMES)
    for x, value in zip(STARTS, found):
        s = detection.score_difference(score, x, level)
        covariances = score.conditional.covariance(x, level) - score.unconditional.covariance(x, level)
        law = jnp.sum((alpha**2 / sigma**4 * (covariances @ s)) ** 2)
        np.testing.assert_allclose(value, law, rtol=1e-8 if jnp.zeros(()).dtype == jnp.float64 else 2e-3)


def test_no_prompt_has_no_curvature():
    everything = scores.Empirical(POINTS, reduction=reductions.Dense())
    found = detection.curvature(scores.Guided(everything, everything, 7.5), STARTS, PROCESS, TIMES)
    np.testing.assert_array_equal(found, 0)
    with pytest.raises(ValueError, match="both branches"):
        detection.curvature(everything, STARTS, PROCESS, TIMES)


@pytest.mark.parametrize("kind", [jnp.bfloat16, jnp.float16, int])
def test_starts_of_other_kinds_are_converted_before_anything_is_rounded(kind):
    starts = jnp.asarray(np.arange(10).reshape(2, 5) - 4.0, kind)
    law = detection.curvature(guided(1), np.asarray(starts, np.float64), PROCESS, TIMES)
    np.testing.assert_allclose(detection.curvature(guided(1), starts, PROCESS, TIMES), law, rtol=1e-3)
