"""Posterior feedback: whether one step of guidance raises the posterior weight of a point that may be copied."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ..annotations import Numbers
from ..level import NoiseLevel
from ..representation import one_line

SATURATED = 1e-12  # where a point's posterior weight is nearer to 1, a step has nothing left to decide


class Atoms(NamedTuple):
    """A law of distinct points (n, d) with positive weights (n,), and the row `target` of the point in question."""

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, "n"]
    target: int

    __repr__ = one_line

    def energies(self, x: Numbers, level: NoiseLevel) -> Float[np.ndarray, "count n"]:
        """`|x - alpha u_j|^2/(2 sigma^2) - log pi_j` less its value at the target, for states (count, d)."""
        alpha, sigma = (float(part) for part in level)
        x = np.asarray(x, np.float64)
        squares = (self.points**2).sum(axis=1)
        own = (alpha**2 * squares / 2)[None] - alpha * x @ self.points.T
        energies = own / sigma**2 - np.log(self.weights)[None]
        return energies - energies[:, [self.target]]

    def mean(self, x: Numbers, level: NoiseLevel) -> Float[np.ndarray, "count d"]:
        """The posterior mean `xbar(x)`."""
        energies = self.energies(x, level)
        odds = np.exp(energies.min(axis=1, keepdims=True) - energies)
        return odds @ self.points / odds.sum(axis=1, keepdims=True)

    def weight_besides_leader(self, x: Numbers, level: NoiseLevel) -> Float[np.ndarray, "count"]:
        """The posterior weight of all atoms but the heaviest."""
        energies = np.sort(self.energies(x, level), axis=1)
        odds = np.exp(energies[:, :1] - energies[:, 1:]).sum(axis=1)
        return odds / (1 + odds)

    def log_odds_against(self, x: Numbers, level: NoiseLevel) -> Float[np.ndarray, "count"]:
        """`log (1 - p)/p` of the posterior weight p of the target."""
        others = -np.delete(self.energies(x, level), self.target, axis=1)
        return np.logaddexp.reduce(others, axis=1)


class Feedback(NamedTuple):
    """What the gap of the branches does in one step, for each of `count` states."""

    gain: Float[np.ndarray, "count"]
    """`H = log p'(x') - log p'(x'_cf)`, nats: what the guided gap adds to the log-posterior weight of the target."""
    margin: Float[np.ndarray, "count"]
    """`M = |D| - e_par - V`; M > 0 if and only if H > 0 and `|D| - e_par > 0` (derived)."""
    error: Float[np.ndarray, "count"]
    """`e_par = u.(r_c - r_u)`, the part of the gap, along its direction u, that is error of the two branches."""
    undecided: Bool[np.ndarray, "count"]
    """Whether anything is left to decide: D is not 0, and no atom has all posterior weight at x, up to 1e-12."""

    __repr__ = one_line


def posterior_gain(atoms: Atoms, before: Numbers, after: Numbers, level: NoiseLevel) -> Float[np.ndarray, "count"]:
    """`log p(after) - log p(before)` of the target's posterior weight p at a level, accurate also where p is near 1."""
    missing = [np.logaddexp(0, atoms.log_odds_against(x, level)) for x in (before, after)]  # -log p
    return missing[0] - missing[1]


def posterior_gain_by_integral(atoms: Atoms, before: Numbers, after: Numbers, level: NoiseLevel) -> float:
    """The same for one pair of states (d,), as an integral along the segment between them:

        H = (alpha/sigma^2) int_0^1 <after - before, x* - xbar(before + s (after - before))> ds

    by an adaptive rule (SciPy's) with a break point at each s where the target and another atom are equally likely:
    the integrand falls within sigma^2/(alpha |after - before| |u_j - x*|) of it, which fixed nodes miss.
    """
    from scipy.integrate import quad

    alpha, sigma = (float(part) for part in level)
    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    step, target = after - before, atoms.points[atoms.target]
    first, last = atoms.energies(np.stack([before, after]), level)
    slope = np.delete(last - first, atoms.target)
    crossings = -np.delete(first, atoms.target) / np.where(slope == 0, np.inf, slope)
    inside = np.unique(crossings[(crossings > 0) & (crossings < 1)])

    def integrand(s):
        return float(step @ (target - atoms.mean((before + s * step)[None], level)[0]))

    edges = [0.0, *inside, 1.0]
    parts = [quad(integrand, a, b, epsabs=0, epsrel=1e-11, limit=200)[0] for a, b in itertools.pairwise(edges)]
    return alpha / sigma**2 * math.fsum(parts)


def posterior_feedback(
    atoms: Atoms,
    x: Numbers,
    conditional: Numbers,
    unconditional: Numbers,
    weight: float,
    now: NoiseLevel,
    after: NoiseLevel,
) -> Feedback:
    """The feedback of one DDIM step from states x (count, d) at level `now` to level `after`, sigma > 0 at both.

    With D = conditional - unconditional, the difference of the denoised points (count, d) of the two branches of any
    model, guidance g = `weight` and kappa = alpha' - alpha sigma'/sigma, the step goes to x', and without the gap to
    x'_cf = x' - g kappa D. `atoms` is the unconditional law, whose posterior means xbar and xbar' at the two levels
    compare with the branches: r_c = conditional - x*, r_u = unconditional - xbar, u = D/|D| and

        V = [int_0^1 u.(xbar'(x'_cf + s g kappa D) - xbar(x)) ds]_+ .

    The integral follows from H, a difference of two logarithms. Because `|D| - e_par = u.(x* - xbar)` by definition,
    the margin never contradicts the sign of the gain: a share of violations tests code, not models. Source: Kim et al.,
    arXiv:2509.25705, as revised in their repository; the closed forms are derived.
    """
    conditional, unconditional = np.asarray(conditional, np.float64), np.asarray(unconditional, np.float64)
    (alpha, sigma), (alpha_after, sigma_after) = (tuple(float(part) for part in level) for level in (now, after))
    kappa = alpha_after - alpha * sigma_after / sigma
    gap = conditional - unconditional
    without = sigma_after / sigma * np.asarray(x, np.float64) + kappa * unconditional
    gain = posterior_gain(atoms, without, without + weight * kappa * gap, after)
    size = np.linalg.norm(gap, axis=1)
    moved = size > 0
    divisor = np.where(moved, size, 1)
    u = gap / divisor[:, None]
    target, mean = atoms.points[atoms.target], atoms.mean(x, now)
    separation = np.sum(u * (target[None] - mean), axis=1)
    reach = alpha_after * weight * kappa * divisor
    still = reach == 0  # the segment is a point
    at_point = np.sum(u * (target[None] - atoms.mean(without, after)), axis=1)
    left = np.where(still, at_point, sigma_after**2 * gain / np.where(still, 1, reach))  # int u.(x* - xbar') ds
    margin = np.where(moved, separation - np.maximum(separation - left, 0), 0.0)
    undecided = moved & (atoms.weight_besides_leader(x, now) > SATURATED)
    return Feedback(gain, margin, np.where(moved, size - separation, 0.0), undecided)
