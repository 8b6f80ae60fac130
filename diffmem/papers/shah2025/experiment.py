"""Copies, quality and the averaging attack under plain and ambient scores, and networks trained either way."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Real

from ... import theory
from ...integrators import grids
from ...metrics import memorization, nearest
from ...processes import EDM
from ...scores import AbstractScore, Ambient, Empirical, GaussianMixture
from ..base import Results
from ..flows import flow_from
from ..measurements import farthest, farthest_mean, together
from ..trained_mixtures import clusters
from .ambient_networks import networks

D, CLUSTERS, SPREAD = 16, 4, 0.5  # of the population: dimensions, clusters and their standard deviation s0
LOW, HIGH = 0.1, 0.35  # noises of the data at which the claims are checked
TOP, BOTTOM = 80.0, 2e-3  # noises where the flow starts and where it counts as ended
PROCESS = EDM()  # one process for all grids: only their times differ, so nothing compiles again
LEAST = 10  # samples of one source that can be averaged
BRANCHES = ("plain", "ambient")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 64  # training points
    noises: tuple[float, ...] = (0.05, LOW, 0.2, HIGH, 0.5, 0.8)  # sigma_n; the one in the middle is drawn in detail
    samples: int = 1000  # for each draw
    steps: int = 64  # above sigma_n, and as many below
    draws: int = 3  # of population, training set and copies
    network_noises: tuple[float, ...] = (0.0, 0.3, 0.6, 1.0)  # sigma_n of each network, 0 for plain; () for none
    network_d: int = 8
    network_n: int = 32  # training points of the networks
    network_steps: int = 10_000


FULL = Settings()
SMOKE = Settings(noises=(LOW, HIGH), steps=32, network_noises=())


class TrainingSet(NamedTuple):
    """A population, points of it, and the noise of their noisy copies in units of sigma_n."""

    population: GaussianMixture
    train: jax.Array
    noise: jax.Array


def training_set(n: int, key: PRNGKeyArray) -> TrainingSet:
    """n points of a mixture of clusters on a sphere, and one noise for each point."""
    means_key, train_key, noise_key = jax.random.split(key, 3)
    population = clusters(D, CLUSTERS, key=means_key, deviation=SPREAD)
    return TrainingSet(population, population.draw(n, key=train_key), jax.random.normal(noise_key, (n, D)))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Exact scores over the noise of the data, on several draws; then, if asked for, networks."""
    keys = jax.random.split(key, settings.draws)
    curves = xr.concat([one_draw(settings, draw_key) for draw_key in keys], "draw")
    values: dict[str, Any] = {"copied_empirical": curves.copied_empirical.min()}
    if {LOW, HIGH} <= set(settings.noises):
        at = curves.sel(noise=[LOW, HIGH])
        values |= frontier(at) | attacked(at)
    found = [(values, curves)]
    if settings.network_noises:
        found.append(networks(settings, jax.random.fold_in(key, settings.draws)))
    return together(*found)


def one_draw(settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """Copies, quality and averages over the noise of the data, for one training set."""
    set_key, start_key = jax.random.split(key)
    drawn = training_set(settings.n, set_key)
    start = TOP * jax.random.normal(start_key, (settings.samples, D))
    found = [one_noise(drawn, noise, start, settings.steps) for noise in settings.noises]
    noises = xr.IndexVariable("noise", list(settings.noises))
    return xr.concat(found, noises).assign_coords(branch=list(BRANCHES))


def one_noise(drawn: TrainingSet, noise: float, start: Float[Array, "samples d"], steps: int) -> xr.Dataset:
    """Copies, quality and averages for either score above the noise of the data, and another score below it.

    In tau = sqrt(sigma^2 - noise^2) the flow of `scores.Ambient`, the optimum of ambient training, is that of the
    score of the noisy copies, followed down to tau = 0, where it ends on one of them.
    """
    population, train, unit_noise = drawn
    seen = train, train + noise * unit_noise
    plain = flow_between(Empirical(train), start, TOP, noise, steps=steps)
    ambient = flow_between(Ambient(seen[1], noise).noisy, start, math.sqrt(TOP**2 - noise**2), steps=steps)
    ends = [flow_between(population, states, noise, steps=steps) for states in (plain, ambient)]
    squares = [np.mean(nearest(end, population.means).distance ** 2) for end in ends]
    below = flow_between(Empirical(train), ambient, noise, steps=steps)
    error, size = zip(*(average_by_source(*pair, train) for pair in zip((plain, ambient), seen)))
    curves = {
        "copied": ("branch", [memorization(end, train).fraction for end in ends]),
        "quality": ("branch", [float(square) / (D * SPREAD**2) for square in squares]),
        "copied_empirical": memorization(below, train).fraction,
        "error": (("branch", "group"), np.array(error)),
        "size": (("branch", "group"), np.array(size)),
        "own": ("group", noise * np.linalg.norm(np.asarray(unit_noise, np.float64), axis=1)),
    }
    return xr.Dataset(curves)


def flow_between(
    score: AbstractScore, start: Float[Array, "count d"], high: float, low: float = BOTTOM, *, steps: int
) -> Float[Array, "count d"]:
    """States at noise `low` of the probability flow from states at `high`, by Heun's method on a Karras grid."""
    return flow_from(start, score, PROCESS, grids.karras(EDM(sigma_min=low, sigma_max=high), steps)).points


def average_by_source(
    samples: Real[ArrayLike, "count d"], seen: Real[ArrayLike, "n d"], clean: Real[ArrayLike, "n d"], least: int = LEAST
) -> Float[np.ndarray, "2 n"]:
    """The averaging attack: distance of the average of the samples of each source to its clean point, and their number.

    The source of a sample is its nearest point of `seen`; the distance is NaN where it has fewer than `least` samples.
    For samples `x_i + s z` of sources seen clean it falls as `s sqrt(d/k)`; for sources seen through one noisy copy it
    stays at the noise of the copy.
    """
    states, clean = np.asarray(samples, np.float64), np.asarray(clean, np.float64)
    member = (nearest(states, seen).index[:, :1] == np.arange(len(clean))).astype(float)  # (samples, sources)
    size = member.sum(axis=0)
    mean = member.T @ states / np.where(size >= least, size, np.nan)[:, None]
    return np.stack([np.linalg.norm(mean - clean, axis=1), size])


def frontier(at: xr.Dataset) -> dict[str, Any]:
    """Copies of both branches in the worst draw, and their quality, averaged over draws, at the worst noise."""
    found = {}
    for branch in BRANCHES:
        one = at.sel(branch=branch)
        quality = theory.mean_estimate(one.quality.transpose("draw", "noise").values)
        found |= {
            f"copied_low_{branch}": one.copied.sel(noise=LOW).min(),
            f"copied_high_{branch}": one.copied.sel(noise=HIGH).max(),
            f"quality_{branch}": farthest_mean(zip(*quality), 1),
        }
    return found


def attacked(at: xr.Dataset) -> dict[str, Any]:
    """Errors of the averages in units of what k independent noises would leave, or of one noise: the worst group,
    noise and draw."""
    plain, ambient = at.error.transpose("branch", "draw", "noise", "group").values
    size, own = at["size"].transpose("branch", "draw", "noise", "group").values, at.own.values
    noise = at.noise.values[:, None]
    averaged = noise * np.sqrt(D / np.maximum(size, 1))
    return {
        "attack_plain": np.nanmax(plain / averaged[0]),
        "attack_ambient": farthest(np.nanmean(ambient / (noise * math.sqrt(D)), axis=2), 1),
        "attack_own": np.nanmax(np.abs(ambient - own) / averaged[1]),
        "attack_gain": np.min(np.nanmean(ambient, axis=2) / np.nanmean(plain, axis=2)),
    }
