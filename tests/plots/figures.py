"""Figures of made-up numbers, one of each kind and in several numbers of panels."""

import numpy as np
import xarray

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


def audited():
    """The curves of an audit, of made-up numbers."""
    grid = np.linspace(0, 1, 21)
    curves = {"ratio_curve": grid**2, "ratio_control_curve": grid**4, "ratio_threshold": grid}
    return xarray.Dataset({name: ("ratio_step", values) for name, values in curves.items()})


def optimum():
    """A dataset as `studies.against_optimum` returns it, of made-up numbers."""
    ratio, variables = np.array([0.1, 0.3, 1.0, 3.0]), {}
    for i, kind in enumerate(("excess_exact", "excess_gaussian", "distance_exact", "distance_gaussian")):
        variables[kind] = (("set", "ratio"), np.array([[0.4, 0.3, 0.1, 0.0], [-0.2, 0.1, 0.1, 0.0]]) + i / 10)
        variables[f"{kind}_error"] = (("set", "ratio"), np.full((2, 4), 0.01))
    variables["distance_apart"] = (("set", "ratio"), np.array([[0.8, 0.5, 0.2, 0.1]] * 2))
    variables |= {"collapse": 0.4, "speciation": 1.2, "stops": 0.7, "step": ("steps", [np.inf, 1.0, 0.3, 0.01])}
    return xarray.Dataset(variables, {"set": ["train", "held_out"], "ratio": ratio})


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
    "optimum": lambda: plots.against_optimum(optimum()),
    "spectra": lambda: plots.spectra({"a": np.arange(5.0), "b": np.ones(3)}, {"level": 0.5}),
    "mean": lambda: plots.against_time(TIMES, {"a": VALUES, "b": VALUES + 1}, statistic="mean"),
    "density": lambda: plots.density_over_time(
        TIMES, GRID, DENSITY, VALUES[:, :5], {"t_C": 0.7, "t_S": 1.2}, points=GRID[:3], log_time=True
    ),
    "flow": lambda: plots.flow_field(GRID, GRID, FIELD, BASINS, FIELD[:, :3], points=FIELD[0, :4]),
    "copying": lambda: plots.copying_curves(audited(), {"ratio": 0.33}),
    "neighbours": lambda: plots.neighbour_distances({"samples": VALUES[0], "held-out points": VALUES[1]}),
    "posterior": lambda: plots.posterior_along_paths(TIMES, VALUES, VALUES, 0.7, log_time=True),
}


NUMBERS_OF_PANELS = {
    "one phase": lambda: plots.phase_diagram(collapse(d=(4,))),
    "two phases": lambda: plots.phase_diagram(collapse(d=(4, 16))),
    "twelve phases": lambda: plots.phase_diagram(collapse(d=tuple(range(1, 13)))),
    "one profile": lambda: plots.samples_beside_neighbours(*pairs((7,), 1), (7,)),
    "sixteen profiles": lambda: plots.samples_beside_neighbours(*pairs((7,), 16), (7,), ratio=np.ones(16)),
    "three curves": lambda: three(lambda ax: plots.against_time(TIMES, {"weight of the own point": VALUES}, ax=ax)),
    "three densities": lambda: three(lambda ax: plots.density_over_time(TIMES, GRID, DENSITY, points=GRID[:2], ax=ax)),
    "three flows": lambda: three(lambda ax: plots.flow_field(GRID, GRID, FIELD, BASINS, points=FIELD[0], ax=ax)),
}


def three(draw):
    """Three titled panels of one kind, and one legend below them."""
    figure, axes = plots.style.panels(9.0, 3.4, 3)
    for ax in axes:
        draw(ax)
        ax.set_title("a title")
    plots.style.legend_below(figure, axes[0])
    return figure
