"""Isotropic laws of data for which the distances of all points to a noisy point have a law in closed form.

A query is u = y_1 + (sigma/alpha) z. Lengths are in units of the law's standard deviation per coordinate. Energies are
given as gaps to that of the query's own point y_1, `G = (|u - y|^2 - |u - y_1|^2) alpha^2/(2 sigma^2)`: in 10^12
dimensions energies are 10^12 nats, and a gap of one nat keeps 12 digits. Computed in NumPy, float64.
"""

import abc
import math
from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float

from ...checks import check_positive
from . import noncentral, spherical_cap

HIGH = 1000  # dimensions below which gaps may be differences of energies


class Own(NamedTuple):
    """Noise z and own point y_1 of m queries, in standard deviations of the law."""

    noise: Float[np.ndarray, "m"]
    """|z|."""
    along: Float[np.ndarray, "m"]
    """Component of the own point y_1 along z."""
    across: Float[np.ndarray, "m"]
    """Square of the part of y_1 that is orthogonal to z."""


class Queries(NamedTuple):
    """m queries at one noise-to-signal ratio."""

    noise_square: Float[np.ndarray, "m"]
    """|z|^2, twice the own energy."""
    square: Float[np.ndarray, "m"]
    """|u|^2, on which the law of the energies of the other points depends."""
    overlap: Float[np.ndarray, "m"]
    """Twice the inner product of y_1 and sqrt(s) z."""
    own_square: Float[np.ndarray, "m"]
    """|y_1|^2, so that |u|^2 = own_square + overlap + s |z|^2."""
    s: float
    """(sigma/alpha)^2 over the variance of the law."""


class Bulk(NamedTuple):
    """Means over the gaps G above a value t, in logarithms."""

    gap: Float[np.ndarray, "m"]
    """t."""
    first: Float[np.ndarray, "m"]
    """`log E[e^-G; G > t]`."""
    second: Float[np.ndarray, "m"]
    """`log E[e^-2G; G > t]`."""


def queries_at(own: Own, s: float) -> Queries:
    """The queries u = y_1 + sqrt(s) z."""
    step = math.sqrt(s) * own.noise
    square = (own.along + step) ** 2 + own.across
    return Queries(own.noise**2, square, 2 * step * own.along, own.along**2 + own.across, s)


class AbstractIsotropicLaw(eqx.Module):
    """A law of points that rotations about the origin leave unchanged.

    Subclass requirements: `d` and all methods. A standard normal score names a quantile of the energies: P(E < energy)
    = Phi(score).
    """

    d: eqx.AbstractVar[int]

    @abc.abstractmethod
    def deviation(self) -> float:
        """Standard deviation of a coordinate, in data units."""

    @abc.abstractmethod
    def freedom(self) -> int:
        """The exponent with which the probability of a small distance falls: P(distance < r) ~ r^freedom."""

    @abc.abstractmethod
    def own(self, draws: Own) -> Own:
        """Own points of this law, made from draws of a standard normal law."""

    @abc.abstractmethod
    def coordinates(self, queries: Queries, scores: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """Quantiles of the energies at these scores, in a coordinate that is a smooth function of the score."""

    @abc.abstractmethod
    def gaps(self, queries: Queries, coordinates: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """The gaps G at these coordinates."""

    @abc.abstractmethod
    def bulk(self, queries: Queries, coordinates: Float[np.ndarray, "m 1"]) -> Bulk:
        """The mean Boltzmann factors of the gaps above that at a coordinate."""


class IsotropicGaussian(AbstractIsotropicLaw):
    """Points of N(0, `variance` I_d): |u - y|^2/v is noncentral chi-square, of d degrees and noncentrality |u|^2/v.

    Raises ValueError where `d` is below 1 or `variance` is not positive and finite.
    """

    d: int
    variance: float = 1.0

    def __check_init__(self):
        if self.d < 1:
            raise ValueError(f"`d` must be at least 1, but is {self.d}.")
        check_positive("variance", self.variance)

    def deviation(self) -> float:
        """sqrt(variance)."""
        return math.sqrt(self.variance)

    def freedom(self) -> int:
        """All d."""
        return self.d

    def own(self, draws: Own) -> Own:
        """A normal point."""
        return draws

    def coordinates(self, queries: Queries, scores: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """The coordinate q of `noncentral`."""
        return noncentral.quantile(scores, float(self.d), np.broadcast_to(queries.square[:, None], scores.shape))

    def gaps(self, queries: Queries, coordinates: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """By the energies themselves where these leave enough digits to the gaps."""
        x, offset = noncentral.value_at(coordinates, float(self.d), queries.square[:, None])
        if queries.s < 1 or self.d < HIGH:
            return x / (2 * queries.s) - queries.noise_square[:, None] / 2
        return (offset + self.d + (queries.own_square + queries.overlap)[:, None]) / (2 * queries.s)

    def bulk(self, queries: Queries, coordinates: Float[np.ndarray, "m 1"]) -> Bulk:
        """Upper tails of the law weighted by e^-G and e^-2G, which are again noncentral chi-square."""
        gap, q = self.gaps(queries, coordinates)[:, 0], coordinates[:, 0]
        tails = [noncentral.log_tails(q, float(self.d), queries.square, beta / queries.s) for beta in (1, 2)]
        return Bulk(gap, tails[0].above - gap, tails[1].above - 2 * gap)


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
        check_positive("radius", self.radius)

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

    def coordinates(self, queries: Queries, scores: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """y = artanh c, equal for all queries."""
        return spherical_cap.cap_quantile(scores, float(self.d))

    def gaps(self, queries: Queries, coordinates: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """By the distance to the nearest point of the sphere where this leaves enough digits to the gaps."""
        radius, reach = math.sqrt(self.d), np.sqrt(queries.square)[:, None]
        overlap, noise_square = queries.overlap[:, None], queries.noise_square[:, None]
        if queries.s < 1 or self.d < HIGH:
            height = (overlap + queries.s * noise_square) / (reach + radius)
            return (height**2 + 4 * reach * radius / (1 + np.exp(2 * coordinates))) / (2 * queries.s) - noise_square / 2
        return (2 * self.d + overlap - 2 * reach * radius * np.tanh(coordinates)) / (2 * queries.s)

    def bulk(self, queries: Queries, coordinates: Float[np.ndarray, "m 1"]) -> Bulk:
        """Spherical caps weighted by e^(beta R |u| c alpha^2/sigma^2)."""
        gap, y = self.gaps(queries, coordinates)[:, 0], coordinates[:, 0]
        tilt = np.sqrt(queries.square * self.d) / queries.s
        caps = [spherical_cap.log_cap(-y, float(self.d), -beta * tilt) for beta in (1, 2)]
        return Bulk(gap, caps[0] - gap, caps[1] - 2 * gap)
