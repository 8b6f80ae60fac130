import numpy as np
from figures import audited

from diffmem import plots


def test_curves_are_those_given_and_the_threshold_is_marked():
    (ax,) = plots.copying_curves(audited(), {"ratio": 0.33}).axes
    samples, controls, mark = ax.get_lines()
    grid = np.linspace(0, 1, 21)
    np.testing.assert_allclose(samples.get_xydata(), np.stack([grid, grid**2], axis=1))
    np.testing.assert_allclose(controls.get_ydata(), grid**4)
    assert set(mark.get_xdata()) == {0.33}


def test_without_controls_there_is_one_curve():
    alone = audited()
    alone["ratio_control_curve"] = np.nan * alone["ratio_curve"]
    assert len(plots.copying_curves(alone, {"ratio": 0.33}).axes[0].get_lines()) == 2


def test_the_share_of_distances_that_are_smaller():
    (ax,) = plots.neighbour_distances({"samples": np.array([3.0, 1.0])}).axes
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[1, 0], [1, 0.5], [3, 1]])


def test_units_are_those_of_the_distances():
    result = audited()
    for name in ("curve", "control_curve", "threshold"):
        result[f"distance_{name}"] = result[f"ratio_{name}"]
    for units in ("data units", "units in which 0 is -1 and 255 is 1"):
        result["distance_threshold"].attrs["units"] = units
        (curve,) = plots.copying_curves(result, {"distance": 0.33}).axes
        (ax,) = plots.neighbour_distances({"samples": np.ones(3)}, units).axes
        assert f"({units})" in curve.get_xlabel() and f"({units})" in ax.get_xlabel()
