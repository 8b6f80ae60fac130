"""Synthetic data from known laws: Gaussian, clusters, spheres."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..annotations import RandomKey
from ..checks import check_count
from .dataset import Dataset
from .indexed_draws import draw_each


def gaussian(n: int, d: int, *, key: RandomKey, covariance: Float[ArrayLike, "*axes"] | float = 1.0) -> Dataset:
    """n points of N(0, C); C is a scalar (isotropic), the spectrum (d,) along the axes, or a matrix (d, d).

    `x_i = C^(1/2) z_i`, the symmetric root in float64; C may be singular. Point i depends on key and i only.
    Raises ValueError unless C is finite, symmetric and positive semidefinite.
    """
    check_count("n", n)
    check_count("d", d)
    root = _as_float(_square_root(np.asarray(covariance, np.float64), d))

    def draw(key):
        z = jr.normal(key, (d,))
        return jnp.matmul(root, z, precision="highest") if root.ndim == 2 else root * z

    return Dataset(draw_each(draw, n, key), name="gaussian")


def clusters(
    n: int,
    d: int,
    *,
    key: RandomKey,
    mu: float = 1.0,
    variance: Float[ArrayLike, "*k"] | float = 1.0,
    means: Float[ArrayLike, "k d"] | None = None,
    weights: Float[ArrayLike, " k"] | None = None,
) -> Dataset:
    """n points of the mixture `sum_k w_k N(m_k, v_k I)`, labelled by component.

    Without `means` there are two, `m_0 = (mu, ..., mu)` and `m_1 = -m_0`, so that `|m|^2 = d mu^2`. Random means:
    `means=spheres(k, d, radius=d**0.5, key=...).points`. `variance` is one number or one for each component, 0 allowed;
    `weights` are equal unless given, and normalised. Point i and its label depend on key and i only.

    Example: without variance each point is the mean of its component.
        >>> import jax.random as jr, numpy as np
        >>> from diffmem import data
        >>> drawn = data.clusters(100, 3, key=jr.key(0), variance=0.0)
        >>> print(np.unique(drawn.points, axis=0))
        [[-1. -1. -1.]
         [ 1.  1.  1.]]

    Raises ValueError if shapes or signs are wrong, or an argument is not finite.
    Source of the two clusters: Biroli, Bonnaire, de Bortoli and Mezard, arXiv:2402.18491.
    """
    check_count("n", n)
    check_count("d", d)
    means = np.outer([1, -1], np.full(d, mu)) if means is None else np.asarray(means, np.float64)
    if means.shape[1] != d or not np.isfinite(means).all():
        raise ValueError(
            f"The means, `means` or +-`mu`, must be finite and have {d} columns, but have {means.shape[1]}."
        )
    k = len(means)
    scales = _as_float(np.sqrt(_each("variance", np.full(k, variance) if np.ndim(variance) == 0 else variance, k)))
    shares = _each("weights", np.ones(k) if weights is None else weights, k)
    if not shares.any():
        raise ValueError("`weights` must not all be zero, but are.")
    centres, log_shares = _as_float(means), jnp.log(_as_float(shares / shares.max()))

    def draw(key):
        which, noise = jr.split(key)
        label = jr.categorical(which, log_shares)
        return centres[label] + scales[label] * jr.normal(noise, (d,)), label

    return Dataset(*draw_each(draw, n, key), name="clusters")


def spheres(n: int, d: int, *, key: RandomKey, radius: Float[ArrayLike, "*k"] | float = 1.0) -> Dataset:
    """n points uniform on the sphere |x| = radius in d dimensions, or on concentric ones of radii (k,), with labels.

    `x = r z / |z|`, z ~ N(0, I), the sphere drawn uniformly. Point i and its label depend on key and i only.
    Raises ValueError unless every radius is positive and finite.
    """
    check_count("n", n)
    check_count("d", d)
    radii = np.atleast_1d(np.asarray(radius, np.float64))
    if radii.ndim != 1 or radii.size == 0 or not (np.isfinite(radii) & (radii > 0)).all():
        raise ValueError(f"`radius` must be positive and finite, one number or one for each sphere, but is {radius}.")
    radii = _as_float(radii)

    def draw(key):
        which, direction = jr.split(key)
        label = jr.randint(which, (), 0, len(radii))
        z = jr.normal(direction, (d,))
        # in one dimension z = 0, which has no direction, is drawn about once in 10^7 times
        z = jnp.where((z == 0).all() & (jnp.arange(d) == 0), 1, z)
        return radii[label] * z / jnp.linalg.norm(z), label

    return Dataset(*draw_each(draw, n, key), name="spheres")


def _as_float(values: np.ndarray) -> Float[Array, "*shape"]:
    return jnp.asarray(values, jnp.zeros(()).dtype)


def _square_root(covariance: np.ndarray, d: int) -> np.ndarray:
    if covariance.shape not in ((), (d,), (d, d)):
        raise ValueError(f"`covariance` must have shape (), ({d},) or ({d}, {d}), but has {covariance.shape}.")
    if not np.isfinite(covariance).all():
        raise ValueError("`covariance` must be finite, but has NaN or infinite entries.")
    spectrum, axes = covariance, None
    if covariance.ndim == 2:
        # a covariance computed in float32 is symmetric and non-negative to its own rounding only
        variances, relative = np.diag(covariance), d * np.finfo(np.float32).eps
        if variances.min() < 0:
            raise ValueError(f"`covariance` must hold no negative variance, but holds {variances.min():.4g}.")
        deviations = np.sqrt(variances)
        if (np.abs(covariance - covariance.T) > relative * np.outer(deviations, deviations)).any():
            raise ValueError("`covariance` must be symmetric, but is not.")
        spectrum, axes = np.linalg.eigh(covariance)
        spectrum = np.where(np.abs(spectrum) <= relative * variances.max(), np.maximum(spectrum, 0), spectrum)
    if spectrum.min() < 0:
        raise ValueError(f"`covariance` must be positive semidefinite, but has the eigenvalue {spectrum.min():.4g}.")
    return np.asarray(np.sqrt(spectrum) if axes is None else (axes * np.sqrt(spectrum)) @ axes.T)


def _each(name: str, values: ArrayLike, k: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (k,) or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"`{name}` must be {k} finite numbers that are not negative, but is {values}.")
    return values
