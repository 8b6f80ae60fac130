"""The transition study: its numbers are those of the theory at the ratios it names, and its bound is kept."""

import math

import jax
import numpy as np
import pytest
import xarray as xr

from diffmem import __version__, studies, theory

SMALL = {"growth": (0.4, 0.1), "d": 40, "scaled": (1.2, 0.8, 1.0), "variance": 4.0, "queries": 60, "seed": 3}


@pytest.fixture(scope="module")
def found():
    return studies.transition(**SMALL)


def test_curves_are_the_theory_at_the_named_ratios(found):
    assert found.growth.values.tolist() == [0.1, 0.4] and found.scaled.values.tolist() == [0.8, 1.0, 1.2]
    spectrum = np.full(40, 4.0)
    for a, n in ((0.1, round(math.exp(4))), (0.4, round(math.exp(16)))):
        curve = found.sel(growth=a)
        ratio = np.array([0.8, 1.0, 1.2]) * theory.collapse_ratio(n, spectrum)
        assert curve.log_n.item() == pytest.approx(math.log(n), rel=1e-15)
        np.testing.assert_allclose(curve.ratio, ratio, rtol=1e-14)
        law = theory.IsotropicGaussian(40, 4.0)
        exact = theory.random_energy(n, law, ratio, key=jax.random.key(3), queries=60)
        np.testing.assert_allclose(curve.own_weight, exact.own_weight.value, rtol=1e-12)
        np.testing.assert_allclose(curve.log_participation_error, exact.log_participation.error, rtol=1e-12)
        np.testing.assert_allclose(
            curve.own_weight_bound, theory.gaussian_own_weight(ratio**-2, spectrum, n), rtol=1e-5
        )
    assert (found.own_weight > found.own_weight_bound - 4 * found.own_weight_error).all()
    assert (found.own_weight.diff("scaled") < 0).all()


def test_numbers_carry_their_names_units_and_origin(found, tmp_path):
    for variable in (*found.data_vars.values(), *found.coords.values()):
        assert variable.attrs["long_name"] and variable.attrs["units"]
    assert found.attrs == {
        "diffmem": __version__,
        "law": "IsotropicGaussian(d=40, variance=4.0)",
        "d": 40,
        "queries": 60,
        "kept": 256,
        "seed": 3,
    }
    found.to_netcdf(tmp_path / "transition.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "transition.nc", engine="h5netcdf"), found)


def test_a_curve_depends_on_its_own_size_alone(found):
    stages = []
    alone = studies.transition(**{**SMALL, "growth": (0.4,)}, progress=lambda *stage: stages.append(stage))
    np.testing.assert_allclose(alone.own_weight[0], found.own_weight[1], rtol=1e-12)
    assert stages == [(0, 1, "n = e^(0.4 d)"), (1, 1, "done")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"growth": ()}, "`growth` must hold positive finite numbers"),
        ({"scaled": (0.0, 1.0)}, "`scaled` must hold positive finite numbers"),
        ({"scaled": (1.0, float("nan"))}, "`scaled` must hold positive finite numbers"),
        ({"growth": (0.001,)}, "`growth` must give at least 2 points"),
        ({"seed": -1}, "`seed` must be between 0 and"),
        ({"queries": 1}, "`queries` must be at least 2"),
        ({"variance": 0.0}, "`variance` must be positive"),
    ],
)
def test_bad_input_is_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        studies.transition(**{**SMALL, **change})
