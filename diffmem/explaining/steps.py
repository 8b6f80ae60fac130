"""When will a model of these data copy them? Step by step: duplicates, spectrum, collapse, points, classes, network."""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike, Shaped

from .. import theory
from ..annotations import Points
from ..auditing.resumable import Work
from ..auditing.sets import Reading, opened
from ..checks import check_kind, check_seed, check_whole_numbers
from ..data import Dataset
from ..level import read_tensor
from ..processes import AbstractProcess, OrnsteinUhlenbeck
from ..progress import Progress, followed
from ..studies import AgainstOptimum, against_optimum
from .by_class import by_class
from .explanation import Curves, Explanation
from .first_points import first_points
from .merged_points import distinct_points
from .more_points import QUERIES, measured_part, more_points, sizes_shown
from .own_network import OwnNetwork, as_network, said, shaped_for

STEPS = 6
LEVELS, WIDTH = 17, 8.0  # of the curves, from collapse/8 to 8 collapse
NO_FOLDER = Path()  # data that are in memory leave nothing on disk


def explain(
    points: Dataset | Points,
    labels: Shaped[ArrayLike, "n"] | None = None,
    *,
    process: AbstractProcess | None = None,
    n: tuple[int, ...] | None = None,
    below: float | None = None,
    network: Any = None,
    held_out: Dataset | Points | None = None,
    queries: int = 256,
    draws: int = 4,
    seed: int = 0,
    progress: Progress | bool = False,
) -> Explanation:
    """Before any training: at which noise will a model of these data decide on a class, and on one training point?

    All numbers are about the exact score of the points, the optimum of the training loss. Equal points and
    near-duplicates are found first, and count as one. The collapse, the noise sigma/alpha below which the exact score
    copies, is measured (`theory.subset_collapse_ratio`: the mean posterior weight of the own point is 1/2), and
    predicted for more points (`theory.extrapolated_collapse_ratio`), both with errors for the choice of points.
    `theory.point_collapse_ratios` says which points collapse first.

    Args:
        points: (n, *event), or a `Dataset`. labels: one of each point, numbers or texts.
        process: whose times are given; Ornstein-Uhlenbeck by default. Noise levels are sigma/alpha, in data units.
        n: numbers of points for which the collapse is given; by default those measured and up to 100 times as many.
        below: the result says how many points collapse below this sigma/alpha.
        network: a score, (score, process), (score, process, times), or a function of (x, alpha, sigma) on batches that
            returns the denoised x (`scores.FromHost`): it is set beside the exact score of the points, and of
            `held_out` ones, by `studies.against_optimum` with so many `queries` of each.
        draws: noises for each point in the order of collapse.

    Example:
        >>> import diffmem
        >>> found = diffmem.explain(diffmem.data.digits().points[:200])
        >>> len(found.distinct.rows), found.collapse.value < found.speciation
        (200, True)

    Cost: seconds for 2,000 points, a few minutes for 50,000. Of more than 10,000 points a random 10,000 are measured.

    Raises ValueError for fewer than 3 distinct points, values that are not finite, labels that do not fit, `below` or
    n that are not positive, and for what is no network.
    """
    data = _dataset(points, labels)
    _check(n, below, seed, process)
    chosen = None if network is None else as_network(network)
    measure, each, within, beside = jax.random.split(jax.random.key(seed), 4)
    with followed(progress) as tell:
        inputs = opened(data, "train", Reading(), NO_FOLDER, tell)
        tell(0, STEPS, "duplicates and near-duplicates")
        distinct = distinct_points(inputs, Work(None, _quiet), seed)
        kept = np.asarray(data.points[distinct.rows], np.float64)
        tell(1, STEPS, "spectrum")
        spectrum = theory.spectrum(kept)
        tell(2, STEPS, "collapse of all points and of parts of them")
        more = more_points(kept, key=measure, spectrum=spectrum)
        curves = _curves(kept, more.measured.sizes, float(more.collapse.value), measure)
        tell(3, STEPS, "collapse of each point")
        first = first_points(data.points, distinct, key=each, draws=draws, seed=seed)
        tell(4, STEPS, "classes")
        classes = by_class(data, distinct, first, key=within)
        tell(5, STEPS, "network" if chosen else "done")
        found, other = _beside(chosen, data, held_out, beside, float(more.collapse.value), queries, tell)
        tell(STEPS, STEPS, "done")
    return Explanation(
        data=data,
        inputs=inputs,
        process=OrnsteinUhlenbeck() if process is None else process,
        distinct=distinct,
        spectrum=spectrum,
        speciation=theory.speciation_ratio(spectrum),
        collapse=more.collapse,
        curves=curves,
        against_number=more.against(sizes_shown(more, n)),
        needed=None if below is None else more.needed(below),
        first=first,
        classes=classes,
        network=found,
        held_out=other,
        seed=seed,
    )


def _quiet(done: int, total: int, stage: str) -> None:
    pass


def _dataset(points: Dataset | Points, labels) -> Dataset:
    """The data with integer labels; texts and other values become classes."""
    if isinstance(points, Dataset) and labels is None:
        return points
    values = points.events if isinstance(points, Dataset) else np.asarray(read_tensor(points))
    if labels is None:
        return Dataset(values)
    labels, classes = np.asarray(labels), None
    if labels.dtype.kind not in "iub":
        names, labels = np.unique(labels, return_inverse=True)
        classes = tuple(map(str, names))
    return Dataset(values, labels, classes=classes)


def _check(n, below, seed, process) -> None:
    check_seed(seed)
    if process is not None:
        check_kind("process", process, AbstractProcess, "a process, such as processes.OrnsteinUhlenbeck()")
    if below is not None and not 0 < below < math.inf:
        raise ValueError(f"`below` must be a positive noise sigma/alpha, but is {below}.")
    if n is not None:
        check_whole_numbers("n", n)
    if n is not None and not (len(n) and min(n) >= 3):
        raise ValueError(f"`n` must be numbers of at least 3 points, but is {n}.")


def _curves(kept, sizes: list[int], collapse: float, key) -> Curves:
    """Own weight against noise for the most and for the fewest points measured."""
    ratios = np.geomspace(WIDTH, 1 / WIDTH, LEVELS) * collapse
    part = measured_part(kept)
    shown = tuple(sorted({sizes[0], sizes[-1]}))
    found = [theory.subset_own_weight(part, size, ratios, key=key, queries=QUERIES) for size in shown]
    return Curves(ratios, shown, *(np.stack([np.asarray(pick[i]) for pick in found]) for i in (0, 1)))


def _beside(
    network: OwnNetwork | None, data: Dataset, held_out, key, collapse: float, queries: int, tell: Progress
) -> tuple[AgainstOptimum | None, Dataset | None]:
    """The network beside the optimum, and the points that it has not seen; None where they were not given."""
    if network is None:
        return None, None
    other = None if held_out is None else _dataset(held_out, None)
    if other is not None and other.d != data.d:
        raise ValueError(f"`held_out` must hold points of {data.d} numbers, but holds {other.d}.")
    train = shaped_for(network, data.events)
    test = None if other is None else shaped_for(network, other.events)
    settings = {"key": key, "times": network.times, "collapse": collapse, "queries": queries, "progress": tell}
    try:
        return against_optimum(network.score, train, test, network.process, **settings), other
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(
            f"The network must answer for points of shape {train.shape[1:]}, but: {said(error)}."
        ) from error
