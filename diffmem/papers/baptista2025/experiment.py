"""Memorization and regularisation: the exact flow ends on the data, the flows of two regularised scores stop before."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from ... import metrics, theory
from ...integrators import Observer, Samples, grids
from ...processes import EDM, AbstractProcess, VariancePreserving
from ...scores import AbstractScore, Empirical, EmpiricalBayes, Tikhonov
from ..base import Results
from ..flows import flow_from
from ..measurements import Group, share, together

DATA = np.random.RandomState(1).randn(20, 2)  # the paper's own set
START = math.sqrt(99 / (2 * math.log(10)))  # b(T) of its clock b^2 = (s0^(2 t) - 1)/(2 log s0) for s0 = 10, T = 1
END = 1e-4
NEAR = 1e-2  # the paper's distance, below which a sample is a copy
STRENGTHS = tuple(10 ** (-1 - i / 2) for i in range(9))
FLOORS = tuple(10 ** (-2 + i / 2) for i in range(7))
# shares of copies by distance < 1e-2 and by d1 < d2/3, from an independent integration with other latents
ROWS = {
    "tikhonov_near": (0.001, 0.002, 0.006, 0.018, 0.049, 0.140, 0.384, 0.788, 0.998),
    "tikhonov_ratio": (0.234, 0.415, 0.646, 0.826, 0.931, 0.973, 0.998, 1.0, 1.0),
    "bayes_near": (0.996, 0.969, 0.896, 0.686, 0.152, 0.005, 0.000),
    "bayes_ratio": (0.996, 0.969, 0.904, 0.727, 0.418, 0.168, 0.092),
}
EXPLODING = EDM(sigma_min=END, sigma_max=START)
PRESERVING = VariancePreserving(beta_min=0.001, beta_max=3.0)
LONE = np.array([0.3, -0.6])
LONE_STRENGTHS = (1e-4, 1e-2, 1.0)
OFFSET, LEAVING = 1e-3, (1.0, 0.35)  # an offset from the boundary, and the noises between which its growth is followed


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    latents: int = 4000  # starts of the flow for each strength of a regulariser
    exact_latents: int = 20_000  # starts of the exact flow
    steps: int = 200  # of a flow
    stride: int = 1  # 2: every other strength
    theorems: bool = True  # spread of the rates of collapse, the boundary between two cells, and a lone point


FULL = Settings()
SMOKE = Settings(latents=1000, exact_latents=1000, steps=60, stride=2, theorems=False)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Copies under both regularisers, the rate of collapse, the boundary between two cells, and the lone point."""
    latents_key, exact_key, lone_key = jax.random.split(key, 3)
    found = [regularised(settings, latents_key), collapse(settings, exact_key)]
    if settings.theorems:
        found.append((boundary(settings) | lone_point(lone_key), xr.Dataset()))
    return together(*found)


def flow(
    score: AbstractScore,
    start: Float[ArrayLike, "count 2"],
    steps: int,
    process: AbstractProcess = EXPLODING,
    observe: Observer | None = None,
) -> Samples:
    """The probability flow from given states to the last noise."""
    return flow_from(start, score, process, grids.log_snr(process, steps), observe=observe)


def regularised(settings: Settings, key: PRNGKeyArray) -> Group:
    """Shares of copies against the strength of each regulariser, and their distance from an independent integration."""
    latents = START * jax.random.normal(key, (settings.latents, 2), jnp.float32)
    families = {
        "tikhonov": ("strength", STRENGTHS, lambda c: Tikhonov(empirical(DATA), c)),
        "bayes": ("floor", FLOORS, lambda tau: EmpiricalBayes(empirical(DATA), tau / len(DATA))),
    }
    values, curves, axes = {}, {}, {}
    for name, (dim, strengths, score) in families.items():
        axes[dim] = list(strengths[:: settings.stride])
        ends = [flow(score(jnp.float32(value)), latents, settings.steps).points for value in axes[dim]]
        found = [metrics.memorization(end, DATA) for end in ends]
        shares = {"near": [np.mean(one.d1 < NEAR) for one in found], "ratio": [one.fraction for one in found]}
        for kind, part in shares.items():
            row = np.array(ROWS[f"{name}_{kind}"])[:: settings.stride]
            curves |= {f"{name}_{kind}": (dim, part), f"{name}_{kind}_row": (dim, row)}
            values[f"{name}_{kind}"] = np.abs(part - row).max(), math.sqrt(0.25 / settings.latents)
    return values, xr.Dataset(curves, axes)


def collapse(settings: Settings, key: PRNGKeyArray) -> Group:
    """The exact flow: copies, and the slope of log distance against log noise for each trajectory."""
    latents = START * jax.random.normal(key, (settings.exact_latents, 2), jnp.float32)
    out = flow(empirical(DATA), latents, settings.steps, observe=lambda x, level, found: x)
    copies = metrics.memorization(out.points, DATA)
    noise = np.asarray(grids.log_snr(EXPLODING, settings.steps), np.float64)
    distance = np.linalg.norm(np.asarray(out.observed, np.float64) - DATA[copies.index], axis=2)
    late = noise <= 0.1
    slope = np.polyfit(np.log(noise[late]), np.log(distance[late]), 1)[0]
    deviation = 1.2533 * slope.std() / math.sqrt(len(slope))  # of a median, for normal spread
    values = {"copies": np.mean(copies.copied & (copies.d1 < NEAR)), "slope": (np.median(slope), deviation)}
    if settings.theorems:
        values["slope_share"] = share(np.mean((slope >= 0.9) & (slope <= 1.1)), len(slope))
    curves = {
        "distance": (("percentile", "node"), np.percentile(distance, (5, 50, 95), axis=1)),
        "noise": ("node", noise),
        "ends": (("sample", "axis"), np.asarray(out.points)),
        "data": (("point", "axis"), DATA),
    }
    return values, xr.Dataset(curves, {"percentile": [5, 50, 95]})


def boundary(settings: Settings) -> dict[str, Any]:
    """The line x_1 = 0 between the cells of +-e_1: how far trajectories that start on it leave it, and where they end;
    the growth of a small offset from it, over its growth under the linearised flow.
    """
    pair = empirical(np.array([[1, 0], [-1, 0]]))
    start = np.stack([np.zeros(5), START * np.linspace(-2, 2, 5)], axis=1).astype(np.float32)
    out = flow(pair, start, settings.steps, observe=lambda x, level, found: jnp.abs(x[0]))
    end = np.max(np.linalg.norm(out.points, axis=1))
    high, low = LEAVING
    beside = np.array([[OFFSET, 0.5]], np.float32)
    left = float(flow(pair, beside, 200, EDM(sigma_min=low, sigma_max=high)).points[0, 0])
    growth = math.log(left / OFFSET) / ((low**-2 - high**-2) / 2 - math.log(high / low))
    return {"boundary_kept": (np.max(out.observed), 0), "boundary_end": (end, 0), "boundary_growth": (growth, 0)}


def lone_point(key: PRNGKeyArray) -> dict[str, Any]:
    """The distance from a single data point that Tikhonov leaves, against the closed form, for starts all around it."""
    angle = np.asarray(jax.random.uniform(key, (64,), maxval=2 * math.pi), np.float64)
    around = math.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = {}
    for name, process in {"exploding": EXPLODING, "preserving": PRESERVING}.items():
        alpha, sigma = (float(part) for part in process.level(process.t_max))
        start = (alpha * LONE + sigma * around).astype(np.float32)
        errors = []
        for strength in LONE_STRENGTHS:
            score = Tikhonov(empirical(LONE[None]), jnp.float32(strength))
            end = np.asarray(flow(score, start, 400, process).points, np.float64)
            end = end / float(process.level(process.t_min).alpha)
            left = np.linalg.norm(end - LONE, axis=1) / (math.sqrt(2) * sigma / alpha)
            errors.append(np.abs(left / theory.tikhonov_contraction(process, strength) - 1).max())
        found[f"lone_{name}"] = max(errors), 0
    return found


def empirical(points: np.ndarray) -> Empirical:
    """The exact score of points in single precision."""
    return Empirical(points.astype(np.float32))
