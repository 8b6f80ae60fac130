"""The symmetry breaking of data at +mu and -mu: free energy, order parameter, response and critical times.

All formulas are those of the mean-field magnet at temperature `T = (sigma/(alpha mu))^2`. The midpoint loses its
stability at a time that depends on what is asked, so that there is no single critical time:

    fixed points x = alpha D(x), any process        sigma/alpha = mu           `bifurcation_time`
    flow of a variance-exploding process            sigma = mu, as above       `symmetry_breaking_time`, noise = 0
    drift of the reverse SDE, Ornstein-Uhlenbeck    1/2 asinh(mu^2)            `symmetry_breaking_time`, noise = 1
    flow of a variance-preserving process           sigma = mu, for mu < 1     `symmetry_breaking_time`, noise = 0

On the Ornstein-Uhlenbeck clock the last is t = -1/2 log(1 - mu^2). For mu >= 1 there is no such time: the midpoint of
that flow is then unstable at every time.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ...level import ProcessLike, float_dtype, strong
from ..collapse.ratio import root
from ..points import time_of

SCAN = 1000  # times between t_min and t_max, twice, at which a change of sign is looked for
LEAST = 1e-9  # least sigma/alpha that is looked at, and the inverse of the largest one
ROUND_OFF = 100  # units in the last place of its two terms below which a growth rate counts as zero


def two_delta_free_energy(
    m: Float[ArrayLike, "*states"], ratio: Float[ArrayLike, ""], separation: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "*states"]:
    """Free energy of the state x = m alpha mu, in units of mu^2: `F(m) = m^2/2 - T log cosh(m/T)`, T = (ratio/mu)^2.

    It is `-T log p(x)` along the axis through the two points, up to a constant, with F(0) = 0. Its stationary points
    are the fixed points of the posterior mean, `m = tanh(m/T)` (`magnetization`), and its curvature is the inverse of
    their response (`susceptibility`). One well at 0 for T >= 1, two below; `m^2/2 - |m|` at T = 0. `separation` is mu.
    Source: Ambrogioni, arXiv:2310.17467; Raya and Ambrogioni, arXiv:2305.19693.
    """
    m = strong(m, float_dtype(m))
    temperature = (strong(ratio, m.dtype) / strong(separation, m.dtype)) ** 2
    frozen, hot = temperature == 0, jnp.isinf(temperature)
    temperature = jnp.where(hot, 1, temperature)
    y = jnp.abs(m) / jnp.where(frozen, 1, temperature)
    # log cosh y, each branch where it keeps its digits
    small = jnp.log1p(2 * jnp.sinh(jnp.minimum(y, 1) / 2) ** 2)
    large = y + jnp.log1p(jnp.exp(-2 * y)) - math.log(2)
    entropic = jnp.where(hot, 0, temperature * jnp.where(y < 1, small, large))
    return m**2 / 2 - jnp.where(frozen, jnp.abs(m), entropic)


def susceptibility(ratio: float, separation: float = 1.0) -> float:
    """Response of the stable fixed point x/alpha = D(x) to a small shift of D: `1/(1 - C/rho^2)`, rho = sigma/alpha.

    C = mu^2 (1 - m^2) is the posterior variance there, m the `magnetization`, and C/rho^2 the slope of D in x/alpha.
    With T = (ratio/mu)^2 the response is T/(T - 1) above the bifurcation and about 1/(2 (1 - T)) below: exponent 1 on
    both sides, with an amplitude twice as large above. It is infinite at T = 1, where the posterior variance stays
    finite, C = rho^2. It is 1 at ratio = 0.

    Accuracy: relative 1e-14/|1 - T|.
    Raises ValueError as `magnetization`.
    Source: derived, for the mean-field exponents of Raya and Ambrogioni, arXiv:2305.19693.
    """
    m = magnetization(ratio, separation)
    temperature = ratio / separation * (ratio / separation)
    if temperature == 0:
        return 1.0
    stiffness = 1 - (1 - m**2) / temperature
    return 1 / stiffness if stiffness > 0 else math.inf


def magnetization(ratio: float, separation: float = 1.0) -> float:
    """The stable fixed point of the posterior mean for data at +mu and -mu, in units of mu: `m = tanh(m mu^2/ratio^2)`.

    0 for sigma/alpha >= mu, the bifurcation; `sqrt(3 (1 - ratio^2/mu^2))` just below, a mean-field exponent of 1/2.
    Raises ValueError where `ratio` is negative or `separation` is not positive.
    Source: Raya and Ambrogioni, arXiv:2305.19693; exponents derived.
    """
    if not (ratio >= 0 and separation > 0):
        raise ValueError(
            f"`ratio` and `separation` must be nonnegative and positive, but are {ratio} and {separation}."
        )
    temperature = ratio / separation * (ratio / separation)
    if temperature >= 1 or temperature == 0:
        return float(temperature == 0)
    # atanh(m)/m grows from 1, so the root in m is bracketed away from the trivial one at 0, where m^2 > 3 (1 - T)/4
    low = math.sqrt(3 * (1 - temperature)) / 2
    return root(lambda m: math.tanh(m / temperature) - m, low * temperature, 1.0)


def bifurcation_time(process: ProcessLike, separation: float = 1.0) -> float:
    """The time at which the fixed point at the midpoint splits into two, `sigma/alpha = mu`, as `time_at` gives it.

    On the Ornstein-Uhlenbeck clock `1/2 log(1 + mu^2)`. It is the `speciation_time` of the two points, whose variance
    is mu^2; the drift of a sampler changes its sign at the `symmetry_breaking_time`.
    Raises ValueError where `separation` is not positive.
    Source: Raya and Ambrogioni, arXiv:2305.19693; general processes derived.
    """
    if not separation > 0:
        raise ValueError(f"`separation` must be positive, but is {separation}.")
    return time_of(process, separation)


def symmetry_breaking_time(process: ProcessLike, noise: float = 1.0, separation: float = 1.0) -> float:
    """The latest time, going backwards, at which the midpoint of data at +mu and -mu becomes unstable.

    Near x = 0 the reverse drift grows x at the rate `-f + (1 + noise^2) g^2/2 score'(0)` with
    `score'(0) = (alpha^2 mu^2/sigma^2 - 1)/sigma^2`; noise = 1 is the reverse SDE, noise = 0 the probability flow. The
    time at which this rate changes its sign depends on the clock and on the dynamics (see the table of this module),
    unlike the bifurcation of D at sigma/alpha = mu.

    Accuracy: that of the process's rate, in JAX's default float.
    Raises ValueError where the midpoint is always stable between t_min and t_max, or never (as for the
    Ornstein-Uhlenbeck flow with mu >= 1).
    Source: Raya and Ambrogioni, arXiv:2305.19693; general processes derived.
    """

    def terms(t):
        alpha, sigma, alpha_rate, sigma_rate = np.asarray([*process.level(t), *process.rate(t)], np.float64)
        # the rate is multiplied by alpha, which keeps it finite where alpha = 0
        mixing = (sigma_rate * alpha - sigma * alpha_rate) * ((alpha * separation / sigma) ** 2 - 1) / sigma
        return np.stack([-alpha_rate, (1 + noise**2) * mixing])

    # even in time and in the ratio, which tells early times apart
    ends = np.asarray([[*process.level(t)] for t in (process.t_min, process.t_max)], np.float64)
    low, high = (min(max(sigma, LEAST * alpha), alpha / LEAST) / alpha if alpha else 1 / LEAST for alpha, sigma in ends)
    by_ratio = np.asarray(process.time_at(np.geomspace(low, high, SCAN)), np.float64)
    times = np.concatenate([np.linspace(process.t_min, process.t_max, SCAN + 2), by_ratio])
    times = np.unique(np.clip(times, process.t_min, process.t_max))
    with np.errstate(divide="ignore", invalid="ignore"):
        times = times[np.isfinite(terms(times)).all(axis=0)]  # at the ends the rate may be infinite
    resolution = ROUND_OFF * np.finfo(process.level(process.t_max).sigma.dtype).eps
    attracts = terms(times).sum(0) < -resolution * abs(terms(times)).sum(0)
    crossings = np.flatnonzero(attracts[1:] & ~attracts[:-1])
    if len(crossings) == 0:
        throughout = "stable" if attracts[0] else "unstable"
        raise ValueError(
            f"The midpoint must lose its stability between `t_min` and `t_max`, but with `noise` {noise} and "
            f"`separation` {separation} it is {throughout} throughout."
        )
    return root(lambda t: terms(t).sum(), times[crossings[-1]], times[crossings[-1] + 1])
