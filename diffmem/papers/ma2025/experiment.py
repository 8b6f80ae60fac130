"""InvMM of records that a training set repeats, beside the information that bounds it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.stats import spearmanr

from ... import theory
from ...integrators import DDIM
from ...metrics.detection import inversion
from ...reductions import Dense
from ...scores import Empirical
from ..base import Results
from ..flows import flow_from
from ..latent_diffusion import log_snr
from ..measurements import measurements

D, RECORDS, SIMILAR = 16, 24, 0.5
WEIGHTS = (64, 32, 16, 8, 4, 2, 1)  # of the targets; the other records have weight 1
STEPS, TESTED = 100, 1000  # of the flow; samples that measure q


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    sets: int = 5  # training sets
    searches: int = 2  # for each target
    updates: int = 2000  # at most


FULL = Settings()
SMOKE = Settings(sets=1, searches=1, updates=100)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Searches for the repeated records and for a new point, on each training set."""
    found, never = zip(*(one_set(settings, jax.random.fold_in(key, i)) for i in range(settings.sets)))
    curves = xr.concat(found, "set")
    ratio = (curves.divergence / curves.least).values
    values = {"bound": ratio[np.isfinite(ratio)].min(), "held_out": np.mean(never)}
    if settings.sets > 1:
        means = curves.divergence.mean("search").values
        ranks = [spearmanr(WEIGHTS, row).statistic for row in means]
        values |= {"spearman_mean": theory.mean_estimate(np.array(ranks)), "spearman_worst": max(ranks)}
    return Results(measurements(values), curves)


def one_set(settings: Settings, key: PRNGKeyArray) -> tuple[xr.Dataset, bool]:
    """Divergences, success rates and bounds of all targets; whether the new point is never found."""
    point_key, search_key, sample_key, new_key = jax.random.split(key, 4)
    points = jax.random.normal(point_key, (RECORDS, D))
    weights = np.concatenate([WEIGHTS, np.ones(RECORDS - len(WEIGHTS))])
    score, (process, times) = Empirical(points, weights, Dense()), log_snr(STEPS)
    fresh = jax.random.normal(new_key, (200, D))
    farthest = jnp.argmin(jax.vmap(lambda x: cosines(points, x).max())(fresh))
    rounds, count = settings.searches, settings.searches * len(WEIGHTS)
    targets = jnp.concatenate([jnp.tile(points[: len(WEIGHTS)], (rounds, 1)), fresh[farthest][None]])
    found = inversion(score, targets, process, times, search_key, threshold=SIMILAR, updates=settings.updates)
    hits, least = [], []
    for i, target in enumerate(targets[:count]):
        start = process.sigma(times[0]) * found.draw(i, TESTED, key=jax.random.fold_in(sample_key, i))
        ends = flow_from(start, score, process, times, integrator=DDIM(), finish="denoise").points
        hits.append(float((cosines(ends, target) >= SIMILAR).mean()))
        mass = weights[np.asarray(cosines(points, target) >= SIMILAR)].sum() / weights.sum()
        least.append(float(theory.bernoulli_divergence(hits[-1], mass)))
    rows = {"divergence": D * found.measure[:count], "least": least, "hit": hits}
    axes = "search", "weight"
    shaped = {name: (axes, np.reshape(np.asarray(row), (rounds, len(WEIGHTS)))) for name, row in rows.items()}
    return xr.Dataset(shaped, {"weight": list(WEIGHTS)}), bool(jnp.isinf(found.measure[-1]))


def cosines(points: Float[Array, "n d"], target: Float[Array, "d"]) -> Float[Array, "n"]:
    """The cosine of each point with the target."""
    return points @ target / (jnp.linalg.norm(points, axis=1) * jnp.linalg.norm(target))
