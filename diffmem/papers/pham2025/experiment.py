"""Wells of random points on a circle, counted by kind over the size of the set, and wells of regular polygons."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import metrics, scores, theory
from ...level import NoiseLevel
from ...studies.training_course import slope
from ..base import Results
from ..measurements import Group, together

KINDS = ("memorized", "spurious", "shallow")
TRACKS = ("radius", "ridge")  # where the ripple of a polygon is measured: at the points, or at the largest density
ROOM = 1000  # points of one compiled size, filled up with points of weight 0
LARGE = 20_000  # points whose wells are nearly all shallow


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale. Lengths in radii of the circle."""

    sizes: tuple[int, ...] = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 20_000, 100_000)  # n
    sets: int = 6  # training sets of each size
    sigma: float = 0.05  # noise at which their wells are counted
    nodes: int = 1024  # of the circle: 8 for each sigma
    noises: tuple[float, ...] = (0.05, 0.1, 0.2)  # of the regular polygons
    ripples: tuple[float, ...] = (0.1, 0.01, 0.001)  # of the regular polygons


FULL = Settings()
SMOKE = Settings(sizes=(10, 20, 50, 100, 200, 500), sets=2, noises=(0.2,))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Wells of random sets of every size, and the sizes of regular polygons."""
    return together(random_sets(settings, key), polygons(settings))


def random_sets(settings: Settings, key: PRNGKeyArray) -> Group:
    """Attractors of each kind and the depth of all wells against the number of points, beside their laws."""
    sizes = list(settings.sizes)
    counts, depths = zip(*(census(n, settings, jax.random.fold_in(key, n)) for n in sizes))
    counts = np.array(counts, float)  # sizes, sets, kinds
    curves = {
        "attractors": (("n", "kind"), counts.mean(1)),
        "attractors_error": (("n", "kind"), counts.std(1, ddof=1) / math.sqrt(settings.sets)),
        "depth": ("n", [np.median(depth) for depth in depths]),
        "fluctuation": ("n", [theory.circle_fluctuation(n, settings.sigma) for n in sizes]),
        "expected": theory.circle_attractors(settings.sigma),
    }
    found = xr.Dataset(curves, {"n": sizes, "kind": list(KINDS)})
    return claimed(found), found


def census(n: int, settings: Settings, key: PRNGKeyArray) -> tuple[np.ndarray, np.ndarray]:
    """The number of wells of each kind for each of several sets of n points, and the depths of all wells."""
    curve = circle(2 * np.pi * np.arange(settings.nodes) / settings.nodes)
    counts, depths = [], []
    for one in jax.random.split(key, settings.sets):
        angles = 2 * np.pi * np.asarray(jax.random.uniform(one, (n,)), np.float64)
        found = metrics.wells(score_of(circle(angles)), curve, NoiseLevel(1.0, settings.sigma))
        counts.append([getattr(found, kind).sum() for kind in KINDS])
        depths.append(found.depth)
    return np.array(counts), np.concatenate(depths)


def claimed(found: xr.Dataset) -> dict[str, Any]:
    """The numbers of those claims on random sets that the sizes of the sets allow to check."""
    total = found.attractors.sum("kind")
    share = found.attractors / total
    largest = found.n.max()

    def above(least: int, curve):
        return curve.sel(n=found.n[found.n >= least])

    values = {"memorized_small": share.sel(kind="memorized").isel(n=0)}
    if largest >= 200:
        values["memorized_large"] = above(200, share.sel(kind="memorized")).max()
        values["total"] = abs(above(100, total) / found.expected - 1).max()
    if LARGE in found.n:
        peak = int(found.attractors.sel(kind="spurious").argmax("n"))
        deep = above(500, found.depth)  # from here on the depth follows a power law
        values |= {
            "spurious_peak": found.n[peak],
            "spurious_share": share.sel(kind="spurious").isel(n=peak),
            "shallow": share.sel(kind="shallow", n=LARGE),
            "depth_slope": slope(deep.n.values, deep.values),
        }
    return values


def polygons(settings: Settings) -> Group:
    """Sizes for every noise and ripple, at the radius of the points and on the ridge of the circle's density."""
    shape = len(settings.noises), len(settings.ripples)
    found, predicted = np.zeros((len(TRACKS), *shape)), np.zeros(shape)
    for i, noise in enumerate(settings.noises):
        for j, ripple in enumerate(settings.ripples):
            found[:, i, j] = [polygon_size(ripple, noise, radius) for radius in (1.0, theory.circle_ridge(noise))]
            predicted[i, j] = theory.polygon_size(ripple, noise)
    curves = xr.Dataset(
        {"polygon": (("track", "noise", "ripple"), found), "polygon_predicted": (("noise", "ripple"), predicted)},
        {"track": list(TRACKS), "noise": list(settings.noises), "ripple": list(settings.ripples)},
    )
    return {"polygon": abs(curves.polygon / curves.polygon_predicted - 1).max()}, curves


def polygon_size(ripple: float, noise: float, radius: float) -> float:
    """The size at which (p_max - p_min)/(p_max + p_min) of a regular polygon passes `ripple` at this radius.

    Measured for whole sizes on the score of the polygon, and interpolated in between: log ripple against K^2.
    """
    guess = theory.polygon_size(ripple, noise)
    sizes = np.arange(math.floor(0.93 * guess) - 1, math.ceil(1.07 * guess) + 2)
    log_ripples = []
    for k in sizes:
        score = score_of(circle(2 * np.pi * np.arange(k) / k))
        ends = circle(np.array([0.0, np.pi / k]), radius)
        top, bottom = (float(score.log_prob(x, NoiseLevel(1.0, noise))) for x in ends)
        log_ripples.append(math.log(math.tanh((top - bottom) / 2)))
    return math.sqrt(np.interp(-math.log(ripple), -np.array(log_ripples), sizes.astype(float) ** 2))


def circle(angles: np.ndarray, radius: float = 1.0) -> np.ndarray:
    """Points of the plane at these angles."""
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def score_of(points: np.ndarray) -> scores.Empirical:
    """The exact score of points; points of weight zero fill up small sets, so that all sets share one compilation."""
    n, room = len(points), max(ROOM, len(points))
    padded = np.concatenate([points, np.zeros((room - n, 2))])
    dtype = jnp.zeros(()).dtype
    return scores.Empirical(jnp.asarray(padded, dtype), jnp.asarray(np.arange(room) < n, dtype))
