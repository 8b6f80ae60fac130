"""Collapse of data in well separated Gaussian clusters.

While the noise leaves the clusters apart, a noisy point tells its cluster in full, which is `H(w) = -sum_c w_c log w_c`
nats of information, and its position within the cluster as a Gaussian channel does: `I = H(w) + sum_c w_c I_c`.
"""

import math

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ...annotations import Number
from ...level import ProcessLike
from ..information.gaussian_channel import gaussian_information
from ..points import checked_spectrum, log_size, time_of
from .onset import onset_gain
from .ratio import half_log1p, ratio_at

ROUNDING = 16 * np.finfo(np.float64).eps  # of an entropy, relative


def mixture_information(
    snr: Float[ArrayLike, "*levels"], weights: Float[ArrayLike, "c"], spectra: Float[ArrayLike, "rows d"]
) -> Float[Array, "*levels"]:
    """Mutual information in nats of separated Gaussian clusters: `I = H(w) + sum_c w_c 1/2 sum_k log(1 + L_ck snr)`.

    `weights` are normalised here; row c of `spectra` holds the covariance eigenvalues `L_ck` of cluster c. The formula
    is an upper bound for any mixture of these components, reached where the noise leaves clusters apart: at snr = 0 it
    is H(w), where the information is 0.
    Raises ValueError where weights or spectra are negative or not finite, weights are all 0, or their numbers differ.
    Source: derived, by the chain rule of mutual information for the pair of component and point.
    """
    shares, variances = _checked(weights, spectra)
    # an absent cluster adds nothing, also where its own information is infinite
    present = [(share, row) for share, row in zip(shares.tolist(), variances) if share > 0]
    within = [share * gaussian_information(snr, row) for share, row in present]
    return jax.tree.reduce(lambda a, b: a + b, within) + _entropy(shares)


def mixture_collapse_ratio(n: Number, weights: Float[ArrayLike, "c"], spectra: Float[ArrayLike, "rows d"]) -> float:
    """sigma/alpha at which n points in separated Gaussian clusters collapse: `H(w) + sum_c w_c I_c = log n`.

    c equal clusters of one spectrum collapse like the n/c points of one of them alone. Valid where the clusters are
    still apart at the result, that is well below the speciation ratio. n = 1 gives inf, spectra of zeros give 0.
    Raises ValueError as `mixture_information`, and where `n` > 1 is not above the effective number of clusters e^H(w).
    Source: Biroli et al., arXiv:2402.18491, for n = e^(a d), where H(w) is negligible; the term H(w): derived.
    """
    return _ratio(n, weights, spectra, half_log1p)


def mixture_onset_ratio(n: Number, weights: Float[ArrayLike, "c"], spectra: Float[ArrayLike, "rows d"]) -> float:
    """`onset_ratio` for separated Gaussian clusters: `H(w) + sum_c w_c 1/2 sum_k [log(1 + s) + s/(1 + s)] = log n`.

    Raises ValueError as `mixture_collapse_ratio`.
    Source: derived.
    """
    return _ratio(n, weights, spectra, onset_gain)


def mixture_collapse_time(
    process: ProcessLike, n: Number, weights: Float[ArrayLike, "c"], spectra: Float[ArrayLike, "rows d"]
) -> float:
    """The collapse time `t_C` of separated clusters on a process: that of `mixture_collapse_ratio`, with its errors."""
    return time_of(process, mixture_collapse_ratio(n, weights, spectra))


def mixture_onset_time(
    process: ProcessLike, n: Number, weights: Float[ArrayLike, "c"], spectra: Float[ArrayLike, "rows d"]
) -> float:
    """The onset time of separated clusters on a process: that of `mixture_onset_ratio`, with its errors."""
    return time_of(process, mixture_onset_ratio(n, weights, spectra))


def _ratio(n, weights, spectra, gain) -> float:
    log_n = log_size(n)
    shares, variances = _checked(weights, spectra)
    entropy = _entropy(shares)
    if log_n == 0:
        return math.inf
    if not log_n - entropy > ROUNDING * entropy:
        raise ValueError(
            f"`n` must exceed the effective number of clusters, e^H = {math.exp(entropy):.4g}, but is {n}."
        )
    counts = np.broadcast_to(shares[:, None], variances.shape)
    return ratio_at(log_n - entropy, gain, variances.ravel(), counts.ravel())


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


def _checked(weights, spectra) -> tuple[np.ndarray, np.ndarray]:
    shares, variances = np.asarray(weights, np.float64), np.asarray(spectra, np.float64)
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise ValueError(f"`weights` must be finite, nonnegative and not all zero, but are {shares}.")
    if variances.shape[:1] != shares.shape:
        raise ValueError(f"`spectra` must hold a row for each of {len(shares)} weights, but holds {len(variances)}.")
    checked_spectrum(variances.ravel())
    return shares / shares.sum(), variances
