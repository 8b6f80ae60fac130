"""Ambient training beside plain training: the same objective, the comparison, and averages over samples of one source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from diffmem import scores, training
from diffmem.level import NoiseLevel
from diffmem.papers.shah2025.ambient_flows import ambient_branches, average_by_source, flow_between
from diffmem.papers.shah2025.ambient_networks import (
    AmbientEach,
    ambient_against_plain,
    ambient_courses,
    at_held_out_loss,
)

FLOAT = jnp.zeros(()).dtype
LEVELS, WEIGHT = training.LogUniform(0.1, 3.0), training.weights.EDM(1.0)


@pytest.mark.parametrize("sigma", [0.2, 1.5])
def test_the_noise_of_a_datum_is_that_of_the_objective(sigma):
    score, z = scores.Gaussian(jnp.zeros(3), jnp.asarray(1.0, FLOAT)), jnp.asarray([0.3, -1.0, 2.0], FLOAT)
    clean, copy = jnp.ones(3, FLOAT), jnp.asarray([1.2, 0.7, 1.1], FLOAT)
    level = NoiseLevel(jnp.ones((), FLOAT), jnp.asarray(sigma, FLOAT))
    own = AmbientEach(LEVELS, WEIGHT)
    ambient = training.AmbientScoreMatching(LEVELS, 0.6, WEIGHT).at(score, (clean, copy), level, z)
    assert own.at(score, (clean, copy, jnp.asarray(0.6, FLOAT)), level, z) == pytest.approx(float(ambient), rel=1e-6)
    plain = training.ScoreMatching(LEVELS, WEIGHT).at(score, clean, level, z)
    assert own.at(score, (clean, clean, jnp.zeros((), FLOAT)), level, z) == pytest.approx(float(plain), rel=1e-5)


def course(losses, copied):
    return xr.Dataset({"held_out_loss": (("noise", "step"), losses), "copied": (("noise", "step"), copied)})


def test_comparison_of_known_courses():
    found = course([[1.0, 0.8, 2.0, 6.0], [1.0, 1.0, 3.0, 5.0]], [[0, 0.01, 0.2, 0.6], [0, 0, 0.1, 0.3]])
    result = ambient_against_plain(found, 4.0)
    assert result["least"] == pytest.approx(0.8) and result["least_copied"] == 0.01
    assert result["equal_steps"] == pytest.approx(0.5)
    assert result["equal_loss"] == pytest.approx(0.2 / 0.4)
    assert np.isnan(at_held_out_loss(found.isel(noise=1), 7.0))
    assert np.isnan(at_held_out_loss(found.isel(noise=1), 0.5))


@pytest.mark.slow
def test_the_first_member_is_plain_training():
    law = scores.Gaussian(jnp.zeros(3), jnp.asarray(1.0, FLOAT))
    options = {"key": jax.random.key(0), "steps": 30, "snapshots": [10, 30], "width": 8, "samples": 20}
    found = ambient_courses(law, 6, (0.0, 0.5), **options)
    assert found.copied.dims == ("noise", "step") and np.isfinite(found.held_out_loss).all()
    alone = ambient_courses(law, 6, (0.0,), **options)
    np.testing.assert_allclose(found.held_out_loss[0], alone.held_out_loss[0], rtol=1e-4)
    assert np.abs(found.held_out_loss[0] - found.held_out_loss[1]).max() > 1e-4


def test_average_by_source():
    clean = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    seen = clean + np.array([1.0, 0.0])
    samples = np.concatenate([seen[0] + np.array([[0, 0.5], [0, -0.5], [0.25, 0], [-0.25, 0]]), seen[1:2]])
    distance, size = average_by_source(samples, seen, clean, least=2)
    np.testing.assert_array_equal(size, [4, 1, 0])
    assert distance[0] == pytest.approx(1.0) and np.isnan(distance[1:]).all()


def test_flow_between_two_noises_of_a_gaussian():
    teacher = scores.Gaussian(jnp.zeros(3), jnp.asarray(0.49, FLOAT))
    start = 5 * jax.random.normal(jax.random.key(0), (20, 3), FLOAT)
    found = flow_between(teacher, start, 5.0, 0.5, steps=48)
    np.testing.assert_allclose(found, start * np.sqrt((0.49 + 0.25) / (0.49 + 25)), rtol=0.01)


def test_ambient_states_are_noisy_copies():
    """Two points far apart: the ambient flow ends on one of the two copies, the plain one around the points."""
    train, z = jnp.asarray([[-20.0, 0.0], [20.0, 0.0]], FLOAT), jnp.asarray([[1.0, 2.0], [-1.0, 0.5]], FLOAT)
    start = 60 * jax.random.normal(jax.random.key(1), (40, 2), FLOAT)
    found = ambient_branches(train, z, 0.3, start, 60.0, steps=40)
    for name, centres, size in (("ambient", train + 0.3 * z, 0.0), ("plain", train, 0.3)):
        distance = jnp.linalg.norm(found[name][:, None] - centres[None], axis=-1).min(1)
        assert jnp.sqrt(jnp.mean(distance**2)) == pytest.approx(np.sqrt(2) * size, rel=0.4, abs=0.01)
