"""Bounds on all energies from a few principal coordinates: which centres can matter, at a fraction of a pass's cost.

With V a d x m matrix of nearly orthonormal axes, p = V^T x and P_i = V^T y_i,

    <x, y_i> = <p, P_i> + <x - V p, y_i - V P_i> + (terms of the size of rounding).

The first r coordinates are multiplied; of the others, and of what lies outside the axes, only norms are, in bands of
coordinates: |p_b| |P_ib| bounds what a band does not show. Noise is equally long in all directions while data are not,
so bands cost one column each and are much sharper than one norm for everything. The bound holds for every x, drawn from
the forward process or not, and with worst-case rounding for whatever order the compiler adds in.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .centres import Centres, residual
from .gaps import dot
from .rounding import gamma, unit_of
from .stream import floored

WIDTH = 64  # centres in a block, of which only the largest bound is looked at first
BAND = 1.25  # growth of the coordinates' number from one band to the next
DOUBLE = 2.0**-53  # rounding unit of what is prepared
RUN = 64  # products summed before they join a tree of partial sums: fewer roundings in the worst case
RANKS = (64, 256)


class Screen(NamedTuple):
    """What `prepare.screen_of` computes of the centres beforehand."""

    axes: Float[Array, "d m"]
    skew: Float[Array, ""]
    """Norm of V^T V - I."""
    shadows: tuple[Float[Array, "padded columns"], ...]
    """For each of `ranks` the centres' r coordinates, norms of bands and of what is outside the axes rounded up,
    |y_i|^2 / 2 and log w_i; padded with centres that cannot be chosen.
    """
    reach: Float[Array, "ranks"]
    """The sigma/alpha up to which each rank is expected to leave few survivors."""


class Bounds(NamedTuple):
    """Upper bounds on `(sigma^2/alpha) (E_j - E_i)` for a batch of queries, j a good centre of each."""

    upper: Float[Array, "batch blocks width"]
    largest: Float[Array, "batch blocks"]
    """The largest bound of each block of centres."""
    best: Int[Array, "batch"]
    """j."""
    scale: Float[Array, "batch"]
    """alpha / sigma^2, which turns bounds into nats."""


def bands(r: int, m: int) -> list[slice]:
    """Coordinates r to m in bands that widen."""
    edges = [r]
    while edges[-1] < m:
        edges.append(min(m, max(edges[-1] + 4, int(edges[-1] * BAND))))
    return [slice(low, high) for low, high in pairwise(edges)]


def ranks(d: int) -> tuple[int, ...]:
    """Numbers of coordinates that are worth having of d, one for each shadow."""
    return tuple(r for r in RANKS if 2 * r <= d) or (min(RANKS[0], -(-d // 2)),)


def bounds(centres: Centres, number: int, x: Float[Array, "batch d"], alpha, sigma) -> Bounds:
    """Bounds for a batch of queries and levels by the shadow of this number; one product of (batch, r) by (r, n)."""
    screen = centres.index
    shadow = screen.shadows[number]
    d, m = screen.axes.shape
    unit = unit_of(x)
    away = jax.vmap(residual, (0, 0, None))(x, alpha, centres.centre)
    norm = jnp.sqrt(jnp.sum(away**2, axis=1))
    sigma = floored(sigma, norm + 2 * alpha * centres.radius)
    tempering = sigma / alpha * sigma
    inside = careful_dot(away, screen.axes)
    outside = jnp.sqrt(jnp.sum((away - dot(inside, screen.axes.T)) ** 2, axis=1))
    outside = outside * (1 + gamma(d + 4, unit)) + (m**0.5 * gamma(m + 2, unit) + 2 * unit) * norm
    r = ranks(d)[number]
    norms = [jnp.sqrt(jnp.sum(inside[:, band] ** 2, axis=1)) * (1 + gamma(m + 4, unit)) for band in bands(r, m)]
    ends = jnp.stack([*norms, outside, -alpha, tempering * centres.power], axis=1)
    seen = jnp.concatenate([inside[:, :r], ends], axis=1)
    upper = dot(seen, shadow.T).reshape(len(x), -1, WIDTH)
    largest = jnp.max(upper, axis=2)
    block = jnp.argmax(largest, axis=1)
    within = jnp.take_along_axis(upper, block[:, None, None], axis=1)[:, 0]
    best = jnp.minimum(block * WIDTH + jnp.argmax(within, axis=1), centres.n - 1)
    # the value of the best centre itself, and how far it and the bounds may be wrong
    offset, log_weight = centres.offsets[best], centres.log_weights[best]
    value = jnp.sum(away * offset, axis=1) - alpha * centres.squares[best] / 2 + tempering * log_weight
    heaviness = tempering * jnp.max(jnp.where(jnp.isneginf(centres.log_weights), 0, -centres.log_weights))
    lengths = norm * centres.radius
    width, square = seen.shape[1] + 10, alpha * centres.radius**2
    axes = screen.skew + m**0.5 * (gamma(run_length(d), unit) + gamma(d, DOUBLE))
    error = (axes + 2 * gamma(width, unit)) * 1.01 * lengths + gamma(d + 8, unit) * (lengths + square)
    error = error + gamma(width, unit) * (heaviness + square)
    shift = error - value
    return Bounds(upper + shift[:, None, None], largest + shift[:, None], best, alpha / sigma / sigma)


def careful_dot(left: Float[Array, "m d"], right: Float[Array, "d r"]) -> Float[Array, "m r"]:
    """A matrix product with at most `run_length(d)` roundings on the way to any entry."""
    d = left.shape[1]
    runs = 1 << max(0, math.ceil(math.log2(d / RUN)))
    if runs == 1:
        return dot(left, right)
    padding = runs * RUN - d
    left = jnp.pad(left, ((0, 0), (0, padding))).reshape(-1, runs, RUN).transpose(1, 0, 2)
    right = jnp.pad(right, ((0, padding), (0, 0))).reshape(runs, RUN, -1)
    parts = dot(left, right)
    while parts.shape[0] > 1:
        parts = parts[::2] + parts[1::2]
    return parts[0]


def run_length(d: int) -> int:
    """Roundings of one entry of `careful_dot`."""
    return RUN + math.ceil(math.log2(max(d / RUN, 1))) + 2


def never(dtype) -> float:
    """Half the square of a centre that must not be chosen: without weight, or padding."""
    return float(np.finfo(dtype).max) / 4
