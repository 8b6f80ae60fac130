"""Posterior variance along reverse paths, in directions of high and of low variance, under the exact score."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import data, integrators, processes, scores, theory
from ...studies.collapse.crossing import crossing
from ..base import Measurement, Results
from ..measurements import farthest, highest_peak, measurements

PROCESS = processes.EDM(sigma_min=0.1, sigma_max=8.0)
VARIANCES = (1.0, 0.1)  # of the two groups of directions
EACH, WIDE = 4, 8  # directions in each group: few, and so many that the points do not resolve the second group


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    points: tuple[int, ...] = (50, 500, 5000)  # in a training set
    sets: int = 3  # training sets of each size
    runs: int = 60  # reverse paths for each training set
    steps: int = 100  # of a path
    wide: bool = True  # groups of eight directions as well


FULL = Settings()
SMOKE = Settings(points=(500,), steps=60, wide=False)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The experiment with two groups of four directions, and, if asked for, with two groups of eight."""
    curves = both_groups(EACH, settings, key)
    variances = np.repeat(VARIANCES, EACH)
    curves["sigma_c"] = "n", [theory.collapse_ratio(n, variances) for n in settings.points]
    if settings.wide:
        curves["count_wide"] = both_groups(WIDE, settings, jr.fold_in(key, 0))["count"]
    return Results(measured(curves), curves)


def both_groups(each: int, settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """The curves of `paths` for every number of points and training set."""

    def sets(n: int) -> xr.Dataset:
        keys = [jr.fold_in(jr.fold_in(key, n), i) for i in range(settings.sets)]
        return xr.concat([paths(n, each, settings, k) for k in keys], "set")

    return xr.concat([sets(n) for n in settings.points], xr.IndexVariable("n", list(settings.points)))


def paths(n: int, each: int, settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """Probability flows under the exact score of n points with `each` coordinates of either variance.

    The posterior covariance C is taken along every path. For each group of coordinates: `count`, the number of
    eigenvalues of its block of C above sigma^2/2, the noise `peak` at which it is largest and its `height` there;
    `left`, the trace of the block over its value under the population, and the noise `half` below which it is under
    1/2.
    """
    points_key, runs_key = jr.split(key)
    points = data.gaussian(n, 2 * each, covariance=np.repeat(VARIANCES, each), key=points_key).points
    score = scores.Empirical(points)
    times = integrators.grids.log_snr(PROCESS, steps=settings.steps)
    run = PROCESS, integrators.DDIM(), times, (2 * each,), settings.runs
    out = integrators.sample(score, *run, key=runs_key, observe=lambda x, level, found: x)
    sigma = np.asarray(times, np.float64)[::-1]
    covariance = np.asarray(posterior_covariances(score, out.observed, times), np.float64)[::-1]
    counts, left = [], []
    for group, variance in enumerate(VARIANCES):
        own = slice(group * each, (group + 1) * each)
        block = covariance[..., own, own]
        eigenvalues = np.linalg.eigvalsh(block) / sigma[:, None, None] ** 2
        counts.append(np.asarray(theory.retained_dimension(eigenvalues), np.float64).mean(1))
        left.append(np.trace(block, axis1=-2, axis2=-1).mean(1) / (each * variance * sigma**2 / (variance + sigma**2)))
    return xr.Dataset(
        {
            "count": (("group", "sigma"), counts),
            "left": (("group", "sigma"), left),
            "peak": ("group", [highest_peak(sigma, count) for count in counts]),
            "height": ("group", np.max(counts, axis=1)),
            "half": ("group", 1 / crossing(np.array(left)[:, ::-1], 1 / sigma[::-1])),
        },
        {"group": list(VARIANCES), "sigma": sigma},
    )


@eqx.filter_jit
def posterior_covariances(
    score: scores.Empirical, states: Float[Array, "nodes runs d"], times: Float[Array, " nodes"]
) -> Float[Array, "nodes runs d d"]:
    """The posterior covariance at every state of every run."""
    at = jax.vmap(lambda x, t: score.covariance(x, PROCESS.level(t)), (0, None))
    return jax.lax.map(lambda item: at(*item), (states, times))


def measured(curves: xr.Dataset) -> dict[str, Measurement]:
    """The numbers of the claims, each for the number of points at which it is worst."""
    high, low = (curves.sel(group=variance) for variance in VARIANCES)
    numbers = {
        "peaks": (high.peak / low.peak).min(),
        "half": farthest(curves.half.mean("set") / curves.sigma_c, 1),
        "together": farthest(high.half.mean("set") / low.half.mean("set"), 1),
    }
    if curves.sizes["n"] > 1:
        numbers["growth"] = (low.height.isel(n=-1) / low.height.isel(n=0)).min()
    return measurements(numbers)
