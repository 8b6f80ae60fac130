"""A family of exact denoisers between copying and generalizing, and the step at which networks memorize."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from ... import metrics, scores
from ...studies.network_courses import network_courses
from ...studies.training_course import rise_time, slope
from ...training import LogNormal, LogUniform, ScoreMatching, log_spaced, weights
from ..base import Results
from ..measurements import Group, together
from ..trained_mixtures import clusters

D, CLUSTERS, SPREAD = 16, 4, 0.5
USEFUL = 0.36  # width up to which the members are still close to the law
PROJECTIONS = 128  # random directions of a sliced Wasserstein distance
ENOUGH = 5  # experiments, with fewer of which a distance is too uncertain to say that it stays
OBJECTIVES = (  # EDM's, with the standard deviation of these data, and a flat one
    ScoreMatching(LogNormal(-1.2, 1.2), weights.EDM(math.sqrt(1 + SPREAD**2))),
    ScoreMatching(LogUniform(0.01, 5.0)),
)
TRAINED_D = 8  # of the networks' data, two unit Gaussians at +-(1, ..., 1)
HIDDEN_N, HIDDEN_BATCH = 64, 64  # points and batch of networks of different widths
MEMORIZING = {"by_n": 0.3, "by_hidden": 0.2}  # loss gaps at which a network is said to memorize


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 500  # training points, and held-out points
    widths: tuple[float, ...] = (0.0, 0.001, 0.01, 0.04, 0.08, 0.12, 0.16, 0.36, 1.0)  # v in variances of a cluster
    sets: int = 10  # independent experiments
    loss_sets: int = 2  # of these, whose training loss is measured
    loss_points: int = 500  # training points at which it is
    levels: int = 16  # noise levels of the training loss
    sizes: tuple[int, ...] = (32, 64, 128, 256)  # training points of networks; () for no network
    size_steps: int = 12_000  # of training
    hidden: tuple[int, ...] = (32, 64, 128, 256)  # hidden units of each of the two layers of further networks
    hidden_steps: int = 6000


FULL = Settings()
SMOKE = Settings(widths=(0.0, 0.001, 0.12, 0.36, 1.0), sets=2, loss_sets=1, loss_points=100, levels=8, sizes=())


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The family of exact denoisers, then, if asked for, the networks."""
    found = [family(settings, key)]
    if settings.sizes:
        found.append(networks(settings, jax.random.fold_in(key, 3)))
    return together(*found)


def family(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies, distances and losses of training points widened to Gaussians, over independent experiments."""
    keys, family_key = jax.random.split(key, settings.sets), jax.random.fold_in(key, 1)
    variances, rows, losses = np.array(settings.widths) * SPREAD**2, [], []
    for i, data_key in enumerate(keys):
        mean_key, train_key, test_key = jax.random.split(jax.random.fold_in(data_key, 0), 3)
        law = clusters(D, CLUSTERS, key=mean_key, deviation=SPREAD)
        train, test = (law.draw(settings.n, key=own) for own in (train_key, test_key))
        sample_key, direction_key, loss_key = jax.random.split(jax.random.fold_in(family_key, i), 3)
        rows.append(widened_distances(train, test, variances, sample_key=sample_key, direction_key=direction_key))
        if i < settings.loss_sets:
            options = {"key": loss_key, "points": settings.loss_points, "levels": settings.levels}
            losses.append([widened_losses(train, variances, objective, **options) for objective in OBJECTIVES])
    copied, to_train, to_test = np.swapaxes(rows, 0, 1)  # (sets, widths)
    gap = to_test - to_train
    change = gap - gap[:, :1]
    curves = {"copied": copied, "to_train": to_train, "to_test": to_test, "gap": gap, "gap_change": change}
    curves = {name: part.mean(0) for name, part in curves.items()}
    curves["gap_change_error"] = change.std(0, ddof=1) / math.sqrt(settings.sets)
    curves["edm_loss"], curves["flat_loss"] = np.mean(losses, axis=0)
    found = xr.Dataset({name: ("width", row) for name, row in curves.items()}, {"width": list(settings.widths)})
    return family_summary(found, settings.sets), found


def family_summary(found: xr.Dataset, sets: int) -> dict[str, Any]:
    """What changes and what does not up to the width `USEFUL`, and the least losses with and without copies."""
    useful, first, last = found.sel(width=slice(0, USEFUL)), found.isel(width=0), found.isel(width=-1)
    not_copying, good = (found.where(part, drop=True) for part in (found.copied < 0.5, found.edm_loss <= 1.1))
    values = {"copying_ends": first.copied - useful.copied[-1], "distance_sees": last.to_test / first.to_test}
    values["edm_copies"] = good.copied.min()
    if not_copying.sizes["width"]:
        values |= {"edm_margin": not_copying.edm_loss.min(), "flat_margin": not_copying.flat_loss.min()}
    if sets >= ENOUGH:
        worst = useful.isel(width=int(np.abs(useful.gap_change.values).argmax()))
        values["gap_stays"] = abs(worst.gap_change), worst.gap_change_error
        values["distance_stays"] = abs(useful.to_test / first.to_test - 1).max()
    return values


def widened_distances(
    train: Float[ArrayLike, "n d"],
    test: Float[ArrayLike, "m d"],
    variances: Float[np.ndarray, " k"],
    *,
    sample_key: PRNGKeyArray,
    direction_key: PRNGKeyArray,
) -> Float[np.ndarray, "3 k"]:
    """Share of copies (d1/d2 < 1/3), sliced Wasserstein distance to `train` and to `test`, for each variance.

    n samples are exact draws of each member's end law. Chosen training points, noise and the directions of distances
    are the same for all variances, so that differences along the family have little noise.
    """
    train, (which, noise) = jnp.asarray(train), jax.random.split(sample_key)
    chosen = train[jax.random.randint(which, (len(train),), 0, len(train))]
    z = jax.random.normal(noise, chosen.shape, chosen.dtype)
    options, found = {"key": direction_key, "projections": PROJECTIONS}, []
    for variance in variances:
        samples = np.asarray(chosen + math.sqrt(variance) * z)
        distances = [metrics.sliced_wasserstein(samples, points, **options).value for points in (train, test)]
        found.append([metrics.memorization(samples, train).fraction, *distances])
    return np.array(found).T


def widened_losses(
    train: Float[ArrayLike, "n d"],
    variances: Float[np.ndarray, " k"],
    objective: ScoreMatching,
    *,
    key: PRNGKeyArray,
    levels: int,
    points: int,
) -> Float[np.ndarray, " k"]:
    """Training loss of each member over that of the first one: `E weight(level) |D(alpha y + sigma z) - y|^2`.

    D is the denoiser of `sum_i N(y_i, variance I)/n`; variance 0 is the empirical one, which copies.
    The mean over `levels` noise levels, which divide the objective's law in equal shares, and over the first `points`
    of the training points, with equal noise for all members. At variance 0 the loss is its exact minimum.
    """
    at = [objective.levels.at(jnp.asarray((i + 0.5) / levels)) for i in range(levels)]
    keys, judged = jax.random.split(key, levels), np.asarray(train)[:points]

    def loss(score, level, key):
        return float(objective.weight(level)) * float(metrics.denoising_loss(score, judged, level, key=key).value)

    members = [scores.Widened(scores.Empirical(train), jnp.asarray(math.sqrt(variance))) for variance in variances]
    total = [sum(loss(member, level, k) for level, k in zip(at, keys)) for member in members]
    return np.array(total) / total[0]


def networks(settings: Settings, key: PRNGKeyArray) -> Group:
    """Loss gaps and copies in the course of training, over the number of points and over the width of the network."""
    size_key, hidden_key = jax.random.split(key)
    law = scores.GaussianMixture.two_clusters(jnp.ones(TRAINED_D))
    n, steps = settings.sizes, settings.size_steps
    by_n = network_courses(law, n, key=size_key, steps=steps, snapshots=log_spaced(steps, 18, max(1, steps // 200)))
    hidden, steps = settings.hidden, settings.hidden_steps
    n, options = [HIDDEN_N] * len(hidden), {"width": hidden, "batch": HIDDEN_BATCH, "samples": 500}
    snapshots = log_spaced(steps, 16, max(1, steps // 60))
    by_hidden = network_courses(law, n, key=hidden_key, steps=steps, snapshots=snapshots, **options)
    by_n, by_hidden = by_n.swap_dims(member="n"), by_hidden.swap_dims(member="width").rename(width="hidden")
    kept, parts = ["gap", "copied", "held_out_loss"], {"by_n": by_n, "by_hidden": by_hidden}
    parts = {by: part[kept].reset_coords(drop=True) for by, part in parts.items()}
    found = xr.merge([part.rename({name: f"{name}_{by}" for name in (*kept, "step")}) for by, part in parts.items()])
    return network_summary(found), found


def network_summary(found: xr.Dataset) -> dict[str, Any]:
    """Exponents of the step of memorization in the number of points and in the width, and copies against the width."""
    by_n, by_hidden = (memorization_steps(found, by) for by in MEMORIZING)
    values = {"time_slope": slope(found.n.values, by_n)} if len(by_n) > 1 else {}
    if len(by_hidden) > 1:
        values["width_slope"] = slope(found.hidden.values, by_hidden)
        values["width_ratio"] = (by_hidden[1:] / by_hidden[:-1]).max()
    if len(by_hidden) > 2:  # the narrowest network hardly copies
        values["width_copies"] = np.diff(found.copied_by_hidden.values[1:, -1]).min()
    return values


def memorization_steps(found: xr.Dataset, by: str) -> Float[np.ndarray, " networks"]:
    """The step at which the loss gap of each network reaches its level; NaN where it does not."""
    return rise_time(found[f"step_{by}"].values, found[f"gap_{by}"].values, MEMORIZING[by])
