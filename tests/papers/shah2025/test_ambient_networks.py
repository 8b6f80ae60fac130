"""Ambient training beside plain training: their courses, and the comparison of courses that are known."""

import jax
import numpy as np
import pytest
import xarray as xr

from diffmem.papers.shah2025.ambient_networks import ambient_against_plain, at_held_out_loss, networks
from diffmem.papers.shah2025.experiment import SMOKE


def course(losses, copied):
    dims = "learned_noise", "step"
    curves = {"learned_loss": (dims, losses), "learned_copied": (dims, copied)}
    return xr.Dataset(curves, {"step": [10, 30, 100, 200]})


def test_comparison_of_known_courses():
    found = course([[1.0, 0.8, 2.0, 6.0], [1.0, 1.0, 3.0, 5.0]], [[0, 0.01, 0.2, 0.6], [0, 0, 0.1, 0.3]])
    result = ambient_against_plain(found)
    assert result["learned_least"] == pytest.approx(0.8) and result["learned_least_copied"] == 0.01
    assert result["learned_equal_steps"] == pytest.approx(0.5)
    assert result["learned_equal_loss"] == pytest.approx(0.2 / 0.4)
    assert np.isnan(at_held_out_loss(found.isel(learned_noise=1), 7.0))
    assert np.isnan(at_held_out_loss(found.isel(learned_noise=1), 0.5))


@pytest.mark.slow
def test_the_first_member_is_plain_training():
    settings = SMOKE._replace(network_noises=(0.0, 0.5), network_d=3, network_n=6, network_steps=200)
    values, found = networks(settings, jax.random.key(0))
    assert found.learned_copied.dims == ("learned_noise", "step") and np.isfinite(found.learned_loss).all()
    assert values["learned_least"] > 0
    values, alone = networks(settings._replace(network_noises=(0.0,)), jax.random.key(0))
    assert not values
    np.testing.assert_allclose(found.learned_loss[0, :10], alone.learned_loss[0, :10], rtol=1e-4)
    assert np.abs(found.learned_loss[0] - found.learned_loss[1]).max() > 1e-4
