"""Marion and Wu on generalization: copying ends where distances stay, and when networks memorize."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import scores
from ..plots import style
from ..studies import network_courses, rise_time, slope, widened_family
from ..training import LogNormal, LogUniform, ScoreMatching, log_spaced, weights
from .single_file import Claim, Measurement, Paper, Results, Scale

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
OBJECTIVES = (  # EDM's, with the standard deviation of these data, and a flat one
    ScoreMatching(LogNormal(-1.2, 1.2), weights.EDM(math.sqrt(1 + SPREAD**2))),
    ScoreMatching(LogUniform(0.01, 5.0)),
)
TRAINED_D = 8  # two unit Gaussians at +-(1, ..., 1)
BY_N = (32, 64, 128, 256), 12000  # training points, steps
BY_HIDDEN = (32, 64, 128, 256), 6000  # hidden units, steps
HIDDEN_N, HIDDEN_BATCH = 64, 64
LEVELS_OF_GAP = {"by_n": 0.3, "by_hidden": 0.2}  # loss gaps at which a network is said to memorize


def world(key) -> tuple[jax.Array, jax.Array]:
    """Training and held-out points of `CLUSTERS` Gaussians whose means are uniform on the sphere of radius sqrt(d)."""
    mean_key, train_key, test_key = jax.random.split(key, 3)
    means = jax.random.normal(mean_key, (CLUSTERS, D))
    means = means * math.sqrt(D) / jnp.linalg.norm(means, axis=1, keepdims=True)
    law = scores.GaussianMixture(jnp.ones(CLUSTERS), means, jnp.full(CLUSTERS, SPREAD**2))
    return law.draw(N, key=train_key), law.draw(N, key=test_key)


def run(scale: Scale, key) -> Results:
    """The family of exact denoisers, then, at full scale, the networks."""
    found = family(scale, key)
    measured = family_measurements(found)
    measured = {name: value for name, value in measured.items() if scale in TABLE[name][-1]}
    if scale == "smoke":  # networks take longer to compile than a smoke run may take
        return Results(measured, found)
    trained = networks(jax.random.fold_in(key, 3))
    return Results(measured | network_measurements(trained), found.merge(trained))


def family(scale: Scale, key) -> xr.Dataset:
    """Copies, distances and losses of the exact denoisers, over independent experiments."""
    keys = jax.random.split(key, SETS[scale])
    worlds = [world(jax.random.fold_in(k, 0)) for k in keys]
    widths, sizes = WIDTHS[scale], (LOSS_SETS[scale], LOSS_POINTS[scale], LEVELS[scale])
    found = widened_family(worlds, widths * SPREAD**2, OBJECTIVES, key=jax.random.fold_in(key, 1), loss_sizes=sizes)
    facts = {"long_name": "variance of the components of the denoiser in units of that of the clusters", "units": "1"}
    found = found.assign_coords(variance=("variance", widths, facts))
    return found.rename(variance="width", loss_0="edm_loss", loss_1="flat_loss")


def networks(key) -> xr.Dataset:
    """Loss gaps and copies in the course of training, over the number of points and over the width of the network."""
    by_n, by_hidden = jax.random.split(key)
    centre = jnp.ones((1, TRAINED_D))
    law = scores.GaussianMixture(jnp.ones(2), jnp.concatenate([centre, -centre]), jnp.ones(2))
    kept = ["gap", "copied", "held_out_loss"]
    sizes, steps = BY_N
    over_n = network_courses(law, sizes, key=by_n, steps=steps, snapshots=log_spaced(steps, 18, steps // 200))
    hidden, steps = BY_HIDDEN
    over_hidden = network_courses(
        law,
        [HIDDEN_N] * len(hidden),
        width=hidden,
        key=by_hidden,
        steps=steps,
        batch=HIDDEN_BATCH,
        snapshots=log_spaced(steps, 16, steps // 60),
        samples=500,
    )
    over_n = over_n.swap_dims(member="n")[kept].drop_vars("width")
    over_hidden = over_hidden.swap_dims(member="width")[kept].drop_vars("n").rename(width="hidden")
    parts = [
        part.rename({name: f"{name}_{by}" for name in (*kept, "step")})
        for part, by in ((over_n, "by_n"), (over_hidden, "by_hidden"))
    ]
    return xr.merge(parts)


def memorization_steps(found: xr.Dataset, by: str) -> list[float]:
    """The step at which the loss gap of each network reaches its level; NaN where it does not."""
    return [rise_time(found[f"step_{by}"].values, gap, LEVELS_OF_GAP[by]) for gap in found[f"gap_{by}"].values]


def network_measurements(found: xr.Dataset) -> dict[str, Measurement]:
    """The claims on trained networks."""
    by_n, by_hidden = (memorization_steps(found, by) for by in LEVELS_OF_GAP)
    rises = np.diff(found.copied_by_hidden.values[1:, -1])
    values = {
        "time_slope": slope(found.n.values, by_n),
        "width_slope": slope(found.hidden.values, by_hidden),
        "width_ratio": float(np.max(np.divide(by_hidden[1:], by_hidden[:-1]))),
        "width_copies": float(min(rises, default=math.nan)),
    }
    return {name: Measurement(value) for name, value in values.items()}


def family_measurements(found: xr.Dataset) -> dict[str, Measurement]:
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
    """The family: copies, distances, losses; the networks: loss gaps over training, and when and how much they copy."""
    rows = 2 if "n" in results.curves else 1
    figure = style.new_figure(9.0, 0.4 + 2.6 * rows)
    axes = figure.subplots(rows, 3, squeeze=False)
    for ax in axes.flat:
        style.dress(ax)
    draw_family(results.curves, *axes[0])
    if rows == 2:
        draw_networks(results.curves, *axes[1])
    for ax in axes.flat:
        style.legend(ax)
    return figure


def draw_family(found: xr.Dataset, left, middle, right) -> None:
    """Copies and distances against the width, and the loss of each member against its copies."""
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


def draw_networks(found: xr.Dataset, left, middle, right) -> None:
    """Loss gaps over training for each n, the steps at which they are reached, and copies against the width."""
    for n, gap in zip(found.n.values, found.gap_by_n.values):
        left.plot(found.step_by_n, gap, markersize=3, label=f"n = {n}")
    left.axhline(LEVELS_OF_GAP["by_n"], color=style.MARK_COLOUR, linewidth=0.8)
    left.set(xscale="log", xlabel="steps of training", ylabel="loss gap (1)", ylim=(-0.05, 1.5))
    steps = {by: memorization_steps(found, by) for by in LEVELS_OF_GAP}
    middle.plot(found.n, steps["by_n"], markersize=4, label="against n, 128 units")
    middle.plot(found.hidden, steps["by_hidden"], markersize=4, label=f"against units, n = {HIDDEN_N}")
    middle.set(xscale="log", yscale="log", xlabel="points n, or hidden units", ylabel="step of memorization")
    right.plot(found.hidden, found.copied_by_hidden[:, -1], markersize=4, label=f"n = {HIDDEN_N}")
    right.set(xscale="log", xlabel="hidden units", ylabel="copies at the last step (1)", ylim=(-0.02, None))
    for ax in (middle, right):
        ax.set_xticks(found.hidden.values, [str(units) for units in found.hidden.values])
        ax.minorticks_off()


TOGETHER = "arXiv:2605.06077, distances to train and test move together"
APART = "arXiv:2605.06077, memorizing and generalizing are incompatible"
END, LOSSES = "derived: end law of the widened denoisers", "derived: exact denoisers"
LINEAR = "arXiv:2605.06077, the time of memorization grows as the number of points"
SOONER = "arXiv:2605.06077, bigger networks memorize sooner"
FULL, BOTH = ("full",), ("smoke", "full")
NETWORK = "residual networks of two hidden layers, two unit Gaussians in d = 8"
TABLE = {
    "copying_ends": (
        "Fall of the copy ratio (d1/d2 < 1/3) from width 0 to .36 cluster variances, d = 16, n = 500.",
        (1.0, 0.9, 1.0),
        END,
        BOTH,
    ),
    "gap_stays": (
        "Largest change over those widths of the sliced Wasserstein distance to held-out less that to training points, "
        "in data units (the gap itself is about .05).",
        (0.0, 0.0, 0.02),
        TOGETHER,
        FULL,
    ),
    "distance_stays": (
        "Largest relative change over those widths of the distance to held-out points.",
        (0.0, 0.0, 0.10),
        "arXiv:2605.06077, distances do not see copies",
        FULL,
    ),
    "distance_sees": (
        "Distance to held-out points at width 1 over that at width 0: a loss of fidelity does move it.",
        (1.4, 1.3, math.inf),
        END,
        BOTH,
    ),
    "edm_margin": (
        "Least training loss over its minimum among members with a copy ratio below 1/2, EDM weight (sigma_data that "
        "of these data), log sigma of mean -1.2 and deviation 1.2.",
        (2.3, 1.5, math.inf),
        APART,
        BOTH,
    ),
    "edm_copies": (
        "Least copy ratio among members within 10 % of the least training loss, EDM weight.",
        (1.0, 0.9, 1.0),
        APART,
        BOTH,
    ),
    "flat_margin": (
        "The same as edm_margin for a flat weight on x_0 and log-uniform sigma in [.01, 5]: the bare margin.",
        (1.013, 1.005, 1.05),
        LOSSES,
        BOTH,
    ),
    "time_slope": (
        "Slope against log n of the logarithm of the step at which the held-out loss exceeds the training loss by .3, "
        f"n = 32 to 256, {NETWORK}: at least linear, where the paper has 1.",
        (1.0, 1.0, 2.0),
        LINEAR,
        FULL,
    ),
    "width_slope": (
        "Slope against the logarithm of the width, 32 to 256 units, of that of the step at which the loss gap is .2, "
        f"n = 64, {NETWORK}.",
        (-0.8, -1.2, -0.5),
        SOONER,
        FULL,
    ),
    "width_ratio": ("Largest ratio of those steps over a doubling of the width.", (0.6, 0.0, 1.0), SOONER, FULL),
    "width_copies": (
        "Least rise of the share of copies after 6,000 steps over the doublings of the width from 64 to 256.",
        (0.1, 0.01, 1.0),
        SOONER,
        FULL,
    ),
}

PAPER = Paper(
    slug="marion2026",
    title="Understanding diffusion models requires rethinking (again) generalization",
    arxiv="2605.06077",
    setting=(
        "500 training and 500 held-out points of a mixture of 4 Gaussians in d = 16 (means on the sphere of radius "
        "sqrt d, standard deviation .5) stand for images; a family of denoisers that widens each training point to a "
        "Gaussian of variance v stands for the course of training, backwards: v = 0 is the minimum of the loss and "
        "copies, larger v generalizes. 500 samples are exact draws of each member's end law, with the same chosen "
        "points and noise for all v; means over 10 experiments. What the paper sees, distances to training and held- "
        "out data that move together, holds as constancy: both distances and the gap between them hardly move while "
        "copying ends. At the end of the range, .36, fidelity begins to suffer: the distance to held-out points has "
        "risen by about a tenth, .07 to .14 from draw to draw, and the gap has lost up to a third. The gap is not "
        "small beside the distances, as the one to held-out points contains the fluctuation between two sets of 500 "
        "and the other does not. That no denoiser near the least loss avoids copying depends on the weight: the "
        "margin is wide under EDM's, with sigma_data the standard deviation of these data (half as wide with the .5 "
        "of images), and a per cent under a flat one. Small residual networks, two hidden layers trained by Adam on "
        "two unit Gaussians in d = 8, stand for U-Nets on images: the step at which the held-out loss leaves the "
        "training loss grows with n at least linearly, in this budget faster, and falls with the width, and wider "
        "networks copy more at a fixed step. That the bigger network is also the better one before that is not seen "
        "here, and batch sizes, learning rates and the double descent of the distances do not carry over."
    ),
    claims=tuple(
        Claim(key, statement, *numbers, source, "analogue", scales)
        for key, (statement, numbers, source, scales) in TABLE.items()
    ),
    run=run,
    draw=draw,
)
