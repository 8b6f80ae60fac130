"""Pham et al. on associative memory: from copies to spurious states to the law, on a circle where all is countable."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray
from matplotlib.figure import Figure

from .. import metrics, scores, theory
from ..level import NoiseLevel
from ..plots import style
from ..studies.training_course import slope
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale

SIGMA = 0.05  # in radii of the circle
SIZES = {"full": (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 20_000, 100_000), "smoke": (10, 20, 50, 100, 200, 500)}
SETS = {"full": 6, "smoke": 2}  # training sets for each size
ROOM = 1000  # points of one compiled size, filled up with points of weight 0
NODES = 1024  # of the circle: 8 for each sigma
DEPTH_FROM = 500  # points from which the depth follows a power law
NOISES, RIPPLES = (0.05, 0.1, 0.2), (0.1, 0.01, 0.001)  # of the regular polygons
KINDS = ("memorized", "spurious", "shallow")

VARIABLES = {
    "n": ("number of training points at random angles", "count"),
    "kind": ("kind of attractor", ""),
    "attractors": ("number of attractors on the circle, mean over training sets", "count"),
    "attractors_error": ("its standard error", "count"),
    "depth": ("median depth of the wells of all training sets, log-density to the lower pass", "nats"),
    "fluctuation": ("predicted relative standard deviation of the density along the circle", "1"),
    "expected": ("predicted number of attractors of many points", "count"),
    "noise": ("noise sigma in radii of the circle", "1"),
    "ripple": ("relative height of the wells of a regular polygon", "1"),
    "polygon": ("measured size of the polygon at this ripple", "count"),
    "polygon_predicted": ("predicted size of the polygon at this ripple", "count"),
    "track": ("where the ripple is measured", ""),
}


def circle(angles: np.ndarray, radius: float = 1.0) -> np.ndarray:
    """Points of the plane at these angles."""
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def held(points: np.ndarray) -> scores.Empirical:
    """Their score; small sets get company of weight zero, so that sets of all small sizes share a compilation."""
    n = len(points)
    room = max(ROOM, n)
    padded = np.concatenate([points, np.zeros((room - n, 2))])
    dtype = jnp.zeros(()).dtype
    return scores.Empirical(jnp.asarray(padded, dtype), jnp.asarray(np.arange(room) < n, dtype))


def census(n: int, sets: int, key: PRNGKeyArray) -> tuple[np.ndarray, np.ndarray]:
    """The number of wells of each kind for each of several sets of n points, and the depths of all wells."""
    curve = circle(2 * np.pi * np.arange(NODES) / NODES)
    counts, depths = [], []
    for one in jax.random.split(key, sets):
        angles = 2 * np.pi * np.asarray(jax.random.uniform(one, (n,)), np.float64)
        found = metrics.wells(held(circle(angles)), curve, NoiseLevel(1.0, SIGMA))
        counts.append([found.memorized.sum(), found.spurious.sum(), found.shallow.sum()])
        depths.append(found.depth)
    return np.array(counts), np.concatenate(depths)


def polygon_size(ripple: float, noise: float, radius: float) -> float:
    """The size at which (p_max - p_min)/(p_max + p_min) of a regular polygon passes `ripple` at this radius.

    Measured for whole sizes on the score of the polygon, and interpolated in between: log ripple against K^2.
    """
    guess = theory.polygon_size(ripple, noise)
    sizes = np.arange(math.floor(0.93 * guess) - 1, math.ceil(1.07 * guess) + 2)
    heights = []
    for k in sizes:
        score = held(circle(2 * np.pi * np.arange(k) / k))
        ends = circle(np.array([0.0, np.pi / k]), radius)
        top, bottom = (float(score.log_prob(x, NoiseLevel(1.0, noise))) for x in ends)
        heights.append(math.log(math.tanh((top - bottom) / 2)))
    falling = -np.array(heights)
    return math.sqrt(np.interp(-math.log(ripple), falling, sizes.astype(float) ** 2))


def polygons(scale: Scale) -> xr.Dataset:
    """Sizes for every noise and ripple, at the radius of the points and on the ridge of the circle's density."""
    noises, ripples = (NOISES, RIPPLES) if scale == "full" else (NOISES[-1:], RIPPLES)
    tracks = ("radius", "ridge")
    found = np.zeros((len(tracks), len(noises), len(ripples)))
    predicted = np.zeros((len(noises), len(ripples)))
    for j, noise in enumerate(noises):
        for k, ripple in enumerate(ripples):
            predicted[j, k] = theory.polygon_size(ripple, noise)
            for i, radius in enumerate((1.0, theory.circle_ridge(noise))):
                found[i, j, k] = polygon_size(ripple, noise, radius)
    return xr.Dataset(
        {"polygon": (("track", "noise", "ripple"), found), "polygon_predicted": (("noise", "ripple"), predicted)},
        {"track": list(tracks), "noise": list(noises), "ripple": list(ripples)},
    )


def run(scale: Scale, key) -> Results:
    """Wells of random sets of every size, and the sizes of regular polygons."""
    sizes = SIZES[scale]
    counts, depths = zip(*(census(n, SETS[scale], jax.random.fold_in(key, n)) for n in sizes))
    counts = np.array(counts, float)  # sizes, sets, kinds
    dataset = xr.Dataset(
        {
            "attractors": (("n", "kind"), counts.mean(1)),
            "attractors_error": (("n", "kind"), counts.std(1, ddof=1) / math.sqrt(SETS[scale])),
            "depth": ("n", [np.median(depth) for depth in depths]),
            "fluctuation": ("n", [theory.circle_fluctuation(n, SIGMA) for n in sizes]),
            "expected": theory.circle_attractors(SIGMA),
        },
        {"n": list(sizes), "kind": list(KINDS)},
    ).merge(polygons(scale))
    return Results(measurements(dataset, scale), described(dataset, VARIABLES))


def measurements(found: xr.Dataset, scale: Scale) -> dict[str, Measurement]:
    """The claims of a scale."""
    total = found.attractors.sum("kind")
    share = found.attractors / total
    many = found.sel(n=found.n[found.n >= 100])
    spurious = share.sel(kind="spurious")
    values = {
        "memorized_small": share.sel(kind="memorized", n=10),
        "memorized_large": share.sel(kind="memorized", n=found.n[found.n >= 200]).max(),
        "total": abs(many.attractors.sum("kind") / found.expected - 1).max(),
        "polygon": abs(found.polygon / found.polygon_predicted - 1).max(),
    }
    if scale == "full":
        deep = found.sel(n=found.n[found.n >= DEPTH_FROM])
        values |= {
            "spurious_peak": found.n[int(found.attractors.sel(kind="spurious").argmax("n"))],
            "spurious_share": spurious.isel(n=int(found.attractors.sel(kind="spurious").argmax("n"))),
            "shallow": share.sel(kind="shallow", n=20_000),
            "depth_slope": slope(deep.n, deep.depth),
        }
    return {name: Measurement(float(value)) for name, value in values.items()}


def draw(results: Results) -> Figure:
    """Kinds against n, depth against n, polygons against their law."""
    found = results.curves
    figure = style.new_figure(9.0, 3.0)
    left, middle, right = figure.subplots(1, 3)
    for ax in (left, middle, right):
        style.dress(ax)
    for kind in KINDS:
        bars = 1.96 * found.attractors_error.sel(kind=kind)
        left.errorbar(found.n, found.attractors.sel(kind=kind), bars, markersize=4, linewidth=1.2, label=kind)
    left.plot(found.n, found.attractors.sum("kind"), color="#808080", marker="", linestyle="-", zorder=1, label="all")
    left.axhline(float(found.expected), color=style.MARK_COLOUR, linestyle=":", linewidth=1, label=r"$\sqrt{3/2}\,R/s$")
    left.set(xscale="log", xlabel="training points $n$", ylabel="attractors on the circle")
    middle.plot(found.n, found.depth, markersize=4, label="median")
    middle.plot(found.n, found.fluctuation, marker="", label=r"$(\sqrt{\pi}R/ns)^{1/2}$")
    middle.set(xscale="log", yscale="log", xlabel="training points $n$", ylabel="depth of the wells (nats)")
    for noise in found.noise.values:
        one = found.sel(noise=noise, track="radius")
        right.plot(one.polygon_predicted, one.polygon, linestyle="", markersize=5, label=f"$s={noise:g}R$")
    ends = [0, 1.1 * float(found.polygon_predicted.max())]
    right.plot(ends, ends, color=style.MARK_COLOUR, linestyle="--", marker="", linewidth=1)
    right.set(xlabel=r"$(R/s)\sqrt{2\log(2/e)}$", ylabel="polygon whose wells have ripple $e$")
    left.set_ylim(None, 42)
    left.legend(loc="upper center", ncols=2, fontsize=style.SMALL, frameon=False, columnspacing=1.0)
    for ax in (middle, right):
        style.legend(ax)
    return figure


CLAIMS = (
    Claim(
        "memorized_small",
        "Share of the attractors at which one training point holds more than half of the weight, n = 10 at random "
        "angles, s = .05 R.",
        0.98,
        0.9,
        1.0,
        "arXiv:2505.21777, memorization at small n",
        "analogue",
    ),
    Claim(
        "memorized_large",
        "The same at n >= 200, the largest over n.",
        0.0,
        0.0,
        0.0,
        "arXiv:2505.21777, no memorization at large n",
        "analogue",
    ),
    Claim(
        "spurious_peak",
        "n at which most attractors are spurious: shared by several points and deeper than .1 nats.",
        200.0,
        100.0,
        500.0,
        "arXiv:2505.21777, spurious states at the crossover",
        "analogue",
        ("full",),
    ),
    Claim(
        "spurious_share",
        "Share of the attractors that are spurious at that n.",
        0.77,
        0.6,
        1.0,
        "arXiv:2505.21777, spurious states at the crossover",
        "analogue",
        ("full",),
    ),
    Claim(
        "shallow",
        "Share of the attractors that are shared and at most .1 nats deep at n = 20000.",
        0.9,
        0.85,
        1.0,
        "arXiv:2505.21777, generalization at large n",
        "analogue",
        ("full",),
    ),
    Claim(
        "total",
        "Relative deviation of the number of attractors from sqrt(3/2) R/s, the largest over n >= 100.",
        0.0,
        0.0,
        0.15,
        "derived: maxima of a Gaussian field",
        "derived",
    ),
    Claim(
        "depth_slope",
        "Slope of the logarithm of the median depth of the wells against log n, n >= 500.",
        -0.5,
        -0.6,
        -0.4,
        "derived: relative fluctuation of the density",
        "derived",
        ("full",),
    ),
    Claim(
        "polygon",
        "Relative deviation of the size K of a regular polygon whose ripple is .1, .01 or .001 from (R/s) sqrt(2 "
        "log(2/ripple)), at r = R and on the ridge, s up to .2 R, the largest.",
        0.0,
        0.0,
        0.02,
        "derived: first harmonic of the density",
        "derived",
    ),
)

PAPER = Paper(
    slug="pham2025",
    title="Memorization to generalization: emergence of diffusion models from associative memory",
    arxiv="2505.21777",
    setting=(
        "Training points at random angles on a circle of radius R, with the exact empirical score at noise s = .05 R, "
        "stand for image sets of growing size; six sets for each n, attractors pooled. The attractors of the energy "
        "-log p are its wells along the circle. An attractor is memorized where one point holds more than half of the "
        "posterior weight, spurious where several share it and the well is deeper than .1 nats, shallow where it is "
        "not. Shallow wells stand for the paper's generalized states: with the exact score the number of attractors "
        "does not fall to zero with n, nor do they merge into one continuous ring; it stays at sqrt(3/2) R/s, and what "
        "vanishes is their depth, about as n^(-1/2). A size at which wells vanish exists for equally spaced points "
        "only, and there as a level of the ripple, since symmetry keeps a well at each of them. That no attractor is "
        "memorized from n = 200 on holds up to strays: in most draws one or two of about 150 still are at 200, by a "
        "point that happens to lie alone, and none from 500 on. The paper's critical sizes on images, and trained "
        "networks, which smooth, do not carry over."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
