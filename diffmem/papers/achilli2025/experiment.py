"""Times of traps, of collapse and of best fit for points on linear manifolds, and of collapse on curved ones."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr

from ... import data, scores, theory
from ...level import NoiseLevel
from ...studies.collapse.crossing import crossing
from ..base import Measurement, Results
from ..measurements import farthest, highest_peak, measurements


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 500  # points on a linear manifold
    d: int = 64  # dimensions around it
    latent: tuple[int, ...] = (4, 8, 16)  # D, its own dimensions
    sets: int = 8  # training sets for each D
    nodes: int = 32  # values of sigma
    single: bool = True  # whether the first training set alone is compared with the theory as well
    curved_n: int = 400  # points on a curved manifold
    curved_latent: tuple[int, ...] = (8, 16)
    ambient: tuple[int, ...] = (64, 1024)  # N, dimensions around the curved manifold
    manifolds: int = 6
    noises: int = 4  # for each point
    curved_nodes: int = 14  # values of sigma


FULL = Settings()
SMOKE = Settings(sets=4, nodes=16, single=False, ambient=(64,), manifolds=1, noises=1, curved_nodes=12)


def experiment(settings: Settings, key) -> Results:
    """The three times on linear manifolds, and the collapse time on curved ones."""
    linear_key, curved_key = jr.split(key)
    measured, curves = linear(settings, linear_key)
    collapse, more = curved(settings, curved_key)
    return Results(measured | collapse, curves.merge(more))


def linear(settings: Settings, key) -> tuple[dict[str, Measurement], xr.Dataset]:
    """Order of the three times, t_o against the annealed formula, and how t_g/t_c grows with D."""
    keys = [jr.split(jr.fold_in(key, latent), settings.sets) for latent in settings.latent]
    rows = [[linear_manifold(d, settings, k) for k in row] for d, row in zip(settings.latent, keys)]
    curves = xr.concat([xr.concat(row, "set") for row in rows], "latent").assign_coords(latent=list(settings.latent))
    onset = (curves.t_o / curves.t_o_theory).transpose("latent", "set").values
    means = [theory.mean_estimate(row) for row in onset]
    worst = max(means, key=lambda found: abs(found.value - 1))
    inside = (curves.t_g / curves.t_c).mean("set").values
    values = {"order": min((curves.t_c / curves.t_g).min(), (curves.t_o / curves.t_c).min())}
    if settings.single:
        values["onset"] = farthest(onset[:, 0], 1)
    if len(inside) > 1:
        values["inside"] = (inside[1:] / inside[:-1]).min()
    return measurements(values) | {"onset_mean": Measurement(float(worst.value), float(worst.error))}, curves


def linear_manifold(latent: int, settings: Settings, key) -> xr.Dataset:
    """n points of N(0, I_D) in an orthonormal frame of R^d: own weights in noise and without, and fit to the law.

    Minus the mean log-density at fresh points is the Kullback-Leibler divergence of the mixture, up to a constant.
    """
    frame_key, points_key, fresh_key, noise = jr.split(key, 4)
    n, d, most = settings.n, settings.d, max(settings.latent)
    # the same shapes for every D, which compile once
    z = jr.normal(noise, (1, n, d))
    frame = np.linalg.qr(np.asarray(jr.normal(frame_key, (d, most)), np.float64))[0][:, :latent]
    coordinates = (np.asarray(jr.normal(k, (n, most)))[:, :latent] for k in (points_key, fresh_key))
    points, fresh = (jnp.asarray(rows @ frame.T, z.dtype) for rows in coordinates)
    score = scores.Empirical(points)
    predicted = theory.onset_ratio(n, np.ones(latent))
    scaled = np.geomspace(0.12, 1.4, settings.nodes)
    sigmas = jnp.asarray(scaled * predicted, points.dtype)
    curves = {
        "own_weight": own_weights(score, z, sigmas),
        "trap_weight": own_weights(score, jnp.zeros_like(z), sigmas),
        "divergence": -np.asarray(log_densities(score, fresh, jnp.zeros_like(fresh), sigmas), np.float64).mean(1),
    }
    best = highest_peak(scaled, -curves["divergence"])
    collapse, onset = crossing(np.stack([curves["own_weight"], curves["trap_weight"]]), scaled)
    times = {"t_g": best, "t_c": collapse, "t_o": onset, "t_o_theory": 1.0}
    return xr.Dataset(
        {name: ("scaled", curve) for name, curve in curves.items()}
        | {name: float(time_of(ratio * predicted)) for name, ratio in times.items()},
        {"scaled": scaled},
    )


def curved(settings: Settings, key) -> tuple[dict[str, Measurement], xr.Dataset]:
    """How t_c on curved manifolds depends on their own dimensions and on those around them."""
    keys = jr.split(key, (len(settings.curved_latent), len(settings.ambient)))
    times = [
        [curved_collapse(latent, ambient, settings, keys[i, j]) for j, ambient in enumerate(settings.ambient)]
        for i, latent in enumerate(settings.curved_latent)
    ]
    times = np.array(times)
    values = {}
    if len(times) > 1:
        values["latent"] = (times[-1] / times[0]).min()
    if times.shape[1] > 1:
        values["ambient"] = times[0, 0] / times[0, -1]
    axes = {"curved_latent": list(settings.curved_latent), "ambient": list(settings.ambient)}
    return measurements(values), xr.Dataset({"t_c_curved": (tuple(axes), times)}, axes)


def curved_collapse(latent: int, ambient: int, settings: Settings, key) -> float:
    """t_c of points on y = tanh(1.5 F z/sqrt(D)) of total variance D, mean over manifolds."""
    found = []
    for k in jr.split(key, settings.manifolds):
        points_key, noise = jr.split(k)
        points = data.hidden_manifold(settings.curved_n, ambient, latent, key=points_key).points
        points = points * math.sqrt(latent / points.var(axis=0, dtype=np.float64).sum())
        scaled = np.geomspace(0.45, 1.1, settings.curved_nodes)
        sigmas = scaled * theory.onset_ratio(settings.curved_n, np.ones(latent))
        z = jr.normal(noise, (settings.noises, *points.shape))
        score = scores.Empirical(jnp.asarray(points, z.dtype))
        own = own_weights(score, z, jnp.asarray(sigmas, z.dtype))
        found.append(time_of(crossing(own[None], sigmas)[0]))
    return float(np.mean(found))


def own_weights(score: scores.Empirical, z, sigmas) -> np.ndarray:
    """Mean weight `p(x|y_i)/(n p(x))` of y_i at x = y_i + sigma z, for noises z of shape (noises, n, d), (sigmas,)."""
    flat = z.reshape(-1, z.shape[-1])
    log_p = np.asarray(log_densities(score, jnp.tile(score.points, (len(z), 1)), flat, sigmas), np.float64)
    log_noise = -np.sum(np.square(flat, dtype=np.float64), axis=1) / 2
    log_norm = z.shape[-1] / 2 * np.log(2 * math.pi * np.square(sigmas, dtype=np.float64)) + math.log(score.n)
    return np.exp(log_noise - log_norm[:, None] - log_p).mean(1)


@eqx.filter_jit
def log_densities(score: scores.Empirical, x0, z, sigmas):
    """log p at x0 + sigma z, (sigmas, m) for m rows."""

    def at(sigma):
        level = NoiseLevel(jnp.ones_like(sigma), sigma)
        return jax.vmap(lambda x: score.log_prob(x, level))(x0 + sigma * z)

    return jax.lax.map(at, sigmas)


def time_of(sigma):
    """The time of the Ornstein-Uhlenbeck process with that sigma/alpha."""
    return np.log1p(np.square(sigma)) / 2
