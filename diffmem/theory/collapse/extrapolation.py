"""Collapse of more points than there are: the collapse of subsets, continued.

Computed in NumPy, float64. At collapse log n is about the mutual information, so that `D = -d log n/d log(sigma/alpha)`
is the number of dimensions that the noise leaves, `mmse alpha^2/sigma^2`. It grows with log n, because less noise shows
more directions, at a rate between 0 and 2: for Gaussian data, with s_k = L_k/(L_k + sigma^2/alpha^2), D = sum_k s_k and
dD/d log n = 2 (1 - sum_k s_k^2/sum_k s_k).
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...annotations import Points, RandomKey
from ...representation import one_line
from ..estimate import Estimate
from .subsets import crossing, drawn, jackknife, start, subset_collapse_ratio

SHARES = (1, 2, 4, 8)  # subsets of N divided by these numbers are measured
FEWEST = 12  # points in the smallest of these subsets
LEAST = 64  # points to extrapolate from
# what is known of the rate dD/d log n before any measurement: mean, deviation, and the variance that it gains for each
# unit of log n. In real data (digits, MNIST, patches, tables, for 16 to 8,000 points) it lies between -.1 and 1.3, and
# changes by .3 over one unit
RATE, DEVIATION, DRIFT = 0.5, 0.5, 0.08
LARGEST = 0.5  # error of log sigma/alpha above which a prediction is refused
FLOOR = 1e-6  # variance in the fit of each measured log sigma/alpha: the one at N points is nearly passed through
LOWEST = 0.3  # dimension
SLOWEST = 1e-6  # rate, which 0 is replaced by


class Course(NamedTuple):
    """log(sigma/alpha) at collapse of N e^t points: `log_ratio - log(1 + rate t/dimension)/rate`."""

    log_ratio: float
    dimension: float
    """D at N points."""
    rate: float
    """dD/d log n."""

    def at(self, t: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
        """log(sigma/alpha) at N e^t points."""
        return self.log_ratio - np.log1p(self._growth(t)) / self._rate

    def slopes(self, t: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k 3"]:
        """Derivatives of `at` by the three parameters."""
        u = self._growth(t)
        by_dimension = t / self.dimension**2 / (1 + u)
        by_rate = np.log1p(u) / self._rate**2 - t / (self.dimension * self._rate * (1 + u))
        return np.stack([np.ones_like(t), by_dimension, by_rate], axis=-1)

    @property
    def _rate(self) -> float:
        return math.copysign(max(abs(self.rate), SLOWEST), self.rate)

    def _growth(self, t):
        # a course that would reach dimension 0 within the measured or the wanted range stops at a tenth of D
        return np.maximum(self._rate * t / self.dimension, -0.9)


def extrapolated_collapse_ratio(points: Points, n: int, *, key: RandomKey, queries: int = 1000) -> Estimate:
    """sigma/alpha at which n > N points of the law that these N points come from collapse, without a model of the law.

    The collapse ratios of N, N/2, N/4 and N/8 of the points are measured and continued by

        log sigma/alpha = a - log(1 + k (log n - log N)/D)/k,

    which says that D, the number of dimensions above the noise, grows by k for each unit of log n. a and D are fitted;
    k is fitted with the prior .5 +- .5, what real data and Gaussian spectra have. For n <= N the result is
    `subset_collapse_ratio`.

    The error holds the choice of the N points and their noise (a jackknife over 20 groups), and what k may become
    beyond them. Tested on random N points of each set below against the collapse of all of them and of numbers between,
    with unseen seeds; for N = 75, 150, 300, 600 and 1200, root mean square relative error/mean stated error in percent:

        digits, 8 x 8              2/6     3/3    2/2    1/2    2/1
        MNIST                       -       -     2/2    2/2    1/1
        wine                       3/4      -      -      -      -
        diabetes                   4/5     3/3    2/2     -      -
        breast cancer              7/7     4/4    3/3     -      -
        patches 16 x 16           47/35   32/34  30/27  26/21  12/13
        patches 8 x 8             49/33   44/34  26/28  12/17  14/11
        16 x 16, random places    46/37   48/34  22/29   7/24  12/18
        8 x 8, random places      29/38   27/34  12/27  13/17   5/12

    The truth was within twice the stated error in 98 % of 790 answers (tables 97, digits 97, MNIST 100, patches 98),
    for 8 to 16 sets of points in each place of the table, 4 for MNIST and for N = 1200. Tables are standardised;
    patches are grey, without overlap where not said otherwise, from two photographs.

    On patches most of the error is the choice of the points: flat and textured ones collapse at noise that differs by a
    factor of a hundred. An error of 5 % would take about 6,000 points.

    Cost: four times that of `subset_collapse_ratio`.
    Raises ValueError for fewer than 64 points, for n out of reach, where the error of log sigma/alpha would be above
    1/2 (a third of the patches at N = 75 and 150), and as `pair_gaps`.
    Source: derived; D and its growth from the relation of mutual information and mmse (Guo, Shamai and Verdu).
    """
    count = len(np.asarray(points))
    if n <= count:
        return subset_collapse_ratio(points, n, key=key, queries=queries)
    if count < LEAST:
        raise ValueError(f"`points` must be at least {LEAST} to be extrapolated, but are {count}.")
    log_ratio, error = measured_sizes(points, key=key, queries=queries).at(math.log(n))
    if not error <= LARGEST:
        raise ValueError(
            f"`n` must be within reach of {count} points, but they leave log sigma/alpha at {n} open by {error:.2g}."
        )
    return Estimate(math.exp(log_ratio), math.exp(log_ratio) * error)


class MeasuredSizes(NamedTuple):
    """log(sigma/alpha) at collapse of N, N/2, N/4 and N/8 of N points."""

    sizes: list[int]
    """Descending, those that are at least 12."""
    log_ratios: Float[np.ndarray, "k"]
    """log(sigma/alpha) of each."""
    shifts: Float[np.ndarray, "k groups"]
    """Their changes when a group of the points is left out."""

    __repr__ = one_line

    def at(self, log_n: float) -> tuple[float, float]:
        """log(sigma/alpha) at collapse of n > N points and its error, whatever that is.

        Raises ValueError for fewer than 24 points: a single size says nothing of the dimension.
        """
        if len(self.sizes) < 2:
            raise ValueError(f"`points` must be at least {2 * FEWEST} to be continued, but are {self.sizes[0]}.")
        return continued(np.log(self.sizes), self.log_ratios, self.shifts, log_n)


def measured_sizes(points: Points, *, key: RandomKey, queries: int = 1000) -> MeasuredSizes:
    """The measurements that `extrapolated_collapse_ratio` continues, for many n at the cost of one.

    Raises ValueError for fewer than 3 points, and as `pair_gaps`.
    """
    count = len(np.asarray(points))
    if count < 3:
        raise ValueError(f"`points` must be at least 3 for a collapse, but are {count}.")
    noisy = drawn(points, count, key, queries)
    sizes = [count // share for share in SHARES if share == 1 or count // share >= FEWEST]
    found = [crossing(noisy, size, start(points, size)) for size in sizes]
    return MeasuredSizes(sizes, np.array([each.log_ratio for each in found]), np.stack([each.shifts for each in found]))


def continued(
    log_sizes: Float[np.ndarray, "k"],
    log_ratios: Float[np.ndarray, "k"],
    shifts: Float[np.ndarray, "k groups"],
    log_n: float,
) -> tuple[float, float]:
    """log(sigma/alpha) at collapse of n points and its error, from k measured ones, of the most points first."""
    from scipy.optimize import least_squares

    t, target = log_sizes - log_sizes[0], np.array([log_n - log_sizes[0]])
    noise = jackknife(shifts)
    first = Course(log_ratios[0], max(t[-1] / (log_ratios[0] - log_ratios[-1]), LOWEST), RATE)
    drift = DRIFT * _integrated_twice(-t) / first.dimension**4
    # differences between sizes grow like a random walk; the deviation that all sizes share stays in the first parameter
    steps = (np.diag(noise) + noise[0, 0] - 2 * noise[0])[1:] / -t[1:]
    modelled = steps.mean() * np.minimum.outer(-t, -t) + drift + FLOOR * np.eye(len(t))
    whiten = np.linalg.inv(np.linalg.cholesky(modelled))

    def misfit(parameters):
        course = Course(*parameters)
        return np.append(whiten @ (log_ratios - course.at(t)), (course.rate - RATE) / DEVIATION)

    bounds = [-np.inf, LOWEST, -np.inf], np.inf
    course = Course(*least_squares(misfit, first, bounds=bounds, x_scale=(0.1, 1, 1)).x)
    design = whiten @ course.slopes(t)
    gain = np.linalg.solve(design.T @ design + np.diag([0, 0, DEVIATION**-2]), design.T @ whiten)
    slope = course.slopes(target)[0]
    answers = slope @ gain  # how the prediction follows each measured one
    assumed = DEVIATION * (slope - answers @ course.slopes(t))[2]
    halfway = max(course.dimension + course.rate * target[0] / 2, LOWEST)
    ahead = DRIFT * target[0] ** 5 / 20 / halfway**4
    return float(course.at(target)[0]), math.sqrt(answers @ (noise + drift) @ answers + assumed**2 + ahead)


def _integrated_twice(t: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k k"]:
    """Covariance at times t of the integral of the integral of Brownian motion."""
    least = np.minimum.outer(t, t)
    gap = np.maximum.outer(t, t) - least
    return (least**5 / 5 + least**4 * gap / 2 + least**3 * gap**2 / 3) / 4
