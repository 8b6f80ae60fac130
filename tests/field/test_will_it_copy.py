"""Before training on few images: will it copy? Asked with 140 images (denoising-diffusion-pytorch 17, 87, 108)."""

import jax.random as jr
import numpy as np
import pytest

import diffmem
from diffmem import data, integrators, metrics, processes, scores


@pytest.mark.slow
def test_of_140_images_it_is_said_at_which_noise_the_optimum_copies():
    images = data.digits().subset(slice(140))
    found = diffmem.explain(images)
    value, error = (float(part) for part in found.collapse)
    assert f"{value:.3g}" in found.summary() and error < 0.1 * value
    process, score = processes.EDM(sigma_min=0.01, sigma_max=50.0), scores.Empirical(images.points)

    def copied(noise):
        """The share of denoised points that are copies, of noisy training points at this noise."""
        z = np.asarray(jr.normal(jr.key(1), images.points.shape, images.points.dtype))
        level = process.level(noise)
        denoised = [score.denoise(x, level) for x in images.points + np.float32(noise) * z]
        return metrics.memorization(np.stack(denoised), images.points, compare_ranges=False).fraction

    # between half and twice the collapse, the posterior mean goes from a copy to a mean of many
    assert copied(value / 2) > 0.9 and copied(2 * value) < 0.1
    times = integrators.grids.karras(process, steps=24)
    drawn = diffmem.sample(score, process, integrators.Heun(), times, (64,), 50, key=jr.key(2))
    assert metrics.memorization(drawn.points, images.points).fraction == 1
