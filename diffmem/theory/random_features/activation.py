"""The constants of random-feature theory: how an activation splits Gaussian data and Gaussian noise.

Computed in NumPy, float64; the activation is a NumPy function.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...level import NoiseLevel
from ..normal_rule import normal_rule

NODES = 257  # of the quadrature in each of u and v
CENTRED = 1e-3  # largest mean of a feature, in units of its standard deviation, that counts as quadrature error

Activation = Callable[[Float[np.ndarray, "..."]], Float[np.ndarray, "..."]]


class ActivationMoments(NamedTuple):
    """A feature `f(alpha u + sigma v)` of data u and noise v, independent N(0, 1), split into uncorrelated parts:

        f = a alpha u + a sigma v + (E_v f - a alpha u) + rest,    a = E f'(Gamma g),  Gamma^2 = alpha^2 + sigma^2.

    Source: the constants of Bonnaire et al., arXiv:2505.17638, for data of unit variance (Tr Sigma = d).
    """

    alpha: float
    sigma: float
    slope: float
    """a (mu_1 where Gamma = 1)."""
    conditional: float
    """v^2, the variance of the third part, which is a nonlinear function of the data alone."""
    floor: float
    """s^2, the variance of the rest, which is nonlinear in the noise and has mean 0 at fixed data."""

    @property
    def gamma(self) -> float:
        """Gamma, the standard deviation of a noisy coordinate."""
        return float(np.hypot(self.alpha, self.sigma))

    @property
    def nonlinear(self) -> float:
        """`mu_*^2 = v^2 + s^2`, the variance of a feature beyond its linear part."""
        return self.conditional + self.floor

    @property
    def signal(self) -> float:
        """`(a alpha)^2`, the variance of the part that is linear in the data."""
        return (self.slope * self.alpha) ** 2

    @property
    def noise(self) -> float:
        """`b^2 = (a sigma)^2`, the variance of the part that is linear in the noise."""
        return (self.slope * self.sigma) ** 2


def activation_moments(level: NoiseLevel, activation: Activation = np.tanh) -> ActivationMoments:
    """The moments of an activation at a noise level, by quadrature.

        a = E[f(Gamma g) g]/Gamma,   v^2 = E_u (E_v f - a alpha u)^2,   s^2 = E (f - E_v f - a sigma v)^2.

    v^2 and s^2 are computed as means of squares, not as differences of second moments, so that they keep their digits
    as sigma -> 0, where `s^2 = sigma^2 (E f'^2 - a^2)`.

    Accuracy: 1e-12 for activations as smooth as tanh up to Gamma = 5, 1e-6 at Gamma = 10, 1e-3 for one with a kink.
    Cost: 257^2 evaluations of the activation.
    Raises ValueError where alpha and sigma are both 0, negative or not finite, or the activation has a mean under noisy
    data (the theory assumes features of mean 0: subtract the mean first).
    Source: Bonnaire et al., arXiv:2505.17638, where v^2 and s^2 are written as differences.
    """
    alpha, sigma = (float(part) for part in level)
    if not (0 <= alpha < np.inf and 0 <= sigma < np.inf and alpha + sigma > 0):
        raise ValueError(f"`level` must be finite, nonnegative and not 0, but is ({alpha}, {sigma}).")
    node, weight = normal_rule(NODES)
    gamma = np.hypot(alpha, sigma)
    values = activation(gamma * node)
    mean, square = weight @ values, weight @ values**2
    if not abs(mean) <= CENTRED * np.sqrt(square):
        raise ValueError(f"`activation` must have mean 0 under noisy data, but has {mean}.")
    slope = weight @ (values * node) / gamma
    features = activation(alpha * node[:, None] + sigma * node) - mean
    explained = features @ weight
    rest = features - explained[:, None] - slope * sigma * node
    conditional, floor = weight @ (explained - slope * alpha * node) ** 2, weight @ rest**2 @ weight
    return ActivationMoments(alpha, sigma, float(slope), float(conditional), float(floor))
