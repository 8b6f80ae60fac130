"""A guided score under another prompt, and its gap at the first step."""

import jax
import jax.numpy as jnp
import numpy as np

from diffmem import integrators, mitigations, processes, reductions, scores
from diffmem.metrics import detection

POINTS, PROMPTS = np.random.default_rng(11).normal(size=(2, 9, 4))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=2.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (3, 4), jnp.zeros(()).dtype)


def test_it_is_the_detector_of_one_step_and_changes_with_the_prompt():
    one = scores.PromptedEmpirical(POINTS, PROMPTS, PROMPTS[0], 0.6, reduction=reductions.Dense())
    first = scores.Guided(one, one.unconditional, 7.5)
    other = mitigations.with_prompt(first, PROMPTS[1])
    for score in (first, other):
        law = detection.guidance_gap(score, STARTS, PROCESS, TIMES, jax.random.key(1), steps=1)
        np.testing.assert_allclose(mitigations.first_gaps(score, STARTS, PROCESS, TIMES), law, rtol=1e-5)
    np.testing.assert_allclose(other.conditional.prior(), one.conditioned(PROMPTS[1]).prior())
    assert other.weight == first.weight
