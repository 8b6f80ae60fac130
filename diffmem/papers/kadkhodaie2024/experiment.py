"""Agreement of pairs of models of disjoint halves: fitted Gaussians, exact empirical scores, trained networks."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float, PRNGKeyArray

from ... import data, metrics, scores, theory
from ...studies.training_course import slope
from ..base import Results
from ..common_starts import HIGH, LOW, THRESHOLD, SameNoise, networks_side_by_side
from ..measurements import Group, farthest, share, together

D, CLUSTERS, SPREAD = 16, 4, 0.5  # of the mixture; its means on the sphere of radius sqrt(D)
FAR, LINEAR_STEPS = 100.0, 24  # sigma from which the flows of Gaussians start: some eigenvalues are far above the mean
CASES = ("digits, known mean", "digits, fitted mean", "isotropic, known mean")  # of Gaussian data
SOME, MANY = 128, 512  # points of Gaussian data from which the power of n and the first order in 1/n are compared
LARGE = 256  # points from which networks agree


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    gaussian: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048, 4096)  # points in each half, Gaussian data
    pairs: int = 8  # of Gaussian training sets for each size
    sizes: tuple[int, ...] = (16, 64, 256, 1024, 4096)  # points in each half of the mixture
    trained: tuple[int, ...] = (16, 64, 256, 1024)  # those of these for which networks are trained as well
    steps: int = 2500  # of training
    starts: int = 256  # common to all models of the mixture


FULL = Settings()
SMOKE = Settings(gaussian=(128, 1024), sizes=(256,), trained=(256,), steps=300)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Gaussians, exact empirical scores and networks of disjoint halves."""
    gaussian_key, mixture_key = jax.random.split(key)
    return together(gaussians(settings, gaussian_key), mixtures(settings, mixture_key))


def gaussians(settings: Settings, key: PRNGKeyArray) -> Group:
    """How far two Gaussians fitted to disjoint Gaussian sets differ, over n, for two covariances."""
    pixels = data.digits().points.astype(np.float64)
    covariances = {"digits": np.cov(pixels.T, bias=True), "isotropic": np.eye(D)}
    errors = np.zeros((len(CASES), len(settings.gaussian)))
    predicted, dimensions = errors.copy(), []
    for i, case in enumerate(CASES):
        law, mean = case.split(", ")
        spectrum = np.maximum(np.linalg.eigvalsh(covariances[law]), 0)
        own = jax.random.fold_in(key, list(covariances).index(law))
        std = math.sqrt(spectrum.mean())
        flow = SameNoise(LOW * std, FAR * std, FAR * std * axes_both_ways(len(spectrum)), LINEAR_STEPS)
        dimensions.append(float(theory.participation_dimension(spectrum)))
        for j, n in enumerate(settings.gaussian):
            sets = 2 * settings.pairs
            law_key = jax.random.fold_in(own, n)
            drawn = data.gaussian(sets * n, len(spectrum), key=law_key, covariance=covariances[law]).points
            fits = [flow(_fitted(half, mean)) for half in np.split(drawn, sets)]
            found = [metrics.reproducibility(a, b).relative_error for a, b in zip(fits[::2], fits[1::2])]
            errors[i, j] = np.mean(found)
            predicted[i, j] = theory.gaussian_reproducibility_error(n, spectrum, known_mean=mean == "known mean")
    rows = {"error": errors, "error_predicted": predicted}
    curves = {name: (("case", "points"), row) for name, row in rows.items()} | {"dimension": ("case", dimensions)}
    found = xr.Dataset(curves, {"case": list(CASES), "points": list(settings.gaussian)})
    return gaussian_summary(found), found


def gaussian_summary(found: xr.Dataset) -> dict[str, Any]:
    """The power of n by which the difference falls, its constant, and the measured over the predicted difference."""
    some = found.sel(case="digits, known mean", points=found.points[found.points >= SOME])
    many, values = found.sel(points=found.points[found.points >= MANY]), {}
    if some.sizes["points"] > 1:
        values["gaussian_slope"] = slope(some.points.values, some.error.values)
        values["gaussian_dimension"] = farthest(some.error * some.points / some.dimension, 0.95)
    if many.sizes["points"]:
        values["gaussian_derived"] = farthest((many.error / many.error_predicted).mean("points"), 1.0)
    return values


def axes_both_ways(d: int) -> jax.Array:
    """2 d starts that give the square of any affine map the exact mean that standard normal starts give it."""
    axes = math.sqrt(d) * jnp.eye(d)
    return jnp.concatenate([axes, -axes])


def mixtures(settings: Settings, key: PRNGKeyArray) -> Group:
    """Agreement of exact empirical scores, and of networks, of disjoint halves of a mixture."""
    law, noise, fit = jax.random.split(key, 3)
    std = math.sqrt(1 + SPREAD**2)
    ends, sizes = (LOW * std, HIGH * std), settings.sizes
    flow = SameNoise.draw(*ends, (D,), settings.starts, key=noise)
    first, second = halves(max(sizes), law)
    trained = [n for n in settings.trained if n in sizes]
    sets = [part[:n] for n in trained for part in (first, second)]
    networks = networks_side_by_side(sets, std, *ends, key=fit, steps=settings.steps) if sets else []
    learned = [flow(score) for score in networks]
    found, beside = np.full((3, 2, len(sizes)), np.nan), np.full((2, len(sizes)), np.nan)
    for j, n in enumerate(sizes):
        pairs = [[flow(_empirical(part, n)) for part in (first, second)]]
        if n in trained:
            k = 2 * trained.index(n)
            pairs.append(learned[k : k + 2])
            compared = metrics.reproducibility(learned[k], flow(scores.Gaussian.fit(first[:n])), THRESHOLD)
            beside[:, j] = compared.fraction, compared.mean
        for i, (a, b) in enumerate(pairs):
            agreement = metrics.reproducibility(a, b, THRESHOLD)
            found[:, i, j] = agreement.fraction, agreement.mean, agreement.shuffled_mean
    curves = {name: (("model", "n"), part) for name, part in zip(("share", "cosine", "shuffled"), found)}
    curves |= {name: ("n", part) for name, part in zip(("gaussian_share", "gaussian_cosine"), beside)}
    dataset = xr.Dataset(curves, {"model": ["empirical", "network"], "n": list(sizes)})
    return mixture_summary(dataset, trained, settings.starts), dataset


def mixture_summary(found: xr.Dataset, trained: list[int], starts: int) -> dict[str, Any]:
    """Shares of close samples of pairs of models; how much more two networks agree than a network and a Gaussian."""
    empirical, network = (found.sel(model=model) for model in ("empirical", "network"))
    large = network.sel(n=[n for n in trained if n >= LARGE])
    values: dict[str, Any] = {"empirical": share(empirical.share.max(), starts)}
    if large.sizes["n"]:
        values["beyond_empirical"] = share((large.share - empirical.share).min(), starts)
    if len(trained) > 1:  # these are claims on what changes with n
        values |= {f"trained_{n}": share(network.share.sel(n=n), starts) for n in (16, 256, 1024) if n in trained}
        values["rising"] = share(network.share.sel(n=trained).diff("n").min(), starts)
        if large.sizes["n"]:
            values["beyond_gaussian"] = (large.cosine - large.gaussian_cosine).min()
            values["beyond_gaussian_share"] = share((large.share - large.gaussian_share).min(), starts)
    return values


def halves(n: int, key: PRNGKeyArray) -> list[Float[np.ndarray, "n d"]]:
    """Two sets of n points of four clusters, whose means are the corners of a regular simplex around 0."""
    corners = np.eye(CLUSTERS) - 1 / CLUSTERS
    corners *= math.sqrt(D) / np.linalg.norm(corners[0])
    turn, draw = jax.random.split(key)
    axes, _ = np.linalg.qr(np.asarray(jax.random.normal(turn, (D, CLUSTERS)), np.float64))
    points = data.clusters(2 * n, D, key=draw, means=corners @ axes.T, variance=SPREAD**2).points
    return [points[:n], points[n:]]


def _fitted(points: np.ndarray, mean: str) -> scores.Gaussian:
    if mean == "fitted mean":
        return scores.Gaussian.fit(points)
    moment = (points.astype(np.float64).T @ points / len(points)).astype(points.dtype)
    return scores.Gaussian(np.zeros(points.shape[1], points.dtype), moment)


def _empirical(points: np.ndarray, n: int) -> scores.Empirical:
    """The score of the first n points; the others have weight 0, so that all sizes share a compilation."""
    return scores.Empirical(points, (np.arange(len(points)) < n).astype(points.dtype))
