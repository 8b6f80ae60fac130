"""The line, the band and the marks of observed values against time."""

import jax.numpy as jnp
import numpy as np
import pytest
from figures import TIMES, VALUES, labelled

from diffmem import plots


def test_against_time_draws_the_median_and_the_band():
    (ax,) = plots.against_time(jnp.asarray(TIMES), jnp.asarray(VALUES), jnp.asarray(0.7)).axes
    median, theory = ax.get_lines()
    np.testing.assert_allclose(median.get_xdata(), TIMES, rtol=1e-6)
    np.testing.assert_allclose(median.get_ydata(), np.median(VALUES, axis=1), rtol=1e-6)
    corners = ax.collections[0].get_paths()[0].vertices
    low, high = np.percentile(VALUES, [10, 90], axis=1)
    for edge in (low, high):
        assert all(np.isclose(corners, [t, y], rtol=1e-6).all(axis=1).any() for t, y in zip(TIMES, edge))
    np.testing.assert_allclose(theory.get_xdata(), 0.7, rtol=1e-6)
    assert "0.7" in theory.get_label()


def test_against_time_draws_the_mean_in_two_standard_errors():
    (ax,) = plots.against_time(TIMES, VALUES, statistic="mean").axes
    mean, error = VALUES.mean(1), np.sqrt(VALUES.var(1) / 199)
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), mean)
    corners = ax.collections[0].get_paths()[0].vertices
    for edge in (mean - 2 * error, mean + 2 * error):
        assert all(np.isclose(corners, [t, y]).all(axis=1).any() for t, y in zip(TIMES, edge))
    assert list(labelled(ax)) == ["mean", "mean ± 2 standard errors"]


@pytest.mark.parametrize(("statistic", "band"), [("median", "10-90 % of samples"), ("mean", "2 standard errors")])
def test_against_time_says_which_band_it_draws_about_named_curves(statistic, band):
    figure = plots.against_time(TIMES, {"a": VALUES, "b": VALUES + 1}, statistic=statistic)
    assert band in figure.axes[0].get_legend().get_title().get_text()
    alone = plots.against_time(TIMES, {"a": VALUES[:, 0]}, statistic=statistic)
    assert alone.axes[0].get_legend().get_title().get_text() == ""


def test_against_time_draws_each_named_curve_and_mark():
    figure = plots.against_time(TIMES, {"a": VALUES, "b": VALUES[:, 3]}, {"t_C": 0.7, "t_S": 1.2}, log_values=True)
    lines = labelled(figure.axes[0])
    np.testing.assert_array_equal(lines["b"].get_ydata(), VALUES[:, 3])
    assert [lines["t_C"].get_xdata()[0], lines["t_S"].get_xdata()[0]] == [0.7, 1.2]
    assert figure.axes[0].get_yscale() == "log"
    styles = [(line.get_color(), line.get_linestyle()) for line in lines.values()]
    assert len({dashes for _, dashes in styles[:2]}) == len({dashes for _, dashes in styles[2:]}) == 2
