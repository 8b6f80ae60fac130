"""Speciation: the noise at which the reverse process commits to a class, as the leading principal component emerges.

L is the largest eigenvalue of the covariance of the data. On the Ornstein-Uhlenbeck clock the papers' time is
`t_S = 1/2 log L` (`asymptotic_speciation_time`), the limit of large L of `1/2 log(1 + L)` (`speciation_time`), where
signal and noise of that component are equal. The ratios sigma/alpha agree to a relative 1/(2 L). They hold on every
process, as posteriors depend on the ratio alone. Computed in NumPy, float64.
"""

import math

from jaxtyping import ArrayLike, Float

from ...level import ProcessLike
from ..points import checked_spectrum, time_of


def speciation_ratio(spectrum: Float[ArrayLike, "d"]) -> float:
    """sigma/alpha at which signal and noise of the leading component are equal, `alpha^2 L = sigma^2`: `sqrt(L)`.

    The papers' ratio is `asymptotic_speciation_ratio`, sqrt(L - 1). 0 when the spectrum is zero.
    Raises ValueError where the spectrum is empty, negative or not finite.
    Source: Biroli et al., arXiv:2402.18491, at finite L (derived).
    """
    return math.sqrt(checked_spectrum(spectrum).max())


def speciation_time(process: ProcessLike, spectrum: Float[ArrayLike, "d"]) -> float:
    """The speciation time at finite L: where `alpha^2 L = sigma^2` on a process.

    On the Ornstein-Uhlenbeck clock it is `1/2 log(1 + L)`; the papers' time is `asymptotic_speciation_time`. Raises
    ValueError as `speciation_ratio`.
    """
    return time_of(process, speciation_ratio(spectrum))


def asymptotic_speciation_ratio(spectrum: Float[ArrayLike, "d"]) -> float:
    """The papers' speciation, as the sigma/alpha at which a variance-preserving process has `alpha^2 L = 1`:
    `sqrt(L - 1)`.

    Other processes have the posteriors of a variance-preserving one at equal sigma/alpha, and so the ratio of it. 0
    when L <= 1, where no time satisfies `alpha^2 L = 1`.
    Raises ValueError where the spectrum is empty, negative or not finite.
    Source: Biroli et al., arXiv:2402.18491, `t_S = 1/2 log L`.
    """
    return math.sqrt(max(checked_spectrum(spectrum).max() - 1, 0))


def asymptotic_speciation_time(process: ProcessLike, spectrum: Float[ArrayLike, "d"]) -> float:
    """The papers' speciation time, `t_S = 1/2 log L` on the Ornstein-Uhlenbeck clock.

    On any process it is the time of `asymptotic_speciation_ratio`, with its errors.
    Source: Biroli et al., arXiv:2402.18491.
    """
    return time_of(process, asymptotic_speciation_ratio(spectrum))
