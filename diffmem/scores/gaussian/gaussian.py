"""One Gaussian, whose score is linear: what mean and covariance of the data alone can explain."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...annotations import Numbers, Point, Points
from ...checks import as_values, check_finite, check_points, check_scale, is_concrete
from ...level import float_dtype, strong
from .covariances import AbstractCovariances, Full
from .family import AbstractGaussianFamily
from .mixture import check_covariances, covariances_of


class Gaussian(AbstractGaussianFamily):
    """N(mean, covariance): `D = mean + alpha S (alpha^2 S + sigma^2)^-1 (x - alpha mean)`.

    `mean` has any event shape with d entries; `covariance` is a scalar (isotropic), of the mean's shape (diagonal) or
    (d, d). Raises ValueError for other shapes, values that are not finite, asymmetry and negative variances.
    """

    centres: Float[Array, "1 d"]
    shares: Float[Array, "1"]
    log_weights: Float[Array, "1"]
    covariances: AbstractCovariances
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, mean: Point, covariance: Numbers):
        given = mean, covariance
        mean, covariance = as_values("mean", mean), as_values("covariance", covariance)
        dtype = float_dtype(*given)
        check_finite("mean", mean)
        self.shape = tuple(np.shape(mean))
        self.centres = strong(mean, dtype).reshape(1, -1)
        self.shares, self.log_weights = jnp.ones(1, dtype), jnp.zeros(1, dtype)
        one = np.asarray(covariance)[None] if is_concrete(covariance) else covariance[None]
        check_covariances(one, 1, self.shape)
        check_scale({"mean": mean, "covariance": covariance}, dtype)
        self.covariances = covariances_of(one, 1, self.shape, dtype)

    @classmethod
    def fit(cls, points: Points) -> "Gaussian":
        """The Gaussian with the mean and the (1/n) covariance of the points, computed in float64 on the host."""
        points = as_values("points", points)
        check_points(points)
        values = np.asarray(points)
        flat = values.reshape(len(values), -1).astype(np.float64)
        centred = flat - flat.mean(0)
        dtype = np.dtype(float_dtype(points))
        fitted = cls(flat.mean(0).reshape(values.shape[1:]).astype(dtype), np.ones((), dtype))
        # in double precision until it is factored, so that directions without variance have none
        covariance = (centred.T @ centred / len(flat))[None]
        return eqx.tree_at(lambda score: score.covariances, fitted, Full(covariance, dtype))

    @property
    def mean(self) -> Float[Array, "*shape"]:
        """The mean."""
        return self.centres[0].reshape(self.shape)
