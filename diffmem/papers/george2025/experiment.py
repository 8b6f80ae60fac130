"""Learning curves of random features against finite matrices, and the p/n from which more noise draws hurt."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray
from scipy.optimize import brentq

from ... import theory, training
from ..base import Results
from ..diffusion_time import level_at
from ..feature_data import drawn
from ..measurements import farthest, measurements

TIME = 0.1  # of the Ornstein-Uhlenbeck clock
LEVEL = level_at(TIME)
# psi_p = p/d, psi_n = n/d and penalty of the cells in which theory and matrices are compared
ALL_NOISE = ((2, 4, 1e-3), (4, 4, 1e-3), (8, 4, 1e-3), (4, 8, 1e-3), (8, 4, 0.1), (4, 8, 0.1))
ONE_NOISE = ((2, 4, 1e-2), (8, 4, 1e-2), (4, 4, 0.1), (4, 4, 1e-2), (1, 4, 1e-2), (4, 8, 0.1))
PSI_N = 4  # of the curves over psi_p
FINE = np.geomspace(0.8, 20, 33)  # psi_p of the predicted curves


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    draws: int = 3  # of features and points
    large: int = 100  # d of the deviations whose mean over draws is taken; 0 for none
    middle: int = 60  # d of the deviations of single draws
    small: int = 30  # d of the curves
    psi_p: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8, 16)  # of the curves
    penalty: float = 1e-4  # of the curves and their crossing
    crossed: tuple[int, ...] = (2, 4, 8)  # psi_n for which the crossing is predicted


FULL = Settings()
SMOKE = Settings(draws=1, large=0)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Deviations of finite matrices from the theory, score errors over the number of features, and where they cross."""
    large_key, middle_key, curve_key = jax.random.split(key, 3)
    moments = theory.activation_moments(LEVEL)
    found = curves(settings, curve_key).merge(predictions(settings, moments))
    crossings = {psi_n: crossing(psi_n, settings.penalty, moments) for psi_n in settings.crossed}
    found = found.assign(crossing=("psi_n", list(crossings.values()))).assign_coords(psi_n=list(crossings))
    values = single_draws(settings, moments, middle_key) | curve_summary(found)
    values |= {f"crossing_{psi_n}": ratio for psi_n, ratio in crossings.items()}
    if settings.large and settings.draws > 1:
        values |= mean_draws(settings, moments, large_key)
    return Results(measurements(values), found)


def single_draws(settings: Settings, moments: theory.ActivationMoments, key: PRNGKeyArray) -> dict[str, Any]:
    """The largest deviations of single draws from the theory."""
    found = np.abs(deviations(settings.middle, settings.draws, moments, key))
    rows = {"train_single": [0, 2], "score_single": [1, 3], "score_single_one": [4]}
    return {name: found[row].max() for name, row in rows.items()}


def mean_draws(
    settings: Settings, moments: theory.ActivationMoments, key: PRNGKeyArray
) -> dict[str, tuple[float, float]]:
    """The largest deviations of means over draws from the theory, with their standard errors."""
    found, values = deviations(settings.large, settings.draws, moments, key), {}
    for name, row in {"train_mean": 0, "score_mean": 1, "score_mean_one": 4}.items():
        mean, error = theory.mean_estimate(found[row])
        worst = np.abs(mean).argmax()
        values[name] = abs(mean[worst]), error[worst]
    return values


def deviations(d: int, draws: int, moments: theory.ActivationMoments, key: PRNGKeyArray) -> np.ndarray:
    """Measured over predicted value less 1, by kind of value, draw and cell, (5, draws, cells).

    Training loss and score error of the Gaussian equivalent, then of true features, fitted to all noise of each point;
    score error of true features fitted to one noise for each point.
    """
    found = np.zeros((5, draws, len(ALL_NOISE)))
    for i, draw_key in enumerate(jax.random.split(key, draws)):
        for j, (psi_p, psi_n, penalty) in enumerate(ALL_NOISE):
            layer_key, gauss_key = jax.random.split(jax.random.fold_in(draw_key, j))
            layers = drawn(layer_key, psi_p * d, psi_n * d, d)
            truth = theory.ridge_learning_curve(penalty, psi_p, psi_n, moments)
            equivalent = training.equivalent_modes(*layers, LEVEL, key=gauss_key).ridge(penalty)
            features = training.fit_random_features(*layers, LEVEL).ridge(penalty)
            found[:2, i, j] = equivalent.train / truth.train, equivalent.score / truth.score
            found[2:4, i, j] = features.train / truth.train, features.score / truth.score
        for j, (psi_p, psi_n, penalty) in enumerate(ONE_NOISE):
            layer_key, noise_key = jax.random.split(jax.random.fold_in(draw_key, len(ALL_NOISE) + j))
            layers = drawn(layer_key, psi_p * d, psi_n * d, d)
            fit = training.fit_random_features(*layers, LEVEL, draws=1, key=noise_key).ridge(penalty)
            found[4, i, j] = fit.score / theory.one_draw_learning_curve(penalty, psi_p, psi_n, moments).score
    return found - 1


def curves(settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """Score errors over the number of features: fits to one noise, to all noise, and of the equivalent to all noise."""
    d = settings.small
    found = np.zeros((3, settings.draws, len(settings.psi_p)))
    for i, draw_key in enumerate(jax.random.split(key, settings.draws)):
        for j, psi_p in enumerate(settings.psi_p):
            layer_key, noise_key, gauss_key = jax.random.split(jax.random.fold_in(draw_key, j), 3)
            layers = drawn(layer_key, psi_p * d, PSI_N * d, d)
            fits = (
                training.fit_random_features(*layers, LEVEL, draws=1, key=noise_key),
                training.fit_random_features(*layers, LEVEL),
                training.equivalent_modes(*layers, LEVEL, key=gauss_key),
            )
            found[:, i, j] = [float(fit.ridge(settings.penalty).score) for fit in fits]
    variables = {name: (("draw", "psi_p"), part) for name, part in zip(("one", "all", "equivalent"), found)}
    return xr.Dataset(variables, {"psi_p": list(settings.psi_p)})


def curve_summary(found: xr.Dataset) -> dict[str, Any]:
    """Where the error of the fit to one noise peaks, and the ratio of the error of the fit to all noise to it."""
    peaks = found.psi_p.values[found.one.values.argmax(1)]
    equivalent, true = found.equivalent / found.one, found["all"] / found.one
    values = {"peak": farthest(peaks, PSI_N)}
    few = (found.psi_p <= PSI_N / 2).values
    if few.any():
        values["ratio_below"] = equivalent[:, few].max()
    if 2 * PSI_N in found.psi_p:
        values["sign_8"] = max(one.sel(psi_p=2 * PSI_N).max() for one in (equivalent, true))
    if 4 * PSI_N in found.psi_p:
        values["ratio_far"] = equivalent.sel(psi_p=4 * PSI_N).min()
        values["sign_16"] = min(one.sel(psi_p=4 * PSI_N).min() for one in (equivalent, true))
    return values


def crossing(psi_n: float, penalty: float, moments: theory.ActivationMoments) -> float:
    """The p/n from 1 to 10 at which the predicted errors of fits to one and to all noise cross; NaN without one."""

    def surplus(ratio):
        arguments = penalty, ratio * psi_n, psi_n, moments
        return float(theory.ridge_learning_curve(*arguments).score - theory.one_draw_learning_curve(*arguments).score)

    return float(brentq(surplus, 1.0, 10.0, xtol=1e-4)) if surplus(1.0) * surplus(10.0) < 0 else math.nan


def predictions(settings: Settings, moments: theory.ActivationMoments) -> xr.Dataset:
    """Training loss, test loss and score error over the features, for one noise and for all."""
    solved = {"one": theory.one_draw_learning_curve, "all": theory.ridge_learning_curve}
    lines = {name: [f(settings.penalty, psi_p, PSI_N, moments) for psi_p in FINE] for name, f in solved.items()}
    variables = {
        f"{name}_{part}": ("fine", [float(getattr(one, part)) for one in line])
        for name, line in lines.items()
        for part in ("train", "test", "score")
    }
    return xr.Dataset(variables, {"fine": FINE})
