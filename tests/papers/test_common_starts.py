"""One sampler for all models: exact flows of Gaussians, equal starts, networks that differ where they should."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.papers.common_starts import SameNoise, networks_side_by_side

KEY = jax.random.key(0)


def test_gaussians_end_where_their_linear_flow_ends():
    """x_0 = m + S^(1/2) (S + sigma^2)^(-1/2) (x - m) at sigma = 0, diagonal S; the last step is D at a small sigma."""
    mean, variance = np.array([1.0, -2.0, 0.5]), np.array([1.0, 0.3, 4.0])
    flow = SameNoise.draw(0.01, 30.0, (3,), 20, key=KEY, steps=80)
    found = flow(scores.Gaussian(jnp.asarray(mean), jnp.asarray(variance)))
    start = np.asarray(flow.start, np.float64)
    exact = mean + np.sqrt(variance / (variance + 30.0**2)) * (start - mean)
    np.testing.assert_allclose(found, exact, atol=5e-3)


def test_starts_are_shared_and_have_the_stated_size():
    flow = SameNoise.draw(0.1, 8.0, (4, 2), 500, key=KEY)
    assert flow.start.shape == (500, 4, 2)
    assert float(flow.start.std()) == pytest.approx(8.0, rel=0.05)
    score = scores.Gaussian(jnp.zeros((4, 2)), 1.0)
    np.testing.assert_array_equal(flow(score), flow(score))


@pytest.mark.slow
def test_networks_on_one_set_differ_and_follow_their_key():
    points = np.random.default_rng(0).normal(size=(9, 2)).astype(jnp.zeros(()).dtype)
    x, level = jnp.ones(2, points.dtype), NoiseLevel(1.0, 1.0)
    outputs = []
    for key in (KEY, KEY, jax.random.key(1)):
        sets = [points, points[:5]]
        found = networks_side_by_side(sets, 1.0, 0.1, 8.0, key=key, steps=20, width=8)
        outputs.append([np.asarray(one.denoise(x, level)) for one in found])
    first, again, other = outputs
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 1e-4
    assert np.abs(np.array(first) - other).max() > 1e-4
