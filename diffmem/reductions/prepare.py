"""What a screen needs of the centres, computed once in double precision on the host."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .centres import Centres
from .rounding import gamma
from .screen import DOUBLE, WIDTH, Screen, bands, never, ranks

MOST_AXES = 512
SAMPLE = 4096  # centres that the axes are fitted to
POWERS = 3  # iterations of the subspace; the bound holds for any axes, good ones make it sharp
SPARE = 16  # extra directions of the iteration
ROWS = 2048  # centres projected at a time
PROBES = 32  # forward samples with which the reach of each rank is found
USUAL = 0.75  # share of them that must leave few centres
LEVELS = 48  # noise-to-signal ratios at which they are tried


def screen_of(centres: Centres, log_few: float, most: int) -> Screen:
    """Principal axes, the centres' shadows on them, and how far each rank reaches.

    The reach is the largest sigma/alpha at which, as at all lower ones tried, three quarters of the forward samples
    leave at most `most` centres whose bound is within `-log_few` nats of the best. Cost: n d m products in double
    precision for m <= 512 axes; memory about n (r + 20) numbers for each rank.
    """
    offsets = np.asarray(centres.offsets)
    dtype = offsets.dtype
    axes = principal_axes(offsets, min(centres.d, MOST_AXES))
    m = axes.shape[1]
    skew = np.linalg.norm(axes.T.astype(float) @ axes.astype(float) - np.eye(m), 2) + m * gamma(centres.d, DOUBLE)
    inside, outside = _projected(offsets, axes, skew)
    weighty = np.isfinite(centres.log_weights)
    half = np.where(weighty, np.asarray(centres.squares, float) / 2, never(dtype))
    ends = [outside, half, np.where(weighty, centres.log_weights, 0.0)]
    shadows, reach = [], []
    for r in ranks(centres.d):
        norms = [_rounded_up(np.linalg.norm(inside[:, band], axis=1), dtype) for band in bands(r, m)]
        shadow = np.concatenate([inside[:, :r], np.stack([*norms, *ends], axis=1)], axis=1, dtype=dtype)
        padding = np.zeros((-centres.n % WIDTH, shadow.shape[1]), dtype)
        padding[:, -2] = never(dtype)
        shadows.append(jnp.asarray(np.concatenate([shadow, padding])))
        probes = np.random.default_rng(1).choice(np.flatnonzero(weighty), size=PROBES)
        reach.append(_reach(offsets, axes, shadow, r, probes, float(centres.radius), log_few, most))
    return Screen(jnp.asarray(axes), jnp.asarray(skew, dtype), tuple(shadows), jnp.asarray(reach, dtype))


def principal_axes(rows: Float[np.ndarray, "n d"], rank: int) -> Float[np.ndarray, "d rank"]:
    """Orthonormal axes of large second moment, by subspace iteration on a part of the rows, in their order."""
    sample = rows[:: -(-rows.shape[0] // SAMPLE)]
    largest = np.abs(sample).max()
    sample = sample / (largest if largest > 0 else 1)
    d = rows.shape[1]
    axes = np.random.default_rng(0).standard_normal((d, min(d, rank + SPARE)))
    for _ in range(POWERS):
        axes = np.linalg.qr(axes)[0].astype(rows.dtype)
        axes = (sample.T @ (sample @ axes)).astype(float)
    axes = np.linalg.qr(axes)[0]
    inside = sample @ axes.astype(rows.dtype)
    turn = np.linalg.eigh((inside.T @ inside).astype(float))[1]
    return (axes @ turn[:, ::-1])[:, :rank].astype(rows.dtype)


def _projected(offsets, axes, skew: float):
    """Coordinates on the axes in the offsets' dtype, and the norm of what is outside them, rounded up."""
    exact, (d, m) = axes.astype(float), axes.shape
    # axes that are not quite orthonormal leave something of the order of rounding even when they span everything
    slack = 2 * skew + 2 * m**0.5 * gamma(d + m, DOUBLE)
    inside, outside = np.empty((len(offsets), axes.shape[1]), offsets.dtype), np.empty(len(offsets), offsets.dtype)
    for start in range(0, len(offsets), ROWS):
        rows = offsets[start : start + ROWS].astype(float)
        inside[start : start + ROWS] = coordinates = rows @ exact
        left = np.linalg.norm(rows - coordinates @ exact.T, axis=1) if m < d else 0
        outside[start : start + ROWS] = _rounded_up(left + slack * np.linalg.norm(rows, axis=1), offsets.dtype)
    return inside, outside


def _rounded_up(values, dtype):
    return (values * (1 + 4 * np.finfo(dtype).eps)).astype(dtype)


def _reach(offsets, axes, shadow, r: int, own, radius: float, log_few: float, most: int) -> float:
    """The largest ratio up to which most probes `y_own + ratio z` leave at most `most` centres."""
    rng = np.random.default_rng(2)
    points, noise = offsets[own], rng.standard_normal((PROBES, len(axes))).astype(offsets.dtype)
    reach = 0.0
    for ratio in radius * np.logspace(-4, 1, LEVELS, dtype=offsets.dtype):
        x = points + ratio * noise
        inside = x @ axes
        norms = [np.linalg.norm(inside[:, band], axis=1) for band in bands(r, axes.shape[1])]
        outside = np.linalg.norm(x - inside @ axes.T, axis=1)
        one = np.ones(PROBES, offsets.dtype)
        upper = np.column_stack([inside[:, :r], *norms, outside, -one, ratio**2 * one]) @ shadow.T
        value = (x * points).sum(1) - shadow[own, -2] + ratio**2 * shadow[own, -1]
        survivors = (upper >= (value + ratio**2 * log_few)[:, None]).sum(1)
        if np.quantile(survivors, USUAL) > most:
            break
        reach = float(ratio)
    return reach
