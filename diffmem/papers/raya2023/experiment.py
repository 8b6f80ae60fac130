"""Critical times of two points as roots of growth rates, exponents at the bifurcation, and the cost of a late start."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray
from scipy.optimize import brentq

from ... import metrics, processes, scores, theory
from ...level import NoiseLevel
from ...studies.training_course import slope
from ..base import Measurement, Results
from ..measurements import Group

CLOCK = processes.OrnsteinUhlenbeck()
SDE_TIME = math.log1p(math.sqrt(2)) / 2  # critical time of the reverse drift on this clock
GAPS = np.geomspace(1e-4, 1e-2, 9)  # |1 - sigma^2| at which exponents are fitted
LATE = {"late_half": 0.5, "late_one": 1.0, "late_three_halves": 1.5}  # starts with a claim, in units of SDE_TIME
REACH = 9.0  # standard deviations to each side in the quadrature


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    ratios: int = 25  # values of sigma/alpha at which the attractor is found
    starts: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # late starts, in units of SDE_TIME
    variance: float = 0.05  # of the two clusters that are started late
    nodes: int = 4001  # of the quadrature


FULL = Settings()
SMOKE = Settings(ratios=9)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """All numbers of the claims; nothing is random, and `key` is not used."""
    del key
    exponents, responses = critical()
    distance, fixed = attractors(settings)
    costs, late = late_starts(settings)
    values = stability() | exponents | distance | costs
    measured = {name: Measurement(float(value), 0.0) for name, value in values.items()}
    return Results(measured, xr.merge([responses, fixed, late]))


def stability() -> dict[str, Any]:
    """How far the noise or time at which fixed points, flow and SDE leave x = 0 is from the closed forms."""
    score, zero, one = two_points(), np.zeros(1), np.ones(1)

    def slope_of_mean(sigma):
        return float(score.jacobian_vector(zero, NoiseLevel(1.0, sigma), one)[0])

    def growth(t, process, noise: float):
        """Backwards in time a small x grows at the rate `-f + (1 + noise^2) g^2/2 score'(0)`."""
        derivative = float(score.divergence(zero, process.level(t)))
        g = float(process.diffusion_coefficient(t))
        return float(-process.drift_coefficient(t)) + (1 + noise**2) / 2 * g**2 * derivative

    def root(function, low, high, *arguments):
        return brentq(function, low, high, arguments, xtol=1e-9)

    return {
        "bifurcation": abs(root(lambda sigma: slope_of_mean(sigma) - 1, 0.5, 2.0) - 1),
        "flow": abs(root(growth, 0.5, 2.0, processes.EDM(), 0.0) - 1),
        "reverse_sde": abs(root(growth, 0.2, 1.0, CLOCK, 1.0) - SDE_TIME),
    }


def critical() -> Group:
    """Fixed point and response on both sides of the bifurcation, and their slopes in the logarithm of the gap."""
    below, above = np.sqrt(1 - GAPS), np.sqrt(1 + GAPS)
    curves = {
        "order": np.array([theory.magnetization(ratio) for ratio in below]),
        "response_below": np.array([theory.susceptibility(ratio) for ratio in below]),
        "response_above": np.array([theory.susceptibility(ratio) for ratio in above]),
    }
    measured = {
        "order_exponent": slope(GAPS, curves["order"]),
        "response_exponent_below": slope(GAPS, curves["response_below"]),
        "response_exponent_above": slope(GAPS, curves["response_above"]),
        "amplitude_ratio": curves["response_above"][0] / curves["response_below"][0],
    }
    return measured, xr.Dataset({name: ("gap", curve) for name, curve in curves.items()}, {"gap": GAPS})


def attractors(settings: Settings) -> Group:
    """The attractor of the empirical score reached by ascent from +1, against the root of m = tanh(m/sigma^2)."""
    score, ratios = two_points(), np.linspace(0.1, 1.3, settings.ratios)
    found = [metrics.attractors(score, np.ones((1, 1)), NoiseLevel(1.0, float(ratio))).points for ratio in ratios]
    # NaN where the ascent did not converge
    attractor = np.array([float(points[0, 0]) if len(points) else math.nan for points in found])
    fine = np.linspace(ratios[0], ratios[-1], 241)
    predicted, magnetization = (np.array([theory.magnetization(r) for r in several]) for several in (ratios, fine))
    away = abs(ratios - 1) > 0.02  # at the bifurcation itself the position is known to the cube root of rounding only
    measured = {"attractors": abs(attractor - predicted)[away].max()}
    curves = {"magnetization": ("fine", magnetization), "attractor": ("ratio", attractor)}
    return measured, xr.Dataset(curves, {"fine": fine, "ratio": ratios})


def late_starts(settings: Settings) -> Group:
    """Total variation at the end of the flow that starts late, at several times."""
    costs = [late_start_error(start * SDE_TIME, settings) for start in settings.starts]
    measured = {name: costs[settings.starts.index(at)] for name, at in LATE.items() if at in settings.starts}
    return measured, xr.Dataset({"late_start": ("start", costs)}, {"start": list(settings.starts)})


def late_start_error(t: float, settings: Settings) -> float:
    """Total variation between the law at t and the Gaussian with its first two moments, by the trapezoid rule.

    The probability flow in one dimension is a bijection, so this is the error at its end when it starts from the
    Gaussian at t.
    """
    law = scores.GaussianMixture.two_clusters(np.ones(1), settings.variance)
    matched = scores.Gaussian(np.zeros(1), np.asarray(1 + settings.variance))
    level = CLOCK.level(t)
    width = math.sqrt(float(level.alpha) ** 2 * (1 + settings.variance) + float(level.sigma) ** 2)
    x = np.linspace(-REACH * width, REACH * width, settings.nodes)
    p, q = (np.exp(np.asarray(one, np.float64)) for one in _log_densities((law, matched), jnp.asarray(x), level))
    return float(np.abs(p - q).sum() * (x[1] - x[0]) / 2)


def two_points() -> scores.Empirical:
    """The data: +1 and -1."""
    return scores.Empirical(jnp.asarray([[1.0], [-1.0]], jnp.zeros(()).dtype))


@eqx.filter_jit
def _log_densities(laws, x, level):
    return [jax.vmap(lambda y, law=law: law.log_prob(y[None], level))(x) for law in laws]
