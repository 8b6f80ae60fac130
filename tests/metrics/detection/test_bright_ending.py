"""The mask of a prompt that fixes a part of the image, and the gap inside it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.level import NoiseLevel
from diffmem.metrics import detection

DTYPE = jnp.zeros(()).dtype
PROCESS = processes.OrnsteinUhlenbeck(t_min=0.05, t_max=5.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=20)
STARTS = jax.random.normal(jax.random.key(0), (4, 2, 3), DTYPE)
CENTRE = np.random.default_rng(4).normal(size=(2, 3)).astype(DTYPE)
FIXED = np.array([[True, True, False], [False, False, False]])
WIDE = scores.Gaussian(np.zeros_like(CENTRE), np.asarray(1.0, DTYPE))


def guided(fixed=FIXED, centre=CENTRE):
    """A prompt whose images agree in some pixels, up to noise of .05, and are as wide as all others in the rest."""
    variance = np.where(fixed, 0.05**2, 1.0).astype(DTYPE)
    return scores.Guided(scores.Gaussian(np.where(fixed, centre, 0).astype(DTYPE), variance), WIDE, 7.5)


def arguments(score):
    return score, STARTS, PROCESS, TIMES, jax.random.key(1)


@pytest.mark.slow
def test_the_variance_of_a_gaussian():
    """V = s^2 sigma^2/(alpha^2 s^2 + sigma^2) for data of variance s^2."""
    alpha, sigma, s = 0.8, 0.6, np.where(FIXED, 0.05, 1.0)
    law = s**2 * sigma**2 / (alpha**2 * s**2 + sigma**2)
    one = guided().conditional
    found = detection.posterior_variance(one, STARTS[0], NoiseLevel(alpha, sigma))
    np.testing.assert_allclose(found, law, rtol=1e-5)


def test_the_mask_is_what_the_prompt_fixes():
    mask = detection.bright_mask(*arguments(guided()), ratio=0.5)
    assert mask.shape == (4, 2, 3) and (np.asarray(mask) == FIXED[None]).all()


@pytest.mark.slow
def test_the_gap_counts_inside_the_mask_only_and_more_in_a_small_one():
    """Both branches agree outside the mask, so that the statistic is the mean gap over the share of fixed pixels."""
    found = detection.bright_ending(*arguments(guided()), ratio=0.5)
    plain = detection.guidance_gap(*arguments(guided()))
    np.testing.assert_allclose(found, plain / FIXED.mean(), rtol=1e-5)


def test_without_fixed_coordinates_it_is_zero():
    open_prompt = guided(np.zeros_like(FIXED))
    np.testing.assert_array_equal(detection.bright_ending(*arguments(open_prompt)), 0)


@pytest.mark.slow
def test_at_the_clean_end_of_exact_scores_there_is_no_variance_to_compare():
    points = np.random.default_rng(1).normal(size=(6, 2, 3)).astype(DTYPE)
    one = scores.Labelled(scores.Empirical(points), np.arange(6) // 2, 1)
    exact = scores.Guided(one, one.unconditional, 7.5)
    process = processes.OrnsteinUhlenbeck(t_min=1e-5, t_max=5.0)
    times = integrators.grids.log_snr(process, steps=20)
    assert not detection.bright_mask(exact, STARTS, process, times, jax.random.key(1), steps=2).any()
    assert detection.bright_mask(exact, STARTS, process, times, jax.random.key(1), steps=20).any()


def test_bad_arguments():
    with pytest.raises(ValueError, match="`steps` must be at most 20"):
        detection.bright_mask(*arguments(guided()), steps=21)
    with pytest.raises(ValueError, match="`ratio` must be"):
        detection.bright_mask(*arguments(guided()), ratio=-1.0)


PAIR = scores.GaussianMixture(np.ones(2), np.array([[-1.0, 0.0], [1.0, 0.0]]), np.full((2, 2), [0.01, 1.0]))


def test_where_no_signal_is_left_the_variance_is_that_of_the_data():
    """At alpha = 0: 1 + .01 between and within the components in one coordinate, 1 in the other."""
    x = jnp.asarray([0.3, -2.0], DTYPE)
    np.testing.assert_allclose(detection.posterior_variance(PAIR, x, NoiseLevel(0.0, 1.0)), [1.01, 1.0], rtol=1e-6)
    label = scores.Labelled(PAIR, np.array([0, 1]), 0)
    process = processes.FlowMatching()
    run = scores.Guided(label, PAIR, 1.0), STARTS[:, 0, :2], process, integrators.grids.uniform(process, 4)
    masks = [detection.bright_mask(*run, jax.random.key(1), steps=steps) for steps in (3, 4)]
    for mask in masks:
        np.testing.assert_array_equal(mask, np.tile([True, False], (4, 1)))


def test_the_variance_of_other_scores_has_no_value_without_signal():
    wrapped = scores.FromFunction(PAIR.denoise)
    x, level = jnp.asarray([0.3, -2.0], DTYPE), NoiseLevel(0.8, 0.6)
    law = detection.posterior_variance(PAIR, x, level)
    np.testing.assert_allclose(detection.posterior_variance(wrapped, x, level), law, rtol=1e-4)
    with pytest.raises(ValueError, match="`alpha` must be positive"):
        detection.posterior_variance(wrapped, x, NoiseLevel(0.0, 1.0))
    process = processes.FlowMatching()
    run = scores.Guided(wrapped, PAIR, 1.0), STARTS[:, 0, :2], process, integrators.grids.uniform(process, 4)
    assert detection.bright_mask(*run, jax.random.key(1), steps=3).shape == (4, 2)
    with pytest.raises(ValueError, match="`alpha` must be positive"):
        detection.bright_mask(*run, jax.random.key(1), steps=4)


@pytest.mark.parametrize("kind", [jnp.bfloat16, jnp.float16, int])
@pytest.mark.parametrize("wrapped", [False, True])
def test_points_of_other_kinds_are_converted_before_anything_is_rounded(kind, wrapped):
    score = scores.FromFunction(PAIR.denoise) if wrapped else PAIR
    x, level = np.array([1.0, -2.0]), NoiseLevel(0.77, 0.37)
    given, whole = jnp.asarray(x, kind), jnp.asarray(x, DTYPE if kind is int else jnp.float32)
    found, law = (detection.posterior_variance(score, one, level) for one in (given, whole))
    np.testing.assert_allclose(np.asarray(found, np.float64), np.asarray(law, np.float64), rtol=1e-6)
