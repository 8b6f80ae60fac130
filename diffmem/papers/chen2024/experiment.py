"""What a label adds to a model of a training set, and extraction by labels made from the model's own samples."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import metrics
from ...integrators import DDIM
from ...level import NoiseLevel
from ...metrics import extraction
from ...scores import GaussianMixture, Labelled
from ..base import Results
from ..latent_diffusion import log_snr
from ..measurements import Group, together

K, MEMBERS, WITHIN, SPACING = 8, 16, 0.3, 6.0  # clusters, their records, their width, mean distance of nearest ones
TAU, STEPS = 0.3, 100  # width of a record in the model; of the flow
EXPONENT, UNEQUAL_CLUSTERS, UNEQUAL_DIMENSION = 1.2, 64, 16
KINDS = ("clusters", "random")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    fractions: tuple[float, ...] = (0.05, 0.125, 0.25, 0.5, 1.0)
    dimensions: tuple[int, ...] = (2, 8, 16)
    draws: int = 2000  # of records with noise, for the gap
    sets: int = 3  # training sets of the extraction
    weights: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    samples: int = 2000
    budget: int = 400  # samples for unequal records


FULL = Settings()
SMOKE = Settings(fractions=(0.125, 0.25), draws=500, sets=0)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The gap of labels, then extraction from equal and from unequal records."""
    gap_key, *keys = jax.random.split(key, 1 + settings.sets)
    groups = [gaps(settings, gap_key)]
    if keys:
        groups.append(extracted(settings, keys))
    return together(*groups)


def clustered(d: int, key: PRNGKeyArray) -> tuple[np.ndarray, float]:
    """Records in clusters, on a circle where d = 2, and the mean distance of nearest centres."""
    centre_key, noise_key = jax.random.split(key)
    angles = 2 * np.pi * np.arange(K) / K
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    centres = circle if d == 2 else np.asarray(jax.random.normal(centre_key, (K, d)))
    centres = centres * SPACING / metrics.nearest(centres, centres, k=2).distance[:, 1].mean()
    noise = WITHIN * np.asarray(jax.random.normal(noise_key, (K * MEMBERS, d)))
    return (np.repeat(centres, MEMBERS, axis=0) + noise).astype(noise.dtype), SPACING


def gaps(settings: Settings, key: PRNGKeyArray) -> Group:
    """KL(q_class, q)/log 8 for clusters and for random labels, by noise and dimension."""
    labels = np.repeat(np.arange(K), MEMBERS)
    rows = []
    for d in settings.dimensions:
        point_key, order_key, draw_key = jax.random.split(jax.random.fold_in(key, d), 3)
        points, spacing = clustered(d, point_key)
        both = labels, np.asarray(jax.random.permutation(order_key, labels))
        eps = spacing * jnp.asarray(settings.fractions)
        rows.append([[float(gap(points, part, e, settings.draws, draw_key)) for e in eps] for part in both])
    axes = {"dimension": list(settings.dimensions), "labels": list(KINDS), "fraction": list(settings.fractions)}
    found = xr.Dataset({"gap": (tuple(axes), np.array(rows) / math.log(K))}, axes)
    least, largest = (found.gap.sel(labels=kind) for kind in KINDS)
    values = {}
    for name, fraction in {"": 0.125, "_quarter": 0.25}.items():
        values[f"gap_informative{name}"] = least.sel(fraction=fraction).min()
        values[f"gap_random{name}"] = largest.sel(fraction=fraction).max()
    return values, found


@eqx.filter_jit
def gap(points, labels, eps, draws: int, key: PRNGKeyArray) -> Float[Array, ""]:
    """`E log q_class(x) - log q(x)` over records with noise, each under the law of its class."""
    whole = GaussianMixture(np.ones(len(points)), points, np.zeros(len(points), points.dtype))
    classes, level = Labelled(whole, labels, 0), NoiseLevel(1.0, eps)
    which, noise = jax.random.split(key)
    index = jax.random.randint(which, (draws,), 0, len(points))
    x = jnp.asarray(points)[index] + eps * jax.random.normal(noise, (draws, points.shape[1]))
    difference = lambda x, label: classes.conditioned(label).log_prob(x, level) - whole.log_prob(x, level)  # noqa: E731
    return jnp.mean(jax.vmap(difference)(x, jnp.asarray(labels)[index]))


def extracted(settings: Settings, keys: list[PRNGKeyArray]) -> Group:
    """Match rates by guidance weight, relative to no guidance, for each training set."""
    equal, unequal = [], []
    shares = np.arange(1, 1 + K * MEMBERS) ** -EXPONENT
    for key in keys:
        point_key, equal_key, unequal_key = jax.random.split(key, 3)
        points = clustered(8, point_key)[0]
        equal.append(rates(points, np.ones(len(points)), K, settings.samples, 0.1, settings.weights, equal_key))
        points = np.asarray(jax.random.normal(point_key, (len(shares), UNEQUAL_DIMENSION)))
        unequal.append(rates(points, shares, UNEQUAL_CLUSTERS, settings.budget, 0.5, settings.weights, unequal_key))
    # (kinds of labels, weights, [AMS, UMS], training sets), relative to no guidance
    equal, unequal = (np.stack([one / one[:, :1] for one in part], axis=-1) for part in (equal, unequal))
    ams, at = equal[0, :, 0], settings.weights.index(2.0)
    strong = np.array(settings.weights) >= 4
    values = {
        "match_gain": ams[1:].max(axis=0).mean(),
        "match_strong": ams[strong].max(),
        "coverage": unequal[0, at, 1].mean(),
        "coverage_matches": unequal[0, at, 0].mean(),
        "coverage_random": unequal[1, at, 1].mean(),
    }
    parts = {"matched": equal[:, :, 0], "reached": unequal[:, :, 1], "matched_unequal": unequal[:, :, 0]}
    curves = {name: (("labels", "guidance"), part.mean(axis=-1)) for name, part in parts.items()}
    return values, xr.Dataset(curves, {"labels": list(KINDS), "guidance": list(settings.weights)})


def rates(points, shares, clusters: int, count: int, quantile: float, weights, key: PRNGKeyArray) -> np.ndarray:
    """AMS and UMS for clusters and for random labels (2, weights, 2); the first weight, 0, sets the radius."""
    own_key, label_key, start_key, order_key = jax.random.split(key, 4)
    model = GaussianMixture(shares, points, np.full(len(points), TAU**2, points.dtype))
    own = np.asarray(model.draw(2000, key=own_key))
    labels = extraction.surrogate_labels(own, clusters)
    chosen = jax.random.randint(label_key, (count,), 0, clusters)
    found, radius = [], None
    for part in labels, np.asarray(jax.random.permutation(order_key, labels)):
        classes = extraction.class_gaussians(own, part, balanced=True)
        for weight in weights:
            samples = np.asarray(guided(model, classes, jnp.asarray(weight), chosen, *log_snr(STEPS), start_key))
            distance, index = metrics.nearest(samples, points)
            radius = float(np.quantile(distance, quantile)) if radius is None else radius
            rate = extraction.match_rates(distance[:, 0], index[:, 0], 0.0, radius)
            found.append((rate.ams, rate.ums))
    return np.reshape(found, (2, len(weights), 2))


@eqx.filter_jit
def guided(model, classes, weight, labels, process, times, key: PRNGKeyArray) -> Float[Array, "count d"]:
    """Samples guided to their labels, from pure noise."""
    score = extraction.ClassifierGuided(model, classes, weight)
    starts = process.sigma(times[0]) * jax.random.normal(key, (len(labels), *model.shape))
    run = lambda x, label: DDIM().denoised(score.with_label(label), process, x, times, key=key)[0]  # noqa: E731
    return jax.vmap(run)(starts, labels)
