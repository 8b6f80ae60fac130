"""The noncentral chi-square law exactly and in logarithms: tails, tilted tails and quantiles, from d = 1 to 10^12.

X = |mu + g|^2 with g ~ N(0, I_d) and L = |mu|^2. A place x is kept as `Place(x, offset)`, offset = x - d - L: where d or
L is large, the offset has the digits that x has lost; where x is small, x has them.

Everything rests on one integral. With the tilt written as p = e^q, log E e^(-(p - 1)(X - x)/2) is

    psi(q) = (p - 1) (L (1 - 1/p) + offset)/2 + (d/2)(p - 1 - q) = (p - 1) x/2 - L (1 - 1/p)/2 - (d/2) q,

and E[e^(-(p_b - 1)(X - x)/2); X < x] is the integral of e^psi dp/(p - p_b)/(2 pi i) up any line right of the pole p_b;
left of it, minus the integral is the part of X > x. The line is bent into the path of steepest descent through the
saddle psi' = 0, which is known in closed form, and the trapezoid rule converges exponentially on it. NumPy, float64.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

NODES = 48  # of the trapezoid rule on half the path: a step of .2 standard deviations of the integrand
LOW, LOW_NODES = 5, 192  # below five dimensions the integrand ends as slowly as the path turns back
DROP = 38.0  # nats below the saddle at which the path may end: 1e-16.5
SERIES = 0.1  # angle below which theta/sin(theta) - 1 is its power series
NEWTON = 12  # steps of the quantile at most: it starts within 1e-1, and d >= 10 takes two or three
SCORED = 1e-12  # the accuracy of the score at which it stops
START = 30  # steps towards the start, on a closed formula

Values = Float[np.ndarray, "*places"]


class Place(NamedTuple):
    """A value x of the noncentral chi-square law, with `offset` = x - d - L, each to its own full precision."""

    x: Values
    offset: Values


class Tails(NamedTuple):
    """`log E[e^(-tilt (X - x)/2); X < x]` and the same over X > x; without tilt the two log-probabilities."""

    below: Values
    above: Values


def place_at(q: Values, d: float, noncentrality: Values) -> Place:
    """The place whose saddle is at tilt e^q: the mean of the law tilted so, x = d e^-q + L e^-2q."""
    shrink = np.exp(-q)
    offset = d * np.expm1(-q) + noncentrality * np.expm1(-2 * q)
    return Place(shrink * (d + noncentrality * shrink), offset)


def log_tails(place: Place, d: float, noncentrality: Values, tilt: Values | float = 0.0) -> Tails:
    """Both tails of the law tilted by e^(-tilt (X - x)/2), tilt > -1.

    Accuracy: 1e-12 in both logarithms for d >= 2 and 1e-7 for d = 1, plus the rounding of psi. Cost: 48 complex
    exponentials for each place.
    Source: derived; inversion of the moment generating function.
    """
    saddle, curvature = _saddle(place, d, noncentrality)
    pole = np.log1p(tilt) + np.zeros_like(saddle)
    distance = saddle - pole
    is_below = distance >= 0
    # the path crosses where the pole leaves it a standard deviation of room
    room = np.sqrt(distance**2 + 4 / curvature)
    crossing = pole + (distance + np.where(is_below, room, -room)) / 2
    path = _Path(place, d, noncentrality, crossing)
    near = path.exponent + np.log(np.abs(path.integral(lambda w: np.expm1(w) - np.expm1(pole - crossing)[..., None])))
    whole = _exponent(pole, place, d, noncentrality)
    # 1 - near/whole: near is the smaller part up to skewness, so that nothing is lost
    far = whole + np.log(-np.expm1(np.minimum(near - whole, -1e-300)))
    return Tails(np.where(is_below, near, far), np.where(is_below, far, near))


def log_density(place: Place, d: float, noncentrality: Values) -> Values:
    """`log(x f(x))`, the log-density of log X."""
    saddle, _ = _saddle(place, d, noncentrality)
    path = _Path(place, d, noncentrality, saddle)
    return np.log(place.x / 2) + saddle + path.exponent + np.log(path.integral(lambda w: 1.0))


def quantile(score: Values, d: float, noncentrality: Values) -> Place:
    """The place x with P(X < x) = Phi(score), for normal scores from -60 to 60 (probabilities down to e^-1800).

    The start is the saddle at which score^2/2 is the relative entropy of tilted law and law; then Newton's method for
    the score as a function of log x.
    """
    from scipy.special import ndtri_exp

    place = place_at(_saddle_of_score(score, d, noncentrality), d, noncentrality)
    for _ in range(NEWTON):
        tails = log_tails(place, d, noncentrality)
        found = np.where(tails.below < tails.above, ndtri_exp(tails.below), -ndtri_exp(tails.above))
        log_slope = log_density(place, d, noncentrality) + found**2 / 2 + math.log(2 * math.pi) / 2
        error = score - found
        step = error * np.exp(-log_slope)
        place = Place(place.x * np.exp(step), place.offset + place.x * np.expm1(step))
        if np.max(np.abs(error) / (1 + np.abs(score)), initial=0.0) < SCORED:
            break
    return place


def _saddle(place: Place, d: float, noncentrality: Values) -> tuple[Values, Values]:
    """The root q of psi'(q) = 0, that is d e^-q + L e^-2q = x, and psi''(q) there."""
    root = np.sqrt(d**2 + 4 * noncentrality * place.x)
    shrink = 2 * place.x / (d + root)
    lost = -2 * place.offset / (2 * noncentrality + d + root)  # 1 - shrink
    saddle = -np.where(shrink < 0.5, np.log(shrink), np.log1p(-np.minimum(lost, 0.5)))
    return saddle, noncentrality * shrink + d / 2


def _exponent(q: Values, place: Place, d: float, noncentrality: Values) -> Values:
    """psi(q), in the form that has digits: by the offset near q = 0, by x itself far above."""
    grown, lost = np.expm1(q), -np.expm1(-q)
    central = grown * (noncentrality * lost + place.offset) / 2 + d / 2 * (grown - q)
    far = (grown * place.x - noncentrality * lost - d * q) / 2
    return np.where(q > math.log(2), far, central)


class _Path:
    """The path of steepest descent, moved so that it crosses the real axis at e^crossing."""

    def __init__(self, place: Place, d: float, noncentrality: Values, crossing: Values):
        saddle, curvature = _saddle(place, d, noncentrality)
        self.exponent = _exponent(crossing, place, d, noncentrality)
        nodes = LOW_NODES if d < LOW else NODES
        self.step = 2 * np.arcsin(np.sqrt(np.minimum(DROP / 2 / curvature, 1))) / nodes
        angle = self.step[..., None] * np.arange(nodes)
        self.w, self.direction = _descent(angle, (d * np.exp(-saddle) / place.x)[..., None])
        # psi(crossing + w) - psi(crossing) = even (cosh w - 1) + odd (sinh w - w) + slope w
        lost = np.expm1(-crossing)
        central = place.offset - noncentrality * np.expm1(-2 * crossing) - d * lost
        far = place.x - (noncentrality * np.exp(-crossing) + d) * np.exp(-crossing)
        slope = np.exp(crossing) * np.where(crossing > math.log(2), far, central) / 2
        odd = slope + d / 2
        even = odd + noncentrality * np.exp(-crossing)
        w = self.w
        self.rise = even[..., None] * 2 * np.sinh(w / 2) ** 2 + odd[..., None] * (np.sinh(w) - w) + slope[..., None] * w

    def integral(self, pole) -> Values:
        """`int e^(psi - exponent) e^w dw/pole(w)/(2 pi i)`, twice the real part of its upper half."""
        values = (np.exp(self.rise + self.w) * self.direction / pole(self.w)).real
        return self.step * (values.sum(-1) - values[..., 0] / 2) / math.pi


def _descent(angle, share):
    """w = u + i angle on the steepest path and dw/d(i angle), for e^u - g e^-u = (1 - g) angle/sin(angle), share = 1 - g."""
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


def _saddle_of_score(score: Values, d: float, noncentrality: Values) -> Values:
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
