"""The training set of a cell: its distinct points, whose repetitions are weight, in few coordinates."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ...data import Dataset, SpanCoordinates, span_coordinates
from ...data.distinct import first_equal


class TrainingSet(NamedTuple):
    """n points, some of which may be equal."""

    points: Float[np.ndarray, "n d"]
    distinct: Float[np.ndarray, "m r"]
    """The points without repetitions, in coordinates of their span where that needs fewer than d."""
    counts: Int[np.ndarray, "m"]
    """How often each of them is among the n."""
    owner: Int[np.ndarray, "n"]
    """Which of the distinct points each point is."""
    span: SpanCoordinates | None
    """The coordinates; None where the points are as they were."""


def training_set(dataset: Dataset, n: int, seed: int, spanned: bool = True) -> TrainingSet:
    """n points of the data, drawn without replacement; with `spanned` in the coordinates of their span where d > n.

    The larger sets of a seed contain the smaller ones. Second occurrences follow all first ones, so that data whose
    points are all repeated alike give the training set of the data without repetitions. Distances in the span are those
    in R^d.
    """
    distinct, rank, counts = _drawn(dataset, n, seed)
    order = np.argsort(rank)
    counts = counts[order]
    owner = np.repeat(np.arange(len(order)), counts)
    occurrence = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    owner = owner[np.argsort(occurrence, kind="stable")]
    chosen = dataset.points[distinct[order]]
    span = span_coordinates(chosen) if spanned and dataset.d > n else None
    return TrainingSet(chosen[owner], chosen if span is None else span.points, counts, owner, span)


def effective_number(dataset: Dataset, n: int, seeds: range) -> float:
    """`exp(-sum_i w_i log w_i)`, w_i the share of a distinct point among n drawn ones: n where all are distinct.

    The mean over seeds of the exponent. Raises ValueError where a draw holds one distinct point only.
    """
    entropies = []
    for seed in seeds:
        counts = _drawn(dataset, n, seed)[2]
        if len(counts) < 2:
            raise ValueError(
                f"`dataset` must hold points that differ, but all {n} points drawn from {dataset.name} are equal."
            )
        entropies.append(np.log(n) - np.sum(counts * np.log(counts)) / n)
    return float(n) if min(entropies) == np.log(n) else float(np.exp(np.mean(entropies)))


def _drawn(dataset: Dataset, n: int, seed: int):
    """Of each distinct point among n drawn ones: its first row in the data, its place in the order, its number."""
    key = jax.random.split(jax.random.key(seed), 3)[0]
    first, member = np.unique(first_equal(dataset.points), return_inverse=True)
    rows = np.asarray(jax.random.permutation(key, dataset.n))[:n]
    drawn, counts = np.unique(member[rows], return_counts=True)
    place = np.argsort(np.asarray(jax.random.permutation(key, len(first))))
    return first[drawn], place[drawn], counts
