"""Ambient training beside plain training: their courses, and the comparison of courses that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from diffmem import scores
from diffmem.papers.shah2025.ambient_networks import ambient_against_plain, ambient_courses, at_held_out_loss

FLOAT = jnp.zeros(()).dtype


def course(losses, copied):
    curves = {"held_out_loss": (("noise", "step"), losses), "copied": (("noise", "step"), copied)}
    return xr.Dataset(curves, {"step": [10, 30, 100, 200]})


def test_comparison_of_known_courses():
    found = course([[1.0, 0.8, 2.0, 6.0], [1.0, 1.0, 3.0, 5.0]], [[0, 0.01, 0.2, 0.6], [0, 0, 0.1, 0.3]])
    result = ambient_against_plain(found, 4.0)
    assert result["learned_least"] == pytest.approx(0.8) and result["learned_least_copied"] == 0.01
    assert result["learned_equal_steps"] == pytest.approx(0.5)
    assert result["learned_equal_loss"] == pytest.approx(0.2 / 0.4)
    assert np.isnan(at_held_out_loss(found.isel(noise=1), 7.0))
    assert np.isnan(at_held_out_loss(found.isel(noise=1), 0.5))


@pytest.mark.slow
def test_the_first_member_is_plain_training():
    law = scores.Gaussian(jnp.zeros(3), jnp.asarray(1.0, FLOAT))
    options = {"key": jax.random.key(0), "steps": 30, "snapshots": [10, 30]}
    found = ambient_courses(law, 6, (0.0, 0.5), **options)
    assert found.copied.dims == ("noise", "step") and np.isfinite(found.held_out_loss).all()
    alone = ambient_courses(law, 6, (0.0,), **options)
    np.testing.assert_allclose(found.held_out_loss[0], alone.held_out_loss[0], rtol=1e-4)
    assert np.abs(found.held_out_loss[0] - found.held_out_loss[1]).max() > 1e-4
