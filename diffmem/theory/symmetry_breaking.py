"""Critical times of the two-delta law, where the symmetric state loses its stability."""

import math

import numpy as np

from ..level import ProcessLike
from .collapse import root

SCAN = 1000  # times between t_min and t_max at which a change of sign is looked for
ROUND_OFF = 100  # units in the last place of its two terms below which a growth rate counts as zero


def magnetization(ratio: float, separation: float = 1.0) -> float:
    """The stable fixed point of the posterior mean for data at +mu and -mu, in units of mu: `m = tanh(m mu^2/ratio^2)`.

    0 for sigma/alpha >= mu, the bifurcation; `sqrt(3 (1 - ratio^2/mu^2))` just below, a mean-field exponent of 1/2.

    Raises:
        ValueError: `ratio` is negative or `separation` is not positive.
    Source: Raya and Ambrogioni, arXiv:2305.19693; exponents derived.
    """
    if not (ratio >= 0 and separation > 0):
        raise ValueError(
            f"`ratio` and `separation` must be nonnegative and positive, but are {ratio} and {separation}."
        )
    temperature = (ratio / separation) ** 2
    if temperature >= 1 or temperature == 0:
        return float(temperature == 0)
    # atanh(m)/m grows from 1, so the root in m is bracketed away from the trivial one at 0, where m^2 > 3 (1 - T)/4
    low = math.sqrt(3 * (1 - temperature)) / 2
    return root(lambda m: math.tanh(m / temperature) - m, low * temperature, 1.0)


def symmetry_breaking_time(process: ProcessLike, noise: float = 1.0, separation: float = 1.0) -> float:
    """The latest time at which the midpoint of data at +mu and -mu stops attracting the reverse drift.

    The linear growth rate at x = 0, backwards in time, is `-f + (1 + noise^2) g^2/2 score'(0)` with
    `score'(0) = (alpha^2 mu^2/sigma^2 - 1)/sigma^2`; noise = 1 is the reverse SDE, noise = 0 the probability flow. It
    depends on the clock and on the dynamics, unlike the bifurcation of D at sigma/alpha = mu.
    Known: 1/2 log(1 + sqrt 2) for the reverse SDE on the Ornstein-Uhlenbeck clock, sigma = mu for the
    variance-exploding flow.

    Accuracy: that of the process's rate, in JAX's default float.

    Raises:
        ValueError: the midpoint never attracts between t_min and t_max (as for the Ornstein-Uhlenbeck flow), or always
            does.
    Source: Raya and Ambrogioni, arXiv:2305.19693; general processes derived.
    """

    def terms(t):
        alpha, sigma, alpha_rate, sigma_rate = np.asarray([*process.level(t), *process.rate(t)], np.float64)
        # times alpha, which keeps it finite where alpha = 0
        mixing = (sigma_rate * alpha - sigma * alpha_rate) * ((alpha * separation / sigma) ** 2 - 1) / sigma
        return np.stack([-alpha_rate, (1 + noise**2) * mixing])

    # the ends are left out: there the rate may be infinite or exactly 0
    times = np.linspace(process.t_min, process.t_max, SCAN + 2)[1:-1]
    resolution = ROUND_OFF * np.finfo(process.level(process.t_max).sigma.dtype).eps
    attracts = terms(times).sum(0) < -resolution * abs(terms(times)).sum(0)
    crossings = np.flatnonzero(attracts[1:] & ~attracts[:-1])
    if len(crossings) == 0:
        raise ValueError(
            f"The midpoint must lose its stability between `t_min` and `t_max`, but with `noise` {noise} it does not."
        )
    return root(lambda t: terms(t).sum(), times[crossings[-1]], times[crossings[-1] + 1])
