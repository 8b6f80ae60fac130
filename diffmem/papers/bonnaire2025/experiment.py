"""Spectra of random features, gradient descent against its flow, and the training times of features and networks."""

from collections import defaultdict
from itertools import product
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import theory, training
from ...studies.feature_times import feature_spectrum, feature_times
from ...studies.training_course import slope
from ..base import Results
from ..diffusion_time import level_at
from ..feature_data import drawn
from ..measurements import Group, farthest, together
from .network_times import networks

TIMES = (0.1, 0.01)  # of the Ornstein-Uhlenbeck clock, at which the score is learnt
DESCENT = (30, 8, 0.5)  # d, psi_p = p/d and step in training time of the gradient descent
CHECKED = np.array([3, 10, 30, 100, 300])  # its training times that are compared
SMALL_D, LARGE = 25, (20, 1024)  # d at few points; d and psi_p at more points
PRE_ASYMPTOTIC = 1.85  # the middle of the interval that is accepted for the slope at few points


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    spectra: tuple[tuple[int, int, int], ...] = ((100, 8, 4), (40, 32, 4))  # d, psi_p = p/d and psi_n = n/d
    spectrum_times: tuple[float, ...] = TIMES  # t of each spectrum
    descent_points: tuple[int, ...] = (60, 240)  # n of the gradient descent
    few: tuple[int, ...] = (4, 8, 16)  # psi_n of the training times
    wide: tuple[int, ...] = (64, 1024)  # psi_p of the same
    many: tuple[int, ...] = (8, 16, 32, 64)  # psi_n of further training times; () for none
    memorizing: tuple[int, ...] = (32, 64, 128, 256)  # points of networks that memorize; () for no network
    memorizing_steps: int = 16_000
    generalizing: tuple[int, ...] = (64, 128, 256, 512)  # points of networks that generalize
    generalizing_steps: int = 400


FULL = Settings()
SMOKE = Settings(((100, 8, 4),), spectrum_times=TIMES[:1], descent_points=(60,), wide=(64,), many=(), memorizing=())


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Spectra against Theorem 3.1, gradient descent against the flow, and the times of training against n."""
    spectrum_key, descent_key, small_key, large_key = jax.random.split(key, 4)
    found = [spectra(settings, spectrum_key), few_points(settings, small_key)]
    found += [(descent(n, jax.random.fold_in(descent_key, n)), xr.Dataset()) for n in settings.descent_points]
    if len(settings.many) > 1:
        found.append((many_points(settings, large_key), xr.Dataset()))
    if settings.memorizing:
        memorizing = settings.memorizing, settings.memorizing_steps
        generalizing = settings.generalizing, settings.generalizing_steps
        found.append(networks(memorizing, generalizing, jax.random.fold_in(key, 4)))
    return together(*found)


def spectra(settings: Settings, key: PRNGKeyArray) -> Group:
    """How far spectra, their eigenvalues at the floor and their mass above are from the theory; the first spectrum."""
    values, found = defaultdict(list), []
    for i, ((d, psi_p, psi_n), t) in enumerate(product(settings.spectra, settings.spectrum_times)):
        one = feature_spectrum(psi_n, level_at(t), d=d, psi_p=psi_p, key=jax.random.fold_in(key, i))
        found.append(one)
        values[f"density_{d}"].append(one.distance)
        values["atom"].append(one.at_floor - (psi_p - psi_n - 1) * d)
        values["mass"].append(abs(one.mass - 1 + theory.spectral_atom(psi_p, psi_n)))
    return {name: farthest(several, 0) for name, several in values.items()}, found[0]


def descent(n: int, key: PRNGKeyArray) -> dict[str, Any]:
    """Gradient descent with one fresh noise for each point and step, against the exact flow of the same features.

    Largest difference of their training losses at five times, and of those of the exact flow and the flow of the
    Gaussian equivalent.
    """
    layer_key, noise_key, gauss_key = jax.random.split(key, 3)
    (d, psi_p, step), level = DESCENT, level_at(TIMES[0])
    layers = drawn(layer_key, psi_p * d, n, d)
    fit = training.fit_random_features(*layers, level)
    exact = fit.flow(CHECKED).train
    descended = training.descend_random_features(*layers, level, tuple(CHECKED.tolist()), step, key=noise_key)
    losses = [fit.train.loss(second) for second in descended]
    equivalent = training.equivalent_modes(*layers, level, key=gauss_key).flow(CHECKED).train
    return {f"descent_{n}": np.abs(losses - exact).max(), f"equivalent_{n}": np.abs(equivalent - exact).max()}


def few_points(settings: Settings, key: PRNGKeyArray) -> Group:
    """Exponents in n of the times of training, and least and last score errors, each for its worst width and t."""
    found = {}
    for i, psi_p in enumerate(settings.wide):
        own = jax.random.fold_in(key, i)  # both noises on the same draw
        for t in TIMES:
            found[psi_p, t] = feature_times(settings.few, level_at(t), d=SMALL_D, psi_p=psi_p, key=own)
    every = found.values()
    values = {
        "least": max(float(one.least.max()) for one in every),
        "rise": min(float((one.final / one.least).min()) for one in every),
    }
    if len(settings.few) > 1:
        slopes = {name: [slope_of(one, name) for one in every] for name in ("bulk", "level", "near")}
        gaps = [slope_of(found[psi_p, TIMES[0]], "gap") for psi_p in settings.wide]
        values |= {"bulk_slope": farthest(slopes["bulk"], 1), "small_slope": farthest(gaps, PRE_ASYMPTOTIC)}
        values |= {"small_level_slope": farthest(slopes["level"], 0), "small_near_slope": max(slopes["near"])}
    return values, found[settings.wide[0], TIMES[1]]


def many_points(settings: Settings, key: PRNGKeyArray) -> dict[str, Any]:
    """Exponents in n of the times of training at more points."""
    d, psi_p = LARGE
    found = feature_times(settings.many, level_at(TIMES[1]), d=d, psi_p=psi_p, key=key)
    names = {"large_slope": "gap", "large_level_slope": "level", "large_near_slope": "near"}
    return {name: slope_of(found, of) for name, of in names.items()}


def slope_of(found: xr.Dataset, of: str) -> float:
    """The exponent in n of a time of training."""
    return slope(found.psi_n.values, found[f"tau_{of}"].values)
