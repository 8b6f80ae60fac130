"""Free energy of the random energies that other training points have: where their Gibbs sum condenses.

At u = x/alpha = y_1 + r z, r = sigma/alpha, another point y has the energy `E = |u - y|^2/(2 r^2)`. For n points of a
Gaussian with covariance eigenvalues L_k everything is a sum over s_k = L_k snr, snr = alpha^2/sigma^2. NumPy, float64.
"""

import math
from numbers import Real

import numpy as np
from jaxtyping import ArrayLike, Float

from ..collapse.ratio import PADDING, collapse_ratio, root
from ..points import checked_spectrum, log_size


def annealed_log_partition(
    beta: Float[ArrayLike, "*betas"], snr: Real, spectrum: Float[ArrayLike, "d"], n: Real
) -> Float[np.ndarray, "*betas"]:
    """`log n + phi(beta)`: the log-partition of n independent points where their sum is near its mean, in nats.

        phi = E_u log E_y exp(-beta |u - y|^2/(2 r^2)) = -1/2 sum_k [log(1 + beta s_k) + c_k + beta (1 - c_k)],

    c_k = beta s_k/(1 + beta s_k); minus beta times the free energy. Directions without variance carry the noise of u:
    -beta/2 each. It is -inf at snr = inf for beta > 0, and log n at beta = 0.

    Accuracy: exact for Gaussian data, averaged over u. Cost O(d) per beta.

    Raises:
        ValueError: `beta` or `snr` is negative or NaN, `n` below 1, or the spectrum empty, negative or not finite.
    Source: derived; the model is that of Biroli et al., arXiv:2402.18491, and Lucibello and Mezard, arXiv:2304.14964.
    """
    beta, log_sum, shares, log_n = _modes(beta, snr, spectrum, n)
    total = shares.sum(-1)
    return np.asarray(log_n - (log_sum + total + beta * (shares.shape[-1] - total)) / 2)


def background_entropy(
    beta: Float[ArrayLike, "*betas"], snr: Real, spectrum: Float[ArrayLike, "d"], n: Real
) -> Float[np.ndarray, "*betas"]:
    """Logarithm of the number of points that share the annealed Gibbs measure at inverse temperature beta, in nats:

        s(beta) = log n + phi - beta phi' = log n - 1/2 sum_k [log(1 + beta s_k) - (1 - beta) c_k (1 - c_k)].

    It falls from log n. At beta = 1, the temperature of the diffusion, it is `log n - I(X0; Xt)`: the other points
    condense exactly where the process collapses. Negative values mean that the annealed sum does not hold.

    Raises:
        ValueError: as `annealed_log_partition`.
    Source: derived.
    """
    beta, log_sum, shares, log_n = _modes(beta, snr, spectrum, n)
    return np.asarray(log_n - (log_sum - (1 - beta) * (shares * (1 - shares)).sum(-1)) / 2)


def condensation_inverse_temperature(snr: Real, spectrum: Float[ArrayLike, "d"], n: Real) -> float:
    """The root beta_c of `background_entropy`, beyond which a few points hold the whole Gibbs sum.

    beta_c = 1 at `collapse_ratio`, above 1 at more noise; always between 1 and (r/r_c)^2, r = sigma/alpha. With little
    signal `beta_c = sqrt(2 log n/sum_k s_k)`, Derrida's model. 0 at snr = inf and for one point, inf without signal.

    Accuracy: 1e-13 relative.

    Raises:
        ValueError: as `annealed_log_partition`.
    Source: Derrida 1981 for the transition; for these energies derived.
    """
    check_signal(snr)
    critical = collapse_ratio(n, spectrum)
    if critical == math.inf or snr == math.inf:
        return 0.0
    if critical == 0 or snr == 0:
        return math.inf
    # s(1) and s((r/r_c)^2) have opposite signs
    end = -math.log(snr) - 2 * math.log(critical)
    low, high = min(end, 0.0) - PADDING, max(end, 0.0) + PADDING
    return math.exp(root(lambda b: float(background_entropy(math.exp(b), snr, spectrum, n)), low, high))


def quenched_log_partition(
    beta: Float[ArrayLike, "*betas"], snr: Real, spectrum: Float[ArrayLike, "d"], n: Real
) -> Float[np.ndarray, "*betas"]:
    """The typical `log sum_j exp(-beta E_j)`: annealed up to beta_c, beyond it `beta/beta_c` of its value there.

    The straight line is minus beta times the lowest energy; the own point competes at energy d/2. Exact to leading
    order in d at fixed (log n)/d; at finite d fluctuations of |u| and of the lowest energy lower it by a few nats.

    Raises:
        ValueError: as `annealed_log_partition`.
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


def check_signal(snr: Real) -> None:
    """Raise ValueError unless snr >= 0."""
    if not snr >= 0:
        raise ValueError(f"`snr` must be at least 0, but is {snr}.")


def _modes(beta, snr, spectrum, n):
    """beta, sum_k log(1 + beta s_k), c_k with the components on a last axis, and log n."""
    log_n, variances = log_size(n), checked_spectrum(spectrum)
    beta = np.asarray(beta, np.float64)
    check_signal(snr)
    if not (beta >= 0).all():
        raise ValueError(f"`beta` must be at least 0, but holds {beta.min()}.")
    with np.errstate(divide="ignore", invalid="ignore"):
        # in logarithms: nothing overflows, and no signal is -inf
        log_signal = np.where(variances > 0, np.log(snr) + np.log(variances), -np.inf)
        log_scaled = np.where(beta[..., None] > 0, np.log(beta[..., None]) + log_signal, -np.inf)
    return beta, np.logaddexp(0.0, log_scaled).sum(-1), np.exp(-np.logaddexp(0.0, -log_scaled)), log_n
