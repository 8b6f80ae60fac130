"""Times of traps, of collapse and of best fit for points on linear manifolds, and of collapse on curved ones."""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import data, scores, theory
from ...level import NoiseLevel
from ...studies.collapse.crossing import crossing
from ..base import Results
from ..diffusion_time import time_at
from ..measurements import Group, farthest, farthest_mean, highest_peak, together
from ..noisy_densities import log_densities, own_weights


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


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The three times on linear manifolds, and the collapse time on curved ones."""
    linear_key, curved_key = jr.split(key)
    return together(linear(settings, linear_key), curved(settings, curved_key))


def linear(settings: Settings, key: PRNGKeyArray) -> Group:
    """The order of the three times, t_o over the annealed formula, and the growth of t_g/t_c with D."""

    def sets(latent: int) -> xr.Dataset:
        keys = jr.split(jr.fold_in(key, latent), settings.sets)
        return xr.concat([linear_manifold(latent, settings, k) for k in keys], "set")

    curves = xr.concat([sets(latent) for latent in settings.latent], xr.IndexVariable("latent", list(settings.latent)))
    onset = (curves.t_o / curves.t_o_theory).transpose("latent", "set").values
    inside = (curves.t_g / curves.t_c).mean("set").values
    values: dict[str, Any] = {
        "order": min((curves.t_c / curves.t_g).min(), (curves.t_o / curves.t_c).min()),
        "onset_mean": farthest_mean([theory.mean_estimate(row) for row in onset], 1),
    }
    if settings.single:
        values["onset"] = farthest(onset[:, 0], 1)
    if len(inside) > 1:
        values["inside"] = (inside[1:] / inside[:-1]).min()
    return values, curves


def linear_manifold(latent: int, settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """n points of N(0, I_D) in an orthonormal frame of R^d: own weights in noise and without, and fit to the law.

    Minus the mean log-density at fresh points is the Kullback-Leibler divergence of the mixture, up to a constant.
    """
    frame_key, points_key, fresh_key, noise = jr.split(key, 4)
    n, d, most = settings.n, settings.d, max(settings.latent)
    # the same shapes for every D, which compile once
    z = jr.normal(noise, (n, d))
    frame = np.linalg.qr(np.asarray(jr.normal(frame_key, (d, most)), np.float64))[0][:, :latent]
    coordinates = (np.asarray(jr.normal(k, (n, most)))[:, :latent] for k in (points_key, fresh_key))
    points, fresh = (jnp.asarray(rows @ frame.T, z.dtype) for rows in coordinates)
    score = scores.Empirical(points)
    sigma_o = theory.onset_ratio(n, np.ones(latent))
    scaled = np.geomspace(0.12, 1.4, settings.nodes)
    levels = levels_at(scaled * sigma_o, z.dtype)
    still = jnp.zeros_like(z)
    divergence = -np.asarray(log_densities(score, fresh, still, levels), np.float64).mean(1)
    own, trap = (own_weight(score, points, noise, levels) for noise in (z, still))
    t_c, t_o = crossing(np.stack([own, trap]), scaled)
    times = {"t_g": highest_peak(scaled, -divergence), "t_c": t_c, "t_o": t_o, "t_o_theory": 1.0}
    curves = {"own_weight": own, "trap_weight": trap, "divergence": divergence}
    return xr.Dataset(
        {name: ("scaled", curve) for name, curve in curves.items()}
        | {name: time_at(ratio * sigma_o) for name, ratio in times.items()},
        {"scaled": scaled},
    )


def curved(settings: Settings, key: PRNGKeyArray) -> Group:
    """How t_c on curved manifolds depends on their own dimensions and on those around them."""
    keys = jr.split(key, (len(settings.curved_latent), len(settings.ambient)))
    times = np.array(
        [
            [curved_collapse(latent, ambient, settings, keys[i, j]) for j, ambient in enumerate(settings.ambient)]
            for i, latent in enumerate(settings.curved_latent)
        ]
    )
    values = {}
    if len(times) > 1:
        values["latent"] = (times[-1] / times[0]).min()
    if times.shape[1] > 1:
        values["ambient"] = times[0, 0] / times[0, -1]
    axes = {"curved_latent": list(settings.curved_latent), "ambient": list(settings.ambient)}
    return values, xr.Dataset({"t_c_curved": (tuple(axes), times)}, axes)


def curved_collapse(latent: int, ambient: int, settings: Settings, key: PRNGKeyArray) -> float:
    """The mean over manifolds of t_c for points y = tanh(1.5 F z/sqrt(D)), scaled to total variance D."""
    sigma = np.geomspace(0.45, 1.1, settings.curved_nodes) * theory.onset_ratio(settings.curved_n, np.ones(latent))
    found = []
    for k in jr.split(key, settings.manifolds):
        points_key, noise = jr.split(k)
        points = data.hidden_manifold(settings.curved_n, ambient, latent, key=points_key).points
        points = points * math.sqrt(latent / points.var(axis=0, dtype=np.float64).sum())
        z = jr.normal(noise, (settings.noises, *points.shape)).reshape(-1, ambient)
        points = jnp.asarray(points, z.dtype)
        repeated = jnp.tile(points, (settings.noises, 1))
        own = own_weight(scores.Empirical(points), repeated, z, levels_at(sigma, z.dtype))
        found.append(time_at(crossing(own, sigma)))
    return float(np.mean(found))


def levels_at(sigma: Float[np.ndarray, " nodes"], dtype: jnp.dtype) -> NoiseLevel:
    """The noise levels with these sigma and alpha = 1."""
    return NoiseLevel(jnp.ones(len(sigma), dtype), jnp.asarray(sigma, dtype))


def own_weight(
    score: scores.Empirical, y: Float[Array, "m d"], z: Float[Array, "m d"], levels: NoiseLevel
) -> Float[np.ndarray, " nodes"]:
    """Mean weight of a point y of the score at its noisy version y + sigma z."""
    return own_weights(log_densities(score, y, z, levels), z, np.asarray(levels.sigma, np.float64), score.n)
