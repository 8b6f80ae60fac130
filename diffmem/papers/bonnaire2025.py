"""Bonnaire et al. on implicit dynamical regularization: the spectrum of random features, and its two training times."""

import math
import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import scores, theory
from ..level import NoiseLevel
from ..plots import style
from ..studies.feature_times import VARIABLES as TRAINED
from ..studies.feature_times import feature_times
from ..studies.variables import described
from .base import Claim, Measurement, Paper, Results, Scale

TIMES = (0.1, 0.01)  # of the Ornstein-Uhlenbeck clock, at which the score is learnt
SPECTRA = ((100, 8, 4), (40, 32, 4))  # d, psi_p, psi_n
ABOVE = 3e-5  # how far above the atom the continuous part is looked at
DESCENT = (30, 8, 0.5)  # d, psi_p and step in training time of the gradient descent
DESCENT_POINTS, CHECKED = {"smoke": (60,), "full": (60, 240)}, (3, 10, 30, 100, 300)
SMALL = (25, (4, 8, 16))  # d and psi_n of the pre-asymptotic slopes
LARGE = (20, (8, 16, 32, 64))
WIDE = {"smoke": (64,), "full": (64, 1024)}  # psi_p
FAR_TIMES = {"": "gap", "_level": "level", "_near": "near"}

VARIABLES = {
    **TRAINED,
    "x": ("eigenvalue above the floor s^2", "1"),
    "eigenvalue": ("rank of a measured eigenvalue above the floor", "count"),
    "density": ("predicted density of eigenvalues over log(x), d = 100, psi_p = 8, psi_n = 4, t = .1", "1"),
    "measured": ("eigenvalues above the floor, the same case", "1"),
}


def noise_level(t: float) -> NoiseLevel:
    """alpha and sigma of the clock, in double precision."""
    return NoiseLevel(math.exp(-t), math.sqrt(-math.expm1(-2 * t)))


def drawn(key, p: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """W and the training points, N(0, I)."""
    keys = jax.random.split(key)
    return tuple(np.asarray(jax.random.normal(k, (rows, d)), np.float64) for k, rows in zip(keys, (p, n)))


def spectrum(key, d: int, psi_p: int, psi_n: int, t: float):
    """Eigenvalues of one matrix above the atom, their number at it, and the predicted distribution beyond ABOVE.

    Also the Kolmogorov distance of the two and the predicted mass.
    """
    layer_key, gauss_key = jax.random.split(key)
    moments, (p, n) = theory.activation_moments(noise_level(t)), (psi_p * d, psi_n * d)
    matrix = scores.equivalent_feature_moments(*drawn(layer_key, p, n, d), noise_level(t), key=gauss_key).second
    above = np.linalg.eigvalsh(matrix) - moments.floor
    atom = int(np.sum(np.abs(above) < 1e-9))
    top = 1.5 * max(theory.population_bulk(psi_p, moments)[1], above[-1])
    x = np.geomspace(ABOVE, top, 4000)
    density = theory.spectral_density(moments.floor + x, psi_p, psi_n, moments)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    found = above[atom:]
    predicted = np.interp(found, x, cumulative / cumulative[-1])
    ranks = np.arange(len(found) + 1) / len(found)
    distance = max(np.abs(predicted - ranks[1:]).max(), np.abs(predicted - ranks[:-1]).max())
    return found, atom - (p - n - d), x, density, distance, cumulative[-1] - (1 - theory.spectral_atom(psi_p, psi_n))


def descent(key, n: int) -> tuple[float, float]:
    """Gradient descent with one fresh noise for each point and step, against the exact flow of the same features.

    Largest difference of training losses at five times; and that of the Gaussian equivalent's flow from the same.
    """
    layer_key, noise_key, gauss_key = jax.random.split(key, 3)
    (d, psi_p, step), level = DESCENT, noise_level(TIMES[0])
    layers = drawn(layer_key, psi_p * d, n, d)
    fit = scores.fit_random_features(*layers, level)
    exact = fit.flow(np.array(CHECKED)).train
    descended = scores.descend_random_features(*layers, level, CHECKED, step, key=noise_key)
    losses = [fit.train.loss(second) for second in descended]
    equivalent = scores.equivalent_modes(*layers, level, key=gauss_key).flow(np.array(CHECKED)).train
    return float(np.abs(losses - exact).max()), float(np.abs(equivalent - exact).max())


def slope(found: xr.Dataset, name: str) -> float:
    """Slope of the logarithm of a time against that of psi_n."""
    return float(np.polyfit(np.log(found.psi_n), np.log(found[name]), 1)[0])


def run(scale: Scale, key) -> Results:
    """Spectra against Theorem 3.1, gradient descent against the flow, and the times of training against n."""
    spectrum_key, descent_key, small_key, large_key = jax.random.split(key, 4)
    cases = [(case, t) for case in SPECTRA for t in TIMES][: 1 if scale == "smoke" else None]
    spectra = {case: spectrum(jax.random.fold_in(spectrum_key, i), *case[0], case[1]) for i, case in enumerate(cases)}
    measured = {f"density_{d}": max(spectra[c][4] for c in cases if c[0][0] == d) for d in {c[0][0] for c in cases}}
    measured |= {
        "atom": max((s[1] for s in spectra.values()), key=abs),
        "mass": max(abs(s[5]) for s in spectra.values()),
    }
    for n in DESCENT_POINTS[scale]:
        measured[f"descent_{n}"], measured[f"equivalent_{n}"] = descent(jax.random.fold_in(descent_key, n), n)
    small = {
        (psi_p, t): feature_times(
            SMALL[1], noise_level(t), d=SMALL[0], psi_p=psi_p, key=jax.random.fold_in(small_key, i)
        )
        for i, psi_p in enumerate(WIDE[scale])
        for t in TIMES
    }
    slopes = {name: [slope(one, name) for one in small.values()] for name in ("tau_bulk", "tau_level", "tau_near")}
    gaps = [slope(one, "tau_gap") for (_, t), one in small.items() if t == TIMES[0]]
    measured |= {
        "bulk_slope": max(slopes["tau_bulk"], key=lambda found: abs(found - 1)),
        "small_slope": max(gaps, key=lambda found: abs(found - (1.4 + 2.3) / 2)),
        "small_level_slope": max(slopes["tau_level"], key=abs),
        "small_near_slope": max(slopes["tau_near"]),
        "least": max(float(one.least.max()) for one in small.values()),
        "rise": min(float((one.final / one.least).min()) for one in small.values()),
    }
    if scale == "full":
        large = feature_times(LARGE[1], noise_level(TIMES[1]), d=LARGE[0], psi_p=WIDE[scale][-1], key=large_key)
        measured |= {f"large{name}_slope": slope(large, f"tau_{of}") for name, of in FAR_TIMES.items()}
    shown = small[WIDE[scale][0], TIMES[1]]
    return Results(
        {name: Measurement(float(value)) for name, value in measured.items()}, _dataset(spectra[cases[0]], shown)
    )


def _dataset(spectra, training: xr.Dataset) -> xr.Dataset:
    eigenvalues, _, x, density, _, _ = spectra
    whole = training.assign(density=("x", density * x), measured=("eigenvalue", eigenvalues))
    return described(whole.assign_coords(x=x, eigenvalue=np.arange(len(eigenvalues))), VARIABLES)


def draw(results: Results) -> Figure:
    """The spectrum, learning over training time, and the times against the number of points."""
    found = results.curves
    figure = style.new_figure(9.4, 3.0)
    left, middle, right = figure.subplots(1, 3)
    for ax in (left, middle, right):
        style.dress(ax)
        ax.set(xscale="log")
    edges = np.geomspace(float(found.measured.min()) / 1.2, float(found.measured.max()) * 1.2, 45)
    # a share of all p = 800 eigenvalues in each unit of log(x)
    height = np.histogram(found.measured, edges)[0] / np.diff(np.log(edges)) / 800
    left.stairs(height, edges, color=style.COLOURS[0], fill=True, alpha=0.4, label="one matrix")
    left.plot(found.x, found.density, color=style.MARK_COLOUR, linestyle="-", marker="", label="theory")
    left.set(
        xlabel="eigenvalue above the floor (1)", ylabel="density over its logarithm (1)", xlim=(edges[0], edges[-1])
    )
    for i, psi_n in enumerate(found.psi_n.values):
        look = {"color": style.COLOURS[i], "marker": ""}
        one = found.sel(psi_n=psi_n)
        middle.plot(one.tau, one.score, linestyle="-", label=rf"$\psi_n={psi_n}$", **look)
        middle.plot(one.tau, one.test - one.train, linestyle="--", **look)
    middle.set(yscale="log", ylim=(2e-2, 2e3), xlim=(1, 1e7), xlabel=r"training time $\tau$ (1)")
    middle.set(ylabel="score error -, loss gap -- (1)")
    names = {"gap": "loss gap .1", "bulk": r"median of $\rho_1$", "level": "score error .3"}
    for name, text in names.items():
        right.plot(found.psi_n, found[f"tau_{name}"], label=text, markersize=5)
    right.set(yscale="log", xlabel=r"points over dimensions $\psi_n$ (1)", ylabel=r"training time $\tau$ (1)")
    right.set_xticks(found.psi_n.values, [str(n) for n in found.psi_n.values])
    right.minorticks_off()
    for ax in (left, middle, right):
        style.legend(ax)
    return figure


THEOREM = "arXiv:2505.17638, Theorem 3.1"
SCALES = "arXiv:2505.17638, tau_mem grows as n, tau_gen does not"
FLOW = "derived: gradient descent with small steps follows its flow"
FULL, BOTH = ("full",), ("smoke", "full")
PRE = "psi_n in {4, 8, 16}, d = 25, psi_p = 64 and 1024 (smoke: 64), the worst case"
FAR = "psi_n in {8, 16, 32, 64}, d = 20, psi_p = 1024, t = .01"
GROWTH = "Slope of the logarithm of the training time"

PAPER = Paper(
    slug="bonnaire2025",
    title="Why Diffusion Models Don't Memorize: The Role of Implicit Dynamical Regularization in Training",
    arxiv="2505.17638",
    setting=(
        "The paper's own solvable model: a score that is linear in tanh random features of n points of N(0, I) in d "
        "dimensions, trained by gradient flow at one time t of the Ornstein-Uhlenbeck clock on all noise of each point "
        "(psi_p = p/d, psi_n = n/d), solved at every training time by one eigendecomposition. Spectra and times are "
        "those of the Gaussian equivalent of the features; gradient descent with one fresh noise for each point and "
        "step is run on true features, and their exact flow and that of the equivalent are compared. The modes of the "
        "sample (rho_1) are learnt at a time proportional to n, those of the population at one that does not depend on "
        "it. The time at which the loss gap reaches .1 is linear in n only for many points: between psi_n = 4 and 16 "
        "it grows faster, since part of the gap at small n, of order 1/psi_n, is not memorization. Where the score "
        "error is within 20 % of its least value depends weakly on n, because that value falls with n; a fixed level "
        "does not. The trained networks of the paper are not part of this closed form."
    ),
    claims=tuple(
        Claim(key, statement, expected, low, high, source, kind, scales)
        for key, statement, expected, low, high, source, kind, scales in (
            (
                "density_100",
                "Kolmogorov distance of the eigenvalues above the floor from the theory, psi_p = 8, psi_n = 4, "
                "d = 100, larger of t = .1 and .01 (smoke: .1).",
                *(0.006, 0.0, 0.015, THEOREM, "derived", BOTH),
            ),
            (
                "density_40",
                "The same at psi_p = 32, psi_n = 4, d = 40.",
                *(0.012, 0.0, 0.02, THEOREM, "derived", FULL),
            ),
            (
                "atom",
                "Number of eigenvalues at the floor s^2 less p - n - d, farthest from 0 over these matrices.",
                *(0.0, 0.0, 0.0, "arXiv:2505.17638, Theorem 3.2", "printed", BOTH),
            ),
            (
                "mass",
                "Mass of the predicted continuous density less (1 + psi_n)/psi_p, largest absolute value.",
                *(0.0, 0.0, 1e-3, "arXiv:2505.17638, Theorem 3.2", "printed", BOTH),
            ),
            *(
                (
                    f"descent_{n}",
                    "Training loss of gradient descent with fresh noise less that of the exact flow of the same true "
                    f"features, largest at tau = 3, 10, 30, 100, 300, n = {n}, d = 30, p = 240, t = .1.",
                    *(0.0, 0.0, 0.02, FLOW, "derived", scales),
                )
                for n, scales in ((60, BOTH), (240, FULL))
            ),
            *(
                (
                    f"equivalent_{n}",
                    f"Training loss of the flow of the Gaussian equivalent less that of true features, n = {n}, likewise.",
                    *(0.0, 0.0, high, "derived: error of the equivalence at finite size", "derived", scales),
                )
                for n, high, scales in ((60, 0.03, BOTH), (240, 0.01, FULL))
            ),
            (
                "bulk_slope",
                f"{GROWTH} psi_p/(sigma^2 (median of rho_1 - s^2)) against that of n, both t, {PRE}.",
                *(1.0, 0.95, 1.05, SCALES, "printed", BOTH),
            ),
            (
                "large_slope",
                f"{GROWTH} at which test less training loss is .1 per dimension, {FAR}.",
                *(1.0, 1.0, 1.3, SCALES, "printed", FULL),
            ),
            (
                "large_level_slope",
                f"{GROWTH} at which the score error falls to .3 per dimension, {FAR}.",
                *(0.0, -0.1, 0.1, SCALES, "printed", FULL),
            ),
            (
                "large_near_slope",
                f"{GROWTH} at which the score error is first within 20 % of its least value, {FAR}.",
                *(0.25, -math.inf, 0.35, "derived: exact flow of these matrices", "derived", FULL),
            ),
            (
                "small_slope",
                f"{GROWTH} at which the loss gap is .1, t = .1, {PRE}: pre-asymptotic.",
                *(1.7, 1.4, 2.3, "derived: exact flow of these matrices", "derived", BOTH),
            ),
            (
                "small_level_slope",
                f"{GROWTH} at which the score error falls to .3, both t, {PRE}.",
                *(0.0, -0.1, 0.1, SCALES, "printed", BOTH),
            ),
            (
                "small_near_slope",
                f"{GROWTH} at which the score error is first within 20 % of its least value, both t, {PRE}.",
                *(0.25, -math.inf, 0.35, "derived: exact flow of these matrices", "derived", BOTH),
            ),
            (
                "least",
                f"Least score error per dimension over training, both t, {PRE}.",
                *(0.07, 0.0, 0.1, "derived: exact flow of these matrices", "derived", BOTH),
            ),
            (
                "rise",
                f"Score error of the end of training over its least value, both t, {PRE}.",
                *(170.0, 50.0, math.inf, "derived: exact flow of these matrices", "derived", BOTH),
            ),
        )
    ),
    run=run,
    draw=draw,
)
