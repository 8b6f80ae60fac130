"""Marion and Wu on generalization: a family of denoisers in which copying ends and the distances to the data stay."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import norm

from .. import metrics, scores
from ..level import NoiseLevel
from ..plots import style
from ..studies.variables import described
from .base import Claim, Measurement, Paper, Results, Scale

N, D, CLUSTERS, SPREAD = 500, 16, 4, 0.5
WIDTHS = {  # v in units of SPREAD^2
    "full": np.array([0.0, 0.001, 0.01, 0.04, 0.08, 0.12, 0.16, 0.36, 1.0]),
    "smoke": np.array([0.0, 0.001, 0.12, 0.36, 1.0]),
}
USEFUL = 0.36  # up to here the members are still close to the law
SETS = {"full": 10, "smoke": 2}  # independent experiments
LEVELS = {"full": 16, "smoke": 8}  # noise levels of the training loss
LOSS_SETS = {"full": 2, "smoke": 1}
LOSS_POINTS = {"full": N, "smoke": 100}  # training points at which the loss is measured
PROJECTIONS = 128
EDM_MEAN, EDM_SPREAD = -1.2, 1.2  # log sigma of EDM's training law
EDM_DATA = math.sqrt(1 + SPREAD**2)  # sigma_data of its weight: the standard deviation of these data
FLAT_LOW, FLAT_HIGH = 0.01, 5.0  # sigma, log-uniform

VARIABLES = {
    "width": ("variance of the components of the denoiser in units of that of the clusters", "1"),
    "copied": ("share of the generated samples that are copies, d1/d2 < 1/3, mean over experiments", "1"),
    "to_train": ("sliced Wasserstein distance to the training points, mean over experiments", "data units"),
    "to_test": ("sliced Wasserstein distance to held-out points, mean over experiments", "data units"),
    "gap": ("distance to held-out points less distance to training points, mean over experiments", "data units"),
    "gap_change": ("change of the gap from width 0, mean over experiments", "data units"),
    "gap_change_error": ("its standard error", "data units"),
    "edm_loss": ("training loss over its minimum, EDM weight and noise levels", "1"),
    "flat_loss": ("training loss over its minimum, flat weight on x_0, log-uniform sigma in [.01, 5]", "1"),
}


class World(NamedTuple):
    """One experiment: the training points, held-out points of the same law, and the key of the samples."""

    train: np.ndarray
    test: np.ndarray
    samples: jax.Array


@jax.jit
def drawn(centres, spread, key):
    """N points around randomly chosen centres; equal keys choose the same centres and the same noise."""
    which, noise = jax.random.split(key)
    chosen = centres[jax.random.randint(which, (N,), 0, len(centres))]
    return chosen + spread * jax.random.normal(noise, chosen.shape, chosen.dtype)


def world(key) -> World:
    """Points of `CLUSTERS` Gaussians whose means are uniform on the sphere of radius sqrt(d)."""
    mean_key, train_key, test_key, sample_key = jax.random.split(key, 4)
    means = jax.random.normal(mean_key, (CLUSTERS, D))
    means = means * math.sqrt(D) / jnp.linalg.norm(means, axis=1, keepdims=True)
    train, test = (np.asarray(drawn(means, SPREAD, k)) for k in (train_key, test_key))
    return World(train, test, sample_key)


def member(train: np.ndarray, width: float) -> scores.GaussianMixture:
    """The denoiser of the family: each training point widened to variance `width` SPREAD^2; width 0 copies."""
    return scores.GaussianMixture(np.ones(len(train)), train, np.full(len(train), width * SPREAD**2))


def distances(here: World, widths: np.ndarray, key) -> np.ndarray:
    """Copy share, distance to train and distance to test for each width, (3, widths).

    Samples are exact draws of the end law, widened training points. All widths share the chosen points and the noise,
    and all distances their directions.
    """
    found = []
    for width in widths:
        samples = np.asarray(drawn(here.train, math.sqrt(width) * SPREAD, here.samples))
        copied = metrics.memorization(samples, here.train).fraction
        ends = [
            metrics.sliced_wasserstein(samples, points, key=key, projections=PROJECTIONS, relabellings=1).value
            for points in (here.train, here.test)
        ]
        found.append([copied, *ends])
    return np.array(found).T


def losses(train: np.ndarray, points: int, widths: np.ndarray, law: tuple[np.ndarray, np.ndarray], key) -> np.ndarray:
    """Weighted training loss of each width, with the same noise, over that of width 0, the exact minimum."""
    sigmas, weights = law
    keys = jax.random.split(key, len(sigmas))
    total = []
    for width in widths:
        score = member(train, width)
        each = [
            float(metrics.denoising_loss(score, train[:points], NoiseLevel(1.0, sigma), key=k).value)
            for sigma, k in zip(sigmas, keys)
        ]
        total.append(np.dot(weights, each))
    return np.array(total) / total[0]


def levels(count: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Noise levels and weights of EDM's loss and of the flat one, in the middle of equal shares of their laws."""
    quantiles = (np.arange(count) + 0.5) / count
    edm = np.exp(EDM_MEAN + EDM_SPREAD * norm.ppf(quantiles))
    flat = np.exp(np.log(FLAT_LOW) + quantiles * np.log(FLAT_HIGH / FLAT_LOW))
    return (edm, (edm**2 + EDM_DATA**2) / (edm * EDM_DATA) ** 2), (flat, np.ones(count))


def run(scale: Scale, key) -> Results:
    """Copies and distances of all members, then their losses."""
    widths, keys = WIDTHS[scale], jax.random.split(key, SETS[scale])
    worlds = [world(jax.random.fold_in(k, 0)) for k in keys]
    found = np.array([distances(here, widths, jax.random.fold_in(k, 1)) for here, k in zip(worlds, keys)])
    copied, to_train, to_test = found.mean(0)
    change = found[:, 2] - found[:, 1]
    change = change - change[:, :1]
    judged, points = list(zip(worlds, keys))[: LOSS_SETS[scale]], LOSS_POINTS[scale]
    edm, flat = (
        np.mean([losses(here.train, points, widths, law, jax.random.fold_in(k, 2)) for here, k in judged], axis=0)
        for law in levels(LEVELS[scale])
    )
    curves = {
        "copied": copied,
        "to_train": to_train,
        "to_test": to_test,
        "gap": to_test - to_train,
        "gap_change": change.mean(0),
        "gap_change_error": change.std(0, ddof=1) / math.sqrt(len(keys)),
        "edm_loss": edm,
        "flat_loss": flat,
    }
    dataset = xr.Dataset({name: ("width", values) for name, values in curves.items()}, {"width": widths})
    measured = measurements(dataset)
    checked = {claim.key for claim in CLAIMS if scale in claim.scales}
    kept = {name: value for name, value in measured.items() if name in checked}
    return Results(kept, described(dataset, VARIABLES))


def measurements(found: xr.Dataset) -> dict[str, Measurement]:
    """The claims, each as the worst member of the family."""
    useful, last = found.sel(width=slice(0, USEFUL)), found.isel(width=-1)
    start = found.isel(width=0)
    worst = int(np.abs(useful.gap_change.values).argmax())
    not_copying = found.where(found.copied < 0.5, drop=True)
    good = found.where(found.edm_loss <= 1.1, drop=True)
    return {
        "copying_ends": Measurement(float(start.copied - useful.copied[-1])),
        "gap_stays": Measurement(float(abs(useful.gap_change[worst])), float(useful.gap_change_error[worst])),
        "distance_stays": Measurement(float(abs(useful.to_test / start.to_test - 1).max())),
        "distance_sees": Measurement(float(last.to_test / start.to_test)),
        "edm_margin": Measurement(float(not_copying.edm_loss.min())),
        "edm_copies": Measurement(float(good.copied.min())),
        "flat_margin": Measurement(float(not_copying.flat_loss.min())),
    }


def draw(results: Results) -> Figure:
    """Copies and distances against the width, and the loss of each member against its copies."""
    found = results.curves
    figure = style.new_figure(9.0, 3.0)
    left, middle, right = figure.subplots(1, 3)
    for ax in (left, middle, right):
        style.dress(ax)
    left.plot(found.width, found.copied, markersize=4)
    left.set(ylabel="copies among samples (1)")
    middle.plot(found.width, found.to_test, markersize=4, label="to held-out")
    middle.plot(found.width, found.to_train, markersize=4, label="to training")
    middle.plot(found.width, found.gap, markersize=4, label="gap")
    middle.set(ylabel="sliced Wasserstein distance", ylim=(0, None))
    for ax in (left, middle):
        ax.axvspan(0, USEFUL, color="#e6e6e6", zorder=0)
        ax.set_xscale("symlog", linthresh=0.01, linscale=0.5)
        ax.set(xlabel="width $v$ (variances of a cluster)", xlim=(0, 1.1))
    right.plot(found.edm_loss, found.copied, markersize=4, label="EDM weight")
    right.plot(found.flat_loss, found.copied, markersize=4, label="flat weight on $x_0$")
    right.set(xlabel="training loss over its minimum (1)", ylabel="copies among samples (1)", xlim=(0.8, None))
    for ax in (middle, right):
        style.legend(ax)
    return figure


CLAIMS = (
    Claim(
        "copying_ends",
        "Fall of the copy ratio (d1/d2 < 1/3) from width 0 to .36 cluster variances, d = 16, n = 500.",
        1.0,
        0.9,
        1.0,
        "derived: end law of the widened denoisers",
        "analogue",
    ),
    Claim(
        "gap_stays",
        "Largest change over those widths of the sliced Wasserstein distance to held-out less that to training points, "
        "in data units (the gap itself is about .05).",
        0.0,
        0.0,
        0.02,
        "arXiv:2605.06077, distances to train and test move together",
        "analogue",
        ("full",),
    ),
    Claim(
        "distance_stays",
        "Largest relative change over those widths of the distance to held-out points.",
        0.0,
        0.0,
        0.10,
        "arXiv:2605.06077, distances do not see copies",
        "analogue",
        ("full",),
    ),
    Claim(
        "distance_sees",
        "Distance to held-out points at width 1 over that at width 0: a loss of fidelity does move it.",
        1.4,
        1.3,
        math.inf,
        "derived: end law of the widened denoisers",
        "analogue",
    ),
    Claim(
        "edm_margin",
        "Least training loss over its minimum among members with a copy ratio below 1/2, EDM weight (sigma_data that "
        "of these data), log sigma of mean -1.2 and deviation 1.2.",
        2.3,
        1.5,
        math.inf,
        "arXiv:2605.06077, memorizing and generalizing are incompatible",
        "analogue",
    ),
    Claim(
        "edm_copies",
        "Least copy ratio among members within 10 % of the least training loss, EDM weight.",
        1.0,
        0.9,
        1.0,
        "arXiv:2605.06077, memorizing and generalizing are incompatible",
        "analogue",
    ),
    Claim(
        "flat_margin",
        "The same as edm_margin for a flat weight on x_0 and log-uniform sigma in [.01, 5]: the bare margin.",
        1.013,
        1.005,
        1.05,
        "derived: exact denoisers",
        "analogue",
    ),
)

PAPER = Paper(
    slug="marion2026",
    title="Understanding diffusion models requires rethinking (again) generalization",
    arxiv="2605.06077",
    setting=(
        "500 training and 500 held-out points of a mixture of 4 Gaussians in d = 16 (means on the sphere of radius "
        "sqrt d, standard deviation .5) stand for images; a family of denoisers that widens each training point to a "
        "Gaussian of variance v stands for the course of training, backwards: v = 0 is the minimum of the loss and "
        "copies, larger v generalizes. 500 samples are exact draws of each member's end law, with the same chosen "
        "points and noise for all v; means over 10 experiments. What the paper sees, distances to training and "
        "held-out data that move together, holds as constancy: both distances and the gap between them hardly move "
        "while copying ends. At the end of the range, .36, fidelity begins to suffer: the distance to held-out points "
        "has risen by about a tenth, at times a little more, and the gap has lost up to a third. The gap is not small "
        "beside the distances, as the one to held-out points contains the fluctuation between two sets of 500 and the "
        "other does not. That no denoiser near the least loss avoids copying depends on the weight: the margin is wide "
        "under EDM's, with sigma_data the standard deviation of these data (half as wide with the .5 of images), and a "
        "per cent under a flat one. Training times, batch sizes and the double descent of trained networks do not "
        "carry over."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
