"""Errors of two-sample statistics without assumptions: the delete-a-group jackknife and random relabelling."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int8, PRNGKeyArray

A, B, LEFT_OUT = 0, 1, -1  # labels of the pooled points
GROUPS = 20  # jackknife groups: the error itself is then known to about 1 / sqrt(2 x 19), 16 %
TIE = 1e-9  # relative difference below which two statistics, summed in different orders, count as equal


class Estimate(NamedTuple):
    """A distance between two samples beside what it would be if both came from one law."""

    value: float
    """The statistic on the two samples."""
    error: float
    """Its standard error, by deleting each of 20 groups of points in turn."""
    null: float
    """Its mean when the pooled points are relabelled at random: its value at equal laws."""
    null_error: float
    """Its standard deviation under relabelling: how far from `null` it falls at equal laws."""
    p_value: float
    """Share of the relabellings, the data's own included, with at least this value: an exact test of equal laws."""


def check_sizes(a, b, relabellings: int) -> None:
    """Raise ValueError unless both samples hold 4 points and there is a relabelling."""
    if min(len(a), len(b)) < 4:
        raise ValueError(f"`a` and `b` must hold at least 4 points each, but hold {len(a)} and {len(b)}.")
    if not relabellings >= 1:
        raise ValueError(f"`relabellings` must be at least 1, but is {relabellings}.")


def labellings(n: int, m: int, relabellings: int, *, key: PRNGKeyArray) -> Int8[np.ndarray, "statistics pooled"]:
    """Rows of labels of n + m pooled points: as given, less one jackknife group each, then relabelled at random.

    Relabelling i depends on key and i only. Groups are random and of equal size up to one point, drawn apart in a and
    b.
    """
    labels = np.repeat(np.array([A, B], np.int8), [n, m])
    a_key, b_key, label_key = jax.random.split(key, 3)
    count = min(GROUPS, n, m)
    groups = np.concatenate([_groups(a_key, n, count), _groups(b_key, m, count)])
    deleted = [np.where(groups == g, np.int8(LEFT_OUT), labels) for g in range(count)]
    return np.concatenate([labels[None], np.stack(deleted), _permuted(label_key, labels, jnp.arange(relabellings))])


def indicators(labels: Int8[np.ndarray, "statistics pooled"], label: int) -> Float[np.ndarray, "statistics pooled"]:
    """1 where a point carries the label, else 0."""
    return (labels == label).astype(np.float64)


def summarise(
    statistics: Float[np.ndarray, "statistics"], relabellings: int, extra_error: float | np.floating = 0.0
) -> Estimate:
    """The estimate from one statistic for each row of `labellings`; `extra_error` is an independent standard error."""
    value, deleted, null = np.split(statistics, [1, len(statistics) - relabellings])
    # deleting one of G groups moves the statistic by 1/(G - 1) of the group's pull, hence the factor G - 1
    variance = (len(deleted) - 1) * deleted.var() + extra_error**2
    as_large = np.count_nonzero(null >= value[0] - TIE * np.abs(value[0]))
    p_value = (1 + int(as_large)) / (1 + relabellings)
    return Estimate(float(value[0]), float(np.sqrt(variance)), float(null.mean()), float(null.std()), p_value)


@jax.jit
def _permuted(key, labels, counts):
    """The labels in random order, once for each count."""
    return jax.lax.map(lambda i: jax.random.permutation(jax.random.fold_in(key, i), labels), counts)


def _groups(key, size, count):
    """A group number for each of `size` points: random groups of equal size up to one."""
    return np.asarray(jax.random.permutation(key, jnp.arange(size))) % count
