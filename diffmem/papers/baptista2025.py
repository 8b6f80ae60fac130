"""Memorization and regularisation: the exact flow ends on data, two regularised scores stop short of it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from .. import theory
from ..integrators import Heun, grids, sample
from ..metrics import memorization
from ..processes import EDM, VariancePreserving
from ..scores import Empirical, EmpiricalBayes, Tikhonov
from .base import Claim, Measurement, Paper, Results, Scale

ARXIV = "2501.15785"
DATA = np.random.RandomState(1).randn(20, 2)  # the paper's own set
START = math.sqrt(99 / (2 * math.log(10)))  # b(T) of its clock b^2 = (s0^(2 t) - 1)/(2 log s0) for s0 = 10, T = 1
END = 1e-4
NEAR = 1e-2  # the paper's distance, below which a sample is a copy
STRENGTHS = tuple(10 ** (-1 - i / 2) for i in range(9))
FLOORS = tuple(10 ** (-2 + i / 2) for i in range(7))
# shares of copies by distance < 1e-2 and by d1 < d2/3, from an independent integration with other latents
TIKHONOV = (
    (0.001, 0.002, 0.006, 0.018, 0.049, 0.140, 0.384, 0.788, 0.998),
    (0.234, 0.415, 0.646, 0.826, 0.931, 0.973, 0.998, 1.0, 1.0),
)
BAYES = (
    (0.996, 0.969, 0.896, 0.686, 0.152, 0.005, 0.000),
    (0.996, 0.969, 0.904, 0.727, 0.418, 0.168, 0.092),
)
PROCESS = EDM(sigma_min=END, sigma_max=START)
PRESERVING = VariancePreserving(beta_min=0.001, beta_max=3.0)
LONE = np.array([0.3, -0.6])
LONE_STRENGTHS = (1e-4, 1e-2, 1.0)
# how far, and for which noise, an offset from the boundary is followed while it grows
OFFSET, LEAVING = 1e-3, (1.0, 0.35)
SIZES = {"smoke": (1000, 60, 2), "full": (4000, 200, 1)}  # latents, steps, every how many of the rows' values


def run(scale: Scale, key) -> Results:
    """The rows of both regularisers, the rate of collapse, the boundary between two cells, and the lone point."""
    count, steps, stride = SIZES[scale]
    latents_key, lone_key = jax.random.split(key)
    latents = START * jax.random.normal(latents_key, (count, 2), jnp.float32)
    measured, pieces = {}, {}
    for name, score, values, row in (
        ("tikhonov", lambda c: Tikhonov(_data(), c), STRENGTHS, TIKHONOV),
        ("bayes", lambda tau: EmpiricalBayes(_data(), tau / len(DATA)), FLOORS, BAYES),
    ):
        pieces |= _row(name, score, values[::stride], np.array(row)[:, ::stride], latents, steps)
        for kind in ("near", "ratio"):
            gap = np.abs(pieces[f"{name}_{kind}"] - pieces[f"{name}_{kind}_row"])
            error = float(np.sqrt(0.25 / count))
            measured[f"{name}_{kind}"] = Measurement(float(gap.max()), error)
    found, observed = _collapse(latents, steps)
    measured |= found | _boundary(steps) | _lone(lone_key, steps)
    return Results(measured, _curves(pieces | observed, _values(stride)))


def _values(stride: int) -> dict:
    """The coordinates of the rows."""
    return {"strength": list(STRENGTHS[::stride]), "floor": list(FLOORS[::stride])}


def _data() -> Empirical:
    return Empirical(DATA.astype(np.float32))


def _flow(score, start, steps: int, process=PROCESS, observe=None):
    """The probability flow from given states; the states at the last noise."""
    times = grids.log_snr(process, steps)
    shape, key = start.shape[1:], jax.random.key(0)  # the flow draws nothing
    return sample(
        score, process, Heun(), times, shape, len(start), key=key, start=start, observe=observe, finish="state"
    )


def _row(name: str, score, values, row, latents, steps: int) -> dict:
    """Shares of copies by both measures against one regulariser's strength."""
    shares = []
    for value in values:
        found = memorization(_flow(score(jnp.float32(value)), latents, steps).points, DATA)
        shares.append((np.mean(found.d1 < NEAR), found.fraction))
    near, ratio = np.array(shares).T
    return {
        f"{name}_near": near,
        f"{name}_ratio": ratio,
        f"{name}_near_row": row[0],
        f"{name}_ratio_row": row[1],
    }


def _collapse(latents, steps: int) -> tuple[dict, dict]:
    """The exact flow: copies, and the slope of log distance against log noise for each trajectory."""
    few = latents[:1000]
    out = _flow(_data(), few, steps, observe=lambda x, level: x)
    copies = memorization(out.points, DATA)
    noise = np.asarray(grids.log_snr(PROCESS, steps), np.float64)
    distance = np.linalg.norm(np.asarray(out.observed, np.float64) - DATA[copies.index], axis=2)
    late = noise <= 0.1
    slope = np.polyfit(np.log(noise[late]), np.log(distance[late]), 1)[0]
    deviation = 1.2533 * slope.std() / math.sqrt(len(slope))  # of a median, for normal spread
    measured = {
        "copies": Measurement(float(np.mean(copies.copied & (copies.d1 < NEAR))), 0.0),
        "slope": Measurement(float(np.median(slope)), float(deviation)),
        "slope_share": Measurement(float(np.mean((slope >= 0.9) & (slope <= 1.1))), 0.0),
    }
    return measured, {"noise": noise, "distance": np.percentile(distance, (5, 50, 95), axis=1), "ends": out.points}


def _boundary(steps: int) -> dict:
    """Two points at +-e_1: a trajectory between them, and one beside it."""
    score = Empirical(np.array([[1, 0], [-1, 0]], np.float32))
    start = np.stack([np.zeros(5), START * np.linspace(-2, 2, 5)], axis=1).astype(np.float32)
    out = _flow(score, start, steps, observe=lambda x, level: jnp.abs(x[0]))
    process = EDM(sigma_min=LEAVING[1], sigma_max=LEAVING[0])
    beside = _flow(score, np.array([[OFFSET, 0.5]], np.float32), 200, process).points[0, 0]
    grown = math.log(float(beside) / OFFSET)
    high, low = LEAVING
    predicted = (low**-2 - high**-2) / 2 - math.log(high / low)
    return {
        "boundary_kept": Measurement(float(np.max(out.observed)), 0.0),
        "boundary_end": Measurement(float(np.max(np.linalg.norm(out.points, axis=1))), 0.0),
        "boundary_growth": Measurement(grown / predicted, 0.0),
    }


def _lone(key, steps: int) -> dict:
    """One data point: the distance left by Tikhonov against the closed form, on both of the paper's processes."""
    found = {}
    for name, process in (("exploding", PROCESS), ("preserving", PRESERVING)):
        alpha, sigma = (float(part) for part in process.level(process.t_max))
        last = float(process.level(process.t_min).alpha)
        start = alpha * LONE + sigma * np.asarray(jax.random.normal(key, (64, 2)), np.float64)
        errors = []
        for strength in LONE_STRENGTHS:
            score = Tikhonov(Empirical(LONE[None].astype(np.float32)), jnp.float32(strength))
            end = np.asarray(_flow(score, start.astype(np.float32), 2 * steps, process).points, np.float64)
            left = np.linalg.norm(end / last - LONE, axis=1) / np.linalg.norm(start / alpha - LONE, axis=1)
            errors.append(np.abs(left / theory.tikhonov_contraction(process, strength) - 1).max())
        found[f"lone_{name}"] = Measurement(float(max(errors)), 0.0)
    return found


def _curves(pieces: dict, axes: dict) -> xr.Dataset:
    share = {"units": "1", "long_name": "share of samples that are copies"}
    whole = {}
    for name, dim in (("tikhonov", "strength"), ("bayes", "floor")):
        for kind in ("near", "ratio", "near_row", "ratio_row"):
            whole[f"{name}_{kind}"] = (dim, pieces[f"{name}_{kind}"], share)
    length = {"units": "data units", "long_name": "distance to the final data point"}
    whole["distance"] = (("percentile", "node"), pieces["distance"], length)
    whole["noise"] = ("node", pieces["noise"], {"units": "data units", "long_name": "noise b"})
    where = {"units": "data units", "long_name": "end points of the exact flow"}
    whole["ends"] = (("sample", "axis"), np.asarray(pieces["ends"]), where)
    whole["data"] = (("point", "axis"), DATA, {"units": "data units", "long_name": "data points"})
    return xr.Dataset(whole, axes | {"percentile": [5, 50, 95]})


def draw(results: Results):
    """Copies against the strength of each regulariser, and the rate of collapse."""
    from ..plots import style

    curves = results.curves
    figure = style.new_figure(9.6, 3.2)
    rows = (
        ("tikhonov", "strength", "Tikhonov strength $c$ (data units$^2$)"),
        ("bayes", "floor", r"empirical-Bayes floor $\tau$ (kernels)"),
    )
    axes = figure.subplots(1, 3)
    for ax, (name, dim, label) in zip(axes, rows):
        style.dress(ax)
        for colour, kind, what in ((0, "near", "within $10^{-2}$ of a point"), (1, "ratio", "$d_1 < d_2/3$")):
            shown = {"color": style.COLOURS[colour], "marker": style.MARKERS[colour]}
            ax.plot(curves[dim], curves[f"{name}_{kind}"], linestyle="-", markersize=4, label=what, **shown)
            ax.plot(curves[dim], curves[f"{name}_{kind}_row"], linestyle="", fillstyle="none", markersize=9, **shown)
        ax.set(xscale="log", xlabel=label, ylabel="share of copies", ylim=(-0.04, 1.04))
        style.legend(ax)
    ax = axes[2]
    style.dress(ax)
    low, middle, high = curves["distance"].values
    ax.fill_between(curves["noise"], low, high, alpha=0.25, linewidth=0, label="5-95 % of runs")
    ax.plot(curves["noise"], middle, marker="", linestyle="-", label="median")
    slope = curves["noise"].values * middle[-1] / curves["noise"].values[-1]
    ax.plot(curves["noise"], slope, marker="", color=style.MARK_COLOUR, linestyle="--", label="slope 1")
    ax.set(xscale="log", yscale="log", xlabel="noise $b$ (data units)", ylabel="distance to the end (data units)")
    style.legend(ax)
    return figure


RATE = f"arXiv:{ARXIV}, theorem on the rate of collapse"
ROW = "derived: an independent integration of the published setting with other latents"

PAPER = Paper(
    slug="baptista2025",
    title="Memorization and Regularization in Generative Diffusion Models",
    arxiv=ARXIV,
    setting=(
        "The published set of 20 points in the plane (NumPy seed 1) and the exact probability flow of the empirical "
        "score, plain and with two regularised scores in closed form, from latents N(0, b_T^2). The paper's "
        "variance-exploding clock, b^2 = (s0^(2t) - 1)/(2 log s0) with s0 = 10 and T = 1, only names the noise b by "
        "another time, and all such clocks run through one curve: the flow here is that of the EDM process with "
        "sigma = b, from b_T = 4.637 to 1e-4. Tikhonov's penalty is weighted by c/sigma^2; the floor of empirical "
        "Bayes is tau/20, as the weights here sum to one and the paper's kernels do not. The rows of shares come from "
        "an independent integration and belong to this data set; on others they move by .05. A trajectory may also end "
        "on the boundary between two Voronoi cells, but only from a set of measure zero, which is checked by itself: "
        "no run from random latents did. The stopping distance sqrt(c/(b_T^2 + c)) holds where alpha = 1; the "
        "variance-preserving process keeps another share (theory.tikhonov_contraction). The paper's networks, which "
        "regularise by width and early stopping, do not carry over."
    ),
    claims=(
        Claim(
            "copies",
            "Share of the exact flow's samples that are copies, both within 1e-2 of a point and with d1 < d2/3.",
            1.0,
            0.9995,
            1.0,
            f"arXiv:{ARXIV}, experiments in the plane",
            "printed",
        ),
        Claim(
            "slope",
            "Median over runs of the slope of log distance to the final point against log b, b from 1e-4 to 0.1.",
            1.0,
            0.95,
            1.05,
            RATE,
            "derived",
        ),
        Claim(
            "slope_share",
            "Share of these runs, all of them with a data point as limit, whose slope lies in [0.9, 1.1].",
            1.0,
            0.99,
            1.0,
            RATE,
            "derived",
        ),
        *(
            Claim(
                f"{name}_{kind}",
                f"Largest deviation of the share of copies ({measure}) from the row over {axis}.",
                0.0,
                0.0,
                0.05,
                ROW,
                "derived",
            )
            for name, axis in (("tikhonov", "c = 1e-1 ... 1e-5"), ("bayes", "tau = 0.01 ... 10"))
            for kind, measure in (("near", "distance below 1e-2"), ("ratio", "d1 < d2/3"))
        ),
        Claim(
            "boundary_kept",
            "Two points at +-e_1: largest abs(x_1) along the flow from starts with x_1 = 0 exactly.",
            0.0,
            0.0,
            1e-6,
            f"arXiv:{ARXIV}, theorem on limit points",
            "derived",
        ),
        Claim(
            "boundary_end",
            "The same starts: largest distance from 0, a point of the boundary and not of the data, at b = 1e-4.",
            0.0,
            0.0,
            1e-3,
            f"arXiv:{ARXIV}, theorem on limit points",
            "derived",
        ),
        Claim(
            "boundary_growth",
            "Log growth of an offset of 1e-3 from that boundary, b from 1 to 0.35, over the integral of 1/b^2 - 1.",
            1.0,
            0.98,
            1.02,
            "derived: linearised flow between +-e_1, d log x_1 = (1/b^2 - 1) d log(1/b)",
            "derived",
        ),
        *(
            Claim(
                f"lone_{name}",
                f"Lone data point, {label}: largest relative error of the distance that Tikhonov leaves against "
                f"{formula}, c in 1e-4, 1e-2, 1.",
                0.0,
                0.0,
                1e-3,
                "derived: theory.tikhonov_contraction",
                "derived",
            )
            for name, label, formula in (
                ("exploding", "alpha = 1", "sqrt((b^2 + c)/(b_T^2 + c))"),
                ("preserving", "the paper's variance-preserving process", "its closed form"),
            )
        ),
    ),
    run=run,
    draw=draw,
)
