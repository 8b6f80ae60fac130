"""Samples of two smoothed scores of points on a circle: how far off the circle, and how evenly along it."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import theory
from ...integrators import DPMSolverPP, grids
from ...level import NoiseLevel
from ...processes import EDM
from ...scores import Empirical, Smoothed, Widened, antithetic_offsets
from ..base import Measurement, Results
from ..flows import flow_from
from ..measurements import farthest, measurements

START, END = 3.0, 0.02  # noise where the flow starts and ends
PROCESS = EDM(sigma_min=END, sigma_max=START)
JITTER = 0.6  # range of a jittered angle, in units of the spacing
BINS = 60  # cells of the angles, for their entropy
SPACINGS = ("equal", "jittered", "random")
KINDS = ("plain", "log-domain", "density")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 16  # training points on the unit circle
    samples: int = 1000  # for each score
    offsets: int = 128  # over which the score is averaged
    steps: int = 48  # of the flow
    widths: tuple[float, ...] = (0.1, 0.2, 0.3)  # bandwidths h; the one in the middle is that of the claims
    draws: int = 3  # of angles, starts and offsets


FULL = Settings()
SMOKE = Settings(offsets=32, steps=16, widths=(0.2,))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Both smoothed scores and the plain score on several draws of points, starts and offsets."""
    draws = xr.concat([draw(settings, draw_key) for draw_key in jax.random.split(key, settings.draws)], "draw")
    measured = measure(draws.isel(bandwidth=len(settings.widths) // 2))
    return Results(measured, draws.assign({name: draws[name].isel(draw=0) for name in ("samples", "points")}))


def draw(settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """For one draw, rms distance from the circle and angular entropy by spacing, bandwidth and kind of score."""
    angle_key, start_key, offset_key = jax.random.split(key, 3)
    unit = antithetic_offsets((2,), settings.offsets, 1.0, key=offset_key)
    times = grids.log_snr(PROCESS, settings.steps)
    found = []
    for spacing in SPACINGS:
        angle = angles(spacing, settings.n, angle_key)
        points = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
        plain = Empirical(points)
        keys = jax.random.split(start_key, settings.samples)
        start = jax.vmap(lambda key, score=plain: score.sample(NoiseLevel(1.0, START), key=key))(keys)
        ends = []  # for each bandwidth and kind: states at the last noise, which still carry it
        for width in jnp.asarray(settings.widths, points.dtype):
            kinds = plain, Smoothed(plain, unit, width), Widened(plain, width)
            ends.append([flow_from(start, one, PROCESS, times, integrator=DPMSolverPP(3)).points for one in kinds])
        ends = np.array(ends, np.float64)
        off = np.sqrt(np.mean((np.linalg.norm(ends, axis=-1) - 1) ** 2, axis=-1))
        curves = {
            "deviation": (("bandwidth", "kind"), off),
            "entropy": (("bandwidth", "kind"), entropy(ends)),
            "samples": (("kind", "sample", "axis"), ends[len(settings.widths) // 2]),
            "points": (("point", "axis"), np.asarray(points)),
        }
        found.append(xr.Dataset(curves, {"bandwidth": list(settings.widths), "kind": list(KINDS)}))
    return xr.concat(found, xr.IndexVariable("spacing", list(SPACINGS)))


def angles(spacing: str, n: int, key: PRNGKeyArray) -> Float[Array, " n"]:
    """The angles of n training points: equally spaced, jittered or random."""
    uniform = jax.random.uniform(key, (n,))
    if spacing == "random":
        return 2 * math.pi * uniform
    cell = 2 * math.pi / n
    return cell * jnp.arange(float(n)) + {"equal": 0.0, "jittered": JITTER * cell}[spacing] * (uniform - 0.5)


def entropy(ends: np.ndarray) -> np.ndarray:
    """Entropy of the angles in 60 cells over log 60, for samples in the last axis but one."""
    cells = np.floor((np.arctan2(ends[..., 1], ends[..., 0]) / (2 * math.pi) % 1) * BINS).astype(int) % BINS
    shares = (cells[..., None] == np.arange(BINS)).mean(axis=-2)
    return -np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=-1) / math.log(BINS)


def measure(draws: xr.Dataset) -> dict[str, Measurement]:
    """The numbers of the claims: for the worst regular spacing and draw, or the mean over random angles."""
    width = float(draws.bandwidth)
    logged, dense = (draws.deviation.isel(spacing=slice(2)).sel(kind=kind).values for kind in KINDS[1:])
    plain, by_log, by_density = draws.entropy.transpose("kind", "draw", "spacing").values
    gain = (by_log - plain) / (by_density - plain)  # (draws, spacings)
    return measurements(
        {
            "off_log": logged.max() / (END + width**2 / 2),
            "off_against": (logged / dense).max(),
            "off_density": farthest(dense / math.hypot(width, END), 1),
            "gain_regular": gain[:, :2].min(),
            "gain_random": theory.mean_estimate(gain[:, 2]),
        }
    )
