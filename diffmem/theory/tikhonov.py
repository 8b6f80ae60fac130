"""How close a regularised probability flow comes to a lone data point."""

import math

import numpy as np

from ..level import ProcessLike

NODES = 200  # Gauss-Legendre nodes, enough for 15 decades of sigma/alpha: the integrand's poles are pi/2 off the axis


def tikhonov_contraction(
    process: ProcessLike, strength: float, start: float | None = None, end: float | None = None
) -> float:
    """By how much the flow of a Tikhonov-regularised score contracts the distance of x/alpha to a lone data point.

    The regularised score `(alpha y - x)/(sigma^2 + c)` is `sigma^2/(sigma^2 + c)` times the exact one. With
    rho = sigma/alpha and u = x/alpha this gives `d log|u - y| / d log rho = sigma^2/(sigma^2 + c)` and

        |u_end - y| / |u_start - y| = exp(- integral of sigma^2/(sigma^2 + c) d log rho from rho_end to rho_start)

    It is `sqrt((sigma_end^2 + c)/(sigma_start^2 + c))` where alpha = 1, and on variance-preserving processes
    `[(v_e + c)(1 - v_s) / ((v_s + c)(1 - v_e))]^(1/(2 (1 + c)))` with v = sigma^2. Processes differ at equal rho, as c
    is compared with sigma and not with rho. At c = 0 it is rho_end/rho_start.

    `strength` c in squared units of x; `start` and `end` are times, by default t_max and t_min. Computed in NumPy by
    quadrature, to the precision of `process.time_at`.
    Raises ValueError where `strength` is negative, `start` not above `end`, alpha 0 at `start` or sigma 0 at `end`.
    Source: derived; Baptista et al., arXiv:2501.15785, study the flow with this score.
    """
    if not 0 <= strength < math.inf:
        raise ValueError(f"`strength` must be finite and at least 0, but is {strength}.")
    start, end = float(process.t_max if start is None else start), float(process.t_min if end is None else end)
    if not start > end:
        raise ValueError(f"`start` must be above `end`, but they are {start} and {end}.")
    low, high = _ratio(process, end), _ratio(process, start)
    if not 0 < low < high < math.inf:
        raise ValueError(f"sigma/alpha must be positive at `end` and finite at `start`, but is {low} and {high}.")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = math.log(high / low) / 2
    ratio = np.exp(math.log(low) + half * (nodes + 1))
    square = np.asarray(process.level(process.time_at(ratio)).sigma, np.float64) ** 2
    return math.exp(-half * float(weights @ (square / (square + strength))))


def _ratio(process: ProcessLike, time: float) -> float:
    alpha, sigma = (float(part) for part in process.level(time))
    return sigma / alpha if alpha > 0 else math.inf
