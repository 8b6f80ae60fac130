"""Figures draw the numbers they are given, name their axes, and leave pyplot alone; how they look is judged by eye."""

import functools
import io
import warnings

import matplotlib.pyplot
import numpy as np
import pytest
from figures import (
    BASINS,
    DENSITY,
    FIELD,
    FIGURES,
    GRID,
    NUMBERS_OF_PANELS,
    TIMES,
    VALUES,
    audited,
    collapse,
    pairs,
    transition,
)
from matplotlib.figure import Figure

from diffmem import plots


@functools.cache
def drawn(name):
    """A figure whose layout is done."""
    figure = (FIGURES | NUMBERS_OF_PANELS)[name]()
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_saves_small_without_warnings_and_without_pyplot(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = FIGURES[name]()
        file = io.BytesIO()
        figure.savefig(file, format="png")
    assert isinstance(figure, Figure)
    assert 3_000 < len(file.getvalue()) < 300_000
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "name", ["time", "several", "plane", "spectra", "transition", "mean", "flow", "copying", "neighbours"]
)
def test_axes_carry_quantity_symbol_and_unit(name):
    (ax,) = drawn(name).axes
    for label in (ax.get_xlabel(), ax.get_ylabel()):
        assert "$" in label and label.endswith(")"), label


@pytest.mark.parametrize("name", [*FIGURES, *NUMBERS_OF_PANELS])
def test_no_legend_is_clipped_or_covers_a_title(name):
    figure = drawn(name)
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    titles = [ax.title.get_window_extent() for ax in figure.axes if ax.get_title()]
    for legend in legends:
        box = legend.get_window_extent()
        assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) >= 0
        assert not any(box.overlaps(title) for title in titles)
    assert legends or "images" in name


def test_no_text_is_smaller_than_eight_points():
    for name in FIGURES:
        figure = drawn(name)
        sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]
        assert min(sizes) >= 8


def test_figures_draw_into_axes_that_exist():
    mine = Figure()
    first, second = mine.subplots(1, 2)
    assert plots.against_time(TIMES, VALUES[:, 0], ax=first, label="own weight $w$ (1)") is mine
    assert plots.spectra(np.ones(3), ax=second) is mine
    assert first.get_ylabel() == "own weight $w$ (1)" and second.get_xscale() == "log"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.against_time(TIMES, {"w": VALUES[1:]}), "`values` w must have shape (9,) or (9, count)"),
        (lambda: plots.against_time(TIMES - 0.02, VALUES, log_time=True), "`times` must not be negative on a log axis"),
        (lambda: plots.against_time(TIMES, VALUES - 9, log_values=True), "`values` must not be negative on a log axis"),
        (lambda: plots.against_time(TIMES, VALUES, statistic="mode"), "must be 'median' or 'mean', but is 'mode'."),
        (lambda: plots.against_time(TIMES, VALUES[:, :1], statistic="mean"), "at least 2 samples"),
        (lambda: plots.density_over_time(TIMES, GRID, DENSITY.T), "`density` must have shape (9, 12), but has"),
        (
            lambda: plots.density_over_time(TIMES, GRID, DENSITY, VALUES[1:]),
            "`paths` must have shape (9, 200), but has",
        ),
        (
            lambda: plots.density_over_time(TIMES - 0.01, GRID, DENSITY, log_time=True),
            "`times` must be positive on a log",
        ),
        (lambda: plots.flow_field(GRID[:5], GRID, FIELD), "`vectors` must have shape (12, 5, 2) to match the grid"),
        (
            lambda: plots.flow_field(GRID, GRID, basins=BASINS[1:]),
            "`basins` must have shape (12, 12) to match the grid",
        ),
        (lambda: plots.phase_diagram(collapse().drop_vars("measured")), "but lacks measured."),
        (lambda: plots.phase_diagram(collapse(t=(0.0, 0.5, 0.9)), log_time=True), "`t` must be positive"),
        (lambda: plots.transition(transition().drop_vars("log_n")), "but lacks log_n."),
        (lambda: plots.samples_beside_neighbours(*pairs((4,)), (5,)), "`samples` must hold 5 events of shape (5,)"),
        (lambda: plots.samples_beside_neighbours(*pairs((4,)), (4,), np.ones(3)), "`distance` must have shape (5,)"),
        (lambda: plots.samples_beside_neighbours(*pairs((4,), 0), (4,)), "must hold a pair"),
        (lambda: plots.copying_curves(audited(), {"cosine": 0.3}), "but lacks cosine_curve."),
        (lambda: plots.neighbour_distances({"samples": np.ones(0)}), "none of them empty."),
        (lambda: plots.spectra(np.array([1.0, -0.1])), "`spectrum` must be non-negative"),
        (lambda: plots.spectra(np.array([1.0, np.nan])), "must be non-negative"),
        (lambda: plots.spectra(np.zeros(3)), "not all zero"),
    ],
)
def test_bad_input_is_one_sentence(draw, message):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        draw()
    assert message in str(error.value)
