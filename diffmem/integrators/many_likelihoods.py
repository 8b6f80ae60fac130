"""Log-likelihoods of many points with their errors, and in bits per dimension."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..annotations import Numbers, Points, RandomKey, Scalar
from ..batches import equal_batches
from ..checks import check_count, check_finite, check_key, check_number
from ..level import float_dtype, strong
from ..processes import AbstractProcess
from ..scores import AbstractScore
from .likelihood import LOST, flow_log_prob, tolerance_in

COARSER = 10  # times the tolerance, of the run that measures the error: steps of a fifth order are 1.6 times as long
SHARED = 20  # tolerances of |log p| + d that both runs may be off by, or that their difference may hide by chance
ROUNDED = 2  # roundings of the coordinates of a point on its way, which both runs make


class LogLikelihoods(NamedTuple):
    """log p of each point in nats."""

    value: Float[np.ndarray, "count"]
    """The mean over probes, or the value of the exact divergence."""
    error: Float[np.ndarray, "count"]
    """Its standard error over probes; with the exact divergence, how far a run of ten times the tolerance is off, and
    what both may be off by.
    """

    def __repr__(self) -> str:
        mean, spread = self.value.mean(), self.value.std(ddof=min(1, len(self.value) - 1)) / len(self.value) ** 0.5
        mean_of = f"{len(self.value)} points, mean {mean:.5g} +- {spread:.2g}"
        return f"LogLikelihoods({mean_of}, errors up to {self.error.max():.1g})"

    def bits_per_dimension(self, d: int, bin_width: Scalar = 1.0) -> "LogLikelihoods":
        """Bits per dimension of points of d coordinates and their errors; see `bits_per_dimension`."""
        return LogLikelihoods(bits_per_dimension(self.value, d, bin_width), self.error / (d * math.log(2)))


def log_likelihoods(
    score: AbstractScore,
    process: AbstractProcess,
    points: Points,
    times: Numbers | None = None,
    *,
    key: RandomKey | None = None,
    probes: int = 8,
    batch_size: int | None = None,
) -> LogLikelihoods:
    """`log_likelihood` of each of many points (count, *shape), compiled once.

    Without a `key` the divergence is exact, in closed form or by d derivatives an evaluation: for networks, a matter of
    some hundred dimensions. The flow is then computed again at ten times the tolerance, for about half the cost, and
    `error` is the difference, about the error of that coarser run, plus 20 tolerances of |log p| + d and 2 roundings of
    the coordinates, far from 0 in units of the noise: an estimate and no bound, above the true error at points of the
    laws with a closed form that were tried, and far below it where single precision loses a point hundreds of sigma off
    its law. With a `key` it is Hutchinson's estimate: `probes` random probes for each point, each through the whole
    flow, give an unbiased mean and its standard error. Probes of point i depend on key and i only. `batch_size` points
    are computed at a time, all by default. A score from outside JAX needs `vjp` (`FromHost`).

    Raises ValueError for fewer than 2 probes, a batch size below 1, points that are not finite, and where values are
    NaN, which says of how many points.
    """
    check_count("batch_size", batch_size or 1)
    if key is not None:
        check_key(key)
    if key is not None and probes < 2:
        raise ValueError(f"`probes` must be at least 2 to have an error, but is {probes}.")
    points = strong(points, float_dtype(points))
    if points.ndim < 2 or len(points) < 1:
        raise ValueError(f"`points` must have shape (count, *shape) and hold a point, but has shape {points.shape}.")
    check_finite("points", points)
    times = None if times is None else strong(times, float_dtype(times))
    # as arrays, with which nothing is compiled twice
    slacks = [np.asarray(slack, points.dtype) for slack in ((1, COARSER) if key is None else (1,))]
    parts, moved = [], []
    for index, keep in equal_batches(len(points), batch_size or len(points)):
        runs = [_batch(score, process, points[index], times, key, index, probes, slack) for slack in slacks]
        parts.append(np.concatenate(runs, axis=1).astype(np.float64)[:keep])
        if key is None:
            moved.append(np.asarray(_slopes(score, process, points[index], times), np.float64)[:keep])
    found = np.concatenate(parts)
    if lost := int(np.isnan(found).any(axis=1).sum()):
        raise ValueError(f"{LOST} at {lost} of {len(found)} points.")
    if key is None:
        shared = SHARED * tolerance_in(points.dtype) * (np.abs(found[:, 0]) + points[0].size)
        blurred = ROUNDED * float(np.finfo(points.dtype).eps) * np.concatenate(moved)
        return LogLikelihoods(found[:, 0], np.abs(found[:, 0] - found[:, 1]) + shared + blurred)
    return LogLikelihoods(found.mean(axis=1), found.std(axis=1, ddof=1) / probes**0.5)


def bits_per_dimension(log_prob: Float[np.ndarray, "*count"], d: int, bin_width: Scalar = 1.0):
    """`-log p/(d log 2) - log2(bin_width)`: the code length of data on a lattice of spacing `bin_width`, per dimension.

    log p is the density in nats of points in d dimensions to each of which uniform noise in a cell of the lattice was
    added (dequantization), so that the result bounds the code length from above. Pixels of 256 values scaled to [-1, 1)
    have `bin_width` 2/256; with 1 the result is the density's own. Raises ValueError unless d and the width are
    positive.

    Source: Theis, van den Oord and Bethge, arXiv:1511.01844, section 3.1.
    """
    check_count("d", d)
    check_number("bin_width", bin_width)
    width = float(bin_width)
    if not width > 0:
        raise ValueError(f"`bin_width` must be positive, but is {width}.")
    return -np.asarray(log_prob, np.float64) / (d * math.log(2)) - math.log2(width)


@eqx.filter_jit
def _slopes(score, process, points, times):
    """`sum_k |x_k d log p / d x_k|` of each point: what a relative rounding of its coordinates moves log p by."""
    level = process.level(process.t_min if times is None else times[-1])
    return jax.vmap(lambda x: jnp.sum(jnp.abs(x * score.score(x, level))))(points)


@eqx.filter_jit
def _batch(score, process, points, times, key, index, probes: int, slack):
    """log p of each point, for each of its probes."""

    def one(x, i):
        if key is None:
            return flow_log_prob(score, process, x, times, None, slack)[None]
        keys = jax.random.split(jax.random.fold_in(key, i), probes)
        return jax.vmap(lambda k: flow_log_prob(score, process, x, times, k))(keys)

    return jax.vmap(one)(points, index)
