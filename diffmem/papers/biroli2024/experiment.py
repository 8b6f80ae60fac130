"""Clones at the speciation time, own weights at the collapse time, and the speciation of real digits."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key, PRNGKeyArray

from ... import data, integrators, processes, scores, theory
from ...level import NoiseLevel
from ...studies.collapse.crossing import crossing
from ..base import Measurement, Results
from ..diffusion_time import level_at, ratio_at, time_at
from ..measurements import Group, farthest, farthest_mean, together
from ..noisy_densities import log_densities, own_weights

PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-5)
AGREE = 0.775  # probability that two clones agree at the speciation time of two clusters
DECIDED = 2.5  # units of time before t_S, where the cluster is certain
EARLIEST = 1e-3  # least time of a clone's run, where t_S is closer than that to the data
APART = 16  # least d at which the clusters overlap by less than 3e-5 (four standard deviations): a sign tells them
LARGE = 32  # dimensions from which finite d is a small correction


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 1000  # points of the two clusters that collapse
    dimensions: tuple[int, ...] = (16, 32, 64)  # of these clusters
    queries: int = 2000  # for each curve
    nodes: int = 48  # times of each curve
    clones: int = 4000  # pairs of reverse runs
    steps: int = 300  # of a reverse run
    clone_dimensions: tuple[int, ...] = (256, 1024, 4096)  # of the two clusters of the clones
    projected: tuple[int, ...] = (256, 1024, 4096)  # those in which the coordinate along the means alone is run too
    mnist: bool = True  # MNIST beside the 8 x 8 digits
    pairs: tuple[tuple[int, int], ...] = ((0, 1), (1, 7), (3, 8), (0, 6), (4, 9))  # of MNIST digits


FULL = Settings()
SMOKE = Settings(dimensions=(32,), queries=300, nodes=20, clones=1000, steps=80, projected=(), mnist=False)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Clones between two clusters, collapse onto points of two clusters, speciation of real digits."""
    clones_key, collapse_key, sample_key, real_key = jr.split(key, 4)
    found = clones(settings, clones_key), collapse(settings, collapse_key)
    return together(*found, speciation(settings, sample_key, real_key))


def clones(settings: Settings, key: PRNGKeyArray) -> Group:
    """How often two clones agree at t_S = log(d)/2, simulated and by quadrature, and by quadrature against t/t_S."""
    sizes = list(settings.clone_dimensions)
    check_apart(*sizes, *settings.projected)
    whole = clone_agreement(sizes[0], sizes[0], settings, key)
    projected = {d: clone_agreement(d, 1, settings, jr.fold_in(key, d)) for d in settings.projected}
    simulated = {sizes[0]: whole} | projected
    quadrature = jax.jit(theory.clone_probability)  # of sigma/alpha, distance of a mean from 0, standard deviation
    at_t_s = [quadrature(math.sqrt(d - 1), d**0.5, 1.0) for d in sizes]
    values = {"clones": whole, "quadrature": (farthest(at_t_s, AGREE), 0)}
    if projected:
        values["clones_large"] = farthest_mean(projected.values(), AGREE)
    branch = np.linspace(0.3, 2.0, 61)
    rows = [quadrature(ratio_at(branch * math.log(d) / 2), d**0.5, 1.0) for d in sizes]
    curves = {
        "clones": (("clone_d", "branch"), np.array(rows, np.float64)),
        "simulated": ("clone_d", [simulated[d].value if d in simulated else math.nan for d in sizes]),
    }
    return values, xr.Dataset(curves, {"clone_d": sizes, "branch": branch})


def clone_agreement(d: int, kept: int, settings: Settings, key: PRNGKeyArray) -> Measurement:
    """Two reverse SDE runs from each of many states at t_S = log(d)/2: how often do they end in one cluster?

    Only the first `kept` coordinates are run: the score of the others does not depend on the first.
    """
    check_apart(d)
    t_s = math.log(d) / 2
    mixture = two_clusters(d, kept)
    process = processes.OrnsteinUhlenbeck(t_min=max(t_s - DECIDED, EARLIEST), t_max=t_s)
    times = integrators.grids.uniform(process, steps=settings.steps)
    begin, *paths = jr.split(key, 3)
    start = drawn(mixture, process.level(times[0]), jr.split(begin, settings.clones))
    run = process, integrators.Ancestral(), times, (kept,), settings.clones
    first, second = (integrators.sample(mixture, *run, key=path, start=start).points[:, 0] for path in paths)
    agree = np.asarray(jnp.sign(first) == jnp.sign(second), np.float64)
    return Measurement(*map(float, theory.mean_estimate(agree)))


def check_apart(*dimensions: int) -> None:
    """Raises ValueError for clusters in so few dimensions that they overlap."""
    if min(dimensions) < APART:
        raise ValueError(f"Dimensions of clones must be at least {APART}, but are {', '.join(map(str, dimensions))}.")


def collapse(settings: Settings, key: PRNGKeyArray) -> Group:
    """Where in t/t_C the own weight falls below 1/2, the width of its fall, and the error of the excess entropy."""
    found = [collapse_curves(d, settings, jr.fold_in(key, d)) for d in settings.dimensions]
    curves = xr.concat(found, xr.IndexVariable("d", list(settings.dimensions)))
    values, scaled = {}, curves.scaled.values
    large = curves.isel(d=curves.d.values >= LARGE)
    if large.sizes["d"]:
        late = large.isel(scaled=scaled >= 1.5)
        values["crossing"] = farthest(crossing(large.own_weight.values, scaled), 1.05)
        values["excess"] = abs(late.excess - late.excess_theory).max()
    if len(settings.dimensions) > 1:
        start, end = (crossing(curves.own_weight.values, scaled, level) for level in (0.9, 0.1))
        values["width"] = (end - start)[-1] / (end - start)[0]
    return values, curves


def collapse_curves(d: int, settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """Own weight `p(x|y_i)/(n p(x))` and excess entropy of n points of the two clusters, against t/t_C.

    The prediction (log n - I)/d is the excess entropy of the population at the same noisy points.
    """
    n, queries = settings.n, settings.queries
    points_key, which, noise = jr.split(key, 3)
    mixture = two_clusters(d, d)
    score = scores.Empirical(drawn(mixture, NoiseLevel(1.0, 0.0), jr.split(points_key, n)))
    x0 = score.points[jr.randint(which, (queries,), 0, n)]
    z = jr.normal(noise, (queries, d))
    scaled = np.linspace(0.25, 2.5, settings.nodes)
    times = jnp.asarray(scaled * theory.mixture_collapse_time(PROCESS, n, np.ones(2), np.ones((2, d))), z.dtype)
    of_points, of_law = (np.asarray(log_densities(law, x0, z, PROCESS.level(times))) for law in (score, mixture))
    sigma = np.array([level_at(t).sigma for t in times.tolist()])
    excess, predicted = (
        np.asarray(theory.excess_entropy(rows.T, sigma, n, d).value) * d / math.log(n) for rows in (of_points, of_law)
    )
    own = own_weights(of_points, z, sigma, n)
    curves = {"own_weight": own, "excess": excess, "excess_theory": np.maximum(predicted, 0)}
    return xr.Dataset({name: ("scaled", curve) for name, curve in curves.items()}, {"scaled": scaled})


def speciation(settings: Settings, sample_key: PRNGKeyArray, key: PRNGKeyArray) -> Group:
    """Measured over predicted speciation times, and the smallest margins over the null model and over collapse."""
    cuts = real_data(settings, sample_key)
    found = [cut_curves(*cut, settings, jr.fold_in(key, i)) for i, cut in enumerate(cuts.values())]
    curves = xr.concat(found, xr.IndexVariable("cut", list(cuts)))
    components = curves.sel(cut=[name for name in cuts if not name.startswith("pair")])
    null, order = components.t_agree / components.t_null, components.t_s / components.t_c
    ratios, errors = curves.t_agree / curves.t_s, curves.t_agree_error / curves.t_s
    return {"null": null.min(), "order": order.min()} | dict(zip(cuts, zip(ratios.values, errors.values))), curves


def real_data(settings: Settings, key: PRNGKeyArray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Points and their two classes: digits and MNIST by the sign of the first principal component, MNIST pairs."""
    found = {"digits": by_component(data.digits().points)}
    if settings.mnist:
        mnist = data.mnist()
        found["mnist"] = by_component(mnist.take(2000, key=key).points)
        pairs = {f"pair_{a}_{b}": mnist.subset(np.isin(mnist.labels, (a, b))) for a, b in settings.pairs}
        found |= {name: (pair.points, pair.labels) for name, pair in pairs.items()}
    return found


def by_component(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and the sign of their first principal component, as 0 or 1."""
    centred = points.astype(np.float64) - points.mean(0, dtype=np.float64)
    direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return points, (centred @ direction > 0).astype(int)


def cut_curves(points: np.ndarray, classes: np.ndarray, settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """Clones of the empirical SDE against t/t_S, and the times of speciation, collapse and a single Gaussian cloud."""
    spectrum = theory.spectrum(points)
    t_s = theory.asymptotic_speciation_time(PROCESS, spectrum)
    scaled = np.geomspace(0.15, 1.8, settings.nodes)
    ratios, options = ratio_at(scaled * t_s), {"key": key, "queries": 3 * settings.queries}
    agreement = theory.empirical_clone_probability(points, classes, ratios, **options)
    own = theory.empirical_clone_probability(points, np.arange(len(points)), ratios, **options)
    bands = np.stack([agreement.value + shift * agreement.error for shift in (-1, 0, 1)])
    early, here, late = time_at(crossing(bands, ratios, AGREE))
    # where theory.gaussian_clone_probability is AGREE
    null = math.sqrt(spectrum.max() * (1 / math.sin(math.pi * (AGREE - 0.5)) - 1))
    numbers = {"t_agree": here, "t_agree_error": (late - early) / 2, "t_s": t_s, "t_null": time_at(null)}
    numbers |= {"t_c": time_at(crossing(own.value, ratios)), "agreement": ("scaled_s", agreement.value)}
    return xr.Dataset(numbers, {"scaled_s": scaled})


def two_clusters(d: int, kept: int) -> scores.GaussianMixture:
    """The first `kept` coordinates of N(+-m, I) with equal weights, where |m|^2 = d and m lies along the first axis."""
    return scores.GaussianMixture.two_clusters(jnp.zeros(kept).at[0].set(d**0.5))


@eqx.filter_jit
def drawn(mixture: scores.GaussianMixture, level: NoiseLevel, keys: Key[Array, " count"]) -> Float[Array, "count d"]:
    """Draws of the mixture at a noise level, one for each key."""
    return jax.vmap(lambda key: mixture.sample(level, key=key))(keys)
