"""Local dimensions of a law on a subspace and of its training points, and what they say of single points."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import metrics
from ...level import NoiseLevel
from ...metrics.detection import flipd
from ...scores import AbstractScore, Empirical, Gaussian, GaussianMixture
from ..base import Results
from ..measurements import Group, together

D, M = 32, 6  # coordinates, and axes of the manifold
SPECTRUM = np.where(np.arange(D) < M, 1.0, 0.0)
N, POINTS = 300, 100  # records, and points of each group
SHARE = 0.1  # of the law that one repeated image has
SCALES = (0.2, 0.35, 0.5, 0.7, 1.0)  # sigma over the distance of the nearest record
GROUPS = ("overfitted", "repeated", "new")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    scales: tuple[float, ...] = SCALES


FULL = Settings()
SMOKE = Settings(scales=(0.2,))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Records of the law, then records of a law that repeats one image."""
    plain_key, mixed_key = jax.random.split(key)
    return together(dimensions(settings, plain_key), classification(mixed_key))


def on_manifold(count: int, key: PRNGKeyArray) -> Float[Array, "count d"]:
    """Draws of N(0, I) on the first 6 axes."""
    return jax.random.normal(key, (count, D)) * jnp.asarray(SPECTRUM, jnp.zeros(()).dtype)[None]


@eqx.filter_jit
def lids(score: AbstractScore, points, sigmas) -> Float[Array, "count"]:
    """FLIPD at each point, each at its own noise."""
    return jax.vmap(lambda x, sigma: flipd(score, x, NoiseLevel(1.0, sigma)))(points, sigmas)


def neighbour_distance(points) -> np.ndarray:
    """The distance of each point from the nearest other one."""
    return metrics.nearest(points, points, k=2).distance[:, 1]


def dimensions(settings: Settings, key: PRNGKeyArray) -> Group:
    """LID of the law and of the records, at several noises."""
    train = on_manifold(N, key)
    near, records = jnp.asarray(neighbour_distance(train)[:POINTS], train.dtype), train[:POINTS]
    models = Gaussian(jnp.zeros(D), jnp.asarray(SPECTRUM, train.dtype)), Empirical(train)
    found = np.array([[lids(model, records, scale * near) for scale in settings.scales] for model in models])
    at = settings.scales.index(0.2)
    values = {"population": np.abs(found[0, at] - M).mean(), "empirical": found[1, at].max()}
    axes = {"model": ["law", "records"], "scale": list(settings.scales)}
    return values, xr.Dataset({"lid": (("model", "scale"), found.mean(axis=-1))}, axes)


def classification(key: PRNGKeyArray) -> Group:
    """Overfitted records, a repeated image and new points by the LID of a model and of the law."""
    image_key, record_key, new_key = jax.random.split(key, 3)
    image, unique, new = (on_manifold(n, k) for n, k in ((1, image_key), (N, record_key), (POINTS, new_key)))
    copies = round(N * SHARE)
    train = jnp.concatenate([jnp.repeat(image, copies, axis=0), unique[copies:]])
    spectra = jnp.asarray(np.stack([0 * SPECTRUM, SPECTRUM]), train.dtype)
    law = GaussianMixture(jnp.asarray([SHARE, 1 - SHARE]), jnp.stack([image[0], jnp.zeros(D)]), spectra)
    records = Empirical(train)
    sigma = 0.2 * np.median(neighbour_distance(unique[copies:]))
    points = train[-POINTS:], jnp.repeat(image, POINTS, axis=0), new
    sigmas = jnp.full(POINTS, sigma, train.dtype)
    model = np.array([lids(score, part, sigmas) for score, part in zip((records, records, law), points)])
    true = np.array([lids(law, part, sigmas) for part in points])
    right = [reason(*pair) == group for pair, group in zip(zip(model, true), GROUPS)]
    values = {"classified": np.min(np.mean(right, axis=1)), "fresh": float(lids(records, new, sigmas).mean()) / M}
    rows = {"model_lid": (("group", "point"), model), "true_lid": (("group", "point"), true)}
    return values, xr.Dataset(rows, {"group": list(GROUPS)})


def reason(model: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The group that each point is put in; off the support of the model where its LID is above 1.5 m."""
    memorized = np.where(true < M / 2, "repeated", "overfitted")
    return np.where(model < M / 2, memorized, np.where(model <= 1.5 * M, "new", "off the records"))
