"""The collapse against the number of points, and how many more points move it below a given noise."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq

from .. import theory
from ..annotations import RandomKey
from ..representation import one_line
from ..theory.collapse.subsets import jackknife

MOST_POINTS = 10_000  # that are measured; of more, random ones
QUERIES = 1000
FEWEST = 64  # points from which more are predicted
REACH = 0.5  # error of log sigma/alpha above which nothing is predicted
SIGMAS = 2  # standard errors from a prediction to the ends of its interval
MULTIPLES = 2, 4, 10, 100  # of the number of points, that are predicted if no others are asked for
FARTHEST = 60.0  # step of log n in the search for a number of points


class AgainstNumber(NamedTuple):
    """sigma/alpha at collapse of n points of the law that the data come from."""

    n: Int[np.ndarray, "k"]
    ratio: Float[np.ndarray, "k"]
    """Measured on subsets of the data, or predicted where n is more than they are; NaN beyond reach."""
    error: Float[np.ndarray, "k"]
    """Its standard error, which holds the choice of the data."""
    spectrum: Float[np.ndarray, "k"]
    """By the covariance spectrum alone: some percent low for few Gaussian points, too high for other data."""

    __repr__ = one_line


class Needed(NamedTuple):
    """How many points collapse below a given noise."""

    below: float
    """sigma/alpha."""
    n: float
    """Points in all; NaN where the data do not tell."""
    low: float
    high: float
    """Ends of the interval of 2 standard errors; inf where no number of points is enough at the upper end."""
    more: float
    """n minus the number of distinct points there are, and at least 0."""
    by_spectrum: float
    """n by the covariance spectrum alone, `log n = 1/2 sum_k log(1 + L_k/below^2)`; without an error of its own."""

    __repr__ = one_line


class MorePoints(NamedTuple):
    """What is known of n points from those there are."""

    measured: theory.MeasuredSizes
    spectrum: Float[np.ndarray, "d"]
    count: int
    """Distinct points there are."""

    @property
    def collapse(self) -> theory.Estimate:
        """sigma/alpha at collapse of the points there are."""
        return self.at(self.count)

    def at(self, n: int) -> theory.Estimate:
        """sigma/alpha at collapse of n points, NaN out of reach; between measured sizes interpolated in log n."""
        log_ratio, error = self._known(math.log(n))
        return theory.Estimate(math.exp(log_ratio), math.exp(log_ratio) * error)

    def _known(self, log_n: float) -> tuple[float, float]:
        """log(sigma/alpha) and its error at any log n."""
        x = np.log(self.measured.sizes)
        if log_n < x[-1] or (log_n > x[0] and self.measured.sizes[0] < FEWEST):
            return math.nan, math.nan
        if log_n > x[0]:
            log_ratio, error = self.measured.at(log_n)
            return (log_ratio, error) if error <= REACH else (math.nan, math.nan)
        errors = np.sqrt(np.diag(jackknife(self.measured.shifts)))
        log_ratio, error = (np.interp(log_n, x[::-1], values[::-1]) for values in (self.measured.log_ratios, errors))
        return float(log_ratio), float(error)

    def against(self, sizes: list[int]) -> AgainstNumber:
        """The collapse at each n, with that by the spectrum."""
        found = [self.at(n) for n in sizes]
        by_spectrum = [theory.collapse_ratio(n, self.spectrum) for n in sizes]
        columns = [part.value for part in found], [part.error for part in found], by_spectrum
        return AgainstNumber(np.array(sizes), *(np.array(column, float) for column in columns))

    def needed(self, below: float) -> Needed:
        """How many points collapse at less noise than sigma/alpha = below: the inverse of `at`, with its interval."""
        middle, low, high = (self._inverse(below, shift) for shift in (0, -SIGMAS, SIGMAS))
        by_spectrum = math.exp(min(float(np.log1p(self.spectrum / below**2).sum()) / 2, 700.0))
        more = max(0.0, middle - self.count) if math.isfinite(middle) else math.nan
        return Needed(below, middle, low, high, more, by_spectrum)

    def _inverse(self, below: float, shift: float) -> float:
        """The n at which log(ratio) + shift error is log(below): NaN, or inf for the upper end, out of reach."""

        def above(log_n: float) -> float:
            log_ratio, error = self._known(log_n)
            return log_ratio + shift * error - math.log(below)

        low, step = math.log(self.measured.sizes[-1]), 0.25
        if above(low) <= 0:
            return math.exp(low)
        while (value := above(low + step)) > 0 and step < FARTHEST:
            low, step = low + step, 1.5 * step
        if not value <= 0:
            return math.inf if shift > 0 else math.nan
        return math.exp(brentq(above, low, low + step, xtol=1e-9))


def measured_part(points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m d"]:
    """The points, or a random 10,000 of more."""
    if len(points) <= MOST_POINTS:
        return points
    return points[np.sort(np.random.default_rng(0).choice(len(points), MOST_POINTS, replace=False))]


def more_points(points: Float[np.ndarray, "n d"], *, key: RandomKey, spectrum: Float[np.ndarray, "d"]) -> MorePoints:
    """Measure the collapse of distinct points and of their halves, quarters and eighths."""
    return MorePoints(theory.measured_sizes(measured_part(points), key=key, queries=QUERIES), spectrum, len(points))


def sizes_shown(more: MorePoints, asked: tuple[int, ...] | None) -> list[int]:
    """The n of the table: those asked for beside the data's own, or measured sizes and multiples."""
    own = [more.count]
    chosen = list(asked) if asked else [*more.measured.sizes, *(k * more.count for k in MULTIPLES)]
    return sorted({*own, *chosen})
