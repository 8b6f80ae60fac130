"""The two training times of random features, `tau_gen` and `tau_mem`, and the two bulks of the spectrum that set them.

The spectrum of the second moment U of the features (`resolvent`) has a bulk `rho_1` that comes from the training points
(memorization) and a bulk `rho_2` that comes from the population (generalization). Gradient flow learns modes of large
eigenvalue first, and so the population before the training points. Computed in NumPy, float64.
"""

import math

from ...annotations import Number
from .activation import ActivationMoments
from .resolvent import check_ratios


def sample_bulk(psi_p: Number, psi_n: Number, moments: ActivationMoments) -> tuple[float, float]:
    """Both ends of `rho_1`, `s^2 + v^2 (1 -+ sqrt(psi_p/psi_n))^2`: the modes that tell training points apart.

    Independent of the data's covariance. Accuracy: leading order for psi_p, psi_n >> 1; the upper end to 10 % at
    psi_n = 4, the lower one to a factor of 3 there and 10 % at 16.
    Source: Bonnaire et al., arXiv:2505.17638, Theorem 3.2.
    """
    check_ratios(psi_p, psi_n)
    root = math.sqrt(psi_p / psi_n)
    return tuple(moments.floor + moments.conditional * (1 + sign * root) ** 2 for sign in (-1, 1))


def population_bulk(psi_p: Number, moments: ActivationMoments) -> tuple[float, float]:
    """Both ends of `rho_2`, `mu_*^2 + a^2 Gamma^2 (1 -+ sqrt(psi_p))^2`, for data of covariance I.

    It is the spectrum of the features of the population, `U_pop = a^2 Gamma^2 W W^T/d + mu_*^2`.
    Accuracy: leading order for psi_n >> 1; exact for psi_n = infinity.
    Source: Bonnaire et al., arXiv:2505.17638, Theorem 3.2.
    """
    check_ratios(psi_p, 1.0)
    scale = (moments.slope * moments.gamma) ** 2
    return tuple(moments.nonlinear + scale * (1 + sign * math.sqrt(psi_p)) ** 2 for sign in (-1, 1))


def generalization_time(psi_p: Number, moments: ActivationMoments) -> float:
    """`tau_gen = psi_p/(sigma^2 l)`, the training time at which the slowest mode of the population is learnt.

    l is the lower end of `rho_2`. For psi_p >> 1 the time is of order 1/sigma^2, whatever n; the paper writes `Delta_t`
    for sigma^2. A mode of eigenvalue l decays as `exp(-2 sigma^2 l tau/psi_p)`, tau = steps x learning rate / d^2.
    Source: Bonnaire et al., arXiv:2505.17638.
    """
    return psi_p / (moments.sigma**2 * population_bulk(psi_p, moments)[0])


def memorization_time(psi_p: Number, psi_n: Number, moments: ActivationMoments) -> float:
    """`tau_mem = psi_p/(sigma^2 (m - s^2))`, the training time at which gradient flow learns single training points.

    m is the centre of `rho_1`: m - s^2 = v^2 psi_p/psi_n for psi_p >> psi_n (v^2 for psi_n >> psi_p), so that `tau_mem`
    = `psi_n/(sigma^2 v^2)` is linear in the number of points. Units as in `generalization_time`.
    Accuracy: leading order for psi_p >> psi_n >> 1, where `rho_1` is narrow.
    Source: Bonnaire et al., arXiv:2505.17638, who take the lower end of `rho_1`, to which its centre tends.
    """
    check_ratios(psi_p, psi_n)
    return psi_p / (moments.sigma**2 * moments.conditional * max(1.0, psi_p / psi_n))
