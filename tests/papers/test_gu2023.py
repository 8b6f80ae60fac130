"""Samples that carry the label they were asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.papers.gu2023.experiment import labelled_samples


@pytest.mark.slow
def test_a_sample_has_the_label_it_was_asked_for():
    """With a label for each of four points and features enough, a labelled sample is its point."""
    points = 2 * np.eye(4, 6, dtype=np.float32)
    score = scores.RandomFeatureRidge.fit(points, 300, labels=np.arange(4), draws=64, key=jax.random.key(0))
    process = processes.EDM(sigma_min=0.03, sigma_max=5.0)
    times, labels = integrators.grids.log_snr(process, 15), jnp.array([2, 0, 3, 3, 1])
    found = labelled_samples(score, process, integrators.DDIM(), times, (6,), labels, key=jax.random.key(1))
    nearest = np.argmin(np.linalg.norm(np.asarray(found)[:, None] - points, axis=2), axis=1)
    np.testing.assert_array_equal(nearest, labels)
