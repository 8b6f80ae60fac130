"""Where the reverse process commits to a class: the noise at which the leading principal component is resolved.

Two conventions for the top eigenvalue L, which agree to a relative 1/(2 L). Both are ratios sigma/alpha, so they hold
on every process; numbers are computed on the host in float64.
"""

import math

from jaxtyping import ArrayLike, Float

from ...level import ProcessLike
from ..points import checked_spectrum


def speciation_ratio(spectrum: Float[ArrayLike, "d"]) -> float:
    """sigma/alpha at which signal and noise of the leading component are equal, `alpha^2 L = sigma^2`: sqrt(L).

    On the Ornstein-Uhlenbeck clock it is the time `1/2 log(1 + L)`. 0 when the spectrum is zero.

    Raises:
        ValueError: the spectrum is empty, negative or not finite.
    Source: Biroli et al., arXiv:2402.18491, at finite L (derived).
    """
    return math.sqrt(checked_spectrum(spectrum).max())


def speciation_time(process: ProcessLike, spectrum: Float[ArrayLike, "d"]) -> float:
    """The time of `speciation_ratio` on a process, as its `time_at` gives it."""
    return float(process.time_at(speciation_ratio(spectrum)))


def asymptotic_speciation_ratio(spectrum: Float[ArrayLike, "d"]) -> float:
    """sigma/alpha at which a variance-preserving process has `alpha^2 L = 1`: sqrt(L - 1).

    On the Ornstein-Uhlenbeck clock it is the published time `1/2 log L`. Other processes share the posteriors of
    that clock at equal ratio, so the ratio is the same. 0 when L <= 1: no time satisfies the convention.

    Raises:
        ValueError: the spectrum is empty, negative or not finite.
    Source: Biroli et al., arXiv:2402.18491, `t_S = 1/2 log L`.
    """
    return math.sqrt(max(checked_spectrum(spectrum).max() - 1, 0))


def asymptotic_speciation_time(process: ProcessLike, spectrum: Float[ArrayLike, "d"]) -> float:
    """The time of `asymptotic_speciation_ratio` on a process, as its `time_at` gives it."""
    return float(process.time_at(asymptotic_speciation_ratio(spectrum)))
