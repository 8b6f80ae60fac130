"""Kadkhodaie et al. on strong generalization: do two models of disjoint halves make the same samples?"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float, PRNGKeyArray
from matplotlib.figure import Figure

from .. import data, metrics, scores, theory
from ..plots import style
from ..studies import SameNoise, networks_side_by_side, slope
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale

D, CLUSTERS, SPREAD = 16, 4, 0.5  # of the mixture; its means on the sphere of radius sqrt(D)
THRESHOLD, DRAWS = 0.95, 256
LOW, HIGH = 0.05, 8.0  # sigma in standard deviations of the data
TRAINED = {"full": (16, 64, 256, 1024), "smoke": (256,)}  # points in each half
TRAINING_STEPS = {"full": 2500, "smoke": 300}
EXACT = {"full": (16, 64, 256, 1024, 4096), "smoke": (256,)}
GAUSSIAN = {"full": (64, 128, 256, 512, 1024, 2048, 4096), "smoke": (128, 1024)}
PAIRS = 8  # of Gaussian training sets for each size
FAR, LINEAR_STEPS = 100.0, 24  # sigma from which their flows start, as the largest eigenvalues are far above the mean
CASES = ("digits, known mean", "digits, fitted mean", "isotropic, known mean")
MANY = 512  # points from which the first order in 1/n is compared

VARIABLES = {
    "case": ("covariance of the Gaussian data, and whether the mean is fitted", ""),
    "points": ("points in each half, Gaussian data", "count"),
    "error": ("squared difference of the samples of two fitted Gaussians over their mean square", "1"),
    "error_predicted": ("the same to first order in 1/n", "1"),
    "dimension": ("participation dimension of the covariance", "count"),
    "n": ("points in each half, mixture", "count"),
    "model": ("what is fitted to each half", ""),
    "share": ("share of the common starts whose two samples have a cosine above .95", "1"),
    "cosine": ("mean cosine of the two samples of a common start", "1"),
    "shuffled": ("mean cosine of samples of different starts", "1"),
    "gaussian_cosine": ("mean cosine of a network's sample and that of the Gaussian fitted to its half", "1"),
    "gaussian_share": ("share of these cosines above .95", "1"),
}


def gaussian(scale: Scale, key: PRNGKeyArray) -> xr.Dataset:
    """Two Gaussians fitted to disjoint Gaussian sets: error against n for two covariances."""
    pixels = data.digits().points.astype(np.float64)
    covariances = {"digits": np.cov(pixels.T, bias=True), "isotropic": np.eye(D)}
    errors = np.zeros((len(CASES), len(GAUSSIAN[scale])))
    predicted, dimensions = errors.copy(), []
    for i, case in enumerate(CASES):
        law, mean = case.split(", ")
        covariance, spectrum = covariances[law], np.maximum(np.linalg.eigvalsh(covariances[law]), 0)
        own = jax.random.fold_in(key, list(covariances).index(law))
        std = math.sqrt(spectrum.mean())
        flow = SameNoise(LOW * std, FAR * std, FAR * std * axes_both_ways(len(spectrum)), LINEAR_STEPS)
        dimensions.append(float(theory.participation_dimension(spectrum)))
        for j, n in enumerate(GAUSSIAN[scale]):
            total = 2 * n * PAIRS
            drawn = data.gaussian(total, len(spectrum), key=jax.random.fold_in(own, n), covariance=covariance).points
            fits = [flow(_fitted(half, mean)) for half in np.split(drawn, 2 * PAIRS)]
            pairs = [metrics.reproducibility(a, b).relative_error for a, b in zip(fits[::2], fits[1::2])]
            errors[i, j] = np.mean(pairs)
            predicted[i, j] = theory.gaussian_reproducibility_error(n, spectrum, known_mean=mean == "known mean")
    return xr.Dataset(
        {
            "error": (("case", "points"), errors),
            "error_predicted": (("case", "points"), predicted),
            "dimension": ("case", dimensions),
        },
        {"case": list(CASES), "points": list(GAUSSIAN[scale])},
    )


def axes_both_ways(d: int) -> jax.Array:
    """2 d starts whose mean of any square of an affine map is that of standard normal ones, exactly."""
    axes = math.sqrt(d) * jnp.eye(d)
    return jnp.concatenate([axes, -axes])


def _fitted(points: np.ndarray, mean: str) -> scores.Gaussian:
    if mean == "fitted mean":
        return scores.Gaussian.fit(points)
    moment = (points.astype(np.float64).T @ points / len(points)).astype(points.dtype)
    return scores.Gaussian(np.zeros(points.shape[1], points.dtype), moment)


def mixture(n: int, key: PRNGKeyArray) -> list[Float[np.ndarray, "n d"]]:
    """Two sets of n points of four clusters, whose means are the corners of a regular simplex around 0."""
    corners = np.eye(CLUSTERS) - 1 / CLUSTERS
    corners *= math.sqrt(D) / np.linalg.norm(corners[0])
    turn, draw = jax.random.split(key)
    axes, _ = np.linalg.qr(np.asarray(jax.random.normal(turn, (D, CLUSTERS)), np.float64))
    points = data.clusters(2 * n, D, key=draw, means=corners @ axes.T, variance=SPREAD**2).points
    return [points[:n], points[n:]]


def halves(scale: Scale, key: PRNGKeyArray) -> xr.Dataset:
    """Agreement of exact empirical scores, and of networks, of disjoint halves of a mixture."""
    law, noise, fit = jax.random.split(key, 3)
    std = math.sqrt(1 + SPREAD**2)
    ends = LOW * std, HIGH * std
    flow = SameNoise.draw(*ends, (D,), DRAWS, key=noise)
    first, second = mixture(max(EXACT[scale]), law)
    found = np.full((3, 2, len(EXACT[scale])), np.nan)
    beside = np.full((2, len(EXACT[scale])), np.nan)
    sets = [part[:n] for n in TRAINED[scale] for part in (first, second)]
    learned = [flow(score) for score in networks_side_by_side(sets, std, *ends, key=fit, steps=TRAINING_STEPS[scale])]
    for j, n in enumerate(EXACT[scale]):
        pairs = [[flow(_empirical(part, n)) for part in (first, second)]]
        if n in TRAINED[scale]:
            k = 2 * TRAINED[scale].index(n)
            pairs.append(learned[k : k + 2])
            compared = metrics.reproducibility(learned[k], flow(scores.Gaussian.fit(first[:n])), THRESHOLD)
            beside[:, j] = compared.mean, compared.fraction
        for i, (a, b) in enumerate(pairs):
            agreement = metrics.reproducibility(a, b, THRESHOLD)
            found[:, i, j] = agreement.fraction, agreement.mean, agreement.shuffled_mean
    names = ("share", "cosine", "shuffled")
    variables = {name: (("model", "n"), values) for name, values in zip(names, found)}
    variables |= {"gaussian_cosine": ("n", beside[0]), "gaussian_share": ("n", beside[1])}
    return xr.Dataset(variables, {"model": ["empirical", "network"], "n": list(EXACT[scale])})


def _empirical(points: np.ndarray, n: int) -> scores.Empirical:
    """The score of the first n points; the others have weight 0, so that all sizes share a compilation."""
    return scores.Empirical(points, (np.arange(len(points)) < n).astype(points.dtype))


def run(scale: Scale, key: PRNGKeyArray) -> Results:
    """Gaussians, exact empirical scores and networks of disjoint halves."""
    keys = jax.random.split(key)
    curves = described(xr.merge([gaussian(scale, keys[0]), halves(scale, keys[1])]), VARIABLES)
    return Results(measurements(curves, scale), curves)


def measurements(found: xr.Dataset, scale: Scale) -> dict[str, Measurement]:
    """The claims of a scale."""
    error = found.error.sel(case="digits, known mean", points=found.points[found.points >= 128])
    constant = (error * error.points / found.dimension.sel(case="digits, known mean")).values
    many = found.sel(points=found.points[found.points >= MANY])
    derived = (many.error / many.error_predicted).mean("points").values
    network = found.sel(model="network", n=list(TRAINED[scale]))
    share, large = network.share, network.sel(n=network.n[network.n >= 256])
    values = {
        "gaussian_slope": Measurement(slope(error.points.values, error.values)),
        "gaussian_dimension": Measurement(farthest(constant, 0.95)),
        "gaussian_derived": Measurement(farthest(derived, 1.0)),
        "empirical": _share(found.share.sel(model="empirical").max()),
        "beyond_empirical": _share((large.share - found.share.sel(model="empirical")).min()),
    }
    if scale == "full":
        values |= {f"trained_{n}": _share(share.sel(n=n)) for n in (16, 256, 1024)}
        values |= {
            "rising": _share(share.diff("n").min()),
            "beyond_gaussian": Measurement(float((large.cosine - large.gaussian_cosine).min())),
            "beyond_gaussian_share": _share((large.share - large.gaussian_share).min()),
        }
    return values


def farthest(values: np.ndarray, from_: float) -> float:
    """The value that lies farthest from a number."""
    return float(values[np.argmax(abs(values - from_))])


def _share(value) -> Measurement:
    """A share of the starts, or a difference of two, with the standard error of a share."""
    p = min(abs(float(value)), 1.0)
    return Measurement(float(value), math.sqrt(p * (1 - p) / DRAWS))


def draw(results: Results) -> Figure:
    """Gaussians, shares and cosines against the number of points."""
    found = results.curves
    figure = style.new_figure(9.4, 3.0)
    left, middle, right = figure.subplots(1, 3)
    for ax in (left, middle, right):
        style.dress(ax)
    for case in CASES:
        one = found.sel(case=case)
        (line,) = left.plot(one.points, one.error, linestyle="", markersize=5, label=case)
        left.plot(one.points, one.error_predicted, color=line.get_color(), marker="", linestyle="-", linewidth=1)
    left.set(xscale="log", yscale="log", xlabel="points in each half", ylabel="relative squared difference")
    left.set_title("two fitted Gaussians (lines: theory)", fontsize=style.TEXT)
    for model in found.model.values:
        one = found.sel(model=model)
        middle.plot(one.n, one.share, markersize=5, label=f"two {model}s" if model == "network" else "two empirical")
        right.plot(one.n, one.cosine, markersize=5, label=f"two {model}s" if model == "network" else "two empirical")
    middle.plot(found.n, found.gaussian_share, markersize=5, label="network, Gaussian fit")
    right.plot(found.n, found.gaussian_cosine, markersize=5, label="network, Gaussian fit")
    right.plot(found.n, found.shuffled.sel(model="network"), markersize=5, label="shuffled pairs")
    middle.set(xscale="log", ylim=(-0.03, 1.45), xlabel="points in each half", ylabel="share of cosines above .95")
    right.set(xscale="log", ylim=(-0.1, 1.03), xlabel="points in each half", ylabel="mean cosine")
    for ax in (left, middle, right):
        style.legend(ax)
    return figure


HALVES = "of 256 starts whose two samples have a cosine above .95"
MIXTURE = "a mixture of four clusters in 16 dimensions"
BOTH, FULL = ("smoke", "full"), ("full",)
PRINTED = "arXiv:2310.02557, two networks of disjoint halves agree from some n on"

CLAIMS = tuple(
    Claim(*line)
    for line in (
        (
            "gaussian_slope",
            "Gaussian data with the covariance of the digits, known mean, two fits to n points each: slope of log "
            "E abs(x_A - x_B)^2/E abs(x)^2 against log n, n >= 128.",
            *(-1.0, -1.1, -0.9, "derived: disagreement O(1/n)", "derived"),
        ),
        (
            "gaussian_dimension",
            "n times that difference over the participation dimension of the covariance, farthest from .95.",
            *(0.987, 0.75, 1.15),
            "derived: near the constant of the next claim for this spectrum only",
            "derived",
        ),
        (
            "gaussian_derived",
            "That difference over its first order in 1/n, mean over n >= 512 (smoke: 1024), farthest from 1 of digits "
            "with the mean known and fitted and of 16 equal eigenvalues.",
            *(1.0, 0.9, 1.1, "derived: perturbation of the square root of a covariance", "derived"),
        ),
        (
            "empirical",
            f"Share {HALVES}, exact empirical scores of disjoint sets from {MIXTURE}, largest over n <= 4096.",
            *(0.05, 0.0, 0.1, "arXiv:2310.02557, memorizing models do not agree", "analogue"),
        ),
        (
            "trained_16",
            f"The same share for two networks trained on n = 16 points each of {MIXTURE}.",
            *(0.03, 0.0, 0.15, PRINTED, "analogue", FULL),
        ),
        ("trained_256", "The same at n = 256.", *(0.86, 0.75, 1.0), PRINTED, "analogue", FULL),
        ("trained_1024", "The same at n = 1024.", *(0.93, 0.85, 1.0), PRINTED, "analogue", FULL),
        (
            "rising",
            "Smallest rise of this share from one of n = 16, 64, 256, 1024 to the next.",
            *(0.07, 0.0, 1.0, PRINTED, "analogue", FULL),
        ),
        (
            "beyond_empirical",
            "Share of the networks less that of the empirical scores, smallest over n >= 256.",
            *(0.8, 0.3, 1.0),
            "arXiv:2310.02557, networks do not learn the empirical score at large n",
            "analogue",
        ),
        (
            "beyond_gaussian",
            "Mean cosine of the two networks' samples less that of a network's and of the Gaussian fitted to its half, "
            "smallest over n >= 256.",
            *(0.19, 0.1, math.inf),
            "derived: networks agree on more than mean and covariance",
            "derived",
            FULL,
        ),
        (
            "beyond_gaussian_share",
            "The same for the share of cosines above .95.",
            *(0.7, 0.3, 1.0),
            "derived: networks agree on more than mean and covariance",
            "derived",
            FULL,
        ),
    )
)

PAPER = Paper(
    slug="kadkhodaie2024",
    title="Generalization in diffusion models arises from geometry-adaptive harmonic representations",
    arxiv="2310.02557",
    setting=(
        "Pairs of models of disjoint halves of one law, each pair carried from the same 256 starts by the same "
        "probability flow; n points in each half. Two laws of which everything is known stand for the paper's faces: "
        "Gaussian data with the covariance of 8 x 8 digits, and four clusters (spread .5, means at the corners of a "
        "simplex on the sphere of radius 4) in 16 dimensions. Residual networks of two hidden layers of 128 units, "
        "2,500 steps (smoke: 300), stand for the paper's U-Nets. For fitted Gaussians the difference falls as 1/n "
        "with a constant that the spectrum gives in closed form; that it is near the participation dimension for the "
        "digits is a coincidence: for equal eigenvalues it is half of that. Exact empirical scores never agree: this "
        "holds as a share of close pairs, while their mean cosine rises with n since both find the same cluster. The "
        "networks' agreement beyond that of Gaussians is plain in the share of close pairs. In the mean cosine it is "
        "less than .1 at n = 256, and that claim is missed: the exact flow of the mixture has a cosine of .86 with "
        "that of its Gaussian fit, which leaves room for .14 at most. Harmonic bases of the networks, and the paper's"
        " 10^5 images, do not carry over."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
