"""Entropy over records: its value where everything is known, its order, and what has none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.metrics import detection

POINTS = np.random.default_rng(4).normal(size=(12, 5))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=6.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=30)
STARTS = jax.random.normal(jax.random.key(0), (7, 5), jnp.zeros(()).dtype)
LABELS = np.array([0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2])


def guided(label, weight=1.0):
    one = scores.Labelled(scores.Empirical(POINTS.astype(STARTS.dtype)), LABELS, label)
    return scores.Guided(one, one.unconditional, weight)


def found(score, **options):
    return detection.attention_entropy(score, STARTS, PROCESS, TIMES, jax.random.key(1), **options)


def test_one_record_has_none_and_several_begin_at_the_logarithm_of_their_number():
    np.testing.assert_allclose(found(guided(0)), 0, atol=1e-6)
    np.testing.assert_allclose(found(guided(1), steps=slice(0, 1)), -np.log(4), atol=1e-3)
    assert float(found(guided(2)).max()) < float(found(guided(1)).min()) < 0


def test_the_end_is_blind():
    np.testing.assert_allclose(found(guided(2, 3.0), steps=slice(-1, None)), 0, atol=1e-6)


def test_what_has_no_weights_is_refused():
    one = scores.FromFunction(lambda x, level: x)
    with pytest.raises(ValueError, match="posterior weights"):
        found(scores.Guided(one, one, 2.0))
    with pytest.raises(ValueError, match="`steps` must choose"):
        found(guided(1), steps=slice(99, None))
