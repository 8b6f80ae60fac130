"""The noncentral chi-square law in logarithms: tails, exponentially weighted tails, quantiles, for d from 1 to 10^12.

X = |mu + g|^2 with g ~ N(0, I_d) and L = |mu|^2. A value x is represented by the logarithm q of its saddle point
p = e^q, at which the law with weight e^(-(p - 1) X/2) has the mean x:

    x = d/p + L/p^2,        x - d - L = d (1/p - 1) + L (1/p^2 - 1).

So both x far in the tail and x - d - L at d = 10^12 keep all digits. All results are one integral. With

    psi(q) = log E e^(-(p - 1)(X - x)/2) = (p - 1) x/2 - L (1 - 1/p)/2 - (d/2) q,

E[e^(-(p_b - 1)(X - x)/2); X < x] is the integral of e^psi dp/(p - p_b)/(2 pi i) along any upward line to the right of
the pole p_b; along a line to the left of it, minus the integral is the part of X > x. The line is deformed into the
path of steepest descent through the saddle point psi' = 0, which has a closed form, and on which the trapezoidal rule
converges exponentially. Computed in NumPy, float64.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.special import ndtri_exp

NODES = 48  # of the trapezoidal rule on half the path: a step of .2 standard deviations of the integrand
LOW, LOW_NODES = 5, 192  # below LOW dimensions the integrand falls slowly along the path and takes more nodes
DROP = 38.0  # nats below the saddle point at which the path may end: 1e-16.5
SERIES = 0.1  # angle below which theta/sin(theta) - 1 is computed by its power series
NEWTON = 12  # largest number of Newton steps of the quantile; three are enough for d >= 10
SCORED = 1e-6  # error of the score before the last Newton step, which squares it
START = 30  # Newton steps for the starting value, which has a closed formula

Values = Float[ArrayLike, "..."]


class Tails(NamedTuple):
    """`log E[e^(-tilt (X - x)/2); X < x]` and the same over X > x; without tilt the two log-probabilities."""

    below: Values
    above: Values


def value_at(q: Values, d: float, noncentrality: Values) -> tuple[Values, Values]:
    """The value x at q, and x - d - L, each to full precision."""
    shrink = np.exp(-q)
    return shrink * (d + noncentrality * shrink), d * np.expm1(-q) + noncentrality * np.expm1(-2 * q)


def log_tails(q: Values, d: float, noncentrality: Values, tilt: Values = 0.0) -> Tails:
    """Both tails at q of the law weighted by e^(-tilt (X - x)/2), tilt > -1.

    Accuracy: 1e-12 in both logarithms for d >= 2 and 1e-7 for d = 1, plus the rounding of psi. Cost: 48 complex
    exponentials for each q.
    Source: derived; inversion of the moment generating function.
    """
    return _Path(q, d, noncentrality, tilt).tails()


def log_density(q: Values, d: float, noncentrality: Values) -> Values:
    """Log-density of q, `log(f(x) |dx/dq|)` with f the density of X. Cost and accuracy of `log_tails`."""
    return _Path(q, d, noncentrality).log_density()


def quantile(score: Values, d: float, noncentrality: Values) -> Values:
    """The q at which P(X < x) = Phi(score): large q for large negative scores; down to probabilities of e^(-350 d).

    Newton's method for the score as a function of q, from the q at which the law weighted by e^(-(p - 1) X/2) has the
    relative entropy score^2/2 to the law.
    """
    q = _start(score, d, noncentrality)
    for _ in range(NEWTON):
        path = _Path(q, d, noncentrality)
        tails = path.tails()
        found = np.where(tails.below < tails.above, ndtri_exp(tails.below), -ndtri_exp(tails.above))
        error = score - found
        log_slope = path.log_density() + found**2 / 2 + math.log(2 * math.pi) / 2
        q = q - error * np.exp(-log_slope)
        if np.max(np.abs(error) / (1 + np.abs(score)), initial=0.0) < SCORED:
            break
    return q


def _exponent(at: Values, q: Values, d: float, noncentrality: Values) -> Values:
    """psi at `at`, for the x of q, without cancellation: by x - d - L near 0, by x itself far above."""
    x, offset = value_at(q, d, noncentrality)
    grown, lost = np.expm1(at), -np.expm1(-at)
    central = grown * (noncentrality * lost + offset) / 2 + d / 2 * (grown - at)
    far = (grown * x - noncentrality * lost - d * at) / 2
    return np.where(at > math.log(2), far, central)


class _Path:
    """The path of steepest descent, through a point one standard deviation or more away from the pole.

    That point is the saddle point q where the pole is far, and else q moved away from the pole.
    """

    def __init__(self, q: Values, d: float, noncentrality: Values, tilt: Values = 0.0):
        self.q, self.d, self.noncentrality = q, d, noncentrality
        spread = noncentrality * np.exp(-q)
        self.curvature = spread + d / 2
        self.pole = np.log1p(tilt) + np.zeros_like(q)
        distance = q - self.pole
        self.is_below = distance >= 0
        room = np.sqrt(distance**2 + 4 / self.curvature)
        self.crossing = self.pole + (distance + np.where(self.is_below, room, -room)) / 2
        self.exponent = _exponent(self.crossing, q, d, noncentrality)
        nodes = LOW_NODES if d < LOW else NODES
        self.step = 2 * np.arcsin(np.sqrt(np.minimum(DROP / 2 / self.curvature, 1))) / nodes
        angle = self.step[..., None] * np.arange(nodes)
        self.w, direction = _descent(angle, (d / (spread + d))[..., None])
        self.integrand = np.exp(self._rise() + self.w) * direction

    def tails(self) -> Tails:
        """Both tails of the weighted law."""
        away = np.expm1(self.pole - self.crossing)[..., None]
        near = self.exponent + np.log(np.abs(self._integral(np.expm1(self.w) - away)))
        whole = _exponent(self.pole, self.q, self.d, self.noncentrality)
        # `near` is about the smaller part, so that the difference loses no digits
        far = whole + np.log1p(-np.exp(near - whole))
        return Tails(np.where(self.is_below, near, far), np.where(self.is_below, far, near))

    def log_density(self) -> Values:
        """Log-density of q."""
        # f(x) is the same integral without the pole, and dx/dq = -2 curvature/p
        return np.log(self.curvature) + self.exponent + self.crossing - self.q + np.log(self._integral(1.0))

    def _integral(self, pole) -> Values:
        """`int e^(psi - exponent) e^w dw/pole/(2 pi i)`, as twice the real part of the upper half of the path."""
        values = (self.integrand / pole).real
        return self.step * (values.sum(-1) - values[..., 0] / 2) / math.pi

    def _rise(self):
        """psi(crossing + w) - psi(crossing) = even (cosh w - 1) + odd (sinh w - w) + slope w."""
        x, offset = value_at(self.q, self.d, self.noncentrality)
        shrink = np.exp(-self.crossing)
        central = offset - self.noncentrality * np.expm1(-2 * self.crossing) - self.d * np.expm1(-self.crossing)
        far = x - (self.noncentrality * shrink + self.d) * shrink
        slope = (np.where(self.crossing > math.log(2), far, central) / (2 * shrink))[..., None]
        odd = slope + self.d / 2
        even = odd + (self.noncentrality * shrink)[..., None]
        return even * 2 * np.sinh(self.w / 2) ** 2 + odd * (np.sinh(self.w) - self.w) + slope * self.w


def _descent(angle, share):
    """w = u + i angle on the path, and dw/d(i angle); there e^u - (1 - share) e^-u = share angle/sin(angle)."""
    small = angle < SERIES
    t = np.where(small, angle, 0.0) ** 2
    wide = np.where(small, 1.0, angle)
    sine = np.sin(wide)
    series = t / 6 * (1 + t * (7 / 60 + t * (31 / 2520 + t * 127 / 100800)))
    excess = np.where(small, series, (wide - sine) / sine)
    slope_series = angle / 3 * (1 + t * (7 / 30 + t * (31 / 840 + t * 127 / 25200)))
    slope = np.where(small, slope_series, (sine - wide * np.cos(wide)) / sine**2)
    linear = 2 - share * (1 + excess)
    root = np.sqrt(linear**2 + 4 * share * excess)
    grown = np.where(linear > 0, 2 * share * excess / (np.abs(linear) + root), (root - linear) / 2)
    u = np.log1p(grown)
    climb = share * slope / (1 + grown + (1 - share) / (1 + grown))
    return u + 1j * angle, 1 - 1j * climb


def _start(score: Values, d: float, noncentrality: Values) -> Values:
    """q with -sign(q) sqrt(2 D) = score, D = L (1 - e^-q)^2/2 + (d/2)(e^-q - 1 + q), by Newton's method from 0."""
    target = -score + np.zeros_like(noncentrality)
    q = target / np.sqrt(noncentrality + d / 2)
    for _ in range(START):
        lost = -np.expm1(-q)
        entropy = noncentrality * lost**2 / 2 + d / 2 * (q - lost)
        value = np.sign(q) * np.sqrt(2 * entropy)
        slope = lost * (noncentrality * (1 - lost) + d / 2)
        step = np.where(value == 0, 0.0, (target - value) * value / np.where(slope == 0, 1.0, slope))
        q = q + step
    return q
