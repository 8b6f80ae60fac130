"""Prompt re-anchoring: both ends of the ramp, the search, and prompts that it must not touch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import NoiseLevel, integrators, mitigations, processes, reductions, scores

RNG = np.random.default_rng(10)
POINTS, PROMPTS = RNG.normal(size=(12, 5)), RNG.normal(size=(12, 3))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=2.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (4, 5), jnp.zeros(()).dtype)
ONE = scores.PromptedEmpirical(POINTS, PROMPTS, PROMPTS[0], 0.6, reduction=reductions.Dense())
OTHER = ONE.conditioned(PROMPTS[1])
SCORE = scores.Guided(ONE, ONE.unconditional, 7.5)
LEVEL = NoiseLevel(0.6, 0.8)


def assert_same(found, expected):
    for part, other in zip(found[:2], expected[:2]):
        np.testing.assert_allclose(part, other, rtol=1e-4, atol=1e-4)


def anchored(low, high):
    return mitigations.PromptAnchored(ONE, OTHER, ONE.unconditional, 7.5, low, high)


@pytest.mark.parametrize("x", STARTS[:2])
def test_the_ramp_joins_guidance_with_the_rewrite_and_the_form_of_the_paper(x):
    gap = float(scores.Guided(OTHER, ONE.unconditional, 7.5).evaluate(x, LEVEL).info.gap)
    rewritten, paper = (scores.Guided(OTHER, base, 7.5).evaluate(x, LEVEL) for base in (ONE.unconditional, ONE))
    assert_same(anchored(1.01 * gap, 2 * gap).evaluate(x, LEVEL), rewritten)
    assert_same(anchored(0.5 * gap, 0.99 * gap).evaluate(x, LEVEL), paper)
    half = anchored(0.5 * gap, 1.5 * gap).evaluate(x, LEVEL)
    assert_same(half, [(a + b) / 2 for a, b in zip(rewritten[:2], paper[:2])])
    # noise and mean belong together
    np.testing.assert_allclose(x, LEVEL.alpha * half.mean + LEVEL.sigma * half.noise, atol=1e-4)


def test_it_ends_clean():
    found = anchored(0.1, 0.2).evaluate(STARTS[0], NoiseLevel(1.0, 0.0))
    assert np.isfinite(found.mean).all() and not np.isnan(found.noise).any()


def test_the_search_takes_the_first_small_gap_else_the_smallest():
    prompts = PROMPTS[:5]
    gaps = [
        float(mitigations.first_gaps(mitigations.with_prompt(SCORE, e), STARTS, PROCESS, TIMES).mean()) for e in prompts
    ]
    search = lambda threshold: mitigations.prompt_search(  # noqa: E731
        prompts, SCORE, STARTS, PROCESS, TIMES, threshold=threshold
    )
    np.testing.assert_allclose(search(0.0), prompts[np.argmin(gaps)], rtol=1e-6)
    limit = sorted(gaps)[2]
    np.testing.assert_allclose(search(limit * 1.001), prompts[[gap <= limit for gap in gaps].index(True)], rtol=1e-6)


def test_a_prompt_below_the_threshold_is_not_touched():
    gap = float(mitigations.first_gaps(SCORE, STARTS, PROCESS, TIMES).mean())
    run = SCORE, PROMPTS[1], STARTS, PROCESS, TIMES
    assert mitigations.prompt_anchored(*run, threshold=1.01 * gap, low=0.1, high=0.2) is SCORE
    fired = mitigations.prompt_anchored(*run, threshold=0.99 * gap, low=0.1, high=0.2)
    assert_same(fired.evaluate(STARTS[0], LEVEL), anchored(0.1, 0.2).evaluate(STARTS[0], LEVEL))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="low < high"):
        anchored(0.2, 0.1)
    interval = scores.Guided(ONE, ONE.unconditional, scores.GuidanceInterval(7.5))
    with pytest.raises(ValueError, match="guided by a number"):
        mitigations.prompt_anchored(interval, PROMPTS[1], STARTS, PROCESS, TIMES, threshold=0.0, low=0.1, high=0.2)
