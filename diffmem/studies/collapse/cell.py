"""One cell of a collapse study: measurements and predictions for n training points in d dimensions."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float, Real

from ...annotations import RandomKey
from ...data import Dataset
from ...integrators import Heun, grids, sample
from ...metrics import memorization
from ...processes import AbstractProcess
from ...scores import Empirical
from .crossing import crossing_interval
from .forward import watch_forward
from .grid import ratios_at, times_at
from .learners import Learner
from .predictions import monte_carlo_ratio
from .training_set import effective_number, training_set

PADDED = 2048  # training sets below this size are padded to it, and share one compilation
BATCH = 1024  # samples at once, which bounds the memory
LEARNING = 1  # folded into the seed's key for the learner
EXAMPLES = 16  # generated samples that are kept


class Settings(NamedTuple):
    """What the numbers of a cell depend on besides its data, n, d and the grid of times."""

    process: AbstractProcess
    samples: int
    queries: int
    steps: int
    seed: int
    learner: Learner | None = None


def measure_cell(
    dataset: Dataset,
    n: int,
    data_std: float,
    times: Float[np.ndarray, "nodes"],
    settings: Settings,
    report: Callable[[str], None],
) -> xr.Dataset:
    """The results for n points of `dataset`, in its d dimensions: curves over t, and single numbers.

    `data_std` is the standard deviation of all the data along their leading direction.

    Random numbers depend on seed, d and the number of distinct points alone, not on other cells.
    """
    root = jax.random.key(settings.seed)
    _, prediction, cell = jax.random.split(root, 3)
    train = training_set(dataset, n, settings.seed, spanned=settings.learner is None)
    distinct = len(train.distinct)
    queries, samples = jax.random.split(jax.random.fold_in(jax.random.fold_in(cell, distinct), dataset.d))
    score = padded_score(train.distinct, dataset.n, train.counts)
    learned = None
    if settings.learner is not None:
        report("learning")
        own = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(root, LEARNING), n), dataset.d)
        learned = settings.learner(jax.numpy.asarray(train.points), own)
    report("predicting")
    number = effective_number(dataset, n, range(settings.seed, settings.seed + 1))
    found = _predicted(dataset, number, settings.process, key=prediction)
    report("watching forward samples")
    rng = np.random.default_rng((settings.seed, distinct, dataset.d))
    found = found.merge(_watched(score, learned, train, times, settings, rng, key=queries))
    report("generating")
    return found.merge(_generated(score if learned is None else learned, train, data_std, settings, key=samples))


def padded_score(train: Float[np.ndarray, "n d"], most: int, weights: Real[np.ndarray, "n"] | None = None) -> Empirical:
    """The score of the training points, padded with points of weight zero to a size that many n share.

    The size is a power of two from 2,048 on, or `most`, the size of the data: it depends on nothing else, so that a
    cell's numbers do not depend on which others are studied.
    """
    n = len(train)
    size = min(most, max(PADDED, 1 << (n - 1).bit_length()))
    points = np.concatenate([train, np.broadcast_to(train[:1], (size - n, train.shape[1]))])
    own = np.ones(n) if weights is None else weights
    return Empirical(points, np.pad(own.astype(train.dtype), (0, size - n)))


def _predicted(dataset, n, process, *, key: RandomKey):
    value, error = monte_carlo_ratio(dataset, n, key=key)
    ends = times_at(process, np.array([value - error, value + error]))
    return xr.Dataset(
        {
            "predicted_mc": float(times_at(process, value)),
            "predicted_mc_error": float(ends[1] - ends[0]) / 2,
            "predicted_mc_ratio": float(value),
            "predicted_mc_ratio_error": float(error),
        }
    )


def _watched(score, learned, train, times, settings, rng, *, key: RandomKey):
    process = settings.process
    watched = watch_forward(
        score, train.distinct, process, times, settings.queries, key=key, denoiser=learned, owner=train.owner
    )
    ratio = ratios_at(process, times)
    owners = train.owner[np.arange(settings.queries) % len(train.owner)]
    names = ("measured", "measured_low", "measured_high")
    # of two points the mean own weight reaches 1/2 only at infinite noise: a crossing would be due to chance
    known = len(train.distinct) > 2
    crossed = crossing_interval(watched.own_weight, ratio, rng, owners) if known else (np.nan,) * 3
    curves = {name: ("t", part.mean(axis=1)) for name, part in watched._asdict().items()}
    in_time = dict(zip(names, times_at(process, np.array(crossed)).tolist()))
    in_ratio = {name.replace("measured", "measured_ratio"): value for name, value in zip(names, crossed)}
    return xr.Dataset({**curves, **in_time, **in_ratio}, coords={"t": times, "ratio": ("t", ratio)})


def _generated(score, train, data_std, settings, *, key: RandomKey):
    process, count = settings.process, settings.samples
    times = grids.karras(process, settings.steps, data_std=data_std)
    shape = train.distinct.shape[1:]
    drawn = sample(score, process, Heun(), times, shape, count, key=key, batch_size=min(count, BATCH))
    points = np.asarray(drawn.points)
    copies = memorization(points, train.distinct, compare_ranges=False)
    shown = slice(min(EXAMPLES, count))
    examples = points[shown] if train.span is None else train.span.lift(points[shown]).reshape(shown.stop, -1)
    return xr.Dataset(
        {
            "generated": copies.fraction,
            "generated_low": copies.interval.low,
            "generated_high": copies.interval.high,
            "example": (("sample", "feature"), examples),
            "example_neighbour": (("sample", "feature"), train.points[copies.index[shown]]),
            "example_distance": ("sample", copies.d1[shown]),
            "example_distance_ratio": ("sample", copies.ratio[shown]),
        }
    )
