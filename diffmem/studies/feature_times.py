"""When does training on n points generalize, and when does it memorize? Random features, solved at every time."""

import math
from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from .. import scores, theory
from ..level import NoiseLevel
from .crossing import crossing
from .variables import described

TRAINING = tuple(np.geomspace(0.1, 1e8, 541).tolist())

VARIABLES = {
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
    "tau_predicted": ("the same in the limit of many features, psi_n/(sigma^2 v^2)", "1"),
}


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
    key: PRNGKeyArray,
) -> xr.Dataset:
    """Losses and score errors of gradient flow on tanh random features over training time, for each number of points.

    One draw of the Gaussian equivalent (`scores.equivalent_modes`) for each psi_n = n/d of `psi_n`, psi_p = p/d, data
    N(0, I). Beside the curves the times at which the loss gap reaches `gap`, the score error falls to `error`, and to
    `near` times its least value: the first is one of memorization, the others of generalization; NaN where a curve does
    not get there. `tau_bulk` is the time of the median mode that the sample makes.

    Cost: p (n + d)^2 products for each n; 4 s for p = 20,480 and n up to 1,280.

    Raises:
        ValueError: as `scores.equivalent_modes`.
    Source: the solvable model of Bonnaire et al., arXiv:2505.17638.
    """
    moments = theory.activation_moments(level)
    cells = []
    for i, size in enumerate(psi_n):
        first_key, point_key, gauss_key = jax.random.split(jax.random.fold_in(key, i), 3)
        first = np.asarray(jax.random.normal(first_key, (psi_p * d, d)), np.float64)
        points = np.asarray(jax.random.normal(point_key, (size * d, d)), np.float64)
        modes = scores.equivalent_modes(first, points, level, key=gauss_key)
        errors = modes.flow(np.asarray(times))
        # the d largest are rho_2
        above = np.median(modes.eigenvalues[: max(1, len(modes.eigenvalues) - d)]) - moments.floor
        least = errors.score.min()
        falling = np.stack([-errors.gap, errors.score, errors.score])
        reached = [
            crossing(curve[None], np.asarray(times), to)[0] for curve, to in zip(falling, (-gap, error, near * least))
        ]
        numbers = {
            "least": least,
            "final": float(modes.flow(math.inf).score),
            **dict(zip(("tau_gap", "tau_level", "tau_near"), reached)),
            "tau_bulk": psi_p / (moments.sigma**2 * above),
            "tau_predicted": theory.memorization_time(psi_p, size, moments),
        }
        curves = {name: ("tau", getattr(errors, name)) for name in ("train", "test", "score")}
        cells.append(xr.Dataset({**numbers, **curves}, {"tau": list(times)}))
    return described(xr.concat(cells, dim="psi_n").assign_coords(psi_n=list(psi_n)), VARIABLES)
