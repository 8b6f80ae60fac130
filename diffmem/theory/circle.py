"""Points on a circle: how the attractors of a training set change from copies to the law of the data as n grows.

Data lie on a circle of radius R in the plane, with noise of standard deviation s added (alpha = 1). An attractor is a
maximum of the noisy density, which is a minimum of the energy of the dense associative memory that stores the points.
"""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import i0e, i1e
from jaxtyping import Array, ArrayLike, Float
from scipy import special

from ..level import float_dtype, strong
from .collapse.ratio import root

TINY = 1e-9  # noise in units of the radius whose square is nothing beside 1


def circle_log_density(
    r: Float[ArrayLike, "*radii"], sigma: Float[ArrayLike, ""], radius: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "*radii"]:
    """Log-density per area at distance r from the centre, for data uniform on the circle, in nats:

        log p = -(r - R)^2/(2 s^2) + log(exp(-k) I_0(k)) - log(2 pi s^2),   k = R r/s^2.

    Its gradient in r is the score, which is radial: `-r/s^2 + (R/s^2) I_1(k)/I_0(k)`. s must be positive.
    Source: Pham et al., arXiv:2505.21777; derived.
    """
    r = strong(r, float_dtype(r))
    sigma, radius = strong(sigma, r.dtype), strong(radius, r.dtype)
    away = (r - radius) / sigma
    return -(away**2) / 2 + _log_i0e(radius * r / sigma**2) - jnp.log(2 * math.pi * sigma**2)


@jax.custom_jvp
def _log_i0e(k: Float[Array, "*arguments"]) -> Float[Array, "*arguments"]:
    """`log(exp(-k) I_0(k))` for k >= 0."""
    return jnp.log(i0e(k))


@_log_i0e.defjvp
def _log_i0e_jvp(primals, tangents):
    """`I_1(k)/I_0(k) - 1`, which is -1 at 0, and for large k by its expansion, where the difference has no digits."""
    (k,) = primals
    single = k.dtype.itemsize == 4
    far = k > (30 if single else 1000)
    inverse, near = 1 / jnp.where(far, k, 1), jnp.where(far, 0, k)
    expanded = -inverse * (1 / 2 + inverse * (1 / 8 + inverse * (1 / 8 + inverse * (25 / 128))))
    return _log_i0e(k), jnp.where(far, expanded, i1e(near) / i0e(near) - 1) * tangents[0]


def circle_ridge(sigma: float, radius: float = 1.0) -> float:
    """Distance from the centre at which the density of a noisy circle is largest: `r = R I_1(R r/s^2)/I_0(R r/s^2)`.

    About R - s^2/(2 R) for small noise. 0 for s >= R/sqrt(2), where the density is largest at the centre.
    Raises ValueError where `sigma` is negative or `radius` is not positive.
    Source: derived.
    """
    _check(sigma, radius)
    if sigma < TINY * radius:  # where R - s^2/(2 R) is R
        return float(radius)
    excess = 1 - 2 * (sigma / radius) ** 2
    if excess <= 0:
        return 0.0
    # I_1(k)/I_0(k) >= k/2 - k^3/16, so the root that is not 0 lies at r^2 >= 8 s^4/R^2 (1 - 2 s^2/R^2)
    low = math.sqrt(2 * excess) * sigma**2 / radius

    def excess_radius(r):
        k = radius / sigma * (r / sigma)
        return radius * special.i1e(k) / special.i0e(k) - r

    return root(excess_radius, low, radius)


def polygon_ripple(
    k: Float[ArrayLike, "*sizes"], sigma: Float[ArrayLike, ""], radius: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "*sizes"]:
    """Relative modulation of the density along the circle, for K equally spaced points: `2 exp(-K^2 s^2/(2 R^2))`.

    The density at distance about R is `p (1 + ripple cos K theta)`, so this is (p_max - p_min)/(p_max + p_min). By
    symmetry there are K maxima at any K; they become flat as K grows.
    Accuracy: the error is that of changing K by 2 %, for ripples between .001 and .1 and s <= R/5; at smaller ripples
    it grows, to 5 % at 1e-10. At r = R the first harmonic is exactly 2 I_K(c)/I_0(c) with c = R^2/s^2. `k` need not be
    whole.
    Source: derived.
    """
    k = strong(k, float_dtype(k))
    noise = strong(sigma, k.dtype) / strong(radius, k.dtype)
    return 2 * jnp.exp(-((k * noise) ** 2) / 2)


def polygon_size(ripple: float, sigma: float, radius: float = 1.0) -> float:
    """Number of equally spaced points at which the modulation is `ripple`: `K = (R/s) sqrt(2 log(2/ripple))`.

    The inverse of `polygon_ripple`. Accuracy: 2 % in K for ripples between .001 and .1 and s <= R/5, 5 % at 1e-10. For
    points at random angles see `circle_attractors` and `circle_fluctuation`.
    Raises ValueError where `ripple` is outside (0, 2), or `sigma` or `radius` is not positive.
    Source: derived.
    """
    _check(sigma, radius, positive=True)
    if not 0 < ripple < 2:
        raise ValueError(f"`ripple` must lie between 0 and 2, but is {ripple}.")
    return radius / sigma * math.sqrt(2 * math.log(2 / ripple))


def circle_attractors(sigma: float, radius: float = 1.0) -> float:
    """Expected number of attractors of many points at random angles: `sqrt(3/2) R/s`, whatever n.

    Their noisy density along the circle is a Gaussian field of covariance `C(u) = exp(-u^2/(4 s^2))`, which has
    `sqrt(C''''(0)/-C''(0))/(2 pi)` maxima per length (Kac and Rice). Holds for s << R and several points within s.
    Raises ValueError where `sigma` or `radius` is not positive.
    Source: derived.
    """
    _check(sigma, radius, positive=True)
    return math.sqrt(1.5) * radius / sigma


def circle_fluctuation(n: float, sigma: float, radius: float = 1.0) -> float:
    """Relative standard deviation of the density along the circle, n points at random angles: `(sqrt(pi) R/(n s))^1/2`.

    Once it is below 1, the log-density varies along the circle by about this many nats: with n the attractors do not
    become fewer, but shallow. Holds for s << R.
    Raises ValueError where `n`, `sigma` or `radius` is not positive.
    Source: derived: n kernels of width s, whose square integrates to 1/(2 sqrt(pi) s).
    """
    _check(sigma, radius, positive=True)
    if not n > 0:
        raise ValueError(f"`n` must be positive, but is {n}.")
    return math.sqrt(math.sqrt(math.pi) * radius / (n * sigma))


def _check(sigma: float, radius: float, positive: bool = False) -> None:
    if not (sigma > 0 if positive else sigma >= 0):
        raise ValueError(f"`sigma` must be {'positive' if positive else 'nonnegative'}, but is {sigma}.")
    if not radius > 0:
        raise ValueError(f"`radius` must be positive, but is {radius}.")
