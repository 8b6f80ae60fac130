"""Agreement of two networks of one training set, with each other, the exact empirical score and a Gaussian fit."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import data, metrics, scores
from ..base import Measurement, Results
from ..common_starts import HIGH, LOW, THRESHOLD, SameNoise, networks_side_by_side
from ..measurements import share

PAIRS = ("networks", "network and empirical", "network and Gaussian")
MODELS = ("A", "B", "empirical", "Gaussian")
SHOWN = 8  # starts of the picture


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    sizes: tuple[int, ...] = (16, 100, 1500)  # digits, which both networks share
    steps: int = 4000  # of training
    width: int = 256  # hidden units of each of the two layers
    starts: int = 256  # common to all models


FULL = Settings()
SMOKE = Settings(sizes=(1500,), steps=200)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Two networks on each training set, the exact empirical score and the Gaussian fit, from the same starts."""
    order_key, start_key, fit_key = jax.random.split(key, 3)
    pixels = data.digits()
    points = (pixels.points - pixels.points.mean(axis=0)).astype(jnp.zeros(()).dtype)
    std = float(points.std())
    ends = LOW * std, HIGH * std
    order = np.asarray(jax.random.permutation(order_key, len(points)))
    sets = [points[order[:n]] for n in settings.sizes]
    flow = SameNoise.draw(*ends, points.shape[1:], settings.starts, key=start_key)
    twins = [part for part in sets for _ in range(2)]
    learned = networks_side_by_side(twins, std, *ends, key=fit_key, steps=settings.steps, width=settings.width)
    pairs = zip(learned[::2], learned[1::2])
    found = [compared(part, pair, flow) for part, pair in zip(sets, pairs)]
    curves = xr.concat(found, xr.IndexVariable("n", list(settings.sizes)))
    return Results(summary(curves, settings.starts), curves)


def compared(train: np.ndarray, learned: tuple, flow: SameNoise) -> xr.Dataset:
    """Agreement of the second network with the first, with the empirical score and with the Gaussian of its data."""
    a, b = (flow(score) for score in learned)
    empirical, gaussian = flow(scores.Empirical(train)), flow(scores.Gaussian.fit(train))
    found = [metrics.reproducibility(b, other, THRESHOLD) for other in (a, empirical, gaussian)]
    variables = {
        "share": ("pair", [one.fraction for one in found]),
        "cosine": ("pair", [one.mean for one in found]),
        "shuffled": ("pair", [one.shuffled_mean for one in found]),
        "generalization": metrics.generalization(b, train, THRESHOLD).fraction,
        "copied": metrics.memorization(b, train).fraction,
        "image": (("model", "start", "pixel"), np.stack([x[:SHOWN] for x in (a, b, empirical, gaussian)])),
    }
    return xr.Dataset(variables, {"pair": list(PAIRS), "model": list(MODELS)})


def summary(found: xr.Dataset, starts: int) -> dict[str, Measurement]:
    """The dip of the networks' agreement at 100 points, generalization, and agreement with the empirical score."""
    agreement, exact, _ = (found.share.sel(pair=pair) for pair in PAIRS)
    fresh, values = found.generalization, {"shuffled": found.shuffled.sel(pair="networks").max()}
    for n in (16, 1500):
        if n in found.n:
            values |= {f"generalization_{n}": fresh.sel(n=n), f"empirical_{n}": exact.sel(n=n)}
        if n in found.n and 100 in found.n:
            values[f"dip_{n}"] = agreement.sel(n=n) - agreement.sel(n=100)
    if found.sizes["n"] > 1:
        values["generalization_rises"] = fresh.diff("n").min()
    return {name: share(value, starts) for name, value in values.items()}
