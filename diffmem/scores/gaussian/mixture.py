"""Gaussian mixtures with isotropic, diagonal or full covariances."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ...annotations import Numbers, Point, Points, Scalar
from ...checks import (
    as_values,
    check_finite,
    check_nonnegative,
    check_points,
    check_rank,
    check_scale,
    check_weights,
    is_concrete,
)
from ...level import float_dtype, strong
from ...reductions.centres import normalised
from .covariances import AbstractCovariances, Diagonal, Full, Isotropic
from .family import AbstractGaussianFamily


class GaussianMixture(AbstractGaussianFamily):
    """The mixture of Gaussians `sum_i w_i N(mu_i, S_i)`, for instance the population from which training points come.

    `weights` (k,) are normalised; `means` (k, *shape) have d entries each; `covariances` are isotropic (k,), diagonal
    (k, *shape) or (k, d), or full (k, d, d). Raises ValueError for other shapes, values that are not finite, asymmetry
    and negative variances.
    """

    centres: Float[Array, "k d"]
    shares: Float[Array, "k"]
    log_weights: Float[Array, "k"]
    covariances: AbstractCovariances
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, weights: Numbers, means: Points, covariances: Numbers):
        given = means, covariances
        weights, means = as_values("weights", weights), as_values("means", means)
        covariances = as_values("covariances", covariances)
        dtype = float_dtype(*given)
        check_points(means)
        k = np.shape(means)[0]
        check_weights(weights, k)
        self.shape = tuple(np.shape(means)[1:])
        check_covariances(covariances, k, self.shape)
        check_scale({"means": means, "covariances": covariances}, dtype)
        self.centres = strong(means, dtype).reshape(k, -1)
        self.shares, self.log_weights = (jnp.asarray(part) for part in normalised(weights, dtype))
        self.covariances = covariances_of(covariances, k, self.shape, dtype)

    @classmethod
    def two_clusters(cls, mean: Point, variance: Scalar = 1.0, weight: Scalar = 0.5) -> "GaussianMixture":
        """`weight N(mean, variance I) + (1 - weight) N(-mean, variance I)`.

        Source: Biroli et al., arXiv:2402.18491, section 3.
        """
        mean = as_values("mean", mean)
        dtype = float_dtype(mean)
        mean, weight = strong(mean, dtype), strong(weight, dtype)
        return cls(jnp.stack([weight, 1 - weight]), jnp.stack([mean, -mean]), jnp.full(2, strong(variance, dtype)))

    @classmethod
    def fit(cls, points: Points, components: int, *, seed: int = 0) -> "GaussianMixture":
        """A full-covariance mixture by scikit-learn's EM, in float64 on the host.

        EM starts from k-means, and 1e-3 is added to each variance.
        """
        from sklearn.mixture import GaussianMixture as EM

        points = as_values("points", points)
        check_points(points)
        values = np.asarray(points)
        check_rank("components", components, len(values), "points")
        flat = values.reshape(len(values), -1).astype(np.float64)
        found = EM(components, random_state=seed, reg_covar=1e-3).fit(flat)
        dtype = np.dtype(float_dtype(points))
        means = found.means_.reshape(components, *values.shape[1:]).astype(dtype)
        fitted = cls(found.weights_.astype(dtype), means, np.ones(components, dtype))
        return eqx.tree_at(lambda score: score.covariances, fitted, Full(found.covariances_, dtype))


def covariances_of(values: ArrayLike, k: int, shape: tuple[int, ...], dtype) -> AbstractCovariances:
    """The covariances in the family that the shape of `values` stands for; the values are already checked.

    A full matrix keeps the precision in which it is given until it is factored.
    """
    d = int(np.prod(shape))
    if np.ndim(values) == 1:
        return Isotropic(strong(values, dtype))
    if np.shape(values) == (k, d, d) and np.shape(values) != (k, *shape):
        return Full(np.asarray(values) if is_concrete(values) else strong(values, dtype), dtype)
    return Diagonal(strong(values, dtype).reshape(k, d))


def check_covariances(values: ArrayLike, k: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the values are k isotropic, diagonal or full covariances of points of this shape."""
    d = int(np.prod(shape))
    if np.shape(values) not in {(k,), (k, *shape), (k, d), (k, d, d)}:
        raise ValueError(
            f"`covariances` must have shape ({k},), ({k}, {d}) or ({k}, {d}, {d}) for means of shape {shape}, "
            f"but has shape {np.shape(values)}."
        )
    check_finite("covariances", values)
    if not is_concrete(values):
        return
    concrete = np.asarray(values)
    full = concrete.shape == (k, d, d) and concrete.shape != (k, *shape)
    if full and not np.allclose(concrete, concrete.swapaxes(1, 2), rtol=1e-4, atol=1e-6 * np.abs(concrete).max()):
        raise ValueError("`covariances` must be symmetric.")
    variances = np.diagonal(concrete, axis1=1, axis2=2) if full else concrete
    check_nonnegative("covariances", variances)
