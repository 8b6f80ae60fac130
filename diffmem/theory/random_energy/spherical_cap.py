"""The cosine c between a uniform direction in R^d and a fixed one, in logarithms: weighted caps and quantiles.

With c = tanh y the density of y is sech(y)^(d - 1)/B(1/2, (d - 1)/2) on the whole line; large y is minus the logarithm
of the distance from the pole. The mean of e^(k c) over a spherical cap is the integral of e^h, h = k tanh y - (d - 1)
log cosh y, beyond some y. It is computed on either side of its peak with the double-exponential (tanh-sinh) rule;
differences of h are formed without cancellation. Computed in NumPy, float64.
"""

import math

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.special import ndtri_exp

REACH, NODES = 3.2, 96  # of the tanh-sinh rule: its outermost nodes are 1e-16 of an interval from the ends
DROP = 45.0  # nats below the peak at which an integral may end
WIDTHS = 10.0  # standard deviations from a Gaussian peak at which its integral may end
NEWTON = 12  # largest number of Newton steps of the quantile
SCORED = 1e-6  # error of the score before the last Newton step, which squares it

Values = Float[ArrayLike, "..."]


def log_cap(y: Values, d: float, tilt: Values = 0.0) -> Values:
    """`log E[e^(tilt (c - tanh y)); c > tanh y]` over the cosine c of a uniform direction in R^d, d >= 2.

    The opposite cap is `log_cap(-y, d, -tilt)`. Accuracy: 1e-12. Cost: 192 real exponentials for each y.
    Source: derived.
    """
    y = np.asarray(y, np.float64)
    whole = math.log(2) + _log_integral(np.zeros(()), float(d), np.zeros(()))
    return _log_integral(y, float(d), tilt + np.zeros_like(y)) - (d - 1) * log_cosh(y) - whole


def cap_quantile(score: Values, d: float) -> Values:
    """The y at which P(c > tanh y) = Phi(score): large y for large negative scores; for scores from -60 to 60.

    Newton's method for the score as a function of y, from the y at which `(d - 1) log cosh y = score^2/2`.
    """
    entropy = score**2 / (2 * (d - 1))
    y = -np.sign(score) * (entropy + np.log1p(np.sqrt(-np.expm1(-2 * entropy))))
    log_norm = math.log(2) + _log_integral(np.zeros(()), float(d), np.zeros(()))
    for _ in range(NEWTON):
        sign = np.where(y >= 0, 1.0, -1.0)
        found = sign * ndtri_exp(log_cap(np.abs(y), d))
        error = score - found
        log_slope = found**2 / 2 + math.log(2 * math.pi) / 2 - (d - 1) * log_cosh(y) - log_norm
        y = y - error * np.exp(-log_slope)
        if np.max(np.abs(error) / (1 + np.abs(score)), initial=0.0) < SCORED:
            break
    return y


def log_cosh(y: Values) -> Values:
    """`log cosh y` to full relative precision at every size."""
    size = np.abs(y)
    near = np.log1p(2 * np.sinh(np.minimum(size, 1.0) / 2) ** 2)
    return np.where(size < 1, near, size + np.log1p(np.exp(-2 * size)) - math.log(2))


def _log_integral(y: Values, d: float, tilt: Values) -> Values:
    """log of the integral of e^(h(y') - h(y)) over y' > y."""
    top = np.arcsinh(2 * tilt / (d - 1)) / 2  # h' = 0: tilt sech^2 y = (d - 1) tanh y
    peak = np.maximum(y, top)
    spread = np.cosh(top) / np.sqrt(2 * tilt * np.tanh(top) + d - 1)
    reach = WIDTHS * spread + DROP / (d - 1)
    # beyond the top h falls at least as fast as here or as at infinity, whichever is slower
    slope = np.maximum((d - 1) * np.tanh(peak) - tilt * (1 / np.cosh(peak)) ** 2, 0)
    right = np.minimum(reach, DROP / np.maximum(np.minimum(slope, d - 1), DROP / reach))
    left = np.minimum(peak - y, reach)
    place, weight = _double_exponential()
    start = peak[..., None]
    ahead = _rise(start + right[..., None] * place, y[..., None], d, tilt[..., None])
    behind = _rise(start - left[..., None] * place, y[..., None], d, tilt[..., None])
    highest = np.maximum(ahead.max(-1), behind.max(-1))
    lift = highest[..., None]
    total = right * (np.exp(ahead - lift) * weight).sum(-1) + left * (np.exp(behind - lift) * weight).sum(-1)
    return highest + np.log(total)


def _rise(a, b, d, tilt):
    """h(a) - h(b) for a >= b, with tanh a - tanh b in a form without cancellation."""
    cosines = -2 * np.expm1(-2 * (a - b)) / ((1 + np.exp(-2 * a)) * (1 + np.exp(2 * b)))
    return tilt * cosines - (d - 1) * (log_cosh(a) - log_cosh(b))


def _double_exponential():
    """Nodes and weights of the tanh-sinh rule on [0, 1]."""
    step = 2 * REACH / (NODES - 1)
    t = np.linspace(-REACH, REACH, NODES)
    inner = math.pi / 2 * np.sinh(t)
    return 1 / (1 + np.exp(-2 * inner)), step * math.pi / 4 * np.cosh(t) / np.cosh(inner) ** 2
