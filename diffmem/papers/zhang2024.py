"""Zhang et al. on reproducibility: networks make the same samples where they memorize, and where they generalize."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray
from matplotlib.figure import Figure

from .. import data, metrics, scores
from ..plots import style
from ..studies import SameNoise, networks_side_by_side
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale

THRESHOLD, DRAWS = 0.95, 256
LOW, HIGH = 0.05, 8.0  # sigma in standard deviations of the data
WIDTH = 256
SIZES = {"full": (16, 100, 1500), "smoke": (1500,)}
STEPS = {"full": 4000, "smoke": 200}
PAIRS = ("networks", "network and empirical", "network and Gaussian")
SHOWN = 8  # starts of the picture

VARIABLES = {
    "n": ("number of training points, which both networks share", "count"),
    "pair": ("models that are compared", ""),
    "share": ("RP: share of the common starts whose two samples have a cosine above .95", "1"),
    "cosine": ("mean cosine of the two samples of a common start", "1"),
    "shuffled": ("mean cosine of samples of different starts", "1"),
    "generalization": ("GL of the second network: share of samples without a training point of cosine above .95", "1"),
    "copied": ("share of the second network's samples that are copies, d1/d2 < 1/3", "1"),
    "model": ("model of the picture", ""),
    "start": ("start of the picture", ""),
    "pixel": ("pixel", ""),
    "image": ("samples of the same starts", "pixel values"),
}


def run(scale: Scale, key: PRNGKeyArray) -> Results:
    """Two networks on each training set, the exact empirical score and the Gaussian fit, from the same starts."""
    keys = jax.random.split(key, 3)
    pixels = data.digits()
    points = (pixels.points - pixels.points.mean(axis=0)).astype(jnp.zeros(()).dtype)
    std = float(points.std())
    order = np.asarray(jax.random.permutation(keys[0], len(points)))
    sets = [points[order[:n]] for n in SIZES[scale]]
    flow = SameNoise.draw(LOW * std, HIGH * std, points.shape[1:], DRAWS, key=keys[1])
    twins = [part for part in sets for _ in range(2)]
    learned = networks_side_by_side(twins, std, LOW * std, HIGH * std, key=keys[2], steps=STEPS[scale], width=WIDTH)
    curves = xr.concat([compared(part, learned[2 * i : 2 * i + 2], flow) for i, part in enumerate(sets)], dim="n")
    curves = described(curves.assign_coords(n=list(SIZES[scale])), VARIABLES)
    return Results(measurements(curves, scale), curves)


def compared(train: np.ndarray, learned: list, flow: SameNoise) -> xr.Dataset:
    """Agreement of the second network with the first, with the empirical score and with the Gaussian of its data."""
    a, b = (flow(score) for score in learned)
    empirical, gaussian = flow(scores.Empirical(train)), flow(scores.Gaussian.fit(train))
    found = [metrics.reproducibility(b, other, THRESHOLD) for other in (a, empirical, gaussian)]
    variables = {
        "share": ("pair", [one.fraction for one in found]),
        "cosine": ("pair", [one.mean for one in found]),
        "shuffled": ("pair", [one.shuffled_mean for one in found]),
        "generalization": metrics.generalization(b, train, THRESHOLD).fraction,
        "copied": metrics.memorization(b, train).fraction,
        "image": (("model", "start", "pixel"), np.stack([x[:SHOWN] for x in (a, b, empirical, gaussian)])),
    }
    return xr.Dataset(variables, {"pair": list(PAIRS), "model": ["A", "B", "empirical", "Gaussian"]})


def measurements(found: xr.Dataset, scale: Scale) -> dict[str, Measurement]:
    """The claims of a scale."""
    agreement, fresh = found.share.sel(pair="networks"), found.generalization
    exact = found.share.sel(pair="network and empirical")
    values = {
        "generalization_1500": fresh.sel(n=1500),
        "empirical_1500": exact.sel(n=1500),
        "shuffled": found.shuffled.sel(pair="networks").max(),
    }
    if scale == "full":
        values |= {
            "dip_16": agreement.sel(n=16) - agreement.sel(n=100),
            "dip_1500": agreement.sel(n=1500) - agreement.sel(n=100),
            "generalization_16": fresh.sel(n=16),
            "generalization_rises": fresh.diff("n").min(),
            "empirical_16": exact.sel(n=16),
        }
    return {name: _share(float(value)) for name, value in values.items()}


def _share(value: float) -> Measurement:
    """A share of the starts, or a difference of two, with the standard error of a share."""
    p = min(abs(value), 1.0)
    return Measurement(value, math.sqrt(p * (1 - p) / DRAWS))


def draw(results: Results) -> Figure:
    """Shares against the number of points; the samples of the first starts at each of them."""
    found = results.curves
    figure = style.new_figure(10.0, 3.2)
    left, *others = figure.subplots(1, 1 + found.sizes["n"], width_ratios=[1.5] + [1] * found.sizes["n"])
    style.dress(left)
    for pair in PAIRS[:2]:
        left.plot(found.n, found.share.sel(pair=pair), markersize=5, label=f"RP, {pair}")
    left.plot(found.n, found.generalization, markersize=5, label="GL")
    left.plot(found.n, found.cosine.sel(pair="networks"), markersize=5, label="mean cosine, networks")
    left.set(xscale="log", xlabel="training points $n$", ylabel="share of 256 starts", ylim=(-0.03, 1.03))
    left.set_ylim(-0.03, 1.55)
    left.legend(loc="upper left", fontsize=style.SMALL, frameon=False)
    side = math.isqrt(found.sizes["pixel"])
    for ax, n in zip(others, found.n.values):
        images = found.image.sel(n=n).values.reshape(*found.image.shape[1:3], side, side)
        sheet = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
        ax.imshow(sheet.transpose(1, 2, 0, 3).reshape(SHOWN * (side + 1), -1), cmap="gray")
        ax.set_xticks((side + 1) * (np.arange(4) + 0.5), ["A", "B", "E", "G"])
        ax.set_yticks([])
        ax.tick_params(labelsize=style.SMALL, length=0)
        ax.set_title(f"$n = {n}$", fontsize=style.TEXT)
        ax.set_xlabel("networks A, B, empirical, Gaussian", fontsize=style.SMALL)
        ax.spines[:].set_visible(False)
    return figure


PAIR = "two networks of different start and batches on the same n digits"
RP = "share of 256 common starts whose two samples have a cosine above .95"
FULL = ("full",)

CLAIMS = (
    Claim(
        "dip_16",
        f"RP of {PAIR}, {RP}: that at n = 16 less that at n = 100.",
        0.36,
        0.2,
        1.0,
        "arXiv:2310.05264, reproducibility dips between memorization and generalization",
        "analogue",
        FULL,
    ),
    Claim(
        "dip_1500",
        "The same at n = 1500 less that at n = 100.",
        0.4,
        0.2,
        1.0,
        "arXiv:2310.05264, reproducibility dips between memorization and generalization",
        "analogue",
        FULL,
    ),
    Claim(
        "generalization_rises",
        "Smallest rise of GL, the share of a network's samples with no training point of cosine above .95, from one of "
        "n = 16, 100, 1500 to the next.",
        0.15,
        0.0,
        1.0,
        "arXiv:2310.05264, generalization score grows with n",
        "analogue",
        FULL,
    ),
    Claim(
        "generalization_16",
        "GL at n = 16.",
        0.15,
        0.0,
        0.3,
        "arXiv:2310.05264, memorization at small n",
        "analogue",
        FULL,
    ),
    Claim(
        "generalization_1500",
        "GL at n = 1500.",
        1.0,
        0.98,
        1.0,
        "arXiv:2310.05264, generalization at large n",
        "analogue",
    ),
    Claim(
        "empirical_16",
        "RP of a network and the exact empirical score of its training set at n = 16.",
        0.75,
        0.6,
        1.0,
        "arXiv:2310.05264, memorizing networks follow the empirical score",
        "analogue",
        FULL,
    ),
    Claim(
        "empirical_1500",
        "The same at n = 1500.",
        0.0,
        0.0,
        0.05,
        "arXiv:2310.05264, generalizing networks leave the empirical score",
        "analogue",
    ),
    Claim(
        "shuffled",
        "Mean cosine of samples of different starts, two networks, largest over n.",
        0.05,
        -0.2,
        0.2,
        "derived: samples of independent starts of centred data",
        "derived",
    ),
)

PAPER = Paper(
    slug="zhang2024",
    title="The emergence of reproducibility and generalizability in diffusion models",
    arxiv="2310.05264",
    setting=(
        "Digits of 8 x 8 pixels less their mean stand for CIFAR-10, residual networks of two hidden layers of 256 "
        "units (4,000 steps, smoke: 200) for U-Nets, the cosine of the images for that of a copy-detection "
        "descriptor, with a threshold of .95 in place of .6 as small centred digits resemble each other more. Both "
        "networks see the same n digits and differ in their first weights and batches; every model carries the same "
        "256 starts by the same probability flow. The optimal model of the paper is the exact empirical score. The "
        "dip of the share between memorization and generalization carries over; the mean cosine hardly has one (about"
        " .92, .89, .96), so the dip is one of close agreement. At n = 16 networks follow the empirical score on "
        "about three starts in four, not on all of them as the paper's larger ones nearly do, and longer training "
        "fills the dip. At n = 1500 the mean cosine with the Gaussian fit is near .88: most of what small networks "
        "agree on in digits is mean and covariance. Architectures of different kind and conditional models are not "
        "compared."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
