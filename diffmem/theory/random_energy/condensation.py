"""The random-energy model of the other training points: its free energy, and `beta_c`, where their sum condenses.

At u = x/alpha = y_1 + r z, r = sigma/alpha, another training point y has the energy `E = |u - y|^2/(2 r^2)`. For points
of a Gaussian with covariance eigenvalues L_k all results are sums over the s_k = L_k snr, snr = alpha^2/sigma^2.
Computed in NumPy, float64.
"""

import math

import numpy as np
from jaxtyping import ArrayLike, Float

from ...annotations import Number
from ..collapse.ratio import PADDING, collapse_ratio, root
from ..points import checked_spectrum, log_size


def annealed_log_partition(
    beta: Float[ArrayLike, "*betas"], snr: Number, spectrum: Float[ArrayLike, "d"], n: Number
) -> Float[np.ndarray, "*betas"]:
    """The annealed log-partition of n independent points, `log n + phi(beta)` in nats:

        phi = E_u log E_y exp(-beta |u - y|^2/(2 r^2)) = -1/2 sum_k [log(1 + beta s_k) + c_k + beta (1 - c_k)],

    c_k = beta s_k/(1 + beta s_k). It is minus beta times the annealed free energy, and the typical log-partition below
    `beta_c`. A direction without variance contributes -beta/2, from the noise of u. It is log n at beta = 0, and -inf
    at snr = inf for beta > 0.

    Accuracy: exact for Gaussian data, averaged over u. Cost: O(d) for each beta.
    Raises ValueError where `beta` or `snr` is negative or NaN, `n` below 1, or the spectrum empty, negative or not
    finite.
    Source: derived; the model is that of Biroli et al., arXiv:2402.18491, and Lucibello and Mezard, arXiv:2304.14964.
    """
    beta, log_sum, shares, rest, log_n = _modes(beta, snr, spectrum, n)
    return np.asarray(log_n - (log_sum + shares.sum(-1) + beta * rest.sum(-1)) / 2)


def background_entropy(
    beta: Float[ArrayLike, "*betas"], snr: Number, spectrum: Float[ArrayLike, "d"], n: Number
) -> Float[np.ndarray, "*betas"]:
    """Logarithm of the number of points that share the annealed Gibbs measure at inverse temperature beta, in nats:

        s(beta) = log n + phi - beta phi' = log n - 1/2 sum_k [log(1 + beta s_k) - (1 - beta) c_k (1 - c_k)].

    It falls from log n as beta grows. At beta = 1, the temperature of the diffusion, it is `log n - I(X0; Xt)`: the sum
    over the other points condenses exactly where the process collapses. Where it is negative, the sum has condensed and
    the annealed formula does not hold.
    Raises ValueError as `annealed_log_partition`.
    Source: derived.
    """
    beta, log_sum, shares, rest, log_n = _modes(beta, snr, spectrum, n)
    return np.asarray(log_n - (log_sum - (1 - beta) * (shares * rest).sum(-1)) / 2)


def condensation_inverse_temperature(snr: Number, spectrum: Float[ArrayLike, "d"], n: Number) -> float:
    """The inverse temperature `beta_c` of condensation: the root of `background_entropy`.

    Beyond it a few points hold the whole Gibbs sum. `beta_c` is 1 at `collapse_ratio` r_c, above 1 at more noise, and
    always between 1 and (r/r_c)^2, r = sigma/alpha. With little signal `beta_c = sqrt(2 log n/sum_k s_k)`, as in
    Derrida's model. It is 0 at snr = inf and for one point, and inf without signal.

    Accuracy: 1e-13 relative.
    Raises ValueError as `annealed_log_partition`.
    Source: Derrida 1981 for the transition; for these energies derived.
    """
    check_signal(snr)
    critical = collapse_ratio(n, spectrum)
    if critical == math.inf:
        return 0.0
    if critical == 0 or snr == 0:
        return math.inf
    if snr == math.inf:
        return 0.0
    # s(1) and s((r/r_c)^2) have opposite signs
    end = -math.log(snr) - 2 * math.log(critical)
    low, high = min(end, 0.0) - PADDING, max(end, 0.0) + PADDING
    return math.exp(root(lambda b: float(background_entropy(math.exp(b), snr, spectrum, n)), low, high))


def quenched_log_partition(
    beta: Float[ArrayLike, "*betas"], snr: Number, spectrum: Float[ArrayLike, "d"], n: Number
) -> Float[np.ndarray, "*betas"]:
    """The typical (quenched) `log sum_j exp(-beta E_j)`: annealed up to `beta_c`, beyond it `beta/beta_c` times that.

    Beyond `beta_c` it is minus beta times the lowest energy; one's own point has energy d/2. Exact to leading order in
    d at fixed (log n)/d; at finite d fluctuations of |u| and of the lowest energy lower it by a few nats.
    Raises ValueError as `annealed_log_partition`.
    Source: Derrida 1981; for these energies derived.
    """
    beta = np.asarray(beta, np.float64)
    critical = condensation_inverse_temperature(snr, spectrum, n)
    annealed = annealed_log_partition(np.minimum(beta, critical), snr, spectrum, n)
    if critical > 0:
        return np.where(beta <= critical, annealed, beta / critical * annealed)
    # one point, or no noise: the slope at beta = 0 is minus the mean energy
    energy = (0.5 + snr * checked_spectrum(spectrum)).sum() if snr < math.inf else math.inf
    with np.errstate(invalid="ignore"):
        return np.where(beta > 0, -beta * energy, log_size(n))


def check_signal(snr: Number) -> None:
    """Raise ValueError unless snr >= 0."""
    if not snr >= 0:
        raise ValueError(f"`snr` must be at least 0, but is {snr}.")


def _modes(beta, snr, spectrum, n):
    """beta, sum_k log(1 + beta s_k), the c_k and the 1 - c_k along a last axis, and log n."""
    log_n, variances = log_size(n), checked_spectrum(spectrum)
    beta = np.asarray(beta, np.float64)
    check_signal(snr)
    if not (beta >= 0).all():
        raise ValueError(f"`beta` must be at least 0, but holds {beta.min()}.")
    with np.errstate(divide="ignore", invalid="ignore"):
        # in logarithms, so that nothing overflows; -inf stands for no signal
        log_signal = np.where(variances > 0, np.log(snr) + np.log(variances), -np.inf)
        log_scaled = np.where(beta[..., None] > 0, np.log(beta[..., None]) + log_signal, -np.inf)
    sums = np.logaddexp(0.0, log_scaled)
    return beta, sums.sum(-1), np.exp(-np.logaddexp(0.0, -log_scaled)), np.exp(-sums), log_n
