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


def test_guidance_adds_the_gradient_of_the_class_posterior():
    classes = extraction.class_gaussians(SAMPLES, LABELS, 0)
    inner = scores.Gaussian(np.zeros(4, DTYPE), DTYPE.type(30.0))
    means, (variance, *_) = classes.unconditional.means, classes.unconditional.covariances.variances
    moved = extraction.ClassifierGuided(inner, classes, 1.0).with_label(3)
    # classes of one variance, so that the class posterior is a softmax of distances
    moved = eqx.tree_at(lambda score: score.classes.unconditional.covariances.variances, moved, jnp.full(4, variance))

    def log_posterior(x):
        width = LEVEL.alpha**2 * variance + LEVEL.sigma**2
        return jax.nn.log_softmax(-jnp.sum((x[None] - LEVEL.alpha * means) ** 2, axis=1) / (2 * width))[3]

    x = jnp.asarray(RNG.normal(size=4) + 1, DTYPE)
    gradient = moved.score(x, LEVEL) - inner.score(x, LEVEL)
    np.testing.assert_allclose(gradient, jax.grad(log_posterior)(x), rtol=1e-3, atol=1e-5)
    found = moved.evaluate(x, LEVEL)
    np.testing.assert_allclose(x, LEVEL.alpha * found.mean + LEVEL.sigma * found.noise, rtol=1e-5)
    trace = jnp.trace(jax.jacfwd(lambda x: moved.score(x, LEVEL))(x))
    np.testing.assert_allclose(moved.divergence(x, LEVEL), trace, rtol=1e-3)


@pytest.mark.parametrize("sigma", [0.1, 1.0, pytest.param(5.0, marks=pytest.mark.slow)])
def test_a_label_adds_at_most_the_logarithm_of_one_over_its_share(sigma):
    """`q_y <= (n/n_y) q` at every point, so that KL(q_y || q) <= log n/n_y, with equality where labels are apart."""
    whole, level = scores.Empirical(SAMPLES), NoiseLevel(1.0, sigma)
    part = scores.Labelled(whole, LABELS, 0)
    draws = SAMPLES[:25][:, None] + DTYPE.type(sigma) * jax.random.normal(jax.random.key(0), (25, 8, 4), DTYPE)
    gap = jax.vmap(lambda x: part.log_prob(x, level) - whole.log_prob(x, level))(draws.reshape(-1, 4))
    assert float(gap.max()) <= np.log(4) + 1e-5
    if sigma == 0.1:
        np.testing.assert_allclose(gap, np.log(4), rtol=1e-5)
