"""The panels of an explanation draw the numbers they are given."""

import itertools

import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg

from diffmem import plots


def made_up(**changes):
    """A dataset as `Explanation.to_dataset` returns it, of made-up numbers."""
    ratio = np.array([4.0, 1.0, 0.25])
    variables = {
        "spectrum": ("rank", np.array([4.0, 1.0, 0.5])),
        "own_weight": (("size", "ratio"), np.array([[0.2, 0.6, 0.9], [0.1, 0.5, 0.8]])),
        "own_weight_error": (("size", "ratio"), np.full((2, 3), 0.01)),
        "n_ratio": ("n", np.array([1.5, 1.0, np.nan])),
        "n_error": ("n", np.array([0.1, 0.05, np.nan])),
        "n_spectrum": ("n", np.array([1.4, 0.9, 0.7])),
        "point_ratio": ("point", np.array([np.inf, 3.0, 1.2, 1.0, 0.9])),
        "point_repeats": ("point", np.array([9, 1, 2, 1, 1])),
        "point_outlier": ("point", np.array([False, True, False, False, False])),
        "speciation": 2.0,
        "collapse": 1.0,
        "distinct": 100,
    }
    coordinates = {"size": [50, 100], "ratio": changes.pop("ratio", ratio), "n": [50, 100, 1000]}
    return xarray.Dataset(variables | changes, coordinates)


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_own_weight_has_a_curve_for_each_size_and_marks():
    (ax,) = plots.own_weight_against_noise(made_up()).axes
    assert texts(ax)[:2] == ["n = 50", "n = 100"]
    assert {1.0, 2.0} <= {line.get_xdata()[0] for line in ax.get_lines() if len(set(line.get_xdata())) == 1}


def test_the_collapse_is_drawn_as_far_as_it_is_known():
    (ax,) = plots.collapse_against_number(made_up(below=0.4)).axes
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), [1.5, 1.0])
    assert 0.4 in [line.get_ydata()[0] for line in ax.get_lines() if len(set(line.get_ydata())) == 1]


def test_all_points_with_a_finite_collapse_are_counted_by_kind():
    (ax,) = plots.collapse_of_points(made_up()).axes
    assert {"others", "outliers", "repeated"} <= set(texts(ax))
    tops = [patch.get_height() for patch in ax.patches]
    assert sum(tops) == pytest.approx(4)


def test_the_spectrum_is_marked_at_squares_of_the_noise():
    (ax,) = plots.explained_spectrum(made_up()).axes
    levels = {line.get_ydata()[0] for line in ax.get_lines() if len(set(line.get_ydata())) == 1}
    assert {1.0, 4.0} <= levels


def test_the_four_panels_make_one_figure():
    assert len(plots.explained(made_up()).axes) == 4


@pytest.mark.parametrize("end", [1.3, 4.0, 8.0, 30.0, 1000.0])
def test_labels_of_a_logarithmic_axis_do_not_run_into_one_another(end):
    figure = plots.own_weight_against_noise(made_up(ratio=np.array([end, 1.0, 1 / end])))
    FigureCanvasAgg(figure).draw()
    labels = [text for text in figure.axes[0].xaxis.get_ticklabels(which="both") if text.get_text()]
    low, high = figure.axes[0].get_xlim()
    boxes = sorted(
        (text.get_window_extent() for text in labels if low <= text.get_position()[0] <= high), key=lambda box: box.x0
    )
    assert boxes and all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
