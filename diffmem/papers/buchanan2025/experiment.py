"""Excess losses of exact denoisers against theory, and the capacity at which trained mixtures start to copy."""

import math
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import theory
from ...level import NoiseLevel
from ...studies.loss_crossing import crossing_share, excess_losses
from ..base import Results
from ..measurements import Group, farthest, together
from ..trained_mixtures import clusters, copy_ratios, first_above, trained_mixtures

TIMES = np.linspace(0.001, 0.999, 26)  # of the paper's clock: alpha = sqrt(1 - t^2), sigma = t
LEVELS = [NoiseLevel(math.sqrt(1 - t**2), float(t)) for t in TIMES]
RESOLVED, HIGHEST, FLAT = 1.0, 40.0, 600.0  # snr: from which points are told apart, and the ends of two claims
AT = 0.8  # M/N at which C is taken for the prediction, and near which trained mixtures should start to copy
ORDERS, LOSS_DRAWS = 2, 16  # random subsets, and draws of noise, for the predicted capacity of trained mixtures


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 200  # training points of the exact denoisers
    d: int = 50
    clusters: int = 12
    shares: tuple[float, ...] = (0.2, 0.5, 0.7, 0.8, 0.9)  # M/N of the partially memorizing denoisers
    draws: int = 8  # of noise for each training point
    sets: int = 4  # independent experiments
    trained: tuple[int, ...] = (50, 100)  # training points of the trained mixtures; () for none
    trained_d: int = 30
    trained_clusters: int = 4
    trained_shares: tuple[float, ...] = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)  # M/N
    steps: int = 4000  # of training
    samples: int = 400  # of a trained mixture


FULL = Settings()
SMOKE = Settings(draws=1, sets=1, trained=())


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Losses of three kinds of exact denoiser; then, if asked for, copies of trained mixtures."""
    loss_key, train_key = jax.random.split(key)
    found = [losses(settings, loss_key)]
    if settings.trained:
        found.append(trainings(settings, train_key))
    return together(*found)


def losses(settings: Settings, key: PRNGKeyArray) -> Group:
    """Excess losses of denoisers that know the population or M points, the constant C of the second, their crossing."""
    found = []
    for one in jax.random.split(key, settings.sets):
        law_key, data_key, loss_key = jax.random.split(one, 3)
        law = clusters(settings.d, settings.clusters, key=law_key)
        train = law.draw(settings.n, key=data_key)
        shares = np.array(settings.shares)
        found.append(excess_losses(law, train, shares, LEVELS, key=loss_key, draws=settings.draws))
    generalizing, partial = (np.mean(part, axis=0) for part in zip(*found))
    snr = (1 - TIMES**2) / TIMES**2
    predicted = np.asarray(theory.generalization_gap(snr, 1), np.float64)
    constant = partial / (1 - shares[:, None])
    resolved, flat = (snr >= RESOLVED) & (snr <= HIGHEST), (snr >= RESOLVED) & (snr <= FLAT)
    plateau = constant[:, flat]
    values = {
        "generalizing": abs(generalizing / predicted - 1)[resolved].max(),
        "constant_low": plateau.min(),
        "constant_high": plateau.max(),
        "constant_flat": (plateau.max(1) / plateau.min(1) - 1).max(),
    }
    if AT in settings.shares:
        at = float(plateau[shares == AT].mean())
        values["crossover"] = theory.crossover_share(snr, np.ones(len(snr)), constant=at)
        values["crossover_direct"] = crossing_share(shares, generalizing, partial) - values["crossover"]
    rows = {"snr": snr, "generalizing": generalizing, "predicted": predicted}
    curves = {name: ("t", row) for name, row in rows.items()}
    curves |= {"partial": (("share", "t"), partial), "constant": (("share", "t"), constant)}
    return values, xr.Dataset(curves, {"t": TIMES, "share": shares})


def trainings(settings: Settings, key: PRNGKeyArray) -> Group:
    """The M/N at which half of the samples of trained mixtures are copies, beside the crossing of exact losses."""
    sizes, shares = settings.trained, np.array(settings.trained_shares)
    law_key, data_key, *keys = jax.random.split(key, 2 + len(sizes))
    law = clusters(settings.trained_d, settings.trained_clusters, key=law_key)
    points = law.draw(max(sizes), key=data_key)
    copied, half, predicted = [], [], []
    for n, k in zip(sizes, keys):
        fit_key, sample_key, *loss_keys = jax.random.split(k, 2 + ORDERS)
        components = [round(share * n) for share in shares]
        sets = [points[:n]] * len(components)
        found = trained_mixtures(sets, components, key=fit_key, steps=settings.steps)
        copied.append(copy_ratios(found, sets, key=sample_key, samples=settings.samples))
        half.append(first_above(np.array(components) / n, copied[-1], 0.5))
        parts = [excess_losses(law, points[:n], shares, LEVELS, key=one, draws=LOSS_DRAWS) for one in loss_keys]
        predicted.append(crossing_share(shares, *(np.mean(part, axis=0) for part in zip(*parts))))
    copies = xr.DataArray(copied, [("points", list(sizes)), ("capacity", shares)])
    values = {"half": farthest(half, AT), "half_predicted": farthest(np.subtract(predicted, half), 0)}
    if len(sizes) > 1:
        values["half_linear"] = half[-1] * sizes[-1] / (half[0] * sizes[0])
    if 0.5 in shares:
        values["copied_half"] = copies.sel(capacity=0.5).max()
    if 1.0 in shares:
        values["copied_all"] = copies.sel(capacity=1.0).min()
    return values, xr.Dataset({"copied": copies, "half": ("points", half), "half_predicted": ("points", predicted)})
