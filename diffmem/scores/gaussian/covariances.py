"""Families of k covariance matrices S_i, factored once into eigenvalues and axes.

At the level (alpha, sigma) a Gaussian component has the covariance `alpha^2 S + sigma^2 I`, a function of S. All that
is needed of it is `apply(f, v)`, where f acts on the eigenvalues of S, and `total(f)`, the sum of f over them: no
matrix is inverted, and no factorisation is repeated at another level.
"""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial

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
    """`S_i = U_i diag(l_i) U_i^T`, factored once; eigenvalues that rounding made negative are 0."""

    eigenvalues: Float[Array, "k d"]
    bases: Float[Array, "k d d"]

    def __init__(self, matrices: Float[Array, "k d d"]):
        eigenvalues, self.bases = in_host_double(np.linalg.eigh, jnp.linalg.eigh, matrices)
        self.eigenvalues = jnp.maximum(eigenvalues, 0)

    def apply(self, function, vectors):
        """Rotates, scales, rotates back."""
        inside = jnp.einsum("kij,ki->kj", self.bases, vectors, precision=HIGHEST)
        return jnp.einsum("kij,kj->ki", self.bases, function(self.eigenvalues) * inside, precision=HIGHEST)

    def total(self, function, d):
        """`sum_j f(l_ij)`."""
        return jnp.sum(function(self.eigenvalues), axis=1)


class LowRank(AbstractCovariances):
    """`S_i = F_i diag(v_i) F_i^T + floor I`, of rank r above the floor; all costs O(k d r)."""

    bases: Float[Array, "k d r"]
    variances: Float[Array, "k r"]
    floor: Float[Array, ""]

    def __init__(self, factors: Float[Array, "k d r"], variances: Float[Array, "k r"], floor: Float[Array, ""]):
        scaled = factors * jnp.sqrt(variances)[:, None, :]
        thin = partial(np.linalg.svd, full_matrices=False), partial(jnp.linalg.svd, full_matrices=False)
        self.bases, scales, _ = in_host_double(*thin, scaled)
        self.variances, self.floor = scales**2, floor

    def apply(self, function, vectors):
        """`f(floor) v + U (f(l) - f(floor)) U^T v`, the part off the factors' span by subtraction before scaling."""
        inside = jnp.einsum("kij,ki->kj", self.bases, vectors, precision=HIGHEST)
        along = jnp.einsum("kij,kj->ki", self.bases, inside, precision=HIGHEST)
        scaled = jnp.einsum("kij,kj->ki", self.bases, function(self.variances + self.floor) * inside, precision=HIGHEST)
        return function(self.floor) * (vectors - along) + scaled

    def total(self, function, d):
        """`(d - r) f(floor) + sum_j f(v_ij + floor)`."""
        rank = self.variances.shape[1]
        return (d - rank) * function(self.floor) + jnp.sum(function(self.variances + self.floor), axis=1)


def in_host_double(on_host: Callable, traced: Callable, matrices: Float[Array, "k a b"]):
    """A factorisation in double precision on the host where the matrices can be read now, in JAX inside a trace.

    Small eigenvalues and their axes are wrong by the rounding of the largest one, which a score divides by sigma^2.
    """
    if isinstance(matrices, jax.core.Tracer):
        return traced(matrices)
    return tuple(jnp.asarray(np.asarray(part, matrices.dtype)) for part in on_host(np.asarray(matrices, np.float64)))
