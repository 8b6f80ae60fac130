"""Networks trained at once: who copies more, and samples that carry the label they were asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.studies.labelled import labelled_samples
from diffmem.studies.trained_networks import trained_networks


@pytest.mark.slow
def test_fewer_points_are_copied_sooner():
    law = scores.GaussianMixture.two_clusters(jnp.ones(4))
    points = law.draw(64, key=jax.random.key(0))
    found = trained_networks(
        law, 2**0.5, [points[:4], points], [32, 32], key=jax.random.key(1), steps=1500, samples=200, gap=0.3
    )
    assert found.copied[0] > 0.3 > 0.1 > found.copied[1]
    assert found.gap_step[0] < 1500 and not found.gap_step[1] < found.gap_step[0]


def test_a_sample_has_the_label_it_was_asked_for():
    """With a label for each of four points and features enough, a labelled sample is its point."""
    points = 2 * np.eye(4, 6, dtype=np.float32)
    score = scores.RandomFeatureRidge.fit(points, 300, labels=np.arange(4), draws=64, key=jax.random.key(0))
    process = processes.EDM(sigma_min=0.03, sigma_max=5.0)
    times, labels = integrators.grids.log_snr(process, 15), jnp.array([2, 0, 3, 3, 1])
    found = labelled_samples(score, process, integrators.DDIM(), times, (6,), labels, key=jax.random.key(1))
    nearest = np.argmin(np.linalg.norm(np.asarray(found)[:, None] - points, axis=2), axis=1)
    np.testing.assert_array_equal(nearest, labels)
