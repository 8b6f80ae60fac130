"""Reproducibility: do two models turn equal noise into equal samples, and are these training points?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ..annotations import Numbers, Points
from ..data.distinct import first_equal
from ..dataframe import rows_as_dataframe
from ..representation import one_line
from .neighbours.rows import as_row_pair
from .proportion import Interval, wilson

BLOCK = 2**22  # cosines held at a time: 32 MiB
ROUNDED = 1e-13  # what rounding may make of a cosine: on the threshold up to this is not above it


class Reproducibility(NamedTuple):
    """Agreement of two models' samples from equal starts, for each pair, and that of shuffled pairs."""

    similarity: Float[np.ndarray, "count"]
    """Cosine of each pair, in [-1, 1]."""
    fraction: float
    """The RP score: share of the pairs whose cosine is above the threshold."""
    interval: Interval
    """Its 95 % Wilson interval."""
    mean: float
    """Mean cosine of the pairs."""
    shuffled_fraction: float
    """The RP score of all pairs (a_i, b_j) with i != j, whose starts differ; NaN for a single pair."""
    shuffled_mean: float
    """Mean cosine of these pairs; NaN for a single pair."""
    relative_error: float
    """`sum |a - b|^2 / sum (|a - c|^2 + |b - c|^2)/2`: 0 where all pairs agree, 2 for independent samples around c."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


class Generalization(NamedTuple):
    """Largest cosine of each sample with a training point, and the share of samples that resemble none."""

    similarity: Float[np.ndarray, "count"]
    """Largest cosine of each sample with a training point, in [-1, 1]."""
    index: Int[np.ndarray, "count"]
    """The row of that training point, the first of equal ones."""
    fraction: float
    """The GL score: share of the samples whose largest cosine is not above the threshold."""
    interval: Interval
    """Its 95 % Wilson interval."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


def reproducibility(
    a: Points,
    b: Points,
    threshold: float = 0.95,
    *,
    centre: Numbers | float = 0.0,
) -> Reproducibility:
    """The share of pairs of samples with `cos(a_i - c, b_i - c) > threshold`, the reproducibility (RP) score.

    `a[i]` and `b[i]` come from one start through two models by the same deterministic integrator (`sample(start=...)`).
    `centre` c should be the mean of the data, so that what all samples share does not enter the cosine. A sample on the
    centre has no direction: its cosines are 0. The inequality is strict, up to rounding.

    Any event shape; float64 on the host. Cost: one product of (count, d) by (d, count) for the shuffled pairs.
    Raises ValueError for different numbers of samples or event shapes, values that are not finite and `threshold`
    outside [-1, 1].
    Source: Zhang et al., arXiv:2310.05264, with the cosine of the data in place of that of an image descriptor.
    """
    _check_threshold(threshold)
    first, second = _centred(a, b, ("a", "b"), centre)
    count = len(first)
    if len(second) != count:
        raise ValueError(f"`a` and `b` must hold one sample for each start, but hold {count} and {len(second)}.")
    apart = _relative_error(first, second)
    first, second = _directions(first), _directions(second)
    similarity = np.clip(np.sum(first * second, axis=1), -1, 1)
    above = similarity > threshold + ROUNDED
    others, start = 0, 0
    for part in _cosines(first, second):
        near = part > threshold + ROUNDED
        # the pairs of equal starts, whose cosines another product rounds otherwise
        near[np.arange(len(part)), start + np.arange(len(part))] = False
        others, start = others + int(near.sum()), start + len(part)
    total = first.sum(axis=0) @ second.sum(axis=0) - similarity.sum()
    pairs = count * (count - 1) if count > 1 else np.nan
    successes = int(above.sum())
    return Reproducibility(
        similarity,
        successes / count,
        wilson(successes, count),
        float(similarity.mean()),
        float(others / pairs),
        float(total / pairs),
        apart,
    )


def generalization(
    samples: Points,
    train: Points,
    threshold: float = 0.95,
    *,
    centre: Numbers | float = 0.0,
) -> Generalization:
    """The share of samples with `max_i cos(x - c, y_i - c) <= threshold`, the generalization (GL) score.

    It is 1 less the share of samples that resemble a training point y_i in direction (`metrics.memorization` compares
    distances).
    Centre, cosines and precision as in `reproducibility`. Cost: one product of (count, d) by (d, n).
    Raises ValueError for different event shapes, values that are not finite and `threshold` outside [-1, 1].
    Source: Zhang et al., arXiv:2310.05264, with the cosine of the data in place of that of an image descriptor.
    """
    _check_threshold(threshold)
    queries, points = (_directions(rows) for rows in _centred(samples, train, ("samples", "train"), centre))
    best = [(part.max(axis=1), part.argmax(axis=1)) for part in _cosines(queries, points)]
    similarity, index = (np.concatenate(part) for part in zip(*best))
    index = first_equal(points)[index]
    new = int((similarity <= threshold + ROUNDED).sum())
    return Generalization(similarity, index, new / len(queries), wilson(new, len(queries)))


def _check_threshold(threshold: float) -> None:
    if not -1 <= threshold <= 1:
        raise ValueError(f"`threshold` must lie in [-1, 1], but is {threshold}.")


def _centred(first, second, names: tuple[str, str], centre) -> list[np.ndarray]:
    """Two point sets as float64 rows less the centre."""
    shape = np.shape(first)[1:]
    if np.shape(centre) not in ((), shape):
        raise ValueError(f"`centre` must have the event shape {shape}, but has {np.shape(centre)}.")
    middle = np.broadcast_to(np.asarray(centre, np.float64), shape).ravel()
    return [rows.astype(np.float64) - middle for rows in as_row_pair(first, second, names)]


def _relative_error(first: Float[np.ndarray, "count d"], second: Float[np.ndarray, "count d"]) -> float:
    """Squared differences over mean squares, in units of the largest entry; 0 where all are zero."""
    scale = max(np.abs(first).max(), np.abs(second).max())
    if scale == 0:
        return 0.0
    first, second = first / scale, second / scale
    return float(2 * np.sum((first - second) ** 2) / (np.sum(first**2) + np.sum(second**2)))


def _directions(rows: Float[np.ndarray, "count d"]) -> Float[np.ndarray, "count d"]:
    """Rows of norm 1, zero where a row is zero; scaled first, so that no square over- or underflows."""
    scale = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(scale > 0, scale, 1)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norm > 0, norm, 1)


def _cosines(first: Float[np.ndarray, "count d"], second: Float[np.ndarray, "n d"]):
    """Cosines of all pairs, some rows at a time."""
    stride = max(1, BLOCK // len(second))
    return (np.clip(first[i : i + stride] @ second.T, -1, 1) for i in range(0, len(first), stride))
