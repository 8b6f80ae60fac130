"""Means over training sets and their intervals."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from diffmem.processes import EDM
from diffmem.studies.collapse.over_sets import CURVES, over_sets


def cell(ratio, generated=0.5, width=0.1, mc=2.0):
    names = {f"measured{kind}{end}": ratio for kind in ("", "_ratio") for end in ("", "_low", "_high")}
    shares = {"generated": generated, "generated_low": generated - width, "generated_high": generated + width}
    predicted = {"predicted_mc": mc, "predicted_mc_ratio": mc, "predicted_mc_ratio_error": 0.1}
    return xr.Dataset({**names, **shares, **predicted, **{name: ("t", [ratio, 1.0]) for name in CURVES}})


def test_one_set_stays_as_it_is():
    one = cell(0.7)
    xr.testing.assert_identical(over_sets([one], EDM()).drop_vars("measured_deviation"), one)


def test_the_interval_is_that_of_the_mean_of_logarithms():
    ratios = np.array([1.0, 1.3, 0.8, 1.1])
    found = over_sets([cell(ratio) for ratio in ratios], EDM())
    reach = stats.t.interval(0.95, 3, np.log(ratios).mean(), stats.sem(np.log(ratios)))
    np.testing.assert_allclose(
        [found[f"measured_ratio{end}"] for end in ("", "_low", "_high")], np.exp([np.log(ratios).mean(), *reach])
    )
    np.testing.assert_allclose(found.measured, found.measured_ratio, rtol=1e-6)  # the time of this process is sigma
    assert found.measured_deviation == pytest.approx(np.log(ratios).std(ddof=1))
    np.testing.assert_allclose(found.own_weight, [ratios.mean(), 1])


def test_fractions_keep_the_wider_interval():
    equal = over_sets([cell(1.0)] * 4, EDM())
    np.testing.assert_allclose([equal.generated, equal.generated_low, equal.generated_high], [0.5, 0.45, 0.55])
    apart = over_sets([cell(1.0, share) for share in (0.1, 0.9)], EDM())
    assert (apart.generated_low, apart.generated_high) == (0, 1)


def test_sets_that_did_not_cross_are_left_out():
    found = over_sets([cell(1.0), cell(np.nan), cell(1.0)], EDM())
    assert found.measured_ratio == 1 and found.measured_ratio_low == 1
    alone = over_sets([cell(1.0), cell(np.nan)], EDM())
    assert alone.measured_ratio == 1 and np.isnan(alone.measured_ratio_low)
