"""Figures draw the numbers they are given, name their axes, and leave pyplot alone; how they look is judged by eye."""

import io
import warnings

import jax.numpy as jnp
import matplotlib.pyplot
import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from diffmem import plots

RNG = np.random.default_rng(0)
TIMES = np.geomspace(4.0, 0.01, 9)
VALUES = RNG.normal(size=(9, 200)) ** 2 + 1
GRID = np.linspace(-1.0, 4.0, 12)
DENSITY = RNG.uniform(size=(9, 12))
FIELD = RNG.normal(size=(12, 12, 2))
BASINS = RNG.integers(0, 4, size=(12, 12))
OWN = np.array([[[0.9, 0.5, 0.1], [0.8, 0.4, 0.2]], [[0.7, 0.3, 0.1], [0.6, 0.2, 0.05]]])


def collapse(n=(32, 128), d=(4, 16), t=(0.1, 0.5, 0.9)):
    """A dataset as the collapse study returns it, of made-up numbers."""
    grid = np.arange(1.0, 1 + len(n) * len(d)).reshape(len(n), len(d)) / 10
    over_time = np.broadcast_to(OWN[:1, :1, :1], (len(n), len(d), len(t))).copy()
    own = OWN if over_time.shape == OWN.shape else over_time
    variables = {
        "own_weight": (("n", "d", "t"), own),
        "measured": (("n", "d"), grid),
        "measured_low": (("n", "d"), grid - 0.02),
        "measured_high": (("n", "d"), grid + 0.03),
        "predicted": (("n", "d"), 1.1 * grid),
        "predicted_mc": (("n", "d"), 0.9 * grid),
    }
    return xarray.Dataset(variables, coords={"n": list(n), "d": list(d), "t": list(t)})


def transition():
    """A dataset as the transition study returns it, of made-up numbers."""
    scaled, log_n = np.array([0.8, 1.0, 1.2]), np.array([np.log(2000), 100 * np.log(10)])
    weight = np.array([[0.9, 0.5, 0.2], [1.0, 0.5, 0.0]])
    curves = {
        "own_weight": weight,
        "own_weight_error": weight / 50,
        "own_weight_bulk": weight / 40,
        "own_weight_bound": weight / 2,
    }
    variables = {name: (("growth", "scaled"), values) for name, values in curves.items()}
    return xarray.Dataset({**variables, "log_n": ("growth", log_n)}, coords={"growth": [0.1, 1.0], "scaled": scaled})


def pairs(shape, count=5):
    return RNG.normal(size=(count, *shape)), RNG.normal(size=(count, *shape))


def labelled(ax):
    return {handle.get_label(): handle for handle in ax.get_legend_handles_labels()[0]}


FIGURES = {
    "time": lambda: plots.against_time(TIMES, VALUES, 0.7),
    "several": lambda: plots.against_time(
        TIMES, {"a": VALUES, "b": VALUES[:, 0]}, {"t_C": 0.7, "t_S": 1.2}, log_time=True
    ),
    "phases": lambda: plots.phase_diagram(collapse()),
    "phases of six": lambda: plots.phase_diagram(collapse(d=(1, 2, 4, 8, 16, 32)), log_time=True),
    "grey images": lambda: plots.samples_beside_neighbours(*pairs((4, 4)), (4, 4), ratio=np.linspace(0, 1, 5)),
    "colour images": lambda: plots.samples_beside_neighbours(*pairs((3, 4, 4)), (3, 4, 4), copied=np.arange(5) > 2),
    "plane": lambda: plots.samples_beside_neighbours(*pairs((2,)), (2,), copied=np.arange(5) > 2),
    "profiles": lambda: plots.samples_beside_neighbours(*pairs((7,)), (7,), distance=np.ones(5)),
    "transition": lambda: plots.transition(transition()),
    "spectra": lambda: plots.spectra({"a": np.arange(5.0), "b": np.ones(3)}, {"level": 0.5}),
    "mean": lambda: plots.against_time(TIMES, {"a": VALUES, "b": VALUES + 1}, statistic="mean"),
    "density": lambda: plots.density_over_time(
        TIMES, GRID, DENSITY, VALUES[:, :5], {"t_C": 0.7, "t_S": 1.2}, points=GRID[:3], log_time=True
    ),
    "flow": lambda: plots.flow_field(GRID, GRID, FIELD, BASINS, FIELD[:, :3], points=FIELD[0, :4]),
    "posterior": lambda: plots.posterior_along_paths(TIMES, VALUES, VALUES, 0.7, log_time=True),
}
NUMBERS_OF_PANELS = {
    "one phase": lambda: plots.phase_diagram(collapse(d=(4,))),
    "two phases": lambda: plots.phase_diagram(collapse(d=(4, 16))),
    "twelve phases": lambda: plots.phase_diagram(collapse(d=tuple(range(1, 13)))),
    "one profile": lambda: plots.samples_beside_neighbours(*pairs((7,), 1), (7,)),
    "sixteen profiles": lambda: plots.samples_beside_neighbours(*pairs((7,), 16), (7,), ratio=np.ones(16)),
    "three densities": lambda: three(lambda ax: plots.density_over_time(TIMES, GRID, DENSITY, points=GRID[:2], ax=ax)),
    "three flows": lambda: three(lambda ax: plots.flow_field(GRID, GRID, FIELD, BASINS, points=FIELD[0], ax=ax)),
}


def three(draw):
    """Three titled panels of one kind, and one legend below them."""
    figure, axes = plots.style.panels(9.0, 3.4, 3)
    for ax in axes:
        draw(ax).axes[0].set_title("a title")
    plots.style.legend_below(figure, axes[0])
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


@pytest.mark.parametrize("name", ["time", "several", "plane", "spectra", "transition", "mean", "flow"])
def test_axes_carry_quantity_symbol_and_unit(name):
    (ax,) = FIGURES[name]().axes
    for label in (ax.get_xlabel(), ax.get_ylabel()):
        assert "$" in label and label.endswith(")"), label


@pytest.mark.parametrize("name", [*FIGURES, *NUMBERS_OF_PANELS])
def test_no_legend_is_clipped_or_covers_a_title(name):
    figure = (FIGURES | NUMBERS_OF_PANELS)[name]()
    figure.draw_without_rendering()
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    titles = [ax.title.get_window_extent() for ax in figure.axes if ax.get_title()]
    for legend in legends:
        box = legend.get_window_extent()
        assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) >= 0
        assert not any(box.overlaps(title) for title in titles)
    assert legends or "images" in name


def test_no_text_is_smaller_than_eight_points():
    for draw in FIGURES.values():
        figure = draw()
        figure.draw_without_rendering()
        sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]
        assert min(sizes) >= 8


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


def test_figures_draw_into_axes_that_exist():
    mine = Figure()
    first, second = mine.subplots(1, 2)
    assert plots.against_time(TIMES, VALUES[:, 0], ax=first, label="own weight $w$ (1)") is mine
    assert plots.spectra(np.ones(3), ax=second) is mine
    assert first.get_ylabel() == "own weight $w$ (1)" and second.get_xscale() == "log"


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


def test_density_over_time_draws_the_density_and_its_paths():
    figure = plots.density_over_time(TIMES, GRID, DENSITY, VALUES[:, :5], 0.7, points=GRID[:3])
    ax = figure.axes[0]
    cells = ax.collections[0]
    np.testing.assert_array_equal(cells.get_array().reshape(12, 9), DENSITY.T)
    corners = cells.get_coordinates()
    np.testing.assert_array_equal(corners[0, :, 0], TIMES)
    np.testing.assert_array_equal(corners[:, 0, 1], GRID)
    assert cells.get_clim() == (0, DENSITY.max())
    for i, line in enumerate(ax.get_lines()[:5]):
        np.testing.assert_array_equal(line.get_xydata(), np.stack([TIMES, VALUES[:, i]], axis=1))
    named = labelled(ax)
    np.testing.assert_array_equal(named["training points"].get_xydata(), [[TIMES[-1], x] for x in GRID[:3]])
    assert named["theory, $t = 0.7$"].get_xdata()[0] == 0.7
    assert ax.get_xlim() == (TIMES[-1], TIMES[0]) and ax.get_ylim() == (-1, 4)


def test_flow_field_draws_arrows_basins_paths_and_points():
    paths = FIELD[:, :3]
    (ax,) = plots.flow_field(GRID, GRID[:10], FIELD[:10], BASINS[:10], paths, points=FIELD[0, :4]).axes
    basins, arrows, points = ax.collections
    np.testing.assert_array_equal(basins.get_array(), BASINS[:10])
    np.testing.assert_array_equal(arrows.U, FIELD[:10, :, 0].ravel())
    np.testing.assert_array_equal(arrows.V, FIELD[:10, :, 1].ravel())
    np.testing.assert_array_equal(arrows.XY, [[x, y] for y in GRID[:10] for x in GRID])
    np.testing.assert_array_equal(points.get_offsets(), FIELD[0, :4])
    for i, line in enumerate(ax.get_lines()):
        np.testing.assert_array_equal(line.get_xydata(), paths[:, i])
    shades = basins.cmap(basins.norm(np.arange(4)))
    np.testing.assert_array_equal(shades[:, :3], points.get_facecolors()[:, :3])


def test_a_fine_flow_field_is_thinned_to_arrows_that_can_be_told_apart():
    fine = np.linspace(0, 1, 90)
    vectors = RNG.normal(size=(90, 90, 2))
    (arrows,) = plots.flow_field(fine, fine, vectors).axes[0].collections
    np.testing.assert_array_equal(arrows.U, vectors[::6, ::6, 0].ravel())
    np.testing.assert_array_equal(arrows.XY[:15, 0], fine[::6])


def test_posterior_along_paths_draws_every_path_and_the_mean():
    entropy = VALUES[:, ::-1] + 2
    figure = plots.posterior_along_paths(TIMES, VALUES[:, :7], entropy[:, :7], {"t_C": 0.7})
    for ax, values in zip(figure.axes, (VALUES, entropy)):
        mean, mark, *paths = ax.get_lines()
        np.testing.assert_allclose(mean.get_ydata(), values[:, :7].mean(1))
        assert mark.get_xdata()[0] == 0.7
        np.testing.assert_array_equal([path.get_ydata() for path in paths], values.T[:7])
    assert "w_{" in figure.axes[0].get_ylabel() and "nats" in figure.axes[1].get_ylabel()


def test_transition_draws_weights_intervals_and_bounds():
    dataset = transition()
    mine = Figure()
    ax = mine.subplots()
    assert plots.transition(dataset.isel(scaled=[2, 0, 1], growth=[1, 0]).transpose("scaled", "growth"), ax=ax) is mine
    names = [container.get_label() for container in ax.containers]
    assert names == ["$n = 2000$", "$n = 10^{100}$"]
    for container, (_, curve) in zip(ax.containers, dataset.groupby("growth")):
        curve = curve.squeeze()
        points, _, (bars,) = container.lines
        np.testing.assert_array_equal(points.get_xydata(), np.stack([curve.scaled, curve.own_weight], axis=1))
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        low = curve.own_weight - 1.96 * curve.own_weight_error
        high = curve.own_weight + 1.96 * curve.own_weight_error + curve.own_weight_bulk
        np.testing.assert_allclose(ends, np.stack([low, high], axis=1))
    drawn = [tuple(line.get_ydata()) for line in ax.get_lines()]
    assert all(tuple(bound) in drawn for bound in dataset.own_weight_bound.values)
    np.testing.assert_array_equal(labelled(ax)[r"$I = \log n$"].get_xdata(), 1)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (1, 4, 5)])
def test_grey_images_are_the_pixels(shape):
    samples, neighbours = pairs(shape, 11)
    figure = plots.samples_beside_neighbours(samples.reshape(11, -1), neighbours, shape, ratio=np.linspace(0, 1, 11))
    shown = [ax.get_images()[0] for ax in figure.axes if ax.get_images()]
    assert len(shown) == 22
    order = [*range(8), *range(11, 19), *range(8, 11), *range(19, 22)]
    pixels = np.concatenate([samples, neighbours]).reshape(22, 4, 5)[order]
    for image, expected in zip(shown, pixels):
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_clim() == (neighbours.min(), neighbours.max())
    assert figure.axes[0].get_ylabel() == "generated"
    assert figure.axes[8].get_ylabel() == "nearest\ntraining point"
    assert figure.axes[1].get_title() == "$d_1/d_2$ = 0.1"
    assert figure.axes[-1].get_ylabel() == "pixel value $x$ (data units)"


@pytest.mark.parametrize("axis", [0, 2])
def test_colour_images_are_scaled_to_the_range_of_the_neighbours(axis):
    colours = RNG.uniform(-1, 1, size=(2, 4, 4, 3))
    events = np.moveaxis(colours, -1, axis + 1)
    figure = plots.samples_beside_neighbours(2 * events, events, events.shape[1:])
    low, span = colours.min(), np.ptp(colours)
    np.testing.assert_allclose(figure.axes[2].get_images()[0].get_array(), (colours[0] - low) / span)
    np.testing.assert_allclose(figure.axes[0].get_images()[0].get_array(), np.clip((2 * colours[0] - low) / span, 0, 1))


def test_copies_are_told_by_words_and_by_frames():
    copied = np.array([True, False])
    figure = plots.samples_beside_neighbours(*pairs((2, 2), 2), (2, 2), np.array([0.5, 3.0]), copied)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["$d_1$ = 0.5\ncopy", "$d_1$ = 3\nno copy"]
    widths = [ax.spines["left"].get_linewidth() for ax in figure.axes[:4]]
    assert widths[0] == widths[2] > widths[1] == widths[3]


def test_points_in_the_plane_are_the_coordinates():
    samples, neighbours = pairs((2,), 20)
    (ax,) = plots.samples_beside_neighbours(samples, neighbours, (2,), most=20).axes
    clouds = labelled(ax)
    np.testing.assert_array_equal(clouds["generated"].get_offsets(), samples)
    np.testing.assert_array_equal(clouds["nearest training point"].get_offsets(), neighbours)
    np.testing.assert_array_equal(ax.get_lines()[3].get_xydata(), [samples[3], neighbours[3]])


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 2, 2)])
def test_other_events_are_profiles(shape):
    samples, neighbours = pairs(shape, 20)
    figure = plots.samples_beside_neighbours(samples, neighbours, shape)
    panels = [ax for ax in figure.axes if ax.get_lines()]
    assert len(panels) == 16
    for i, ax in enumerate(panels):
        below, above = ax.get_lines()
        np.testing.assert_array_equal(above.get_ydata(), samples[i].ravel())
        np.testing.assert_array_equal(below.get_ydata(), neighbours[i].ravel())
    assert figure.get_supxlabel() == "coordinate $i$ (index)"
    assert figure.get_supylabel() == "value $x_i$ (data units)"


def test_spectra_are_sorted_and_zeros_are_counted():
    values = np.array([0.5, 0.0, 4.0, 1e-18, 2.0, -1e-17])
    lines = labelled(plots.spectra({"data": values}, jnp.asarray(0.25)).axes[0])
    np.testing.assert_array_equal(lines["data, zero: 3"].get_xydata(), [[1, 4.0], [2, 2.0], [3, 0.5]])
    np.testing.assert_array_equal(lines[r"$\lambda = 0.25$"].get_ydata(), 0.25)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.against_time(TIMES, {"w": VALUES[1:]}), "`values` w must have shape (9,) or (9, count)"),
        (lambda: plots.against_time(TIMES - 0.01, VALUES, log_time=True), "`times` must be positive on a log axis"),
        (lambda: plots.against_time(TIMES, VALUES - 9, log_values=True), "`values` must be positive on a log axis"),
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
        (lambda: plots.spectra(np.array([1.0, -0.1])), "`spectrum` must be non-negative"),
        (lambda: plots.spectra(np.array([1.0, np.nan])), "must be non-negative"),
        (lambda: plots.spectra(np.zeros(3)), "not all zero"),
    ],
)
def test_bad_input_is_one_sentence(draw, message):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        draw()
    assert message in str(error.value)
