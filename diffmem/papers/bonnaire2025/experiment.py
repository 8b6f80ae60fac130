"""Spectra of random features, gradient descent against its flow, and the training times of features and networks."""

from collections import defaultdict
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import theory, training
from ...data import spheres
from ...scores import GaussianMixture
from ...studies.feature_times import feature_spectrum, feature_times
from ...studies.network_courses import RATIOS, network_courses
from ...studies.training_course import rise_time, slope
from ..base import Results
from ..diffusion_time import level_at
from ..feature_data import drawn
from ..measurements import Group, farthest, together

TIMES = (0.1, 0.01)  # of the Ornstein-Uhlenbeck clock, at which the score is learnt
DESCENT = (30, 8, 0.5)  # d, psi_p = p/d and step in training time of the gradient descent
CHECKED = np.array([3, 10, 30, 100, 300])  # its training times that are compared
SMALL_D, LARGE = 25, (20, 1024)  # d at few points; d and psi_p at more points
PRE_ASYMPTOTIC = 1.85  # the middle of the interval that is accepted for the slope at few points
D, CLUSTERS, SPREAD = 8, 6, 0.3  # of the data; the narrow clusters are the law on which generalizing takes time
GAP = 0.3  # of held-out and training loss, when a network is said to memorize
SHARE = 0.6  # of the score error of the untrained network, when a network is said to generalize
LOW = 0.05  # least sigma in the training of the latter: below the width of the clusters
FEW = 64  # points up to which networks copy most of their samples


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    spectra: tuple[tuple[int, int, int], ...] = ((100, 8, 4), (40, 32, 4))  # d, psi_p = p/d and psi_n = n/d
    spectrum_times: tuple[float, ...] = TIMES  # t of each spectrum
    descent_points: tuple[int, ...] = (60, 240)  # n of the gradient descent
    few: tuple[int, ...] = (4, 8, 16)  # psi_n of the training times
    wide: tuple[int, ...] = (64, 1024)  # psi_p of the same
    many: tuple[int, ...] = (8, 16, 32, 64)  # psi_n of further training times; () for none
    memorizing: tuple[int, ...] = (32, 64, 128, 256)  # points of networks that memorize; () for no network
    memorizing_steps: int = 16_000
    generalizing: tuple[int, ...] = (64, 128, 256, 512)  # points of networks that generalize
    generalizing_steps: int = 400


FULL = Settings()
SMOKE = Settings(((100, 8, 4),), spectrum_times=TIMES[:1], descent_points=(60,), wide=(64,), many=(), memorizing=())


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Spectra against Theorem 3.1, gradient descent against the flow, and the times of training against n."""
    spectrum_key, descent_key, small_key, large_key = jax.random.split(key, 4)
    found = [spectra(settings, spectrum_key), few_points(settings, small_key)]
    found += [descent(n, jax.random.fold_in(descent_key, n)) for n in settings.descent_points]
    if len(settings.many) > 1:
        found.append(many_points(settings, large_key))
    if settings.memorizing:
        found.append(networks(settings, jax.random.fold_in(key, 4)))
    return together(*found)


def spectra(settings: Settings, key: PRNGKeyArray) -> Group:
    """How far spectra, their eigenvalues at the floor and their mass above are from the theory; the first spectrum."""
    values, found = defaultdict(list), []
    for i, ((d, psi_p, psi_n), t) in enumerate(product(settings.spectra, settings.spectrum_times)):
        one = feature_spectrum(psi_n, level_at(t), d=d, psi_p=psi_p, key=jax.random.fold_in(key, i))
        found.append(one)
        values[f"density_{d}"].append(one.distance)
        values["atom"].append(one.at_floor - (psi_p - psi_n - 1) * d)
        values["mass"].append(abs(one.mass - 1 + theory.spectral_atom(psi_p, psi_n)))
    return {name: farthest(several, 0) for name, several in values.items()}, found[0]


def descent(n: int, key: PRNGKeyArray) -> Group:
    """Gradient descent with one fresh noise for each point and step, against the exact flow of the same features.

    Largest difference of their training losses at five times, and of those of the exact flow and the flow of the
    Gaussian equivalent.
    """
    layer_key, noise_key, gauss_key = jax.random.split(key, 3)
    (d, psi_p, step), level = DESCENT, level_at(TIMES[0])
    layers = drawn(layer_key, psi_p * d, n, d)
    fit = training.fit_random_features(*layers, level)
    exact = fit.flow(CHECKED).train
    descended = training.descend_random_features(*layers, level, tuple(CHECKED.tolist()), step, key=noise_key)
    losses = [fit.train.loss(second) for second in descended]
    equivalent = training.equivalent_modes(*layers, level, key=gauss_key).flow(CHECKED).train
    values = {f"descent_{n}": np.abs(losses - exact).max(), f"equivalent_{n}": np.abs(equivalent - exact).max()}
    return values, xr.Dataset()


def few_points(settings: Settings, key: PRNGKeyArray) -> Group:
    """Exponents in n of the times of training, and least and last score errors, each for its worst width and t."""
    found = {}
    for (i, psi_p), t in product(enumerate(settings.wide), TIMES):
        own = jax.random.fold_in(key, i)  # both noises on the same draw
        found[psi_p, t] = feature_times(settings.few, level_at(t), d=SMALL_D, psi_p=psi_p, key=own)
    every = list(found.values())
    values = {
        "least": max(float(one.least.max()) for one in every),
        "rise": min(float((one.final / one.least).min()) for one in every),
    }
    if len(settings.few) > 1:
        noisier = [found[psi_p, TIMES[0]] for psi_p in settings.wide]
        values |= {"bulk_slope": farthest(slopes(every, "bulk"), 1), "small_near_slope": max(slopes(every, "near"))}
        values["small_slope"] = farthest(slopes(noisier, "gap"), PRE_ASYMPTOTIC)
        values["small_level_slope"] = farthest(slopes(every, "level"), 0)
    return values, found[settings.wide[0], TIMES[1]]


def many_points(settings: Settings, key: PRNGKeyArray) -> Group:
    """Exponents in n of the times of training at more points."""
    d, psi_p = LARGE
    found = feature_times(settings.many, level_at(TIMES[1]), d=d, psi_p=psi_p, key=key)
    names = {"large_slope": "gap", "large_level_slope": "level", "large_near_slope": "near"}
    return {name: slopes([found], of)[0] for name, of in names.items()}, xr.Dataset()


def slopes(found: list[xr.Dataset], of: str) -> list[float]:
    """The exponents in n of a time of training."""
    return [slope(one.psi_n.values, one[f"tau_{of}"].values) for one in found]


def networks(settings: Settings, key: PRNGKeyArray) -> Group:
    """The step at which networks memorize and the one at which they generalize, against the number of points.

    A network memorizes where held-out loss less training loss is `GAP`; its points are of two unit Gaussians. It
    generalizes where its score error is `SHARE` of the error of the untrained network, which takes a law that EDM's
    preconditioning does not already solve: clusters narrower than the noise levels, trained from sigma = `LOW`.
    """
    mean_key, training_key = jax.random.split(key)
    late_key, early_key = jax.random.split(training_key)
    pair = GaussianMixture.two_clusters(jnp.ones(D))
    n, steps = settings.memorizing, settings.memorizing_steps
    snapshots = training.log_spaced(steps, 20, max(1, steps // 400))
    late = network_courses(pair, n, key=late_key, steps=steps, snapshots=snapshots, counted=range(len(snapshots)))

    means = spheres(CLUSTERS, D, radius=D**0.5, key=mean_key).points
    narrow = GaussianMixture(np.ones(CLUSTERS), means, np.full(CLUSTERS, SPREAD**2))
    n, steps = settings.generalizing, settings.generalizing_steps
    snapshots, ratios = np.array([0, *training.log_spaced(steps, 32, min(4, steps))]), (LOW, RATIOS[1])
    early = network_courses(narrow, n, key=early_key, steps=steps, snapshots=snapshots, ratios=ratios, samples=10)
    errors = (early.score_error / early.score_error.isel(step=0)).isel(step=slice(1, None))

    kept = ["gap", "copied", "held_out_loss", "score_error"]
    found = late.swap_dims(member="n")[kept].drop_vars("width")
    found = found.rename({name: f"network_{name}" for name in (*kept, "n", "step")})
    found = found.assign_coords(early_n=list(n), early_step=errors.step.values).assign(
        network_time=("network_n", rise_time(late.step.values, late.gap.values, GAP)),
        early_error=(("early_n", "early_step"), errors.values),
        early_time=("early_n", rise_time(errors.step.values, -errors.values, -SHARE)),
    )
    return network_summary(found), found


def network_summary(found: xr.Dataset) -> dict[str, Any]:
    """Exponents in n of the times, the copies where the held-out loss is least and at the end, and the final error.

    Each for the worst n; the copies at the end are those of networks of at most `FEW` points.
    """
    n, time, early = found.network_n.values, found.network_time.values, found.early_n.values
    best = found.network_held_out_loss.values.argmin(1)
    copied, error = found.network_copied.values, found.network_score_error.values
    values = {
        "network_least_copied": copied[np.arange(len(n)), best].max(),
        "network_error": (error[:, -1] / error.min(1)).min(),
    }
    if (n <= FEW).any():
        values["network_last_copied"] = copied[n <= FEW, -1].min()
    if len(n) > 1:
        values |= {"network_slope": slope(n, time), "network_rise": (time[1:] / time[:-1]).min()}
    if len(early) > 1:
        values["network_level_slope"] = slope(early, found.early_time.values)
    return values
