"""Bonnaire et al. on implicit dynamical regularization: the spectrum of random features, and its two training times."""

import math

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import data, scores, theory
from ..level import NoiseLevel
from ..plots import style
from ..scores.feature_moments import gaussian_numbers
from ..studies import feature_spectrum, feature_times, network_summary, network_times, slope
from .single_file import Claim, Measurement, Paper, Results, Scale

TIMES = (0.1, 0.01)  # of the Ornstein-Uhlenbeck clock, at which the score is learnt
SPECTRA = ((100, 8, 4), (40, 32, 4))  # d, psi_p, psi_n
DESCENT = (30, 8, 0.5)  # d, psi_p and step in training time of the gradient descent
DESCENT_POINTS, CHECKED = {"smoke": (60,), "full": (60, 240)}, (3, 10, 30, 100, 300)
SMALL = (25, (4, 8, 16))  # d and psi_n of the pre-asymptotic slopes
PRE_ASYMPTOTIC = (1.4, 2.3)  # the accepted slope there
LARGE = (20, (8, 16, 32, 64), 1024)  # d, psi_n and psi_p of the slopes at more points
WIDE = {"smoke": (64,), "full": (64, 1024)}  # psi_p
NETWORK_D = 8
MEMORIZING = (32, 64, 128, 256), 16_000  # points and steps of trained networks
GENERALIZING = (64, 128, 256, 512), 400
CLUSTERS, SPREAD = 6, 0.3  # of the law on which generalizing takes time


def noise_level(t: float) -> NoiseLevel:
    """alpha and sigma of the clock, in double precision."""
    return NoiseLevel(math.exp(-t), math.sqrt(-math.expm1(-2 * t)))


def descent(key, n: int) -> tuple[float, float]:
    """Gradient descent with one fresh noise for each point and step, against the exact flow of the same features.

    Largest difference of training losses at five times; and that of the Gaussian equivalent's flow from the same.
    """
    layer_key, noise_key, gauss_key = jax.random.split(key, 3)
    (d, psi_p, step), level = DESCENT, noise_level(TIMES[0])
    keys = zip(jax.random.split(layer_key), (psi_p * d, n))
    layers = [gaussian_numbers(key, (rows, d)) for key, rows in keys]
    fit = scores.fit_random_features(*layers, level)
    exact = fit.flow(np.array(CHECKED)).train
    descended = scores.descend_random_features(*layers, level, CHECKED, step, key=noise_key)
    losses = [fit.train.loss(second) for second in descended]
    equivalent = scores.equivalent_modes(*layers, level, key=gauss_key).flow(np.array(CHECKED)).train
    return float(np.abs(losses - exact).max()), float(np.abs(equivalent - exact).max())


def run(scale: Scale, key) -> Results:
    """Spectra against Theorem 3.1, gradient descent against the flow, and the times of training against n."""
    spectrum_key, descent_key, small_key, large_key = jax.random.split(key, 4)
    measured, shown = spectra(spectrum_key, scale)
    for n in DESCENT_POINTS[scale]:
        measured[f"descent_{n}"], measured[f"equivalent_{n}"] = descent(jax.random.fold_in(descent_key, n), n)
    numbers, training = times(small_key, scale)
    measured |= numbers
    if scale == "full":
        d, sizes, psi_p = LARGE
        large = feature_times(sizes, noise_level(TIMES[1]), d=d, psi_p=psi_p, key=large_key)
        names = {"large_slope": "gap", "large_level_slope": "level", "large_near_slope": "near"}
        measured |= {name: slope(np.array(sizes), large[f"tau_{of}"].values) for name, of in names.items()}
        numbers, networks = trained(jax.random.fold_in(key, 4))
        measured, shown = measured | numbers, shown.merge(networks)
    return Results({name: Measurement(float(value)) for name, value in measured.items()}, training.merge(shown))


def spectra(key, scale: Scale) -> tuple[dict[str, float], xr.Dataset]:
    """The claims on the spectrum, and the first of the cases."""
    cases = [(case, t) for case in SPECTRA for t in TIMES][: 1 if scale == "smoke" else None]
    measured, found = {}, []
    for i, ((d, psi_p, psi_n), t) in enumerate(cases):
        one = feature_spectrum(psi_n, noise_level(t), d=d, psi_p=psi_p, key=jax.random.fold_in(key, i))
        found.append(one)
        worst = {
            f"density_{d}": float(one.distance),
            "atom": float(one.at_floor) - (psi_p - psi_n - 1) * d,
            "mass": abs(float(one.mass) - 1 + theory.spectral_atom(psi_p, psi_n)),
        }
        measured |= {name: max(measured.get(name, 0.0), value, key=abs) for name, value in worst.items()}
    return measured, found[0]


def times(key, scale: Scale) -> tuple[dict[str, float], xr.Dataset]:
    """The claims at few points, and one of the cases."""
    d, sizes = SMALL
    found = {}
    for i, psi_p in enumerate(WIDE[scale]):
        for t in TIMES:
            # both noises on the same draw
            found[psi_p, t] = feature_times(sizes, noise_level(t), d=d, psi_p=psi_p, key=jax.random.fold_in(key, i))
    slopes = {
        name: [slope(np.array(sizes), one[name].values) for one in found.values()]
        for name in ("tau_bulk", "tau_level", "tau_near")
    }
    gaps = [slope(np.array(sizes), found[psi_p, TIMES[0]].tau_gap.values) for psi_p in WIDE[scale]]
    return {
        "bulk_slope": max(slopes["tau_bulk"], key=lambda found: abs(found - 1)),
        "small_slope": max(gaps, key=lambda found: abs(found - sum(PRE_ASYMPTOTIC) / 2)),
        "small_level_slope": max(slopes["tau_level"], key=abs),
        "small_near_slope": max(slopes["tau_near"]),
        "least": max(float(one.least.max()) for one in found.values()),
        "rise": min(float((one.final / one.least).min()) for one in found.values()),
    }, found[WIDE[scale][0], TIMES[1]]


def trained(key) -> tuple[dict[str, float], xr.Dataset]:
    """The claims on networks: two unit Gaussians to memorize, six narrow ones to generalize from."""
    mean_key, training_key = jax.random.split(key)
    centre = np.ones((1, NETWORK_D))
    pair = scores.GaussianMixture(np.ones(2), np.concatenate([centre, -centre]), np.ones(2))
    means = data.spheres(CLUSTERS, NETWORK_D, radius=NETWORK_D**0.5, key=mean_key).points
    many = scores.GaussianMixture(np.ones(CLUSTERS), means, np.full(CLUSTERS, SPREAD**2))
    found = network_times((pair, *MEMORIZING), (many, *GENERALIZING), key=training_key)
    return {f"network_{name}": value for name, value in network_summary(found).items()}, found


def draw(results: Results) -> Figure:
    """The spectrum, learning over training time, and the times against n; then the same of trained networks."""
    found = results.curves
    rows = 2 if "network_n" in found else 1
    figure = style.new_figure(9.4, 0.2 + 2.8 * rows)
    axes = figure.subplots(rows, 3, squeeze=False)
    left, middle, right = axes[0]
    for ax in axes.flat:
        style.dress(ax)
        ax.set(xscale="log")
    above = found.eigenvalues.values[np.isfinite(found.eigenvalues)]
    edges = np.geomspace(above[0] / 1.2, above[-1] * 1.2, 45)
    # a share of all eigenvalues in each unit of log(x)
    height = np.histogram(above, edges)[0] / np.diff(np.log(edges)) / (len(above) + int(found.at_floor))
    left.stairs(height, edges, color=style.COLOURS[0], fill=True, alpha=0.4, label="one matrix")
    left.plot(found.x, found.density * found.x, color=style.MARK_COLOUR, linestyle="-", marker="", label="theory")
    left.set(
        xlabel="eigenvalue above the floor (1)", ylabel="density over its logarithm (1)", xlim=(edges[0], edges[-1])
    )
    for i, psi_n in enumerate(found.psi_n.values):
        look = {"color": style.COLOURS[i], "marker": ""}
        one = found.sel(psi_n=psi_n)
        middle.plot(one.tau, one.score, linestyle="-", label=rf"$\psi_n={psi_n}$", **look)
        middle.plot(one.tau, one.test - one.train, linestyle="--", label=None if i else "loss gaps", **look)
    middle.set(yscale="log", ylim=(2e-2, 2e3), xlim=(1, 1e7), xlabel=r"training time $\tau$ (1)")
    middle.set(ylabel="score error per dimension (1)")
    names = {"gap": "loss gap .1", "bulk": r"median of $\rho_1$", "level": "score error .3"}
    for name, text in names.items():
        right.plot(found.psi_n, found[f"tau_{name}"], label=text, markersize=5)
    right.set(yscale="log", xlabel=r"points over dimensions $\psi_n$ (1)", ylabel=r"training time $\tau$ (1)")
    right.set_xticks(found.psi_n.values, [str(n) for n in found.psi_n.values])
    right.minorticks_off()
    if rows == 2:
        draw_networks(found, *axes[1])
    for ax in axes.flat:
        style.legend(ax)
    return figure


def draw_networks(found: xr.Dataset, left, middle, right) -> None:
    """Loss gaps and copies of networks over training, and the times against the number of points."""
    for i, n in enumerate(found.network_n.values):
        look = {"color": style.COLOURS[i], "markersize": 3, "label": f"n = {n}"}
        left.plot(found.network_step, found.network_gap.sel(network_n=n), **look)
        middle.plot(found.network_step, found.network_copied.sel(network_n=n), **look)
    left.set(ylim=(-0.1, 3), xlabel="steps of training", ylabel="loss gap of a network (1)")
    middle.set(ylim=(-0.02, 1), xlabel="steps of training", ylabel="copies among samples (1)")
    right.plot(found.network_n, found.network_time, label="loss gap .3", markersize=5)
    right.plot(found.early_n, found.early_time, label="score error falls to .6", markersize=5)
    right.set(yscale="log", xlabel="training points n", ylabel="steps of training")
    ticks = sorted({*found.network_n.values.tolist(), *found.early_n.values.tolist()})
    right.set_xticks(ticks, [str(n) for n in ticks])
    right.minorticks_off()


PRINTED = THEOREM, GROWTH = (
    "arXiv:2505.17638, Theorem 3.2",
    "arXiv:2505.17638, tau_mem grows as n and tau_gen does not",
)
DENSITY, EXACT = "derived: arXiv:2505.17638, Theorem 3.1 at finite d", "derived: exact flow of these matrices"
FLOW = "derived: small steps follow the flow, and the equivalence has errors at finite size"
FULL, BOTH = ("full",), ("smoke", "full")
OF = "Slope against log n of the logarithm of"
FEW = "psi_n = 4, 8, 16, d = 25, both t, psi_p = 64 and 1024 (smoke: 64), the worst"
MANY = "psi_n = 8, 16, 32, 64, d = 20, psi_p = 1024, t = .01"
APART = "Kolmogorov distance of the eigenvalues above the floor from the theory, worse of t = .1 and .01 (smoke: .1)"
LOSS = "largest difference of the training losses at tau = 3, 10, 30, 100, 300 (d = 30, p = 240, t = .1)"
DESCENT_TEXT = f"Gradient descent with fresh noise against exact flow of the same true features, {LOSS}"
EQUIVALENT = f"Flow of the Gaussian equivalent against that of true features, {LOSS}"
NEAR = "the time at which the score error is first within 20 % of its least value"
TRAINED, TWO = "derived: residual networks trained here", "d = 8, two layers of 128 units, Adam"
PAPER_TIMES = "arXiv:2505.17638, on networks tau_mem grows as n and tau_gen does not"
GROWING = ("slope", "rise", "level_slope")
NETWORKS = {
    "slope": ("Slope against log n, 32 to 256, of that of the step at which the loss gap is .3", (1.0, 1.0, 2.0)),
    "rise": ("Least ratio of those steps over a doubling of n", (2.0, 1.0, math.inf)),
    "level_slope": (
        "Slope against log n, 64 to 512, of that of the step to .6 of the first score error, six narrow clusters",
        (0.0, -0.25, 0.25),
    ),
    "least_copied": ("Largest share of copies at the lowest held-out loss, n = 32 to 256", (0.0, 0.0, 0.02)),
    "last_copied": ("Least share of copies after 16,000 steps, n = 32 and 64", (0.45, 0.4, 1.0)),
    "error": ("Least ratio of the last score error to its least value, n = 32 to 256", (30.0, 10.0, math.inf)),
}
CLAIMS = {
    "density_100": (f"{APART}, d = 100, psi_p = 8, psi_n = 4.", (0.006, 0.0, 0.015), DENSITY, BOTH),
    "density_40": (f"{APART}, d = 40, psi_p = 32, psi_n = 4.", (0.012, 0.0, 0.02), DENSITY, FULL),
    "atom": (
        "Number of eigenvalues at the floor less p - n - d, the worst matrix.",
        (0.0, 0.0, 0.0),
        THEOREM,
        BOTH,
    ),
    "mass": ("Predicted mass above the floor less (1 + psi_n)/psi_p, the worst case.", (0.0, 0.0, 1e-3), THEOREM, BOTH),
    "descent_60": (f"{DESCENT_TEXT}, n = 60.", (0.0, 0.0, 0.02), FLOW, BOTH),
    "descent_240": (f"{DESCENT_TEXT}, n = 240.", (0.0, 0.0, 0.02), FLOW, FULL),
    "equivalent_60": (f"{EQUIVALENT}, n = 60.", (0.0, 0.0, 0.03), FLOW, BOTH),
    "equivalent_240": (f"{EQUIVALENT}, n = 240.", (0.0, 0.0, 0.01), FLOW, FULL),
    "bulk_slope": (f"{OF} psi_p/(sigma^2 (median of rho_1 - s^2)), {FEW}.", (1.0, 0.95, 1.05), GROWTH, BOTH),
    "large_slope": (f"{OF} the time at which the loss gap is .1, {MANY}.", (1.0, 1.0, 1.3), GROWTH, FULL),
    "large_level_slope": (f"{OF} the time at which the score error is .3, {MANY}.", (0.0, -0.1, 0.1), GROWTH, FULL),
    "large_near_slope": (f"{OF} {NEAR}, {MANY}.", (0.25, -math.inf, 0.35), EXACT, FULL),
    "small_slope": (
        f"{OF} the time at which the loss gap is .1, t = .1 only, pre-asymptotic, {FEW}.",
        (1.7, *PRE_ASYMPTOTIC),
        EXACT,
        BOTH,
    ),
    "small_level_slope": (f"{OF} the time at which the score error is .3, {FEW}.", (0.0, -0.1, 0.1), GROWTH, BOTH),
    "small_near_slope": (f"{OF} {NEAR}, {FEW}.", (0.25, -math.inf, 0.35), EXACT, BOTH),
    **{
        f"network_{name}": (f"{statement}, {TWO}.", numbers, PAPER_TIMES if name in GROWING else TRAINED, FULL)
        for name, (statement, numbers) in NETWORKS.items()
    },
    "least": (f"Least score error per dimension over training, {FEW}.", (0.07, 0.0, 0.1), EXACT, BOTH),
    "rise": (f"Score error of the end of training over its least value, {FEW}.", (170.0, 50.0, math.inf), EXACT, BOTH),
}


def _kind(source: str):
    """Printed in the paper, derived from it, or an analogue of its networks."""
    return "printed" if source in PRINTED else "analogue" if source in (TRAINED, PAPER_TIMES) else "derived"


PAPER = Paper(
    slug="bonnaire2025",
    title="Why Diffusion Models Don't Memorize: The Role of Implicit Dynamical Regularization in Training",
    arxiv="2505.17638",
    setting=(
        "The paper's own solvable model: a score that is linear in tanh random features of n points of N(0, I) in d "
        "dimensions, trained by gradient flow at one time t of the Ornstein-Uhlenbeck clock on all noise of each "
        "point (psi_p = p/d, psi_n = n/d), solved at every training time by one eigendecomposition. Spectra and times "
        "are those of the Gaussian equivalent of the features; gradient descent with one fresh noise for each point "
        "and step is run on true features, and their exact flow and that of the equivalent are compared. The modes of "
        "the sample (rho_1) are learnt at a time proportional to n, those of the population at one that does not "
        "depend on it. The time at which the loss gap reaches .1 is linear in n only for many points: between psi_n = "
        "4 and 16 it grows faster, since part of the gap at small n, of order 1/psi_n, is not memorization. Where the "
        "score error is within 20 % of its least value depends weakly on n, because that value falls with n; a fixed "
        "level does not. From draw to draw the equivalent of n = 60 points in d = 30 differs from true features by "
        ".01 to .04. Trained networks are small and residual, on eight dimensions: the step at which they memorize "
        "rises with n at least linearly, in this budget faster, while the time to a fixed score error, measured where "
        "the preconditioning does not already give it, hardly moves. The paper's images and U-Nets do not carry over."
    ),
    claims=tuple(
        Claim(key, statement, *numbers, source, _kind(source), scales)
        for key, (statement, numbers, source, scales) in CLAIMS.items()
    ),
    run=run,
    draw=draw,
)
