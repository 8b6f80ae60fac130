"""Clones at the speciation time, own weights at the collapse time, and the speciation of real digits."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr

from ... import data, integrators, processes, scores, theory
from ...level import NoiseLevel
from ...studies.collapse.crossing import crossing
from ..base import Measurement, Results

PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-5)
AGREE = 0.775  # probability that two clones agree at the speciation time of two clusters
DECIDED = 2.5  # units of time before t_S, where the cluster is certain
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


def experiment(settings: Settings, key) -> Results:
    """Clones between two clusters, collapse onto points of two clusters, speciation of real digits."""
    clones_key, collapse_key, *real_keys = jr.split(key, 4)
    parts = clones(settings, clones_key), collapse(settings, collapse_key), speciation(settings, *real_keys)
    measured, curves = zip(*parts)
    return Results(measured[0] | measured[1] | measured[2], xr.merge(curves))


def clones(settings: Settings, key) -> tuple[dict[str, Measurement], xr.Dataset]:
    """How often two clones agree at t_S = log(d)/2, simulated and by quadrature, and by quadrature against t/t_S."""
    whole = settings.clone_dimensions[0]
    measured = {"clones": clone_agreement(whole, whole, settings, key)}
    projected = {d: clone_agreement(d, 1, settings, jr.fold_in(key, d)) for d in settings.projected}
    if projected:
        measured["clones_large"] = max(projected.values(), key=lambda found: abs(found.value - AGREE))
    simulated = {whole: measured["clones"]} | projected
    found = [simulated[d].value if d in simulated else math.nan for d in settings.clone_dimensions]

    quadrature = jax.jit(theory.clone_probability)  # of sigma/alpha, distance of a mean from 0, standard deviation
    at_t_s = [float(quadrature(math.sqrt(d - 1), d**0.5, 1.0)) for d in settings.clone_dimensions]
    measured["quadrature"] = Measurement(_farthest(at_t_s, AGREE), 0.0)
    branch = np.linspace(0.3, 2.0, 61)
    rows = [quadrature(np.sqrt(np.expm1(branch * math.log(d))), d**0.5, 1.0) for d in settings.clone_dimensions]
    curves = {"clones": (("clone_d", "branch"), np.array(rows, np.float64)), "simulated": ("clone_d", found)}
    return measured, xr.Dataset(curves, {"clone_d": list(settings.clone_dimensions), "branch": branch})


def clone_agreement(d: int, kept: int, settings: Settings, key) -> Measurement:
    """Two reverse SDE runs from each of many states at t_S = log(d)/2: how often do they end in one cluster?

    Only the first `kept` coordinates are run: the score of the others does not depend on the first.
    """
    t_s = math.log(d) / 2
    mixture = two_clusters(d, kept)
    process = processes.OrnsteinUhlenbeck(t_min=t_s - DECIDED, t_max=t_s)
    times = integrators.grids.uniform(process, steps=settings.steps)
    begin, *paths = jr.split(key, 3)
    start = _drawn(mixture, process.level(times[0]), jr.split(begin, settings.clones))
    run = process, integrators.Ancestral(), times, (kept,), settings.clones
    ends = [integrators.sample(mixture, *run, key=path, start=start).points for path in paths]
    side, other = (np.sign(np.asarray(end)[:, 0]) for end in ends)
    return Measurement(*map(float, theory.mean_estimate((side == other).astype(np.float64))))


def collapse(settings: Settings, key) -> tuple[dict[str, Measurement], xr.Dataset]:
    """Crossing of 1/2 by the own weight, width of its fall, and error of the predicted excess entropy, in t/t_C."""
    curves = xr.concat([collapse_curves(d, settings, jr.fold_in(key, d)) for d in settings.dimensions], "d")
    curves = curves.assign_coords(d=list(settings.dimensions))
    measured, scaled = {}, curves.scaled.values
    large = curves.isel(d=curves.d.values >= LARGE)
    if large.sizes["d"]:
        late = large.isel(scaled=scaled >= 1.5)
        measured["crossing"] = Measurement(_farthest(crossing(large.own_weight.values, scaled), 1.05))
        measured["excess"] = Measurement(float(abs(late.excess - late.excess_theory).max()))
    if len(settings.dimensions) > 1:
        start, end = (crossing(curves.own_weight.values, scaled, level) for level in (0.9, 0.1))
        measured["width"] = Measurement(float((end - start)[-1] / (end - start)[0]))
    return measured, curves


def collapse_curves(d: int, settings: Settings, key) -> xr.Dataset:
    """Own weight `p(x|y_i)/(n p(x))` and excess entropy of n points of the two clusters, against t/t_C.

    The prediction (log n - I)/d is the excess entropy of the population at the same noisy points.
    """
    n, queries = settings.n, settings.queries
    points_key, which, noise = jr.split(key, 3)
    mixture = two_clusters(d, d)
    score = scores.Empirical(_drawn(mixture, NoiseLevel(1.0, 0.0), jr.split(points_key, n)))
    x0 = score.points[jr.randint(which, (queries,), 0, n)]
    z = jr.normal(noise, (queries, d))
    t_c = theory.mixture_collapse_time(PROCESS, n, np.ones(2), np.ones((2, d)))
    scaled = np.linspace(0.25, 2.5, settings.nodes)
    times = jnp.asarray(scaled * t_c, z.dtype)
    of_points, of_law = (np.asarray(rows) for rows in _log_densities((score, mixture), x0, z, times))
    sigma = np.sqrt(-np.expm1(-2 * np.asarray(times, np.float64)))
    log_kernel = -np.sum(np.square(z, dtype=np.float64), 1) / 2 - d / 2 * np.log(2 * math.pi * sigma[:, None] ** 2)
    own_weight = np.exp(log_kernel - math.log(n) - of_points.astype(np.float64)).mean(1)
    measured, predicted = (
        np.asarray(theory.excess_entropy(rows.T, sigma, n, d).value) * d / math.log(n) for rows in (of_points, of_law)
    )
    curves = {"own_weight": own_weight, "excess": measured, "excess_theory": np.maximum(predicted, 0)}
    return xr.Dataset({name: ("scaled", curve) for name, curve in curves.items()}, {"scaled": scaled})


def speciation(settings: Settings, sample_key, key) -> tuple[dict[str, Measurement], xr.Dataset]:
    """Measured over predicted speciation times, and the smallest margins over the null model and over collapse."""
    cuts = real_data(settings, sample_key)
    found = [cut_curves(*cut, settings, jr.fold_in(key, i)) for i, cut in enumerate(cuts.values())]
    curves = xr.concat(found, "cut").assign_coords(cut=list(cuts))
    components = curves.sel(cut=[name for name in cuts if not name.startswith("pair")])
    margins = {"null": components.t_agree / components.t_null, "order": components.t_s / components.t_c}
    measured = {name: Measurement(float(margin.min())) for name, margin in margins.items()}
    ratios, errors = (curves[name] / curves.t_s for name in ("t_agree", "t_agree_error"))
    return measured | {name: Measurement(*pair) for name, *pair in zip(cuts, ratios.values, errors.values)}, curves


def real_data(settings: Settings, key) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Points and their two classes: digits and MNIST by the sign of the first principal component, MNIST pairs."""
    found = {"digits": _by_component(data.digits().points)}
    if settings.mnist:
        mnist = data.mnist()
        found["mnist"] = _by_component(mnist.take(2000, key=key).points)
        for a, b in settings.pairs:
            both = mnist.subset(np.isin(mnist.labels, (a, b)))
            found[f"pair_{a}_{b}"] = both.points, (both.labels == b).astype(int)
    return found


def cut_curves(points: np.ndarray, classes: np.ndarray, settings: Settings, key) -> xr.Dataset:
    """Clones of the empirical SDE against t/t_S, and the times of speciation, collapse and a single Gaussian cloud."""
    spectrum = theory.spectrum(points)
    t_s = theory.asymptotic_speciation_time(PROCESS, spectrum)
    scaled = np.geomspace(0.15, 1.8, settings.nodes)
    ratios = np.sqrt(np.expm1(2 * scaled * t_s))
    agreement, own = (
        theory.empirical_clone_probability(points, labels, ratios, key=key, queries=3 * settings.queries)
        for labels in (classes, np.arange(len(points)))
    )
    # where theory.gaussian_clone_probability is AGREE
    null = math.sqrt(spectrum.max() * (1 / math.sin(math.pi * (AGREE - 0.5)) - 1))
    bands = np.stack([agreement.value + shift * agreement.error for shift in (-1, 0, 1)])
    early, here, late = (np.log1p(crossing(bands, ratios, AGREE) ** 2) / 2).tolist()
    t_c = math.log1p(crossing(own.value[None], ratios)[0] ** 2) / 2
    numbers = {"t_agree": here, "t_agree_error": (late - early) / 2, "t_s": t_s, "t_c": t_c}
    numbers["t_null"] = math.log1p(null**2) / 2
    return xr.Dataset({"agreement": ("scaled_s", agreement.value), **numbers}, {"scaled_s": scaled})


def two_clusters(d: int, kept: int) -> scores.GaussianMixture:
    """N(+-m, I) with equal weights, |m|^2 = d, all of m along the first axis; `kept` of the coordinates."""
    return scores.GaussianMixture.two_clusters(jnp.zeros(kept).at[0].set(d**0.5))


@eqx.filter_jit
def _drawn(mixture: scores.GaussianMixture, level, keys):
    return jax.vmap(lambda key: mixture.sample(level, key=key))(keys)


@eqx.filter_jit
def _log_densities(laws, x0, z, times):
    """log p of each law at alpha x_0 + sigma z, (times, queries)."""

    def at(t):
        level = PROCESS.level(t)
        x = level.alpha * x0 + level.sigma * z
        return [jax.vmap(lambda x, law=law: law.log_prob(x, level))(x) for law in laws]

    return jax.lax.map(at, times)


def _by_component(points: np.ndarray):
    centred = points.astype(np.float64) - points.mean(0, dtype=np.float64)
    direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return points, (centred @ direction > 0).astype(int)


def _farthest(values, centre: float) -> float:
    return float(max(values, key=lambda value: abs(value - centre)))
