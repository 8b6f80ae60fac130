"""Achilli et al.: which directions does memorization take first, those of high or of low variance?"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import data, integrators, processes, scores, theory
from ..integrators import sample
from ..plots import style
from ..reductions import Dense
from ..studies.crossing import crossing
from .single_file import Claim, Measurement, Paper, Results, Scale

VARIANCES = (1.0, 0.1)
PROCESS = processes.EDM(sigma_min=0.1, sigma_max=8.0)


class Size(NamedTuple):
    """What a scale costs."""

    points: tuple[int, ...]
    unresolved: tuple[int, ...]
    sets: int
    runs: int
    steps: int


SIZES: dict[str, Size] = {
    "smoke": Size((500,), (), sets=3, runs=60, steps=60),
    "full": Size((50, 500, 5000), (50, 500, 5000), sets=3, runs=60, steps=100),
}


def _state(x, level):
    return x


@eqx.filter_jit
def posterior_covariances(score: scores.Empirical, states, times):
    """Along all paths: states (nodes, runs, d), covariances (nodes, runs, d, d)."""

    def at(item):
        x, t = item
        return jax.vmap(lambda x: score.covariance(x, PROCESS.level(t)))(x)

    return jax.lax.map(at, (states, times))


def paths(n: int, each: int, size: Size, key) -> xr.Dataset:
    """Reverse flows under the exact score of n points: retained directions and posterior variance of both groups.

    The groups are `each` coordinates of variance 1 and as many of variance .1; the posterior covariance is taken along
    every path, and for each group the eigenvalues of its block are compared with sigma^2.
    """
    variances = np.repeat(VARIANCES, each)
    points_key, runs_key = jr.split(key)
    points = data.gaussian(n, 2 * each, covariance=variances, key=points_key).points
    score = scores.Empirical(points, reduction=Dense())
    times = integrators.grids.log_snr(PROCESS, steps=size.steps)
    out = sample(
        score,
        PROCESS,
        integrators.DDIM(),
        times,
        (2 * each,),
        size.runs,
        key=runs_key,
        observe=_state,
    )
    covariance = np.asarray(posterior_covariances(score, out.observed, times), np.float64)
    sigma = np.asarray(times, np.float64)
    counts, left = [], []
    for group, variance in enumerate(VARIANCES):
        block = covariance[..., group * each : (group + 1) * each, group * each : (group + 1) * each]
        eigenvalues = np.linalg.eigvalsh(block) / sigma[:, None, None] ** 2
        counts.append(np.asarray(theory.retained_dimension(eigenvalues), np.float64).mean(1))
        population = each * variance * sigma**2 / (variance + sigma**2)
        left.append(np.trace(block, axis1=-2, axis2=-1).mean(1) / population)
    return xr.Dataset(
        {"count": (("group", "sigma"), np.array(counts)), "left": (("group", "sigma"), np.array(left))},
        {"group": list(VARIANCES), "sigma": sigma},
    ).sortby("sigma")


def peak(sigma: np.ndarray, curve: np.ndarray) -> float:
    """sigma at the highest point of a curve, on a parabola through it and its neighbours."""
    found = theory.peaks(np.log(sigma), curve)
    return float(np.exp(found.position[np.argmax(found.height)]))


def half_loss(sigma: np.ndarray, left: np.ndarray) -> float:
    """The largest sigma below which the posterior variance is less than half of that of the population."""
    return float(1 / crossing(left[None, ::-1], 1 / sigma[::-1])[0])


def measured_sigmas(curves: xr.Dataset, each: int) -> xr.Dataset:
    """Noise at the peak of each count and at the loss of half of each variance, and the height of the peaks."""
    sigma = curves.sigma.values
    dims = ("n", "set", "group")
    count, left = (curves[name].transpose(*dims, "sigma").values for name in ("count", "left"))
    shape = count.shape[:3]
    flat = [(values.reshape(-1, len(sigma))) for values in (count, left)]
    variances = np.repeat(VARIANCES, each)
    return xr.Dataset(
        {
            "peak": (dims, np.reshape([peak(sigma, row) for row in flat[0]], shape)),
            "height": (dims, count.max(-1)),
            "half": (dims, np.reshape([half_loss(sigma, row) for row in flat[1]], shape)),
            "sigma_c": ("n", [theory.collapse_ratio(int(n), variances) for n in curves.n.values]),
        },
        curves.drop_vars("sigma").coords,
    )


def both_groups(points: tuple[int, ...], each: int, size: Size, key) -> xr.Dataset:
    """Curves over numbers of points and training sets."""
    sets = [
        xr.concat([paths(n, each, size, jr.fold_in(jr.fold_in(key, n), i)) for i in range(size.sets)], "set")
        for n in points
    ]
    return xr.concat(sets, "n").assign_coords(n=list(points))


def run(scale: Scale, key) -> Results:
    """Two groups of four dimensions, and at full scale of eight, which too few points resolve."""
    size = SIZES[scale]
    curves = both_groups(size.points, 4, size, key)
    found = measured_sigmas(curves, 4)
    curves = curves.merge(found)
    if size.unresolved:
        wide = both_groups(size.unresolved, 8, size, jr.fold_in(key, 0))
        curves["count_wide"] = wide["count"]
    for name in curves.data_vars:
        long_name, units = VARIABLES[str(name)]
        curves[name].attrs = {"long_name": long_name, "units": units}
    return Results(claimed(found, scale), curves)


def claimed(found: xr.Dataset, scale: Scale) -> dict[str, Measurement]:
    """The numbers of the claims: the worst over numbers of points."""
    high, low = (found.sel(group=group) for group in VARIANCES)
    half = (found.half.mean("set") / found.sigma_c).values
    between = (high.half.mean("set") / low.half.mean("set")).values
    numbers = {
        "peaks": float((high.peak / low.peak).min()),
        "half": float(max(half.ravel(), key=lambda ratio: abs(ratio - 1))),
        "together": float(max(between, key=lambda ratio: abs(ratio - 1))),
    }
    if scale == "full":
        numbers["growth"] = float((low.height.sel(n=5000) / low.height.sel(n=50)).min())
    return {name: Measurement(value) for name, value in numbers.items()}


def draw(results: Results) -> Figure:
    """Both measures: retained directions, where the groups peak apart, and variance left, where they go together."""
    curves = results.curves.mean("set")
    wide = "count_wide" in curves
    figure = style.new_figure(10.5 if wide else 7.5, 3.6)
    axes = figure.subplots(1, 3 if wide else 2)
    shown = [("count", r"retained directions of 4, $\lambda > \sigma^2/2$ (1)"), ("left", "variance left (1)")]
    shown += [("count_wide", "retained directions of 8 (1)")] if wide else []
    for ax, (name, label) in zip(axes, shown):
        style.dress(ax)
        for i, n in enumerate(curves.n.values):
            for group, line in zip(VARIANCES, ("-", "--")):
                curve = curves[name].sel(n=n, group=group)
                ax.plot(
                    curves.sigma,
                    curve,
                    color=style.COLOURS[i],
                    linestyle=line,
                    marker="",
                    label=f"$n = {n}$, variance {group:g}",
                )
            if name != "count_wide":
                ax.axvline(float(curves.sigma_c.sel(n=n)), color=style.COLOURS[i], linewidth=0.8, linestyle=":")
        ax.set(xscale="log", xlabel=r"noise $\sigma$ (data units)", ylabel=label)
    axes[1].axhline(0.5, color="grey", linewidth=0.8)
    axes[1].set_xlim(0.08, 40)  # room for the legend
    style.legend(axes[1])
    return figure


VARIABLES = {
    "count": ("directions of a group whose posterior variance exceeds sigma^2/2, mean over runs", "1"),
    "count_wide": ("the same with eight dimensions in each group", "1"),
    "left": ("posterior variance of a group in units of that of the population, mean over runs", "1"),
    "peak": ("noise at which count is largest", "data units"),
    "height": ("the largest count", "1"),
    "half": ("noise below which left is under 1/2", "data units"),
    "sigma_c": ("noise at which the mutual information of the Gaussian law is log n", "data units"),
}

CLAIMS = (
    Claim(
        "peaks",
        "Noise at which most directions of variance 1 are retained over that for variance .1, smallest over three sets "
        "of each of n = 50, 500, 5000 points in 4 + 4 dimensions (smoke: 500).",
        expected=1.3,
        low=1.25,
        high=math.inf,
        source="arXiv:2410.08727, abstract",
        kind="analogue",
    ),
    Claim(
        "growth",
        "Most retained directions of variance .1 at n = 5000 over most at n = 50, smallest over three sets.",
        expected=3.3,
        low=2.0,
        high=math.inf,
        source="arXiv:2410.08727, abstract",
        kind="analogue",
        scales=("full",),
    ),
    Claim(
        "half",
        "Noise at which a group has lost half of its population posterior variance, over sigma_c, mean of three sets, "
        "farthest from 1 over groups and n (smoke: n = 500).",
        expected=1.0,
        low=0.85,
        high=1.15,
        source="derived: collapse of the whole law at I = log n",
        kind="derived",
    ),
    Claim(
        "together",
        "That noise for variance 1 over the one for variance .1, mean of three training sets, farthest from 1 over n.",
        expected=0.95,
        low=0.85,
        high=1.15,
        source="derived: collapse of the whole law at I = log n",
        kind="derived",
    ),
)

SETTING = (
    "A linear manifold with two groups of four directions, of variance 1 and .1, under the exact score of n points "
    "and the variance-exploding probability flow, 60 runs for each of three training sets. Directions off the "
    "manifold are left out: they stay inert. The paper asks which directions are lost first, and the answer depends "
    "on the measure. By the number of directions whose posterior variance exceeds sigma^2/2 the high-variance group "
    "goes first: its count peaks at larger noise and falls while the low-variance group is still appearing. Relative "
    "to what the population would retain at the same noise there is no order at all: both groups lose half of their "
    "variance at sigma_c, where the mutual information is log n. Two groups of eight directions are the unresolved "
    "case: 5,000 points never retain the second one, which would take about 2e5. That single directions can go before "
    "full collapse, the paper's title, is not tested."
)

PAPER = Paper(
    slug="achilli2024",
    title="Losing dimensions: geometric memorization in generative diffusion",
    arxiv="2410.08727",
    setting=SETTING,
    claims=CLAIMS,
    run=run,
    draw=draw,
)
