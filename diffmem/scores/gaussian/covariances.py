"""Families of k covariance matrices S_i, factored once into eigenvalues and axes.

At the level (alpha, sigma) a Gaussian component has the covariance `alpha^2 S + sigma^2 I`, a function of S. All that
is needed of it is `apply(f, v)`, where f acts on the eigenvalues of S, and `total(f)`, the sum of f over them: no
matrix is inverted, and no factorisation is repeated at another level.
"""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...arithmetic import HIGHEST

Function = Callable[[Float[Array, "..."]], Float[Array, "..."]]


class AbstractCovariances(eqx.Module):
    """k symmetric positive semi-definite d x d matrices S_1, ..., S_k."""

    @abstractmethod
    def apply(self, function: Function, vectors: Float[Array, "k d"]) -> Float[Array, "k d"]:
        """`f(S_i) v_i` for each component, where f acts on the eigenvalues."""

    @abstractmethod
    def total(self, function: Function, d: int) -> Float[Array, "k"]:
        """`tr f(S_i)`."""

    def matrices(self, function: Function, d: int) -> Float[Array, "k d d"]:
        """`f(S_i)` as matrices."""
        zeros = self.total(jnp.zeros_like, d)
        columns = [
            self.apply(function, jnp.broadcast_to(row, (zeros.size, d))) for row in jnp.eye(d, dtype=zeros.dtype)
        ]
        return jnp.stack(columns, axis=-1)


class Isotropic(AbstractCovariances):
    """`S_i = v_i I`; v has shape (k,)."""

    variances: Float[Array, "k"]

    def apply(self, function, vectors):
        """Scales each vector."""
        return function(self.variances)[:, None] * vectors

    def total(self, function, d):
        """`d f(v_i)`."""
        return d * function(self.variances)


class Diagonal(AbstractCovariances):
    """`S_i = diag(v_i)`; v has shape (k, d)."""

    variances: Float[Array, "k d"]

    def apply(self, function, vectors):
        """Scales each coordinate."""
        return function(self.variances) * vectors

    def total(self, function, d):
        """`sum_j f(v_ij)`."""
        return jnp.sum(function(self.variances), axis=1)


class Full(AbstractCovariances):
    """`S_i = U_i diag(l_i) U_i^T`, factored once; eigenvalues within rounding of 0 are 0.

    A factorisation is not differentiable where eigenvalues are equal, but functions of S are. With
    `F_ab = (f(l_a) - f(l_b)) / (l_a - l_b)` (f' where they are equal), `df(S) = U (F o (U^T dS U)) U^T` (Daleckii and
    Krein): eigenvalues carry the tangent diag(U^T dS U), and `moves` that of the rest; its value is 0, and it is left
    out where S is known, and so not differentiated. Second derivatives in S are not complete.
    """

    eigenvalues: Float[Array, "k d"]
    bases: Float[Array, "k d d"]
    moves: Float[Array, "k d d"] | None

    def __init__(self, matrices: Float[Array, "k d d"] | np.ndarray, dtype=None):
        dtype = matrices.dtype if dtype is None else dtype
        self.eigenvalues, self.bases = _factored(matrices, dtype)
        self.moves = None
        if isinstance(matrices, jax.core.Tracer):
            turned = jnp.einsum("kia,kij,kjb->kab", self.bases, _still(matrices), self.bases, precision=HIGHEST)
            self.eigenvalues = self.eigenvalues + jnp.diagonal(turned, axis1=1, axis2=2)
            self.moves = turned * (1 - jnp.eye(turned.shape[-1], dtype=turned.dtype))[None]

    def apply(self, function, vectors):
        """Rotates, scales, rotates back."""
        inside = jnp.einsum("kij,ki->kj", self.bases, vectors, precision=HIGHEST)
        scaled = function(self.eigenvalues) * inside
        if self.moves is not None:
            turns = _slopes(function, self.eigenvalues) * self.moves
            scaled = scaled + jnp.einsum("kab,kb->ka", turns, inside, precision=HIGHEST)
        return jnp.einsum("kij,kj->ki", self.bases, scaled, precision=HIGHEST)

    def total(self, function, d):
        """`sum_j f(l_ij)`."""
        return jnp.sum(function(self.eigenvalues), axis=1)


class LowRank(AbstractCovariances):
    """`S_i = F_i diag(v_i) F_i^T + floor I`, of rank r above the floor; all costs O(k d r).

    With `F_i = Q_i R_i`, Q_i orthonormal, the part above the floor is `R_i diag(v_i) R_i^T` in the axes Q_i.
    """

    axes: Float[Array, "k d r"]
    inner: Full
    floor: Float[Array, ""]

    def __init__(self, factors: Float[Array, "k d r"], variances: Float[Array, "k r"], floor: Float[Array, ""]):
        concrete = not isinstance(factors, jax.core.Tracer)
        xp, given = (np, np.asarray(factors, np.float64)) if concrete else (jnp, factors)
        axes, triangles = xp.linalg.qr(given)
        if concrete and not isinstance(variances, jax.core.Tracer):
            inner = np.einsum("kar,kr,kbr->kab", triangles, np.asarray(variances, np.float64), triangles)
        else:
            triangles = jnp.asarray(triangles, factors.dtype)
            inner = jnp.einsum("kar,kr,kbr->kab", triangles, variances, triangles, precision=HIGHEST)
        self.axes, self.floor = jnp.asarray(axes, factors.dtype), floor
        self.inner = Full(inner, factors.dtype)

    def apply(self, function, vectors):
        """`f(floor)` off the span of the factors, by subtraction before scaling, and `f(l + floor)` within it."""
        inside = jnp.einsum("kir,ki->kr", self.axes, vectors, precision=HIGHEST)
        off = vectors - jnp.einsum("kir,kr->ki", self.axes, inside, precision=HIGHEST)
        within = self.inner.apply(lambda s: function(s + self.floor), inside)
        return function(self.floor) * off + jnp.einsum("kir,kr->ki", self.axes, within, precision=HIGHEST)

    def total(self, function, d):
        """`(d - r) f(floor) + sum_j f(l_ij + floor)`."""
        rank = self.axes.shape[-1]
        return (d - rank) * function(self.floor) + self.inner.total(lambda s: function(s + self.floor), rank)


def _factored(matrices, dtype):
    """Eigenvalues and axes: in double precision on the host where the matrices can be read now, in JAX inside a trace.

    Small eigenvalues and their axes are wrong by the rounding of the largest one, which a score divides by sigma^2.
    """
    if isinstance(matrices, jax.core.Tracer):
        xp, matrices = jnp, jax.lax.stop_gradient(matrices)
    else:
        xp, matrices = np, np.asarray(matrices, np.float64)
    eigenvalues, bases = xp.linalg.eigh(matrices)
    least = matrices.shape[-1] * np.finfo(matrices.dtype).eps * eigenvalues.max(-1, keepdims=True)
    return tuple(jnp.asarray(part, dtype) for part in (xp.where(eigenvalues > least, eigenvalues, 0), bases))


@jax.custom_jvp
def _still(matrices):
    """Zeros that move as the symmetric part of the matrices does."""
    return jnp.zeros_like(matrices)


@_still.defjvp
def _(primals, tangents):
    return _still(*primals), (tangents[0] + tangents[0].swapaxes(-1, -2)) / 2


def _slopes(function: Function, l: Float[Array, "k d"]) -> Float[Array, "k d d"]:
    """`(f(l_a) - f(l_b)) / (l_a - l_b)`, and `f'` halfway where f hardly differs."""
    high, low = l[:, :, None], l[:, None, :]
    step, middle = high - low, (high + low) / 2
    value, slope = jax.jvp(function, (middle,), (jnp.ones_like(middle),))
    close = jnp.abs(slope * step) <= jnp.finfo(l.dtype).eps ** (1 / 3) * jnp.abs(value)
    f = function(l)
    return jnp.where(close, slope, (f[:, :, None] - f[:, None, :]) / jnp.where(step == 0, 1, step))
