"""Slots of a prompt: derivatives against differences, ablations against other prompts, and a word that decides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, reductions, scores
from diffmem.metrics import detection

RNG = np.random.default_rng(7)
POINTS, TOKENS = RNG.normal(size=(30, 4)), RNG.integers(0, 5, (30, 3))
POINTS[:12], TOKENS[:, 1] = POINTS[0], np.where(np.arange(30) < 12, 9, TOKENS[:, 1])  # word 9 in slot 1 is the trigger
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=3.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (6, 4), jnp.zeros(()).dtype)
KEY = jax.random.key(1)


def guided(prompt):
    one = scores.TokenPrompted(POINTS, TOKENS, np.array(prompt), 3.0, reduction=reductions.Dense())
    return scores.Guided(one, one.unconditional, 7.5)


def gap_of(score):
    return np.asarray(detection.guidance_gap(score, STARTS, PROCESS, TIMES, KEY, steps=1), np.float64)


@pytest.mark.slow
def test_it_is_the_derivative_by_the_factor_of_a_slot():
    score, h = guided([1, 9, 2]), 1e-2
    found = detection.token_significance(score, STARTS, PROCESS, TIMES, KEY)
    for slot in range(3):
        moved = [
            gap_of(eqx.tree_at(lambda g: g.conditional.scales, score, jnp.ones(3).at[slot].add(by))) for by in (h, -h)
        ]
        np.testing.assert_allclose(found[:, slot], np.abs(moved[0] - moved[1]) / (2 * h), rtol=5e-3, atol=1e-4)
    assert detection.token_significance(score, STARTS, PROCESS, TIMES, KEY, steps=4).shape == (6, 3)


@pytest.mark.slow
def test_an_ablated_word_is_a_word_that_nobody_has():
    score, members = guided([1, 9, 2]), np.arange(30) < 12
    by_gap = detection.token_ablation(score, STARTS, PROCESS, TIMES)
    by_mass = detection.mass_ablation(score.conditional, members)
    mass = lambda one: np.asarray(one.conditional.prior())[members].sum()  # noqa: E731
    for slot in range(3):
        other = guided([-1 if i == slot else word for i, word in enumerate([1, 9, 2])])
        np.testing.assert_allclose(by_gap[:, slot], gap_of(score) - gap_of(other), atol=1e-5)
        np.testing.assert_allclose(by_mass[slot], mass(score) - mass(other), atol=1e-5)
    assert np.argmax(by_mass) == 1


@pytest.mark.slow
def test_a_prompt_that_matches_nothing_has_no_slope():
    np.testing.assert_array_equal(detection.token_significance(guided([-1, -1, -1]), STARTS, PROCESS, TIMES, KEY), 0)


def test_another_score_is_refused():
    everything = scores.Empirical(POINTS, reduction=reductions.Dense())
    with pytest.raises(ValueError, match="TokenPrompted"):
        detection.token_ablation(scores.Guided(everything, everything, 7.5), STARTS, PROCESS, TIMES)


@pytest.mark.parametrize("steps", [0, 11])
def test_steps_beyond_the_grid_are_refused(steps):
    with pytest.raises(ValueError, match="`steps` must be at"):
        detection.token_significance(guided([1, 9, 2]), STARTS, PROCESS, TIMES, KEY, steps=steps)
