"""The collapse study: when the reverse process of n points in d dimensions collapses onto them."""

import functools
import importlib.metadata
import itertools
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Executor

import jax
import numpy as np
import xarray as xr
from jaxtyping import ArrayLike, Float, Real

from ... import __version__
from ...checks import check_callable, check_count, check_kind, check_seed, check_whole_numbers
from ...data import Dataset, reduce_dimension
from ...processes import AbstractProcess, OrnsteinUhlenbeck
from ...progress import Progress, followed
from ...theory import spectrum
from ...training.fingerprint import ADDRESS
from ..sweep.function_version import fingerprint
from ..sweep.store import Store
from ..sweep.workers import Cell, Outcome, Report, run_cells
from .cell import Settings, measure_cell
from .defaults import default_dimensions, default_sizes
from .grid import checked_grid, collapse_grid, times_at
from .learners import Learner
from .over_sets import over_sets
from .predictions import predicted_ratio
from .training_set import effective_number
from .variables import MEASURED, described

REMEDY = "choose another folder (--out) or start afresh (--fresh)"
DEFAULT_PROCESS = OrnsteinUhlenbeck(t_min=1e-5)  # below the collapse of thousands of points in 4 dimensions


def collapse(
    dataset: Dataset,
    n: Sequence[int] | None = None,
    d: Sequence[int] | None = None,
    process: AbstractProcess = DEFAULT_PROCESS,
    *,
    learner: Learner | None = None,
    samples: int = 512,
    queries: int = 512,
    steps: int = 32,
    times: Sequence[float] | Real[ArrayLike, "nodes"] | None = None,
    seed: int = 0,
    seeds: int = 1,
    store: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    executor: Executor | None = None,
    progress: Progress | bool = False,
) -> xr.Dataset:
    """When does the exact score of n training points in d dimensions collapse onto one of them, and does it copy?

    For each d the data are reduced (`data.reduce_dimension`), for each n a random subset is the training set; a larger
    subset contains a smaller one. n and d default to `default_sizes` and `default_dimensions`.

    **Watched** (n, d, t), over `queries` forward samples x_t = alpha y_i + sigma z of training points: means of the
    posterior's `participation`, `entropy`, `own_weight` (of y_i), `leader_weight`, and `memorized`, the fraction of
    D(x_t) with d1/d2 < 1/3, which a reverse process stopped at t and denoised would copy. `times` default to a common
    grid around the predicted collapse.

    **Measured** (n, d): the time at which the mean own weight falls to 1/2, by interpolation in log sigma/alpha, with
    its 95 % interval. NaN where it does not fall to 1/2 on the grid, and for n = 2, where it does so only at infinite
    noise. With `seeds` = 1 the interval is by bootstrap over the training points that are queried, for this training
    set; others differ by more (by a fifth at n = 10, a few per cent at n = 100). With more seeds everything is measured
    for as many sets, and the interval includes their draw (`over_sets`).

    Equal points are one point with more weight: own weight is that of all copies of y_i, and the entropy of the weights
    takes the place of log n in predictions.

    **Predicted** (n, d): from the spectrum of all the data, which stand for the population, by `theory.collapse_time`
    (`predicted`); and from the mutual information as estimated from all points, leaving one out, by
    `theory.empirical_collapse_ratio` (`predicted_mc` and its standard error; NaN where n is too near the number of
    distinct points). Both are limits of many points in many dimensions: the ratio measured lies above them, in Gaussian
    data of the digits' spectrum by 13 to 18 % in 4 dimensions, 7 to 11 % in 16 and 5 to 9 % in 64 (n = 128 and 512), a
    bias that `predicted_mc_error` does not include.

    **Generated** (n, d): copies among `samples` samples drawn from the exact law at t_max, carried to t_min by Heun's
    method on a Karras grid of `steps`, and denoised, with the ends of the 95 % Wilson interval. Not all samples are
    copies if the process ends before the collapse is complete. The first 16 are kept with their nearest points.

    `learner(points, key)`, such as `studies.MLPLearner()`, replaces the exact score by a learned one: `memorized` and
    `generated` are then those of the learned score, all else that of the exact score of the same points.

    Each time is also given as sigma/alpha (`measured_ratio`, ...), which is comparable across processes. Attributes
    hold versions, seed, process, the data with their fingerprint, and settings. Equal seeds give equal numbers, and the
    numbers of a cell do not depend on the other cells.

    `store` is a folder in which every finished cell is saved at once; a later call reads the cells it finds there, and
    `fresh` deletes them first. A cell is computed anew, and written over, where its times are not those asked for,
    unless these are neighbours in them and include the collapse, as those of fewer n do by default. A learner is known
    by its code and what it refers to (see `sweep`). `executor`, any concurrent.futures.Executor, computes the cells,
    with equal results (see `sweep`: processes must be spawned, not forked). Where a cell fails, the others are finished
    before its exception is raised. `progress(done, total, stage)` is called with the state of the work; True shows it
    on standard error.

    Cost: for each cell and seed queries x times + 3 x samples x steps passes over the points, in n dimensions where d >
    n (`data.span_coordinates`); one compilation for each d, and for each n below d.
    Raises ValueError for n outside [2, number of points], an impossible d, counts below 1, times outside the process, a
    process that does not reach the collapse, equal points, and a store with other settings.
    """
    _check(dataset, n, d, process, learner)
    for name, count in (("samples", samples), ("queries", queries), ("steps", steps), ("seeds", seeds)):
        check_count(name, count)
    check_seed(seed)
    check_seed(seed + seeds - 1)
    sizes = _checked_sizes(dataset, default_sizes(dataset) if n is None else n)
    dimensions = sorted(set(default_dimensions(dataset) if d is None else d))
    if not dimensions:
        raise ValueError("`d` must name at least one dimension, but is empty.")
    reduced = {size: reduce_dimension(dataset, size) for size in dimensions}
    spectra = {size: spectrum(data.points) for size, data in reduced.items()}
    sets = range(seed, seed + seeds)
    predicted = np.array(
        [
            [predicted_ratio(reduced[k], effective_number(reduced[k], size, sets), spectra[k]) for k in dimensions]
            for size in sizes
        ]
    )
    grid = collapse_grid(process, predicted) if times is None else checked_grid(process, times)
    settings = Settings(process, samples, queries, steps, seed, learner)
    facts = _facts(dataset, settings)
    kept = None if store is None else Store(store, facts, pattern="n*_d*.nc", remedy=REMEDY)
    if kept is not None and fresh:
        kept.clear()
    spreads = {size: float(np.sqrt(values[0])) for size, values in spectra.items()}
    cells = _cells(reduced, spreads, sizes, grid, settings, sets)
    with followed(progress) as report:
        outcomes = run_cells(cells, kept=kept, executor=executor, progress=report)
    parts = _datasets(cells, outcomes)
    groups = [over_sets(parts[i : i + seeds], process) for i in range(0, len(parts), seeds)]
    found = dict(zip(itertools.product(dimensions, sizes), groups))
    whole = _assembled(found, sizes, dimensions, predicted, process).assign_attrs(facts | {"seeds": seeds})
    whole["reduction"] = (
        "d",
        [data.name.removeprefix(dataset.name).strip(", ") or "as given" for data in reduced.values()],
    )
    return described(whole.set_coords("reduction"))


def _cells(reduced, spreads, sizes, grid, settings: Settings, sets: range) -> list[Cell]:
    """The cells in order of dimension, since those of one dimension share a compilation; all sets of one in a row."""

    return [
        Cell(
            f"n{size}_d{d}" + (f"_set{number}" if number else ""),
            f"n = {size}, d = {d}" + (f", set {number + 1} of {len(sets)}" if len(sets) > 1 else ""),
            functools.partial(_measure, os.getpid(), data, size, spreads[d], grid, settings._replace(seed=seed)),
            functools.partial(_taken, grid=grid),
        )
        for d, data in reduced.items()
        for size in sizes
        for number, seed in enumerate(sets)
    ]


def _taken(stored: xr.Dataset, grid: Float[np.ndarray, "nodes"]) -> xr.Dataset | None:
    """A stored cell on the times asked for, or None where one computed on them alone could have another collapse time.

    On neighbouring times of a longer grid it is the same if its interval lies between them, with room for resampled
    crossings beyond its ends.
    """
    measured = stored[list(MEASURED)]
    if np.array_equal(measured.t.values, grid):
        return measured
    first = int(np.searchsorted(measured.t.values, grid[0]))
    if not np.array_equal(measured.t.values[first : first + len(grid)], grid):
        return None
    part = measured.isel(t=slice(first, first + len(grid)))
    low, high = part.measured_ratio_low.item(), part.measured_ratio_high.item()
    known = np.isfinite((low, high)).all()
    return part if known and part.ratio[0] < low * (low / high) and high * (high / low) < part.ratio[-1] else None


def _measure(home: int, dataset, n: int, data_std: float, grid, settings: Settings, report: Report) -> xr.Dataset:
    if os.getpid() != home and type(multiprocessing.current_process()).__name__ == "ForkProcess":
        raise RuntimeError(
            "`executor` must not fork its processes, as JAX hangs in them: use "
            'ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")).'
        )
    return measure_cell(dataset, n, data_std, grid, settings, report)


def _datasets(cells: Sequence[Cell], outcomes: Sequence[Outcome]) -> list[xr.Dataset]:
    """The cells' datasets; raises the first error, with a note that names its cell."""
    for cell, outcome in zip(cells, outcomes):
        if outcome.error is not None:
            outcome.error.add_note(f"in the cell {cell.label}")
            raise outcome.error
    return [outcome.dataset for outcome in outcomes]


def _assembled(cells, sizes, dimensions, predicted, process: AbstractProcess) -> xr.Dataset:
    """One dataset of all cells; examples of fewer dimensions than the largest are padded with NaN."""
    most = max(dimensions)
    rows = [[cells[d, size].pad(feature=(0, most - d)) for d in dimensions] for size in sizes]
    whole = xr.combine_nested(rows, concat_dim=["n", "d"], combine_attrs="drop")
    whole = whole.assign_coords(n=sizes, d=dimensions)
    whole["predicted_ratio"] = ("n", "d"), predicted
    whole["predicted"] = ("n", "d"), times_at(process, predicted)
    for name, variable in whole.data_vars.items():
        whole[name] = variable.transpose("n", "d", ...)
    return whole


def _facts(dataset: Dataset, settings: Settings) -> dict[str, str | int]:
    return {
        "diffmem": __version__,
        "jax": importlib.metadata.version("jax"),
        "dataset": dataset.name,
        "preparation": " ".join(dataset.notes),
        "event_shape": str(dataset.event_shape),  # decides whether the data are pooled or projected
        "fingerprint": dataset.fingerprint,
        "process": repr(settings.process),
        "process_version": fingerprint(settings.process),  # not all of a process is in its repr
        "score": "exact" if settings.learner is None else ADDRESS.sub("", repr(settings.learner)),
        "score_version": "" if settings.learner is None else fingerprint(settings.learner),
        "samples": settings.samples,
        "queries": settings.queries,
        "steps": settings.steps,
        "seed": settings.seed,
        "x64": int(jax.config.jax_enable_x64),
    }


def _check(dataset, n, d, process, learner) -> None:
    check_kind("dataset", dataset, Dataset, "a Dataset, such as data.digits()")
    check_kind("process", process, AbstractProcess, "a process, such as processes.OrnsteinUhlenbeck()")
    for name, values in (("n", n), ("d", d)):
        if values is not None:
            check_whole_numbers(name, values)
    if learner is not None:
        check_callable("learner", learner, "of (points, key)", 2)


def _checked_sizes(dataset: Dataset, n: Sequence[int]) -> list[int]:
    if dataset.n < 2:
        raise ValueError(f"`dataset` must hold at least 2 points, but {dataset.name} holds {dataset.n}.")
    sizes = sorted(set(n))
    if not sizes:
        raise ValueError("`n` must name at least one number of points, but is empty.")
    for size in sizes:
        if not 2 <= size <= dataset.n:
            raise ValueError(
                f"`n` must be between 2 and {dataset.n}, the number of points in {dataset.name}, but is {size}."
            )
    return sizes
