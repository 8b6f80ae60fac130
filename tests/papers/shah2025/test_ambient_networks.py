"""Ambient training beside plain training: the objective of both, and the comparison of their courses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from diffmem import scores, training
from diffmem.level import NoiseLevel
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
