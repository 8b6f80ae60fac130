"""One-step estimates of one record and of several, and the mask of a template."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.metrics import extraction

DTYPE = jnp.zeros(()).dtype
POINTS = np.random.default_rng(4).normal(size=(12, 5)).astype(DTYPE)
STARTS = jax.random.normal(jax.random.key(0), (50, 5), DTYPE)
LEVEL = NoiseLevel(1e-3, 1.0)
LABELS = np.array([0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2])


def guided(label, weight):
    one = scores.Labelled(scores.Empirical(POINTS), LABELS, label)
    return scores.Guided(one, one.unconditional, weight)


def test_of_one_record_it_is_the_record():
    found = extraction.one_step(guided(0, 1.0), STARTS, LEVEL)
    np.testing.assert_allclose(found.estimate, np.tile(POINTS[:1], (50, 1)), rtol=1e-5, atol=1e-6)
    assert float(found.consistency) < 1e-10
    np.testing.assert_allclose(found.change, ((np.asarray(STARTS) - POINTS[0]) ** 2).mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("label", [0, 1])
def test_with_guidance_it_lies_beyond_the_mean_of_the_label(label):
    found = extraction.one_step(guided(label, 7.5), STARTS, LEVEL)
    mean, own = POINTS.mean(axis=0), POINTS[label == LABELS].mean(axis=0)
    np.testing.assert_allclose(found.estimate.mean(axis=0), mean + 7.5 * (own - mean), atol=0.05)


def test_a_template_is_what_does_not_vary():
    samples = np.random.default_rng(1).normal(size=(40, 6)) * np.array([1, 1, 1, 0.1, 0.1, 0.0])
    assert list(extraction.template_mask(samples, np.ones(6))) == [False] * 3 + [True] * 3
    with pytest.raises(ValueError, match="`variance` must have the event shape"):
        extraction.template_mask(samples, np.ones(5))


def test_the_variance_of_a_template_in_half_precision():
    """+-400 has the variance 160,000, more than half precision holds."""
    samples = np.array([[400.0, 1.0], [-400.0, 1.0]], np.float16)
    assert list(extraction.template_mask(samples, np.full(2, 1e7))) == [True, True]
    assert list(extraction.template_mask(samples, np.full(2, 1e5))) == [False, True]
