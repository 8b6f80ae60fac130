"""Buchanan et al. on the edge of memorization: losses of copying and generalizing denoisers, and where they cross."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import metrics, reductions, scores, theory
from ..level import NoiseLevel
from ..plots import style
from ..studies.variables import described
from .base import Claim, Measurement, Paper, Results, Scale

D, CLUSTERS, N = 50, 12, 200  # cluster variance 1
SHARES = np.array([0.2, 0.5, 0.7, 0.8, 0.9])  # M/N of the partially memorizing denoisers
TIMES = np.linspace(0.001, 0.999, 26)  # of the paper's clock: alpha = sqrt(1 - t^2), sigma = t
DRAWS = {"full": 8, "smoke": 1}  # of noise for each training point
SETS = {"full": 4, "smoke": 1}  # independent experiments
RESOLVED, HIGHEST, FLAT = 1.0, 40.0, 600.0  # snr: from which points are told apart, and the ends of two claims
AT = 0.8  # M/N at which C is taken for the prediction

VARIABLES = {
    "t": ("time of the clock alpha = sqrt(1 - t^2), sigma = t", "1"),
    "snr": ("signal-to-noise ratio alpha^2/sigma^2", "1"),
    "share": ("number of training points that the denoiser knows over all, M/N", "1"),
    "generalizing": ("loss of the population's denoiser less that of the memorizing one, per dimension", "1"),
    "predicted": ("the same, predicted by 1/(1 + snr)", "1"),
    "partial": ("loss of the denoiser that knows M points less that of the memorizing one, per dimension", "1"),
    "constant": ("the same over (1 - M/N)", "1"),
}


def gaps(key, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Excess training loss of x_0 per dimension over the memorizing denoiser.

    That of the population's denoiser, (times,), and of those that know a share of the points, (shares, times).
    """
    mean_key, data_key, order_key, noise_key = jax.random.split(key, 4)
    means = jax.random.normal(mean_key, (CLUSTERS, D))
    means = means * math.sqrt(D) / jnp.linalg.norm(means, axis=1, keepdims=True)
    law = scores.GaussianMixture(np.ones(CLUSTERS), means, np.ones(CLUSTERS))
    label_key, point_key = jax.random.split(data_key)
    train = means[jax.random.randint(label_key, (N,), 0, CLUSTERS)] + jax.random.normal(point_key, (N, D))
    rank = jax.random.permutation(order_key, N)

    def curve(score):
        levels = [NoiseLevel(math.sqrt(1 - t**2), float(t)) for t in TIMES]
        # equal keys at all levels and scores: the differences are those of the scores, not of the noise
        found = [metrics.denoising_loss(score, train, level, key=noise_key, draws=draws) for level in levels]
        return np.array([float(one.value) for one in found]) / D

    def knowing(share):
        # so few points need no streaming, and dense sums compile faster
        return scores.Empirical(train, jnp.asarray(rank < round(share * N), train.dtype), reductions.Dense())

    memorizing = curve(knowing(1.0))
    return curve(law) - memorizing, np.array([curve(knowing(share)) for share in SHARES]) - memorizing


def crossing(shares: np.ndarray, excess: np.ndarray) -> float:
    """M/N at which the mean loss of the partially memorizing denoiser falls to that of the population's."""
    return float(np.interp(0.0, -excess, shares))


def run(scale: Scale, key) -> Results:
    """Losses of the three kinds of denoiser, the constant of the second, and the capacity at which they cross."""
    found = [gaps(k, DRAWS[scale]) for k in jax.random.split(key, SETS[scale])]
    generalizing, partial = (np.mean(part, axis=0) for part in zip(*found))
    snr = (1 - TIMES**2) / TIMES**2
    predicted = np.asarray(theory.generalization_gap(snr, 1), np.float64)
    constant = partial / (1 - SHARES[:, None])
    resolved, flat = (snr >= RESOLVED) & (snr <= HIGHEST), (snr >= RESOLVED) & (snr <= FLAT)
    plateau = constant[:, flat]
    share = theory.crossover_share(snr, np.ones(len(snr)), constant=float(plateau[SHARES == AT].mean()))
    direct = crossing(SHARES, (partial - generalizing).mean(1))
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
    return Results({name: Measurement(float(v)) for name, v in values.items()}, described(dataset, VARIABLES))


def draw(results: Results) -> Figure:
    """The two gaps against the signal-to-noise ratio."""
    found = results.curves.isel(t=slice(1, -1))  # the first and last are off any useful scale
    figure = style.new_figure(7.0, 3.0)
    left, right = figure.subplots(1, 2)
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
    for ax in (left, right):
        style.legend(ax)
    return figure


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
        "which it lies near the 4/5 N that the paper reports; a flat weight on the noise would put it at N."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
