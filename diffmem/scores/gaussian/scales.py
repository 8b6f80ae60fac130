"""What a level makes of one eigenvalue s of a covariance, and the units in which it is computed.

The law of x/c at (alpha/c, sigma/c) is that of x at (alpha, sigma): D, the noise and the covariance are the same, and
the score and the density differ by factors of c. So rates of every size are served whose squares are no numbers.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...level import NoiseLevel
from ...reductions import Posterior
from ..base import or_one


@eqx.filter_jit
def scaled(x: Float[Array, "*shape"], level: NoiseLevel):
    """x and level in units of `unit_of_level`, and that unit; a sigma whose square is then below the normal numbers
    counts as 0, its limit.
    """
    unit = unit_of_level(level)
    alpha, sigma = level.alpha / unit, level.sigma / unit
    return x / unit, NoiseLevel(alpha, jnp.where(sigma**2 < jnp.finfo(sigma.dtype).tiny, 0, sigma)), unit


def unit_of_level(level: NoiseLevel) -> Float[Array, ""]:
    """A power of two next to the larger rate; 1 while the fourth power of that is a number."""
    largest = jax.lax.stop_gradient(jnp.maximum(level.alpha, level.sigma))
    kind = jnp.finfo(largest.dtype)
    most = float(kind.max) ** 0.25
    usual = ((largest >= 1 / most) & (largest <= most)) | (largest == 0) | jnp.isinf(largest)
    # without digits of the mantissa: rounded to a power of two
    return jnp.where(usual, 1, jax.lax.reduce_precision(jnp.minimum(largest, kind.max / 2), kind.nexp, 0))


@eqx.filter_jit
def in_units(unit: Float[Array, ""], found: Posterior) -> Posterior:
    """The posterior of x that was found of x and level in units of `unit`."""
    log_prob = found.log_prob - found.displacement.size * jnp.log(unit)
    return found._replace(log_prob=log_prob, displacement=unit * found.displacement)


def variance(s, alpha, sigma):
    """`alpha^2 s + sigma^2`, where s may be as large as alpha^2 is small."""
    return alpha * (alpha * s) + sigma**2


def precision(s, alpha, sigma):
    """`P = 1 / (alpha^2 s + sigma^2)`, and 0 where that is infinite: such directions are treated by themselves."""
    total = variance(s, alpha, sigma)
    return jnp.where(total == 0, 0, 1 / or_one(total))


def variance_within(s, alpha, sigma):
    """Variance of x_0 given x and the component, `s sigma^2 P`, whose factors without P may be no number."""
    return s * (sigma**2 * precision(s, alpha, sigma))
