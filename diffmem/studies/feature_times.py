"""When does training generalize, and when does it memorize? Random features, solved at every training time."""

import math
from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

from .. import theory, training
from ..annotations import RandomKey
from ..level import NoiseLevel
from ..training.random_features.feature_moments import gaussian_numbers
from .collapse.variables import described
from .training_course import rise_time

ABOVE = 3e-5  # smallest distance above the floor s^2 at which a spectral density is computed
ROUNDING = 1e-9  # largest rounding error of an eigenvalue at the floor
GRID = 4000  # nodes of a predicted density
TRAINING = tuple(np.geomspace(0.1, 1e8, 541).tolist())

VARIABLES = {
    "x": ("eigenvalue above the floor s^2", "1"),
    "rank": ("rank of an eigenvalue above the floor", "count"),
    "density": ("predicted density of all eigenvalues", "1"),
    "eigenvalues": ("eigenvalues of one matrix above the floor", "1"),
    "at_floor": ("number of eigenvalues at the floor", "count"),
    "mass": ("predicted share of eigenvalues above the floor", "1"),
    "distance": ("Kolmogorov distance of the eigenvalues above the floor from the prediction", "1"),
    "psi_n": ("points over dimensions", "1"),
    "tau": ("training time", "1"),
    "train": ("training loss per dimension", "1"),
    "test": ("test loss per dimension", "1"),
    "score": ("score error per dimension", "1"),
    "least": ("least score error over training", "1"),
    "final": ("score error of the end of training", "1"),
    "tau_gap": ("training time at which test less training loss is the given gap", "1"),
    "tau_level": ("training time at which the score error falls to the given level", "1"),
    "tau_near": ("training time at which the score error is first within the given factor of its least value", "1"),
    "tau_bulk": ("psi_p/(sigma^2 (median of rho_1 - s^2)), of the modes of the sample", "1"),
    "tau_predicted": ("tau_bulk in the limit of many features, psi_n/(sigma^2 v^2)", "1"),
}


def feature_spectrum(psi_n: int, level: NoiseLevel, *, d: int = 100, psi_p: int = 8, key: RandomKey) -> xr.Dataset:
    """Eigenvalues of one matrix of tanh random features (Gaussian equivalent) beside `theory.spectral_density`.

    Above the floor s^2, with the number of eigenvalues at it: p - n - d of them where that is positive. Cost p^3.

    Raises:
        ValueError: as `training.equivalent_modes`.
    Source: Bonnaire et al., arXiv:2505.17638, Theorem 3.1.
    """
    moments = theory.activation_moments(level)
    first, points, gauss_key = _drawn(key, psi_p * d, psi_n * d, d)
    matrix = training.equivalent_feature_moments(first, points, level, key=gauss_key).second
    above = np.linalg.eigvalsh(matrix) - moments.floor
    found = above[above > ROUNDING]
    x = np.geomspace(ABOVE, 1.5 * max(theory.population_bulk(psi_p, moments)[1], found[-1]), GRID)
    density = theory.spectral_density(moments.floor + x, psi_p, psi_n, moments)
    share = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    predicted = np.interp(found, x, share / share[-1])
    ranks = np.arange(len(found) + 1) / len(found)
    numbers = {
        "density": ("x", density),
        "eigenvalues": ("rank", found),
        "at_floor": len(above) - len(found),
        "mass": share[-1],
        "distance": max(np.abs(predicted - ranks[1:]).max(), np.abs(predicted - ranks[:-1]).max()),
    }
    return described(xr.Dataset(numbers, {"x": x, "rank": np.arange(len(found))}), VARIABLES)


def feature_times(
    psi_n: Sequence[int],
    level: NoiseLevel,
    *,
    d: int = 25,
    psi_p: int = 64,
    gap: float = 0.1,
    error: float = 0.3,
    near: float = 1.2,
    times: Sequence[float] = TRAINING,
    key: RandomKey,
) -> xr.Dataset:
    """Losses and score errors of gradient flow on tanh random features over training time, for each number of points.

    One draw of the Gaussian equivalent (`training.equivalent_modes`) for each psi_n = n/d of `psi_n`, psi_p = p/d, data
    N(0, I). Beside the curves the times at which the loss gap reaches `gap`, the score error falls to `error`, and to
    `near` times its least value. The first is a time of memorization, the others of generalization; NaN where a curve
    does not reach its level. `tau_bulk` is the time of the median mode that is due to the finite sample.

    Cost: p (n + d)^2 products for each n; 4 s for p = 20,480 and n up to 1,280.

    Raises:
        ValueError: as `training.equivalent_modes`.
    Source: the solvable model of Bonnaire et al., arXiv:2505.17638.
    """
    moments = theory.activation_moments(level)
    cells = []
    for i, size in enumerate(psi_n):
        first, points, gauss_key = _drawn(jax.random.fold_in(key, i), psi_p * d, size * d, d)
        modes = training.equivalent_modes(first, points, level, key=gauss_key)
        errors = modes.flow(np.asarray(times))
        # the d largest are rho_2
        above = np.median(modes.eigenvalues[: max(1, len(modes.eigenvalues) - d)]) - moments.floor
        least = errors.score.min()
        rises = {
            "tau_gap": (errors.gap, gap),
            "tau_level": (-errors.score, -error),
            "tau_near": (-errors.score, -near * least),
        }
        numbers = {
            "least": least,
            "final": float(modes.flow(math.inf).score),
            **{name: rise_time(np.asarray(times), *rising) for name, rising in rises.items()},
            "tau_bulk": psi_p / (moments.sigma**2 * above),
            "tau_predicted": theory.memorization_time(psi_p, size, moments),
        }
        curves = {name: ("tau", getattr(errors, name)) for name in ("train", "test", "score")}
        cells.append(xr.Dataset({**numbers, **curves}, {"tau": list(times)}))
    return described(xr.concat(cells, dim="psi_n").assign_coords(psi_n=list(psi_n)), VARIABLES)


def _drawn(key, p: int, n: int, d: int):
    """W, the points, and a key for further draws."""
    first_key, point_key, left = jax.random.split(key, 3)
    return gaussian_numbers(first_key, (p, d)), gaussian_numbers(point_key, (n, d)), left
