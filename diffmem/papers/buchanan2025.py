"""Buchanan et al. on the edge of memorization: losses of copying and generalizing denoisers, and where they cross."""

import math

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import theory
from ..level import NoiseLevel
from ..plots import style
from ..studies.loss_crossing import crossing_share, excess_losses
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale
from .trained_mixtures import clusters, copy_ratios, first_above, trained_mixtures

D, CLUSTERS, N = 50, 12, 200  # cluster variance 1
SHARES = np.array([0.2, 0.5, 0.7, 0.8, 0.9])  # M/N of the partially memorizing denoisers
TIMES = np.linspace(0.001, 0.999, 26)  # of the paper's clock: alpha = sqrt(1 - t^2), sigma = t
DRAWS = {"full": 8, "smoke": 1}  # of noise for each training point
SETS = {"full": 4, "smoke": 1}  # independent experiments
RESOLVED, HIGHEST, FLAT = 1.0, 40.0, 600.0  # snr: from which points are told apart, and the ends of two claims
AT = 0.8  # M/N at which C is taken for the prediction
LEVELS = [NoiseLevel(math.sqrt(1 - t**2), float(t)) for t in TIMES]

TRAINED, TRAINED_D, TRAINED_CLUSTERS = (50, 100), 30, 4  # training points of the trained mixtures, and their law
TRAINED_SHARES = np.array([0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0])  # M/N
ORDERS = 2  # random subsets for their predicted capacity

VARIABLES = {
    "t": ("time of the clock alpha = sqrt(1 - t^2), sigma = t", "1"),
    "snr": ("signal-to-noise ratio alpha^2/sigma^2", "1"),
    "share": ("number of training points that the denoiser knows over all, M/N", "1"),
    "generalizing": ("loss of the population's denoiser less that of the memorizing one, per dimension", "1"),
    "predicted": ("the same, predicted by 1/(1 + snr)", "1"),
    "partial": ("loss of the denoiser that knows M points less that of the memorizing one, per dimension", "1"),
    "constant": ("the same over (1 - M/N)", "1"),
    "points": ("training points N of the trained mixtures", "1"),
    "capacity": ("trained means over training points, M/N", "1"),
    "copied": ("copies among 400 samples of the trained mixture", "1"),
    "half": ("M/N at which half of them are copies", "1"),
    "half_predicted": ("M/N at which the exact losses of knowing M points and of the population cross", "1"),
}


def losses(scale: Scale, key) -> tuple[np.ndarray, np.ndarray]:
    """Mean over experiments of the excess losses: of the population's denoiser and of those that know M points."""
    found = []
    for one in jax.random.split(key, SETS[scale]):
        law_key, data_key, loss_key = jax.random.split(one, 3)
        law = clusters(D, CLUSTERS, key=law_key)
        train = law.draw(N, key=data_key)
        found.append(excess_losses(law, train, SHARES, LEVELS, key=loss_key, draws=DRAWS[scale]))
    generalizing, partial = (np.mean(part, axis=0) for part in zip(*found))
    return generalizing, partial


def trainings(key) -> dict:
    """Copies of trained mixtures over M/N for two N, and the capacity that exact losses on the same points predict."""
    law_key, data_key, *keys = jax.random.split(key, 2 + len(TRAINED))
    law = clusters(TRAINED_D, TRAINED_CLUSTERS, key=law_key)
    points = law.draw(max(TRAINED), key=data_key)
    copied, capacity, predicted = [], [], []
    for n, k in zip(TRAINED, keys):
        fit_key, sample_key, *loss_keys = jax.random.split(k, 2 + ORDERS)
        train, components = points[:n], [round(share * n) for share in TRAINED_SHARES]
        found = trained_mixtures([train] * len(components), components, key=fit_key)
        copied.append(copy_ratios(found, [train] * len(components), key=sample_key))
        capacity.append(first_above(np.array(components) / n, copied[-1], 0.5))
        parts = [excess_losses(law, train, TRAINED_SHARES, LEVELS, key=one, draws=16) for one in loss_keys]
        predicted.append(crossing_share(TRAINED_SHARES, *(np.mean(part, axis=0) for part in zip(*parts))))
    return {
        "copied": (("points", "capacity"), copied),
        "half": ("points", capacity),
        "half_predicted": ("points", predicted),
    }


def run(scale: Scale, key) -> Results:
    """Losses of the three kinds of denoiser, the constant of the second, and the capacity at which they cross."""
    loss_key, train_key = jax.random.split(key)
    generalizing, partial = losses(scale, loss_key)
    snr = (1 - TIMES**2) / TIMES**2
    predicted = np.asarray(theory.generalization_gap(snr, 1), np.float64)
    constant = partial / (1 - SHARES[:, None])
    resolved, flat = (snr >= RESOLVED) & (snr <= HIGHEST), (snr >= RESOLVED) & (snr <= FLAT)
    plateau = constant[:, flat]
    share = theory.crossover_share(snr, np.ones(len(snr)), constant=float(plateau[SHARES == AT].mean()))
    direct = crossing_share(SHARES, generalizing, partial)
    values = {
        "generalizing": abs(generalizing / predicted - 1)[resolved].max(),
        "constant_low": plateau.min(),
        "constant_high": plateau.max(),
        "constant_flat": (plateau.max(1) / plateau.min(1) - 1).max(),
        "crossover": share,
        "crossover_direct": direct - share,
    }
    dataset = xr.Dataset(
        {
            "snr": ("t", snr),
            "generalizing": ("t", generalizing),
            "predicted": ("t", predicted),
            "partial": (("share", "t"), partial),
            "constant": (("share", "t"), constant),
        },
        {"t": TIMES, "share": SHARES},
    )
    if scale == "full":
        dataset = dataset.assign(trainings(train_key)).assign_coords(points=list(TRAINED), capacity=TRAINED_SHARES)
        values |= trained(dataset)
    return Results({name: Measurement(float(v)) for name, v in values.items()}, described(dataset, VARIABLES))


def trained(found: xr.Dataset) -> dict[str, float]:
    """The claims on trained mixtures, each as the worst N."""
    half, error = found.half.values, found.half_predicted.values - found.half.values
    return {
        "half": half[np.abs(half - 0.8).argmax()],
        "half_linear": half[1] * TRAINED[1] / (half[0] * TRAINED[0]),
        "half_predicted": error[np.abs(error).argmax()],
        "copied_half": found.copied.sel(capacity=0.5).max(),
        "copied_all": found.copied.sel(capacity=1.0).min(),
    }


def draw(results: Results) -> Figure:
    """The two gaps against the signal-to-noise ratio, and copies of trained mixtures with the predicted capacities."""
    found = results.curves.isel(t=slice(1, -1))  # the first and last are off any useful scale
    whole = "copied" in found
    figure = style.new_figure(9.0 if whole else 7.0, 3.0)
    left, right, *others = figure.subplots(1, 3 if whole else 2)
    for ax in (left, right):
        style.dress(ax)
        ax.set(xscale="log", xlabel=r"signal-to-noise ratio $\psi$ (1)")
    left.plot(found.snr, found.predicted, marker="", color=style.MARK_COLOUR, linestyle="-", label=r"$1/(1+\psi)$")
    left.plot(found.snr, found.generalizing, linestyle="", markersize=4, label="generalizing")
    for share in found.share.values[[1, 3]]:
        left.plot(found.snr, found.partial.sel(share=share), markersize=3, label=f"knowing $M={share:g}N$")
    left.set(ylabel="excess loss per dimension (1)", yscale="log")
    for share in found.share.values:
        right.plot(found.snr, found.constant.sel(share=share), markersize=3, label=f"$M={share:g}N$")
    right.set(ylabel="$C$ (1)", ylim=(0, 2.1))
    for last in others:
        style.dress(last)
        for n in found.points.values:
            last.plot(found.capacity, found.copied.sel(points=n), markersize=4, label=f"$N={n}$")
        for share, label in zip(found.half_predicted.values, ("losses cross", None)):
            last.axvline(share, color=style.MARK_COLOUR, linestyle=":", linewidth=1, label=label)
        last.set(xlabel="trained means over points $M/N$", ylabel="copies among samples (1)", ylim=(-0.04, 1.04))
    for ax in (left, right, *others):
        style.legend(ax)
    return figure


EDGE = "arXiv:2508.17689, transition near 4/5 N, where the losses cross", "analogue"
OURS = "derived: M = N is enough for all points, N/2 is not", "analogue"
FULL = ("full",)

CLAIMS = (
    Claim(
        "generalizing",
        "Relative deviation of (L_population - L_memorizing)/d on the training points from 1/(1 + snr), the largest "
        "over snr in [1, 40].",
        0.0,
        0.0,
        0.05,
        "arXiv:2508.17689, Theorem 1",
        "printed",
    ),
    Claim(
        "constant_low",
        "Least C in L_partial - L_memorizing = C (1 - M/N) d, for M/N in [.2, .9] and snr in [1, 600].",
        1.45,
        1.0,
        2.0,
        "arXiv:2508.17689, Theorem 2",
        "printed",
    ),
    Claim(
        "constant_high",
        "Largest C in the same cases.",
        1.78,
        1.0,
        2.0,
        "arXiv:2508.17689, Theorem 2",
        "printed",
    ),
    Claim(
        "constant_flat",
        "Largest over least C for snr in [1, 600] less 1, the largest over M/N.",
        0.0,
        0.0,
        0.10,
        "arXiv:2508.17689, Theorem 2: no snr in it",
        "printed",
    ),
    Claim(
        "crossover",
        "Predicted capacity M*/N of the crossover, flat weight on x_0, 26 uniform times, C as measured at M/N = .8.",
        0.8,
        0.72,
        0.88,
        "arXiv:2508.17689, transition near 4/5 N",
        "printed",
    ),
    Claim(
        "crossover_direct",
        "M/N at which the measured mean losses cross less the predicted one.",
        0.0,
        -0.05,
        0.05,
        "derived: the prediction takes one C for all M and snr",
        "derived",
    ),
    *(
        Claim(key, f"{what}: mixtures of M means trained on N = 50 and 100 points, d = 30.", *ends, source, kind, FULL)
        for key, what, ends, source, kind in (
            ("half", "M/N at which half of the samples are copies, the N farther from .8", (0.8, 0.72, 0.88), *EDGE),
            ("half_linear", "M of half copies at N = 100 over that at N = 50", (2.0, 1.8, 2.2), *EDGE),
            ("half_predicted", "Predicted less measured M/N of half copies, the worse N", (0.0, -0.05, 0.05), *EDGE),
            ("copied_half", "Copy ratio at M = N/2, the larger", (0.005, 0.0, 0.05), *OURS),
            ("copied_all", "Copy ratio at M = N, the smaller", (1.0, 0.98, 1.0), *OURS),
        )
    ),
)

PAPER = Paper(
    slug="buchanan2025",
    title="On the edge of memorization in diffusion models",
    arxiv="2508.17689",
    setting=(
        "The paper's own data: N = 200 points of 12 Gaussians of unit variance in d = 50, means on the sphere of "
        "radius sqrt d; its clock, alpha = sqrt(1 - t^2), sigma = t, with 26 uniform times. Losses are those of x_0 on "
        "the training points, by sampling noise, for the exact denoisers of three laws: all training points "
        "(memorizing), a random M of them (partially memorizing), the population (generalizing). C of the second "
        "theorem is flat in the signal-to-noise ratio where points of one cluster are told apart, from 1 on here. The "
        "crossover is the paper's hypothesis for where trained models start to copy, with a flat weight on x_0, for "
        "which it lies near the 4/5 N that the paper reports; a flat weight on the noise would put it at N. Beside it "
        "mixtures of M means are trained (d = 30, 4 clusters, N = 50 and 100) with that flat weight, 4,000 steps of "
        "Adam at 1e-2 on batches drawn with replacement, from random training points as means, where the paper takes "
        "50,000 full-batch steps of the noise loss; half of their samples are copies near the M at which the exact "
        "losses on the same points cross (mean over two random subsets of each size)."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
