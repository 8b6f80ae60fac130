"""The collapse transition of any number of points: own weight against noise, for n = e^(a d)."""

import math
from collections.abc import Callable, Sequence

import jax
import numpy as np
import xarray as xr

from .. import __version__, theory
from ..checks import check_seed
from .collapse.variables import described

SCALED = tuple(np.geomspace(0.8, 1.25, 15).tolist())  # two widths to either side for the smallest n at d = 1000
GROWTH = (0.05, math.log(10) / 10, 1.0)  # the middle one is n = 10^100 at d = 1000

VARIABLES = {
    "growth": ("logarithm of the number of training points per dimension, a = log(n)/d", "nats"),
    "scaled": ("noise-to-signal ratio in units of its value at collapse", "1"),
    "log_n": ("logarithm of the number of training points", "nats"),
    "collapse_ratio": ("sigma/alpha at which the mutual information is log n", "data units"),
    "ratio": ("noise-to-signal ratio sigma/alpha", "data units"),
    "own_weight": ("posterior weight of the query's own training point, mean over queries and training sets", "1"),
    "own_weight_error": ("standard error of the own weight", "1"),
    "own_weight_bulk": ("bound on the error of the own weight, upwards, from replacing the bulk by its mean", "1"),
    "own_weight_bound": ("own weight against the mean of all other points, a lower bound", "1"),
    "log_participation": ("logarithm of the effective number of training points, mean over queries", "nats"),
    "log_participation_error": ("standard error of the log-participation", "nats"),
    "log_participation_bulk": (
        "bound on the error of the log-participation from replacing the bulk by its mean",
        "nats",
    ),
}


def transition(
    growth: Sequence[float] = GROWTH,
    d: int = 1000,
    scaled: Sequence[float] = SCALED,
    *,
    variance: float = 1.0,
    queries: int = 1000,
    kept: int = 256,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> xr.Dataset:
    """How sharp is the collapse of n = e^(a d) Gaussian points in d dimensions, for n that no computer could hold?

    For each a of `growth` and each sigma/alpha of `scaled` times `theory.collapse_ratio`: the own weight and the
    log-participation by `theory.random_energy`, which samples the exact law of the posterior weights (the many smallest
    weights, the bulk, are replaced by their mean), with standard errors and bounds on the error from the bulk; beside
    them `own_weight_bound`, the closed formula `theory.gaussian_own_weight`. All ratios at one a share their queries. n
    is rounded to a whole number.

    `progress(done, total, stage)` is called with the state of the work. Attributes of the dataset hold version, law,
    settings and seed; equal seeds give equal numbers. Cost: .5 ms for each query, a and ratio; by default half a
    minute.

    Raises ValueError for an empty or nonpositive `growth` or `scaled`, n below 2, and as `theory.random_energy`.
    """
    growth, scaled = (_increasing(name, values) for name, values in (("growth", growth), ("scaled", scaled)))
    check_seed(seed)
    law, report = theory.IsotropicGaussian(d, variance), progress or (lambda done, total, stage: None)
    sizes = [theory.points_from_log(a * d) for a in growth]
    if sizes[0] < 2:
        raise ValueError(f"`growth` must give at least 2 points, but e^({growth[0]} x {d}) is nearest to {sizes[0]}.")
    curves = []
    for i, (a, n) in enumerate(zip(growth, sizes)):
        report(i, len(sizes), f"n = e^({a:.3g} d)")
        curves.append(_curve(n, law, np.array(scaled), queries, kept, seed))
    report(len(sizes), len(sizes), "done")
    whole = xr.concat(curves, dim="growth").assign_coords(growth=growth)
    facts = {"diffmem": __version__, "law": repr(law), "d": d, "queries": queries, "kept": kept, "seed": seed}
    return described(whole, VARIABLES).assign_attrs(facts)


def _curve(n: int, law: theory.IsotropicGaussian, scaled: np.ndarray, queries: int, kept: int, seed: int) -> xr.Dataset:
    """The curves of one number of points over all ratios, with equal noise for each n."""
    spectrum = np.full(law.d, law.variance)
    collapse_ratio = theory.collapse_ratio(n, spectrum)
    ratio = scaled * collapse_ratio
    found = theory.random_energy(n, law, ratio, key=jax.random.key(seed), queries=queries, kept=kept)
    bound = np.asarray(theory.gaussian_own_weight(ratio**-2, spectrum, n), np.float64)
    curves = {
        "ratio": ratio,
        "own_weight": found.own_weight.value,
        "own_weight_error": found.own_weight.error,
        "own_weight_bulk": found.own_weight_bulk,
        "own_weight_bound": bound,
        "log_participation": found.log_participation.value,
        "log_participation_error": found.log_participation.error,
        "log_participation_bulk": found.log_participation_bulk,
    }
    numbers = {"log_n": math.log(n), "collapse_ratio": collapse_ratio}
    return xr.Dataset({**numbers, **{name: ("scaled", values) for name, values in curves.items()}}, {"scaled": scaled})


def _increasing(name: str, values: Sequence[float]) -> list[float]:
    found = sorted(set(values))
    if not found or not 0 < found[0] <= found[-1] < np.inf:
        raise ValueError(f"`{name}` must hold positive finite numbers, but is {list(values)}.")
    return found
