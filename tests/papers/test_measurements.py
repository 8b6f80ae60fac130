"""From numbers to measurements: by hand."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from diffmem.papers import Measurement
from diffmem.papers.measurements import farthest, farthest_mean, highest_peak, measurements, share, together


def test_numbers_and_pairs_become_measurements():
    found = measurements(
        {"a": np.float32(2), "b": (jnp.asarray(1.5), 0.25), "c": xr.DataArray(3), "d": Measurement(4, 1)}
    )
    assert {name: one.value for name, one in found.items()} == {"a": 2.0, "b": 1.5, "c": 3.0, "d": 4.0}
    assert math.isnan(found["a"].error) and (found["b"].error, found["d"].error) == (0.25, 1.0)


def test_groups_are_put_together():
    curve = xr.Dataset({"y": ("x", [1.0, 2.0])}, {"x": [0, 1]})
    found = together(({"a": 1}, curve), ({"b": 2}, xr.Dataset()), ({"c": 3}, xr.Dataset({"z": 5.0})))
    assert {name: one.value for name, one in found.measured.items()} == {"a": 1, "b": 2, "c": 3}
    assert set(found.curves) == {"y", "z"} and found.curves.y.values.tolist() == [1.0, 2.0]


def test_the_farthest_value_is_the_worst_case():
    assert farthest([[0.9, 1.2], [0.7, 1.1]], 1) == 0.7
    assert farthest([xr.DataArray(2.0), xr.DataArray(-3.0)], 0) == -3
    assert math.isnan(farthest([1.0, math.nan], 0))
    assert farthest_mean([(0.9, 0.1), (1.3, 0.2)], 1) == Measurement(1.3, 0.2)


def test_the_error_of_a_share_is_binomial():
    assert share(0.2, 100) == Measurement(0.2, 0.04)
    assert share(-0.2, 100).error == pytest.approx(0.04) and share(1.0, 10).error == 0


def test_the_peak_of_a_parabola_in_the_logarithm():
    x = np.geomspace(0.1, 10, 9)
    assert highest_peak(x, -((np.log(x) - 0.3) ** 2)) == pytest.approx(math.exp(0.3))
    assert math.isnan(highest_peak(x, x))
