"""Isotropic laws whose distances to a noisy point have an exact law: what a random-energy model needs of its data.

A query is u = y_1 + (sigma/alpha) z. Everything is measured in the law's standard deviation per coordinate, and energies
as gaps to the query's own, G = (|u - y|^2 - |u - y_1|^2) alpha^2/(2 sigma^2), so that in 10^12 dimensions, where energies are
10^12 nats, a gap of one nat keeps 12 digits. NumPy, float64.
"""

import abc
import math
from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float

from . import noncentral, spherical_cap
from .noncentral import Place


class Own(NamedTuple):
    """What m queries are made of, in standard deviations of the law."""

    noise: Float[np.ndarray, "m"]
    """|z|."""
    along: Float[np.ndarray, "m"]
    """Component of the own point y_1 along z."""
    across: Float[np.ndarray, "m"]
    """Square of the rest of y_1."""


class Sight(NamedTuple):
    """m queries at one noise-to-signal ratio."""

    noise_square: Float[np.ndarray, "m"]
    """|z|^2, twice the own energy."""
    square: Float[np.ndarray, "m"]
    """|u|^2, on which the law of the other energies depends."""
    shift: Float[np.ndarray, "m"]
    """|u|^2 less that of the noise, s |z|^2."""
    s: float
    """(sigma/alpha)^2 in variances of the law."""


class Bulk(NamedTuple):
    """Means over the energies above a gap t, in logarithms."""

    gap: Float[np.ndarray, "m"]
    """t."""
    first: Float[np.ndarray, "m"]
    """`log E[e^-G; G > t]`."""
    second: Float[np.ndarray, "m"]
    """`log E[e^-2G; G > t]`."""


def sight(own: Own, s: float) -> Sight:
    """The queries u = y_1 + sqrt(s) z."""
    step = math.sqrt(s) * own.noise
    square = (own.along + step) ** 2 + own.across
    return Sight(own.noise**2, square, own.along**2 + own.across + 2 * step * own.along, s)


class AbstractIsotropicLaw(eqx.Module):
    """A law of points, unchanged by rotation about the origin; `gaps` has shape (m, k) for scores (m, k)."""

    d: eqx.AbstractVar[int]

    @abc.abstractmethod
    def deviation(self) -> float:
        """Standard deviation of a coordinate, in data units."""

    @abc.abstractmethod
    def freedom(self) -> int:
        """Number of directions in which a point can lie close to another: probabilities fall as distance^freedom."""

    @abc.abstractmethod
    def own(self, draws: Own) -> Own:
        """The query's own point, from the draws of a standard normal one."""

    @abc.abstractmethod
    def gaps(self, seen: Sight, scores: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """Quantiles of the gaps: P(G < gap) = Phi(score)."""

    @abc.abstractmethod
    def bulk(self, seen: Sight, scores: Float[np.ndarray, "m"]) -> Bulk:
        """The mean Boltzmann factors of the gaps above the quantile of each score."""


class IsotropicGaussian(AbstractIsotropicLaw):
    """Points of N(0, `variance` I_d): |u - y|^2/v is noncentral chi-square, of d degrees and noncentrality |u|^2/v.

    Raises ValueError where `d` is below 1 or `variance` is not positive and finite.
    """

    d: int
    variance: float = 1.0

    def __check_init__(self):
        if self.d < 1:
            raise ValueError(f"`d` must be at least 1, but is {self.d}.")
        _check_positive("variance", self.variance)

    def deviation(self) -> float:
        """sqrt(variance)."""
        return math.sqrt(self.variance)

    def freedom(self) -> int:
        """All d."""
        return self.d

    def own(self, draws: Own) -> Own:
        """A normal point."""
        return draws

    def gaps(self, seen: Sight, scores: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """By `noncentral.quantile`."""
        place = noncentral.quantile(scores, float(self.d), np.broadcast_to(seen.square[:, None], scores.shape))
        return self._gap(seen, place)

    def bulk(self, seen: Sight, scores: Float[np.ndarray, "m"]) -> Bulk:
        """The upper tails of the law tilted by e^-G and e^-2G, which are noncentral chi-square too."""
        d = float(self.d)
        place = noncentral.quantile(scores, d, seen.square)
        gap = self._gap(seen, Place(place.x[:, None], place.offset[:, None]))[:, 0]
        tails = [noncentral.log_tails(place, d, seen.square, beta / seen.s).above - beta * gap for beta in (1, 2)]
        return Bulk(gap, *tails)

    def _gap(self, seen: Sight, place: Place):
        """From the form of the place that has the digits."""
        if seen.s < 1:
            return place.x / (2 * seen.s) - seen.noise_square[:, None] / 2
        return (place.offset + self.d + seen.shift[:, None]) / (2 * seen.s)


class UniformSphere(AbstractIsotropicLaw):
    """Points uniform on the sphere of `radius` R about the origin of R^d: |u - y|^2 = |u|^2 + R^2 - 2 R |u| c.

    The cosine c has (1 + c)/2 ~ Beta((d - 1)/2, (d - 1)/2). Raises ValueError where `d` is below 2 or `radius` is not
    positive and finite.
    """

    d: int
    radius: float = 1.0

    def __check_init__(self):
        if self.d < 2:
            raise ValueError(f"`d` must be at least 2, but is {self.d}.")
        _check_positive("radius", self.radius)

    def deviation(self) -> float:
        """R/sqrt(d)."""
        return self.radius / math.sqrt(self.d)

    def freedom(self) -> int:
        """The dimension of the sphere."""
        return self.d - 1

    def own(self, draws: Own) -> Own:
        """A normal point, moved to the sphere."""
        square = draws.along**2 + draws.across
        return Own(draws.noise, draws.along * np.sqrt(self.d / square), draws.across * (self.d / square))

    def gaps(self, seen: Sight, scores: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """By `spherical_cap.cap_quantile`."""
        return self._gap(seen, spherical_cap.cap_quantile(scores, float(self.d)))

    def bulk(self, seen: Sight, scores: Float[np.ndarray, "m"]) -> Bulk:
        """Caps tilted by the gaps, e^(beta R |u| c alpha^2/sigma^2)."""
        y = spherical_cap.cap_quantile(scores, float(self.d))
        gap = self._gap(seen, y[:, None])[:, 0]
        tilt = np.sqrt(seen.square * self.d) / seen.s
        tails = [spherical_cap.log_cap(-y, float(self.d), -beta * tilt) - beta * gap for beta in (1, 2)]
        return Bulk(gap, *tails)

    def _gap(self, seen: Sight, y):
        """By the distance from the nearest point of the sphere where that is small."""
        radius, reach = math.sqrt(self.d), np.sqrt(seen.square)[:, None]
        if seen.s < 1:
            distance = (reach - radius) ** 2 + 4 * reach * radius / (1 + np.exp(2 * y))
            return distance / (2 * seen.s) - seen.noise_square[:, None] / 2
        return (seen.shift[:, None] + self.d - 2 * reach * radius * np.tanh(y)) / (2 * seen.s)


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be positive and finite, but is {value}.")
