"""Mixtures of Gaussians of low rank, with a floor: a small variance in every direction."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...annotations import Numbers, Points, Scalar
from ...checks import as_values, check_finite, check_nonnegative, check_points, check_scale, check_weights, is_concrete
from ...level import float_dtype, strong
from ...reductions.centres import normalised
from .covariances import LowRank
from .family import AbstractGaussianFamily

COVARIANCE = "covariance F diag(v) F^T + floor I"  # as an error calls it


class LowRankMixture(AbstractGaussianFamily):
    """The mixture `sum_i w_i N(mu_i, F_i diag(v_i) F_i^T + floor I)`, with every operation in O(k d r).

    `weights` (k,), `means` (k, *shape), `factors` F (k, d, r), whose columns need not be orthogonal, `variances` v
    (k, r), `floor` a scalar. With floor = 0 the law lies on subspaces and sigma must be positive. Raises ValueError for
    other shapes, negative variances, and means or covariances whose squares or values the dtype
    cannot hold. Source of the setting: Wang et al., arXiv:2409.02426.
    """

    centres: Float[Array, "k d"]
    shares: Float[Array, "k"]
    log_weights: Float[Array, "k"]
    covariances: LowRank
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, weights: Numbers, means: Points, factors: Numbers, variances: Numbers, floor: Scalar = 0.0):
        given = means, factors, variances
        weights, means = as_values("weights", weights), as_values("means", means)
        factors, variances = as_values("factors", factors), as_values("variances", variances)
        dtype = float_dtype(*given)
        check_points(means)
        k, d = np.shape(means)[0], int(np.prod(np.shape(means)[1:]))
        check_weights(weights, k)
        _check_factors(factors, variances, floor, k, d)
        check_scale({"means": means, COVARIANCE: _largest_variances(factors, variances, floor)}, dtype)
        self.shape = tuple(np.shape(means)[1:])
        self.centres = strong(means, dtype).reshape(k, d)
        self.shares, self.log_weights = (jnp.asarray(part) for part in normalised(weights, dtype))
        self.covariances = LowRank(strong(factors, dtype), strong(variances, dtype), strong(floor, dtype))


def _largest_variances(factors, variances, floor):
    """Where they are known, the variances of the coordinates, (k, d); else what is not checked."""
    for part in (factors, variances, floor):
        if not is_concrete(part):
            return part
    factors, variances = np.asarray(factors, np.float64), np.asarray(variances, np.float64)
    return np.einsum("kdr,kr->kd", factors**2, variances) + np.asarray(floor, np.float64)


def _check_factors(factors, variances, floor, k: int, d: int) -> None:
    if np.ndim(factors) != 3 or np.shape(factors)[:2] != (k, d) or not 1 <= np.shape(factors)[2] <= d:
        raise ValueError(
            f"`factors` must have shape ({k}, {d}, r) with 1 <= r <= {d}, but has shape {np.shape(factors)}."
        )
    if np.shape(variances) != (k, np.shape(factors)[2]):
        raise ValueError(
            f"`variances` must have shape ({k}, {np.shape(factors)[2]}), one for each factor, "
            f"but has shape {np.shape(variances)}."
        )
    for name, values in (("factors", factors), ("variances", variances), ("floor", floor)):
        check_finite(name, values)
    check_nonnegative("variances", variances)
    check_nonnegative("floor", floor)
