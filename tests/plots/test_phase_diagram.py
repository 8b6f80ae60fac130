"""The map of own weights, with measured and predicted collapse times."""

import numpy as np
import pytest
from figures import collapse, labelled

from diffmem import plots


def test_phase_diagram_draws_weights_and_times_of_each_dimension():
    dataset = collapse()
    figure = plots.phase_diagram(dataset.isel(n=[1, 0], t=[2, 0, 1]).transpose("t", "d", "n"))
    for i, d in enumerate((4, 16)):
        ax, panel = figure.axes[i], dataset.sel(d=d)
        assert ax.get_title() == f"$d = {d}$"
        cells = ax.collections[0]
        np.testing.assert_array_equal(cells.get_array(), panel.own_weight.values.T)
        assert cells.get_clim() == (0, 1)
        lines = labelled(ax)
        np.testing.assert_array_equal(lines["predicted from the spectrum"].get_xdata(), [32, 128])
        np.testing.assert_array_equal(lines["predicted from the spectrum"].get_ydata(), panel.predicted)
        second = lines["predicted, mutual information by Monte Carlo"]
        np.testing.assert_array_equal(second.get_ydata(), panel.predicted_mc)
        (measured,) = ax.containers
        points, _, (bars,) = measured.lines
        np.testing.assert_array_equal(points.get_ydata(), panel.measured)
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends, np.stack([panel.measured_low, panel.measured_high], axis=1))
        assert ax.get_xscale() == "log" and ax.get_xlabel() == "training points $n$ (count)"
    assert figure.axes[0].get_ylabel() == "diffusion time $t$ (dimensionless)"
    assert r"\bar w_{\rm own}" in figure.axes[-1].get_ylabel()


@pytest.mark.parametrize("log_time", [False, True])
def test_phase_diagram_cells_meet_between_grid_points(log_time):
    figure = plots.phase_diagram(collapse(t=(0.1, 0.2, 0.4)), log_time=log_time)
    corners = figure.axes[0].collections[0].get_coordinates()
    middle = [np.sqrt(0.02), np.sqrt(0.08)] if log_time else [0.15, 0.3]
    np.testing.assert_allclose(corners[1:-1, 0, 1], middle)
    np.testing.assert_allclose(corners[0, 1, 0], np.sqrt(32 * 128))


def test_phase_diagram_shows_lone_predictions_and_leaves_out_unknown_times():
    dataset = collapse(n=(32, 64, 128), d=(4,))
    dataset.predicted_mc[1:] = np.nan
    dataset.measured[0] = np.nan
    (ax, _) = plots.phase_diagram(dataset).axes
    (bar,) = [line for line in ax.get_lines() if line.get_path_effects() and len(line.get_xdata()) == 1]
    assert bar.get_xdata() == [32] and bar.get_ydata() == dataset.predicted_mc.values[0]
    without = plots.phase_diagram(dataset.drop_vars("predicted_mc"))
    assert not any("Monte Carlo" in label for label in labelled(without.axes[0]))
