"""Gu et al.: what decides how much is memorized, labels, capacity, set size and dimension, in four small models."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import data, integrators, metrics, processes, scores
from ..plots import style
from ..studies.capacity import clusters, copy_ratios, first_above, trained_mixtures
from ..studies.labelled import labelled_samples
from ..studies.network_courses import network_courses
from ..studies.training_course import rise_time, slope
from ..studies.variables import described
from ..training import log_spaced
from .single_file import Claim, Measurement, Paper, Results, Scale

N = {"smoke": 64, "full": 256}  # digits
LABELS = {"smoke": (1, 64), "full": (1, 64, 256)}  # kinds of random labels; the last: one for each digit
FEATURES = {"smoke": (1200,), "full": (300, 500, 700, 900, 1200)}  # the last for all kinds of labels
DRAWS = {"smoke": 4, "full": 16}  # of noise for each digit and level
SAMPLES, LEVELS = 300, 16  # the sampler steps through the fitted noise levels

D, CLUSTERS = 30, 4
CAPACITIES, SHARES = (20, 40, 80), (0.8, 0.85, 0.9, 0.95, 1.0)  # M, and M/N
EPSILON = 0.1  # of the effective model memorization: 1 - EPSILON of the samples are copies

SIZES, WIDTHS, DIMENSIONS = (32, 64, 128), (64, 128, 256), (8, 16, 32)
STEPS, NETWORK_SAMPLES = 6000, 1000  # of every network
GAP = 0.3  # of held-out and training loss, when a network is said to memorize

VARIABLES = {
    "labels": ("kinds of random labels on the digits", "1"),
    "features": ("number of random features, p", "1"),
    "copied_labels": ("copies among samples of the random-feature denoiser with most features", "1"),
    "copied_features": ("copies among its samples with a label for each point", "1"),
    "optimum": ("copies among samples of the empirical score", "1"),
    "share": ("means of the mixture over training points, M/N", "1"),
    "capacity": ("means of the mixture, M", "1"),
    "copied_capacity": ("copies among samples of the trained mixture", "1"),
    "memorized": ("largest N with 90 % copies", "1"),
    "n": ("training points of a network", "1"),
    "width": ("hidden units of a layer", "1"),
    "d": ("dimension of the data", "1"),
    "copied_n": ("copies among samples of networks of width 128, d = 8, 6,000 steps", "1"),
    "copied_width": ("copies among samples of networks on 64 points, d = 8, 6,000 steps", "1"),
    "copied_d": ("copies among samples of networks on 64 points, width 128, 6,000 steps", "1"),
    "gap_step": ("step at which held-out less training loss of those reaches .3", "steps"),
}


def digit_copies(scale: Scale, key) -> dict:
    """Copies by labels at most features, by features at most labels, and by the exact optimum."""
    set_key, fit_key, label_key, draw_key = jax.random.split(key, 4)
    n = N[scale]
    points = data.digits().take(n, key=set_key).points
    order = np.asarray(jax.random.permutation(label_key, n))
    kinds, sizes = LABELS[scale], FEATURES[scale]
    copied = lambda score, of: metrics.memorization(drawn(score, of, points, draw_key), points).fraction  # noqa: E731

    def fitted(p, of):
        labels = None if of == 1 else order % of
        return scores.RandomFeatureRidge.fit(points, p, draws=DRAWS[scale], labels=labels, key=fit_key)

    by_labels = [copied(fitted(sizes[-1], of), of) for of in kinds]
    by_features = [copied(fitted(p, n), n) for p in sizes[:-1]] + by_labels[-1:]
    found = {"copied_labels": ("labels", by_labels), "copied_features": ("features", by_features)}
    return found if scale == "smoke" else found | {"optimum": ((), copied(scores.Empirical(points), 1))}


def drawn(score, kinds: int, points, key) -> jax.Array:
    """Samples by Euler's method through the fitted levels, each with a random label where there are labels."""
    spread = float(np.std(points - points.mean(0)))
    process = processes.EDM(sigma_min=0.03 * spread, sigma_max=8 * spread)
    times, euler = integrators.grids.log_snr(process, LEVELS - 1), integrators.DDIM()
    if kinds == 1:
        return integrators.sample(score, process, euler, times, points.shape[1:], SAMPLES, key=key).points
    label_key, key = jax.random.split(key)
    labels = jax.random.randint(label_key, (SAMPLES,), 0, kinds)
    return labelled_samples(score, process, euler, times, points.shape[1:], labels, key=key)


def capacity_copies(key) -> dict:
    """Copies of trained mixtures over M and M/N, and the largest N with 90 % of them for each M."""
    law_key, draw_key, fit_key, sample_key = jax.random.split(key, 4)
    law = clusters(D, CLUSTERS, key=law_key)
    points = law.draw(round(max(CAPACITIES) / SHARES[0]), key=draw_key)
    cells = [(m, round(m / share)) for m in CAPACITIES for share in SHARES]
    sets = [points[:n] for _, n in cells]
    found = trained_mixtures(sets, [m for m, _ in cells], key=fit_key, steps=3000)
    copied = copy_ratios(found, sets, key=sample_key).reshape(len(CAPACITIES), len(SHARES))
    exact = np.array([m / n for m, n in cells]).reshape(copied.shape)
    shares = [first_above(x, y, 1 - EPSILON) for x, y in zip(exact, copied)]
    return {
        "copied_capacity": (("capacity", "share"), copied),
        "memorized": ("capacity", np.array(CAPACITIES) / shares),
    }


def network_copies(key) -> dict:
    """Copies of trained networks over the number of points, the width and the dimension."""
    size_key, width_key, *keys = jax.random.split(key, 1 + len(DIMENSIONS))
    by_size, size_steps = trained(8, SIZES, size_key)
    by_width, _ = trained(8, [64] * len(WIDTHS), width_key, width=WIDTHS, batch=64)
    at = SIZES.index(64)  # its network is the one of d = 8
    by_d = [trained(d, [64], k) for d, k in zip(DIMENSIONS[1:], keys)]
    return {
        "copied_n": ("n", by_size),
        "copied_width": ("width", by_width),
        "copied_d": ("d", [by_size[at], *(copied[0] for copied, _ in by_d)]),
        "gap_step": ("d", [size_steps[at], *(steps[0] for _, steps in by_d)]),
    }


def trained(d: int, n, key, width=None, batch=128) -> tuple[np.ndarray, list[float]]:
    """Copies of networks on n points at the end, and the step at which the gap of their losses opens."""
    found = network_courses(
        scores.GaussianMixture.two_clusters(jnp.ones(d)),
        n,
        width=width,
        batch=batch,
        key=key,
        steps=STEPS,
        snapshots=log_spaced(STEPS, 20, 50),
        samples=NETWORK_SAMPLES,
        flow_steps=40,
    )
    return found.copied.values[:, -1], [rise_time(found.step.values, gap, GAP) for gap in found.gap.values]


def run(scale: Scale, key) -> Results:
    """The digits at both scales; mixtures and networks at full scale only."""
    keys = jax.random.split(key, 3)
    found = digit_copies(scale, keys[0])
    axes = {"labels": list(LABELS[scale]), "features": list(FEATURES[scale])}
    if scale == "full":
        found |= capacity_copies(keys[1]) | network_copies(keys[2])
        axes |= {"capacity": list(CAPACITIES), "share": list(SHARES)}
        axes |= {"n": list(SIZES), "width": list(WIDTHS), "d": list(DIMENSIONS)}
    curves = xr.Dataset(found, axes)
    return Results(measured(curves), described(curves, VARIABLES))


def measured(found: xr.Dataset) -> dict[str, Measurement]:
    """The claims, an order as its smallest step."""
    by_labels, by_features = found.copied_labels.values, found.copied_features.values
    values = {
        "labels_each": _share(by_labels[-1], SAMPLES),
        "labels_none": _share(by_labels[0], SAMPLES),
    }
    if "copied_capacity" not in found:
        return values
    copied, ratio = found.copied_capacity.values, found.memorized.values / np.array(CAPACITIES)
    values |= {
        "optimum": _share(float(found.optimum), SAMPLES),
        "labels_few_features": _share(by_features[0], SAMPLES),
        "features_order": Measurement(np.diff(by_features).min()),
        "labels_shared": _share(by_labels[LABELS["full"].index(64)], SAMPLES),
        "emm_slope": Measurement(slope(CAPACITIES, found.memorized.values)),
        "emm_ratio": Measurement(ratio[np.abs(ratio - 1.1).argmax()]),
        "emm_below": _share(copied[:, 0].max(), 400),
        "emm_full": _share(copied[:, -1].min(), 400),
        "n_order": Measurement(-np.diff(found.copied_n.values).max()),
        "width_order": Measurement(np.diff(found.copied_width.values).min()),
        "d_order": Measurement(-np.diff(found.copied_d.values).max()),
        "d_gap": Measurement((found.gap_step.values[1:] / found.gap_step.values[:-1]).max()),
    }
    return values


def _share(value: float, samples: int) -> Measurement:
    return Measurement(float(value), math.sqrt(value * (1 - value) / samples))


def draw(results: Results) -> Figure:
    """Labels and features; where they were run, mixtures and networks."""
    found = results.curves
    whole = "copied_capacity" in found
    figure = style.new_figure(9.0, 5.2) if whole else style.new_figure(6.0, 2.7)
    axes = figure.subplots(2, 3).ravel() if whole else figure.subplots(1, 2)
    for ax in axes:
        style.dress(ax)
        ax.set(ylabel="copies among samples (1)", ylim=(-0.04, 1.04), xscale="log")
    axes[0].plot(found.labels, found.copied_labels, markersize=4)
    axes[0].set(xlabel="kinds of random labels")
    _ticks(axes[0], found.labels)
    axes[1].plot(found.features, found.copied_features, markersize=4)
    axes[1].set(xlabel="random features $p$", xscale="linear")
    if whole:
        for m in CAPACITIES:
            axes[2].plot(found.share, found.copied_capacity.sel(capacity=m), markersize=4, label=f"$M={m}$")
        axes[2].set(xlabel="means over points $M/N$", xscale="linear")
        axes[3].plot(found.capacity, found.memorized, markersize=4, label="$N$ with 90 % copies")
        line = {"color": style.MARK_COLOUR, "linestyle": "--", "marker": ""}
        axes[3].plot(found.capacity, found.capacity, label="$N=M$", **line)
        axes[3].set(xlabel="means $M$", ylabel="training points", yscale="log", ylim=(15, 120))
        _ticks(axes[3], found.capacity)
        axes[3].set_yticks(list(CAPACITIES), [str(m) for m in CAPACITIES])
        for name, label in (("n", "points $n$"), ("width", "width, $n=64$"), ("d", "dimension, $n=64$")):
            axes[4].plot(found[name], found[f"copied_{name}"], markersize=4, label=label)
        axes[4].set(xlabel="points, width or dimension", ylim=(-0.03, 0.8))
        _ticks(axes[4], [8, 16, 32, 64, 128, 256])
        axes[5].plot(found.d, found.gap_step, markersize=4)
        axes[5].set(xlabel="dimension $d$", ylabel="step of loss gap .3", yscale="log", ylim=(100, 5000))
        _ticks(axes[5], found.d)
        axes[5].set_yticks([200, 500, 1000, 2000], ["200", "500", "1000", "2000"])
    for ax in axes:
        style.legend(ax)
    return figure


def _ticks(ax, values) -> None:
    ax.set_xticks(list(np.asarray(values)), [f"{value:g}" for value in np.asarray(values)], minor=False)
    ax.minorticks_off()


DIGITS = "digits, ReLU random-feature ridge denoiser fitted at 16 noise levels, Euler's method, 300 samples"
MIXTURE = "mixtures of M = 20, 40, 80 trained means and one variance, 4 clusters in d = 30"
NETWORK = "networks of two hidden layers, 6,000 steps, on two unit Gaussians at +-(1, ..., 1)"
HEADLINE = "arXiv:2310.02664, unconditional 0 and unique labels above .65 on CIFAR-10"
EMM = "arXiv:2310.02664, the effective model memorization grows with capacity"
ORDER = "arXiv:2310.02664, memorization against data size, dimension and width"
BOTH, FULL = ("smoke", "full"), ("full",)

CLAIMS = (
    Claim(
        "optimum",
        "Copies (d1 < d2/3) among 300 samples of the empirical score of digits, the optimum of the loss.",
        1.0,
        0.99,
        1.0,
        "arXiv:2310.02664, the optimum memorizes",
        "printed",
        ("full",),
    ),
    *(
        Claim(key, f"{what}: {DIGITS}, n = 256 (64 at smoke scale).", expected, low, high, HEADLINE, "analogue", scales)
        for key, what, expected, low, high, scales in (
            ("labels_each", "Copies with a label for each point, p = 1200 features", 0.97, 0.65, 1.0, BOTH),
            ("labels_none", "Copies without labels, p = 1200", 0.0, 0.0, 0.05, BOTH),
            ("labels_few_features", "Copies with a label for each point, p = 300", 0.0, 0.0, 0.2, FULL),
            ("features_order", "Least rise of copies from p = 300 by 500, 700, 900 to 1200", 0.05, 0.0, 1.0, FULL),
            ("labels_shared", "Copies with 64 random labels, four points each, p = 1200", 0.02, 0.0, 0.1, FULL),
        )
    ),
    *(
        Claim(key, f"{what}: {MIXTURE}.", expected, low, high, EMM, "analogue", FULL)
        for key, what, expected, low, high in (
            (
                "emm_slope",
                "Slope of log EMM in log M, EMM the largest N with 90 % copies",
                1.0,
                0.85,
                1.15,
            ),
            ("emm_ratio", "EMM/M, the one of three farthest from 1.1", 1.07, 1.0, 1.2),
            ("emm_below", "Largest copy ratio at N = 1.25 M", 0.55, 0.0, 0.8),
            ("emm_full", "Least copy ratio at N = M", 1.0, 0.98, 1.0),
        )
    ),
    *(
        Claim(key, f"{what}: {NETWORK}.", expected, low, high, ORDER, "analogue", FULL)
        for key, what, expected, low, high in (
            ("n_order", "Least fall of the copy ratio from n = 32 to 64 and 64 to 128, d = 8", 0.25, 0.05, 1.0),
            ("width_order", "Least rise of the copy ratio from width 64 to 128 and 128 to 256, n = 64", 0.1, 0.05, 1.0),
            ("d_order", "Least fall of the copy ratio from d = 8 to 16 and 16 to 32, n = 64", 0.09, 0.02, 1.0),
            ("d_gap", "Largest ratio of the steps of loss gap .3 from one of these d to the next", 0.6, 0.0, 0.85),
        )
    ),
)

PAPER = Paper(
    slug="gu2023",
    title="On memorization in diffusion models",
    arxiv="2310.02664",
    setting=(
        "Four small models stand for networks on CIFAR-10. The empirical score is the optimum of the loss and always "
        "copies. A random-feature ridge denoiser on digits never copies without labels and almost always with a label "
        "for each point, as in the paper, once its features outnumber the points about threefold: a label that is "
        "random and of its own is the address under which a point can be stored. A mixture of M trained means gives "
        "the effective model memorization a capacity that can be counted: it is proportional to M, partly because N = "
        "M is always copied, so it is said beside it that N = 1.25 M is not. Residual networks (sigma in [.1, 3], "
        "Adam at 1e-3, batches of 128, of 64 for the widths, copies at the last step where the paper takes the most "
        "over all snapshots) give the orders of set size and width. Dimension is less clear than the paper has it: on "
        "Gaussian clusters the copy ratio falls with d only from d = 8 on (below, neighbours are too close to be told "
        "apart), and the gap between held-out and training loss says the opposite, opening sooner in more dimensions; "
        "both measures are shown. Depth, skip connections, time embeddings, weight decay and moving averages do not "
        "carry over."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
