"""What is followed in a training of small networks: score errors against a closed form, losses, times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores, studies, training
from diffmem.training import Training

FLOAT = jnp.zeros(()).dtype
LAW = scores.Gaussian(jnp.zeros(3), jnp.asarray(1.0, FLOAT))


@pytest.mark.slow
def test_score_error_of_gaussians():
    """D = c x with c = v/(v + sigma^2): the error is the EDM weight times (c - c_1)^2 (1 + sigma^2)."""
    variances = np.array([0.5, 1.0, 2.0])
    held = [scores.Gaussian(jnp.zeros(3), jnp.asarray(v, FLOAT)) for v in variances]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *held)
    run = Training(held[-1], np.arange(1, 4), stacked, np.zeros(3), np.zeros(3), None)
    objective = training.ScoreMatching(training.LogUniform(0.2, 2.0), training.weights.EDM(1.0))
    points = LAW.draw(1024, key=jax.random.key(0))
    found = studies.score_errors(run, LAW, points, objective, key=jax.random.key(1))
    sigma2 = (0.2 * 10.0 ** ((np.arange(12) + 0.5) / 12)) ** 2
    shrink = variances[:, None] / (variances[:, None] + sigma2)
    exact = ((1 + 1 / sigma2) * (shrink - 1 / (1 + sigma2)) ** 2 * (1 + sigma2)).mean(1)
    np.testing.assert_allclose(found, exact, rtol=5 * np.sqrt(2 / 3072), atol=1e-10)


@pytest.mark.slow
def test_a_course_of_two_widths():
    options = {"key": jax.random.key(0), "steps": 20, "batch": 16, "snapshots": [0, 10, 20], "samples": 20}
    found = studies.network_courses(LAW, [5, 9], width=[4, 8], counted=[0, 2], **options)
    np.testing.assert_allclose(found.gap, found.held_out_loss - found.train_loss, rtol=1e-6)
    np.testing.assert_array_equal(found.step, [0, 10, 20])
    assert found.n.values.tolist() == [5, 9] and found.width.values.tolist() == [4, 8]
    assert np.isfinite(found.copied[:, [0, 2]]).all() and np.isnan(found.copied[:, 1]).all()
    # an untrained network answers little: its loss is near that of the preconditioning, 1 for unit data
    assert np.abs(found.held_out_loss[:, 0] - 1).max() < 0.3
    # fresh points of a Gaussian cost at least what the exact denoiser does, and the error is the difference
    assert (found.score_error > 0).all()


@pytest.mark.slow
def test_fewer_points_are_copied_sooner():
    law = scores.GaussianMixture.two_clusters(jnp.ones(4, FLOAT))
    options = {"key": jax.random.key(1), "steps": 3000, "samples": 200, "snapshots": training.log_spaced(3000, 12)}
    found = studies.network_courses(law, [4, 64], width=[32, 32], **options)
    assert found.copied[0, -1] > 0.3 > 0.1 > found.copied[1, -1]
    few, many = (studies.rise_time(found.step.values, gap, 0.3) for gap in found.gap.values)
    assert few < 1000 and not many < few


def test_one_width_for_each_member():
    options = {"key": jax.random.key(0), "steps": 20, "snapshots": [20]}
    with pytest.raises(ValueError, match="`width` must be one number for each of 2 members, but are 1"):
        studies.network_courses(LAW, [5, 9], width=[4], **options)
