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
from ..reductions import Dense
from ..scores import Empirical, EmpiricalBayes, Tikhonov
from .single_file import Claim, Measurement, Paper, Results, Scale

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
TWO = np.array([[1, 0], [-1, 0]], np.float32)
LONE = np.array([0.3, -0.6])
LONE_STRENGTHS = (1e-4, 1e-2, 1.0)
# how far, and for which noise, an offset from the boundary is followed while it grows
OFFSET, LEAVING = 1e-3, (1.0, 0.35)
# latents of the rows and of the exact flow, steps, every how many of the rows' values
SIZES = {"smoke": (1000, 1000, 60, 2), "full": (4000, 20000, 200, 1)}


def run(scale: Scale, key) -> Results:
    """The rows of both regularisers, the rate of collapse, the boundary between two cells, and the lone point."""
    count, many, steps, stride = SIZES[scale]
    latents_key, exact_key, lone_key = jax.random.split(key, 3)
    latents = START * jax.random.normal(latents_key, (count, 2), jnp.float32)
    measured, pieces = {}, {}
    for name, score, values, row in (
        ("tikhonov", lambda c: Tikhonov(_data(), c), STRENGTHS, TIKHONOV),
        ("bayes", lambda tau: EmpiricalBayes(_data(), tau / len(DATA)), FLOORS, BAYES),
    ):
        pieces |= _row(name, score, values[::stride], np.array(row)[:, ::stride], latents, steps)
        for kind in ("near", "ratio"):
            gap = np.abs(pieces[f"{name}_{kind}"] - pieces[f"{name}_{kind}_row"])
            measured[f"{name}_{kind}"] = Measurement(float(gap.max()), math.sqrt(0.25 / count))
    found, observed = _collapse(START * jax.random.normal(exact_key, (many, 2), jnp.float32), steps)
    measured |= found
    if scale == "full":
        processes = {"exploding": PROCESS, "preserving": PRESERVING}
        measured |= _boundary(steps) | _growth() | _lone(lone_key, processes)
    else:
        del measured["slope_share"]  # a share of .99 is not resolved by so few runs
    axes = {"strength": list(STRENGTHS[::stride]), "floor": list(FLOORS[::stride])}
    return Results(measured, _curves(pieces | observed, axes))


def _data() -> Empirical:
    return Empirical(DATA.astype(np.float32), reduction=Dense())


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
    rows = {f"{name}_near_row": row[0], f"{name}_ratio_row": row[1]}
    return {f"{name}_near": near, f"{name}_ratio": ratio} | rows


def _collapse(latents, steps: int) -> tuple[dict, dict]:
    """The exact flow: copies, and the slope of log distance against log noise for each trajectory."""
    out = _flow(_data(), latents, steps, observe=lambda x, level: x)
    copies = memorization(out.points, DATA)
    noise = np.asarray(grids.log_snr(PROCESS, steps), np.float64)
    distance = np.linalg.norm(np.asarray(out.observed, np.float64) - DATA[copies.index], axis=2)
    late = noise <= 0.1
    slope = np.polyfit(np.log(noise[late]), np.log(distance[late]), 1)[0]
    deviation = 1.2533 * slope.std() / math.sqrt(len(slope))  # of a median, for normal spread
    share = float(np.mean((slope >= 0.9) & (slope <= 1.1)))
    measured = {
        "copies": Measurement(float(np.mean(copies.copied & (copies.d1 < NEAR)))),
        "slope": Measurement(float(np.median(slope)), float(deviation)),
        "slope_share": Measurement(share, math.sqrt(share * (1 - share) / len(slope))),
    }
    return measured, {"noise": noise, "distance": np.percentile(distance, (5, 50, 95), axis=1), "ends": out.points}


def _boundary(steps: int) -> dict:
    """Trajectories that start half-way between two points at +-e_1."""
    start = np.stack([np.zeros(5), START * np.linspace(-2, 2, 5)], axis=1).astype(np.float32)
    out = _flow(Empirical(TWO, reduction=Dense()), start, steps, observe=lambda x, level: jnp.abs(x[0]))
    return {
        "boundary_kept": Measurement(float(np.max(out.observed)), 0.0),
        "boundary_end": Measurement(float(np.max(np.linalg.norm(out.points, axis=1))), 0.0),
    }


def _growth() -> dict:
    """How fast a trajectory beside that boundary leaves it, against the linearised flow."""
    high, low = LEAVING
    process = EDM(sigma_min=low, sigma_max=high)
    beside = _flow(Empirical(TWO, reduction=Dense()), np.array([[OFFSET, 0.5]], np.float32), 200, process).points[0, 0]
    predicted = (low**-2 - high**-2) / 2 - math.log(high / low)
    return {"boundary_growth": Measurement(math.log(float(beside) / OFFSET) / predicted, 0.0)}


def _lone(key, processes) -> dict:
    """One data point: the distance left by Tikhonov against the closed form, from a typical distance all around."""
    found = {}
    angle = np.asarray(jax.random.uniform(key, (64,), maxval=2 * math.pi), np.float64)
    around = math.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for name, process in processes.items():
        alpha, sigma = (float(part) for part in process.level(process.t_max))
        start = (alpha * LONE + sigma * around).astype(np.float32)
        errors = []
        for strength in LONE_STRENGTHS:
            score = Tikhonov(Empirical(LONE[None].astype(np.float32), reduction=Dense()), jnp.float32(strength))
            end = np.asarray(_flow(score, start, 400, process).points, np.float64)
            end = end / float(process.level(process.t_min).alpha)
            left = np.linalg.norm(end - LONE, axis=1) / (math.sqrt(2) * sigma / alpha)
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
    labels = "Tikhonov strength $c$ (data units$^2$)", r"empirical-Bayes floor $\tau$ (kernels)"
    axes = figure.subplots(1, 3)
    for ax, name, dim, label in zip(axes, ("tikhonov", "bayes"), ("strength", "floor"), labels):
        style.dress(ax)
        for colour, kind, what in ((0, "near", "$d_1 < 10^{-2}$"), (1, "ratio", "$d_1 < d_2/3$")):
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
            ("full",),
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
        *(
            Claim(key, statement, 0.0, 0.0, high, f"arXiv:{ARXIV}, theorem on limit points", "derived", ("full",))
            for key, statement, high in (
                (
                    "boundary_kept",
                    "Two points at +-e_1 and starts with x_1 = 0 exactly: largest abs(x_1) along the flow.",
                    1e-6,
                ),
                (
                    "boundary_end",
                    "The same starts: largest distance at b = 1e-4 from 0, a boundary point and no datum.",
                    1e-3,
                ),
            )
        ),
        Claim(
            "boundary_growth",
            "Log growth of an offset of 1e-3 from that boundary, b from 1 to 0.35, over the integral of 1/b^2 - 1.",
            1.0,
            0.98,
            1.02,
            "derived: linearised flow between +-e_1, d log x_1 = (1/b^2 - 1) d log(1/b)",
            "derived",
            ("full",),
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
                ("full",),
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
