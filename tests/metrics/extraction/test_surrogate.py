"""Surrogate labels of separated clusters, the classifier's gradient, and the bound of what labels can add."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.metrics import extraction

RNG = np.random.default_rng(2)
DTYPE = np.dtype(jnp.zeros(()).dtype)
CENTRES = 6 * np.eye(4)
LABELS = np.repeat(np.arange(4), 25)
SAMPLES = (CENTRES[LABELS] + RNG.normal(size=(100, 4)) * 0.5).astype(DTYPE)
LEVEL = NoiseLevel(0.8, 0.6)


def test_clusters_are_found_and_loose_ones_dropped():
    found = extraction.surrogate_labels(SAMPLES, 4)
    assert len({(a, b) for a, b in zip(found, LABELS)}) == 4
    loose = np.concatenate([SAMPLES, 0.1 * RNG.normal(size=(25, 4))])
    kept = extraction.surrogate_labels(loose, 5, cohesion=0.9)
    assert set(kept[:100]) == {0, 1, 2, 3} and (kept[100:] == -1).all()
    with pytest.raises(ValueError, match="`cohesion` must leave"):
        extraction.surrogate_labels(SAMPLES, 4, cohesion=1.1)


def test_classes_have_the_moments_of_their_samples():
    classes = extraction.class_gaussians(SAMPLES, LABELS, 2)
    np.testing.assert_allclose(classes.unconditional.means[1], SAMPLES[LABELS == 1].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(classes.unconditional.prior(), 0.25, rtol=1e-5)
    assert np.argmax(classes.prior()) == 2
    lonely = extraction.class_gaussians(SAMPLES[:26], LABELS[:26], 0)
    np.testing.assert_allclose(*lonely.unconditional.covariances.variances, rtol=1e-6)
    unequal = np.minimum(LABELS, 1)
    for balanced, share in ((False, 0.25), (True, 0.5)):
        found = extraction.class_gaussians(SAMPLES, unequal, 0, balanced=balanced)
        np.testing.assert_allclose(found.unconditional.prior()[0], share, rtol=1e-5)
    with pytest.raises(ValueError, match="more than one distinct"):
        extraction.class_gaussians(SAMPLES[:1], LABELS[:1], 0)


def guided():
    classes = extraction.class_gaussians(SAMPLES, LABELS, 0)
    inner = scores.Gaussian(np.zeros(4, DTYPE), DTYPE.type(30.0))
    return extraction.ClassifierGuided(inner, classes, 1.0).with_label(3)


@pytest.mark.slow
def test_guidance_adds_the_gradient_of_the_class_posterior():
    """For classes of one variance v the posterior is a softmax of distances, of width alpha^2 v + sigma^2."""
    variance = 0.25
    of_variances = lambda score: score.classes.unconditional.covariances.variances  # noqa: E731
    moved = eqx.tree_at(of_variances, guided(), jnp.full(4, variance, DTYPE))
    x, means = (RNG.normal(size=4) + 1).astype(DTYPE), np.asarray(moved.classes.unconditional.means)
    width = LEVEL.alpha**2 * variance + LEVEL.sigma**2
    logits = -((x - LEVEL.alpha * means) ** 2).sum(axis=1) / (2 * width)
    posterior = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    expected = LEVEL.alpha / width * (means[3] - posterior @ means)
    np.testing.assert_allclose(moved.score(x, LEVEL) - moved.inner.score(x, LEVEL), expected, rtol=1e-3, atol=1e-5)
    found = moved.evaluate(x, LEVEL)
    np.testing.assert_allclose(x, LEVEL.alpha * found.mean + LEVEL.sigma * found.noise, rtol=1e-4)


@pytest.mark.slow
def test_the_divergence_is_that_of_the_score():
    moved, x = guided(), jnp.asarray(RNG.normal(size=4) + 1, DTYPE)
    trace = jnp.trace(jax.jacfwd(lambda x: moved.score(x, LEVEL))(x))
    np.testing.assert_allclose(moved.divergence(x, LEVEL), trace, rtol=1e-3)


@pytest.mark.parametrize("sigma", [0.1, pytest.param(1.0, marks=pytest.mark.slow)])
def test_a_label_adds_at_most_the_logarithm_of_one_over_its_share(sigma):
    """`q_y <= (n/n_y) q` at every point, so that KL(q_y || q) <= log n/n_y, with equality where labels are apart."""
    whole, level = scores.Empirical(SAMPLES), NoiseLevel(1.0, sigma)
    part = scores.Labelled(whole, LABELS, 0)
    draws = SAMPLES[:25][:, None] + DTYPE.type(sigma) * jax.random.normal(jax.random.key(0), (25, 8, 4), DTYPE)
    gap = jax.vmap(lambda x: part.log_prob(x, level) - whole.log_prob(x, level))(draws.reshape(-1, 4))
    assert float(gap.max()) <= np.log(4) + 1e-5
    if sigma == 0.1:
        np.testing.assert_allclose(gap, np.log(4), rtol=1e-5)


def test_without_noise_guidance_keeps_tweedie():
    """D = -1 at x = .3, so that the noise (x - D)/sigma is infinite, not undefined."""
    pair = scores.Empirical(np.array([[-1.0], [1.0]]))
    guided = extraction.ClassifierGuided(pair, scores.Labelled(pair, np.array([0, 1]), 0), 1.0)
    found = guided.evaluate(np.array([0.3]), NoiseLevel(1.0, 0.0))
    assert float(found.mean[0]) == -1 and float(found.noise[0]) == np.inf
    found = guided.evaluate(np.array([-1.0]), NoiseLevel(1.0, 0.0))
    assert float(found.mean[0]) == -1 and float(found.noise[0]) == 0


def test_a_sample_at_the_origin_has_no_direction():
    """A cluster about the origin is as loose with the origin in it as without."""
    ring = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    far = np.array([[50.0, 50], [50.1, 50]])
    for near in (ring, np.concatenate([[[0.0, 0.0]], ring])):
        found = extraction.surrogate_labels(np.concatenate([near, far]), 2, cohesion=0.9)
        np.testing.assert_array_equal(found, [-1] * len(near) + [0, 0])


@pytest.mark.parametrize("kind, offset, spread", [(np.float32, 1000.0, 1.0), (np.float16, 200.0, 100.0)])
def test_moments_of_many_samples_far_from_the_origin(kind, offset, spread):
    rows = (offset + spread * np.random.default_rng(0).normal(size=(100_000, 2))).astype(kind)
    law = rows.astype(np.float64)
    found = extraction.class_gaussians(rows, np.zeros(100_000, int)).unconditional
    assert found.means.dtype == jnp.float32
    np.testing.assert_allclose(found.means[0], law.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.covariances.variances[0], law.var(axis=0).mean(), rtol=1e-5)
