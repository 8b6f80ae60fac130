"""Raya and Ambrogioni on symmetry breaking: two points, where every critical time has a closed form to be held to."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.optimize import brentq

from .. import metrics, processes, scores, theory
from ..level import NoiseLevel
from ..plots import style
from ..studies.training_course import slope
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale

SDE_TIME = math.log1p(math.sqrt(2)) / 2  # of the reverse drift, Ornstein-Uhlenbeck clock
EXACT = 1e-6  # accepted error of a critical time
GAPS = np.geomspace(1e-4, 1e-2, 9)  # 1 - sigma^2 for the exponents
WEIGHT, VARIANCE = 0.5, 0.05  # of the two clusters of the late start
STARTS = np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0])  # in units of SDE_TIME
NODES, REACH = 4001, 9.0  # of the quadrature: 9 standard deviations to each side

VARIABLES = {
    "fine": ("noise-to-signal ratio of the predicted curve in units of half the distance of the points", "1"),
    "ratio": ("noise-to-signal ratio sigma/alpha in units of half the distance of the points", "1"),
    "magnetization": ("stable fixed point of the posterior mean, predicted by m = tanh(m/sigma^2)", "1"),
    "attractor": ("stable fixed point of the posterior mean, found by ascent on the empirical score", "1"),
    "gap": ("distance from the bifurcation, 1 - sigma^2", "1"),
    "response_below": ("response of the fixed point to a field at sigma^2 = 1 - gap", "1"),
    "response_above": ("response of the fixed point to a field at sigma^2 = 1 + gap", "1"),
    "order": ("fixed point at sigma^2 = 1 - gap", "1"),
    "start": ("time of the late start in units of the critical time of the reverse SDE", "1"),
    "late_start": ("total variation that a late start costs the flow", "1"),
}


def two_points() -> scores.Empirical:
    """The data: +1 and -1."""
    return scores.Empirical(jnp.asarray([[1.0], [-1.0]], jnp.zeros(()).dtype))


def bifurcation_ratio(score: scores.Empirical) -> float:
    """sigma/alpha at which the slope of D at the midpoint is 1, by root finding on the score's Jacobian product."""
    zero, one = np.zeros(1), np.ones(1)
    return _root(lambda sigma: float(score.jacobian_vector(zero, NoiseLevel(1.0, sigma), one)[0]) - 1, 0.5, 2.0)


def stability_time(
    score: scores.Empirical, process: processes.AbstractProcess, noise: float, bracket: tuple[float, float]
) -> float:
    """The time at which the reverse drift at the midpoint changes its sign, from the divergence of the score there.

    Backwards in time a small x grows at the rate `-f + (1 + noise^2) g^2/2 score'(0)`.
    """

    def growth(t):
        pull = score.divergence(np.zeros(1), process.level(t))
        g = process.diffusion_coefficient(t)
        return float(-process.drift_coefficient(t)) + (1 + noise**2) / 2 * float(g) ** 2 * float(pull)

    return _root(growth, *bracket)


def exponents() -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Order parameter and response on both sides of the bifurcation, and their slopes in the logarithm of the gap."""
    below, above = np.sqrt(1 - GAPS), np.sqrt(1 + GAPS)
    curves = {
        "order": np.array([theory.magnetization(ratio) for ratio in below]),
        "response_below": np.array([theory.susceptibility(ratio) for ratio in below]),
        "response_above": np.array([theory.susceptibility(ratio) for ratio in above]),
    }
    return curves, {name: slope(GAPS, values) for name, values in curves.items()}


def reached(score: scores.Empirical, ratios: np.ndarray) -> np.ndarray:
    """The attractor that the point +1 climbs to, at each ratio; NaN where the ascent did not settle."""
    found = [metrics.attractors(score, np.ones((1, 1)), NoiseLevel(1.0, float(ratio))).points for ratio in ratios]
    return np.array([float(points[0, 0]) if len(points) else math.nan for points in found])


def late_start_error(process: processes.AbstractProcess, t: float) -> float:
    """Total variation between the law at t and the Gaussian with its first two moments, by the trapezoid rule.

    The probability flow in one dimension is a bijection, so this is the error at its end when it starts from the
    Gaussian at t.
    """
    law = scores.GaussianMixture.two_clusters(np.ones(1), VARIANCE, WEIGHT)
    matched = scores.Gaussian(np.zeros(1), np.asarray(1 + VARIANCE))
    level = process.level(t)
    width = math.sqrt(float(level.alpha) ** 2 * (1 + VARIANCE) + float(level.sigma) ** 2)
    x = np.linspace(-REACH * width, REACH * width, NODES)
    p, q = (np.exp(np.asarray(one, np.float64)) for one in _log_densities((law, matched), jnp.asarray(x), level))
    return float(np.abs(p - q).sum() * (x[1] - x[0]) / 2)


@eqx.filter_jit
def _log_densities(pair, x, level):
    def along(law):
        return jax.vmap(lambda y: law.log_prob(y[None], level))(x)

    return [along(law) for law in pair]


def run(scale: Scale, key) -> Results:
    """Every number; nothing is random, and `key` is not used."""
    del key
    score = two_points()
    ratios = np.linspace(0.1, 1.3, 25 if scale == "full" else 9)
    fine = np.linspace(ratios[0], ratios[-1], 241)
    predicted, magnetization = (np.array([theory.magnetization(r) for r in several]) for several in (ratios, fine))
    attractor = reached(score, ratios)
    clock = processes.OrnsteinUhlenbeck()
    late = np.array([late_start_error(clock, t) for t in STARTS * SDE_TIME])
    curves, slopes = exponents()
    away = abs(ratios - 1) > 0.02  # at the bifurcation itself the position is known to the cube root of rounding only
    values = {
        "bifurcation": abs(bifurcation_ratio(score) - 1),
        "flow": abs(stability_time(score, processes.EDM(), 0.0, (0.5, 2.0)) - 1),
        "reverse_sde": abs(stability_time(score, clock, 1.0, (0.2, 1.0)) - SDE_TIME),
        "order_exponent": slopes["order"],
        "response_exponent_below": slopes["response_below"],
        "response_exponent_above": slopes["response_above"],
        "amplitude_ratio": curves["response_above"][0] / curves["response_below"][0],
        "attractors": abs(attractor - predicted)[away].max(),
        "late_half": late[STARTS == 0.5][0],
        "late_one": late[STARTS == 1.0][0],
        "late_three_halves": late[STARTS == 1.5][0],
    }
    data = {"magnetization": ("fine", magnetization), "attractor": ("ratio", attractor), "late_start": ("start", late)}
    data |= {name: ("gap", curve) for name, curve in curves.items()}
    dataset = xr.Dataset(data, {"fine": fine, "ratio": ratios, "gap": GAPS, "start": STARTS})
    return Results({name: Measurement(float(v), 0.0) for name, v in values.items()}, described(dataset, VARIABLES))


def draw(results: Results) -> Figure:
    """Order parameter, response, and what a late start costs."""
    found = results.curves
    figure = style.new_figure(9.0, 3.0)
    left, middle, right = figure.subplots(1, 3)
    for ax in (left, middle, right):
        style.dress(ax)
    left.plot(found.fine, found.magnetization, marker="", label=r"$m=\tanh(m/\sigma^2)$")
    left.plot(found.ratio, found.attractor, linestyle="", markersize=4, label="attractor found")
    left.set(xlabel=r"noise $\sigma/\alpha$ (half distances)", ylabel="stable fixed point $m$ (1)")
    middle.plot(found.gap, found.response_above, markersize=4, label=r"$\sigma^2>1$")
    middle.plot(found.gap, found.response_below, markersize=4, label=r"$\sigma^2<1$")
    middle.set(xscale="log", yscale="log", xlabel=r"$|1-\sigma^2|$ (1)", ylabel="response of the fixed point (1)")
    right.plot(found.start, found.late_start, markersize=4)
    ratio = math.log(2) / 2 / SDE_TIME
    right.axvline(1, color=style.MARK_COLOUR, linestyle=style.MARK_LINES[0], linewidth=1, label="drift of the SDE")
    right.axvline(ratio, color=style.MARK_COLOUR, linestyle=style.MARK_LINES[1], linewidth=1, label="fixed points")
    right.set(xlabel=r"start $t_s$ (critical times of the SDE)", ylabel="error at the end (total variation)")
    right.set_yscale("log")
    for ax in (left, middle, right):
        style.legend(ax)
    return figure


def _root(function, low, high):
    return brentq(function, low, high, xtol=1e-9)


def _exact(key, statement):
    return Claim(key, statement, 0.0, 0.0, EXACT, "derived: linear stability of x = 0", "derived")


PAPER = Paper(
    slug="raya2023",
    title="Spontaneous symmetry breaking in generative diffusion models",
    arxiv="2305.19693",
    setting=(
        "Two points at +1 and -1 stand for two modes of data; the score is the exact empirical one. The critical time "
        "of the paper depends on what is asked to break the symmetry: the fixed points x = alpha D(x) split at "
        "sigma/alpha = 1 on every process, and there the flow of a variance-exploding process loses its stability as "
        "well; the drift of the reverse SDE on the Ornstein-Uhlenbeck clock does so at t = 1/2 log(1 + sqrt 2), and "
        "the flow on that clock never does. Critical times are roots of the linear growth rate that the library's "
        "score and processes give at the midpoint, held to the closed forms. What diverges at the bifurcation is the "
        "response of the fixed point, not the posterior variance. A late start is one from the Gaussian with the right "
        "two moments: its cost falls smoothly in the time of the start, without a kink at any critical time, so the "
        "critical time marks a scale. It needs clusters with a width, since two points of equal weight are reached "
        "whatever the start. Gains of speed and diversity on images do not carry over."
    ),
    claims=(
        _exact(
            "bifurcation",
            "Distance from 1 of the sigma/alpha at which the fixed point at the midpoint splits (a root).",
        ),
        _exact(
            "flow", "Distance from 1 of the sigma at which the variance-exploding flow leaves the midpoint (a root)."
        ),
        _exact(
            "reverse_sde",
            "Distance from 1/2 log(1 + sqrt 2) of the time at which the reverse SDE leaves the midpoint (a root), "
            "Ornstein-Uhlenbeck clock.",
        ),
        Claim(
            "order_exponent",
            "Exponent of the fixed point in 1 - sigma^2, fitted over 1e-4 to 1e-2.",
            0.5,
            0.49,
            0.51,
            "arXiv:2305.19693, mean-field exponent",
            "derived",
        ),
        Claim(
            "response_exponent_below",
            "Exponent of the response of the fixed point in 1 - sigma^2, below the bifurcation, over 1e-4 to 1e-2.",
            -1.0,
            -1.01,
            -0.99,
            "derived: 1/(1 - C/sigma^2)",
            "derived",
        ),
        Claim(
            "response_exponent_above",
            "Exponent of the response of the fixed point in sigma^2 - 1, above the bifurcation, over 1e-4 to 1e-2.",
            -1.0,
            -1.01,
            -0.99,
            "derived: 1/(1 - C/sigma^2)",
            "derived",
        ),
        Claim(
            "amplitude_ratio",
            "Response above over response below the bifurcation, 1e-4 from it in sigma^2.",
            2.0,
            1.99,
            2.01,
            "derived: 1/(1 - C/sigma^2)",
            "derived",
        ),
        Claim(
            "attractors",
            "Largest distance between the attractor found on the empirical score and the root of m = tanh(m/sigma^2), "
            "for sigma/alpha in [.1, 1.3] but [.98, 1.02], in half distances of the points.",
            0.0,
            0.0,
            1e-3,
            "derived: m = tanh(m/sigma^2)",
            "derived",
        ),
        Claim(
            "late_half",
            "Total variation at the end of the flow started from the moment-matched Gaussian at half the critical "
            "time of the SDE (two clusters of variance .05).",
            0.107,
            0.09,
            math.inf,
            "derived: quadrature",
            "analogue",
        ),
        Claim(
            "late_one",
            "The same, started at the critical time of the SDE.",
            0.032,
            0.0,
            0.04,
            "derived: quadrature",
            "analogue",
        ),
        Claim(
            "late_three_halves",
            "The same, started at 1.5 times the critical time of the SDE.",
            0.011,
            0.0,
            0.015,
            "derived: quadrature",
            "analogue",
        ),
    ),
    run=run,
    draw=draw,
)
