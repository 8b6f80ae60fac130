"""Prompts that are moved until their gap is small: the target, what is already there, and a learned score."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, mitigations, networks, processes, reductions, scores

RNG = np.random.default_rng(9)
POINTS, PROMPTS = RNG.normal(size=(12, 5)), RNG.normal(size=(12, 3))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=2.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (4, 5), jnp.zeros(()).dtype)


def guided(prompt):
    one = scores.PromptedEmpirical(POINTS, PROMPTS, prompt, 0.6, reduction=reductions.Dense())
    return scores.Guided(one, one.unconditional, 7.5)


def mean_gap(score):
    return float(mitigations.first_gaps(score, STARTS, PROCESS, TIMES).mean())


def optimised(score, prompt, **options):
    return mitigations.embedding_optimisation(prompt, score, STARTS, PROCESS, TIMES, **options)


@pytest.mark.slow
def test_the_gap_falls_to_the_target_and_no_farther():
    score = guided(PROMPTS[0])
    first = mean_gap(score)
    moved = optimised(score, PROMPTS[0], target=0.9 * first, steps=40, rate=0.02)
    assert 0.8 * first < mean_gap(guided(np.asarray(moved))) <= 0.9 * first
    np.testing.assert_array_equal(
        optimised(score, PROMPTS[0], target=1.01 * first), jnp.asarray(PROMPTS[0], moved.dtype)
    )


@pytest.mark.slow
def test_the_first_step_is_that_of_adam():
    """`rate sign(slope)` and the decay of AdamW."""
    score, e = guided(PROMPTS[1]), jnp.asarray(PROMPTS[1], STARTS.dtype)
    slope = jax.grad(
        lambda e: mitigations.first_gaps(mitigations.with_prompt(score, e), STARTS, PROCESS, TIMES).mean()
    )(e)
    found = optimised(score, e, target=0.0, steps=1)
    np.testing.assert_allclose(found, e - 0.05 * (jnp.sign(slope) + 0.01 * e), atol=1e-5)


@pytest.mark.slow
def test_it_moves_the_vector_that_a_learned_score_is_conditioned_on():
    network = networks.ResidualMLP(5, 16, labels=3, key=jax.random.key(2))
    prompt = jnp.asarray(RNG.normal(size=32), STARTS.dtype)
    learned = scores.Learned(network, scores.predictions.Preconditioned(1.0), prompt)
    score = scores.Guided(learned, learned.conditioned(None), 7.5)
    moved = optimised(score, prompt, target=0.0, steps=5)
    assert mean_gap(mitigations.with_prompt(score, moved)) < mean_gap(score)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        optimised(guided(PROMPTS[0]), PROMPTS[0], target=0.0, steps=0)
