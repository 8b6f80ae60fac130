"""Copies of random-feature denoisers by labels and features, of trained mixtures by capacity, of networks by size."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ... import data, integrators, metrics, processes, scores
from ...studies.network_courses import deviation, network_courses
from ...studies.training_course import rise_time, slope
from ...training import log_spaced
from ..base import Results
from ..measurements import Group, farthest, share, together
from ..trained_mixtures import clusters, copy_ratios, first_above, trained_mixtures

LEVELS = 16  # noise levels at which random features are fitted; the sampler steps through them
D, CLUSTERS, MIXTURE_SAMPLES = 30, 4, 400  # of the trained mixtures
EPSILON = 0.1  # of the effective model memorization: 1 - EPSILON of the samples are copies
GAP = 0.3  # of held-out and training loss, when a network is said to memorize


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 256  # digits
    shared: tuple[int, ...] = (64,)  # kinds of random labels, beside no label and a label for each digit
    features: tuple[int, ...] = (300, 500, 700, 900, 1200)  # p; the last for all kinds of labels
    draws: int = 16  # of noise for each digit and level
    samples: int = 300
    optimum: bool = True  # samples of the empirical score as well
    capacities: tuple[int, ...] = (20, 40, 80)  # M of the trained mixtures; () for none
    shares: tuple[float, ...] = (0.8, 0.85, 0.9, 0.95, 1.0)  # M/N
    mixture_steps: int = 3000
    sizes: tuple[int, ...] = (32, 64, 128)  # points of a network, the middle one for all widths and d; () for none
    widths: tuple[int, ...] = (64, 128, 256)
    dimensions: tuple[int, ...] = (8, 16, 32)  # d, the first for all sizes and widths
    network_steps: int = 6000
    network_samples: int = 1000


FULL = Settings()
SMOKE = Settings(n=64, shared=(), features=(1200,), draws=4, optimum=False, capacities=(), sizes=())


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Digits; then, if asked for, mixtures and networks."""
    digits_key, mixture_key, network_key = jax.random.split(key, 3)
    found = [digits(settings, digits_key)]
    if settings.capacities:
        found.append(mixtures(settings, mixture_key))
    if settings.sizes:
        found.append(networks(settings, network_key))
    return together(*found)


def digits(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies against the kinds of labels at the most features, against the features, and under the exact optimum."""
    set_key, fit_key, label_key, draw_key = jax.random.split(key, 4)
    n, samples, sizes = settings.n, settings.samples, settings.features
    points = data.digits().take(n, key=set_key).points
    order = np.asarray(jax.random.permutation(label_key, n))
    kinds = (1, *settings.shared, n)

    def copied(score, of: int) -> float:
        return metrics.memorization(drawn(score, of, points, samples, draw_key), points).fraction

    def fitted(p: int, of: int):
        labels = None if of == 1 else order % of
        return scores.RandomFeatureRidge.fit(points, p, draws=settings.draws, labels=labels, key=fit_key)

    by_labels = [copied(fitted(sizes[-1], of), of) for of in kinds]
    by_features = [copied(fitted(p, n), n) for p in sizes[:-1]] + by_labels[-1:]
    curves = {"copied_labels": ("labels", by_labels), "copied_features": ("features", by_features)}
    values = {"labels_each": share(by_labels[-1], samples), "labels_none": share(by_labels[0], samples)}
    if settings.shared:
        values["labels_shared"] = share(by_labels[1], samples)
    if len(sizes) > 1:
        values |= {"labels_few_features": share(by_features[0], samples), "features_order": np.diff(by_features).min()}
    if settings.optimum:
        optimum = copied(scores.Empirical(points), 1)
        values["optimum"], curves["optimum"] = share(optimum, samples), ((), optimum)
    return values, xr.Dataset(curves, {"labels": list(kinds), "features": list(sizes)})


def drawn(
    score: scores.AbstractScore, kinds: int, points: Float[np.ndarray, "n d"], samples: int, key: PRNGKeyArray
) -> Float[Array, "samples d"]:
    """Samples by Euler's method through the fitted levels, each with a random label where there are labels."""
    spread = deviation(points)
    process = processes.EDM(sigma_min=0.03 * spread, sigma_max=8 * spread)
    run = process, integrators.DDIM(), integrators.grids.log_snr(process, LEVELS - 1), points.shape[1:]
    if kinds == 1:
        return integrators.sample(score, *run, samples, key=key).points
    label_key, key = jax.random.split(key)
    return labelled_samples(score, *run, jax.random.randint(label_key, (samples,), 0, kinds), key=key)


@eqx.filter_jit
def labelled_samples(
    score: scores.RandomFeatureRidge,
    process: processes.AbstractProcess,
    integrator: integrators.AbstractIntegrator,
    times: Float[Array, " nodes"],
    shape: tuple[int, ...],
    labels: Int[Array, " count"],
    *,
    key: PRNGKeyArray,
) -> Float[Array, "count *shape"]:
    """One sample of `score.conditioned(label)` for each label: number i depends on key, i and its label only."""

    def one(label, key):
        found = integrators.sample(score.conditioned(label), process, integrator, times, shape, 1, key=key)
        return found.points[0]

    return jax.vmap(one)(labels, jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(len(labels))))


def mixtures(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies of trained mixtures over M and M/N, and the effective model memorization: the N of 90 % copies."""
    law_key, draw_key, fit_key, sample_key = jax.random.split(key, 4)
    capacities, shares = np.array(settings.capacities), settings.shares
    points = clusters(D, CLUSTERS, key=law_key).draw(round(max(settings.capacities) / shares[0]), key=draw_key)
    cells = [(m, round(m / part)) for m in settings.capacities for part in shares]
    sets = [points[:n] for _, n in cells]
    found = trained_mixtures(sets, [m for m, _ in cells], key=fit_key, steps=settings.mixture_steps)
    copied = copy_ratios(found, sets, key=sample_key, samples=MIXTURE_SAMPLES).reshape(len(capacities), len(shares))
    exact = np.array([m / n for m, n in cells]).reshape(copied.shape)
    emm = capacities / [first_above(x, y, 1 - EPSILON) for x, y in zip(exact, copied)]
    values = {
        "emm_slope": slope(capacities, emm),
        "emm_ratio": farthest(emm / capacities, 1.1),
        "emm_below": share(copied[:, 0].max(), MIXTURE_SAMPLES),
        "emm_full": share(copied[:, -1].min(), MIXTURE_SAMPLES),
    }
    curves = {"copied_capacity": (("capacity", "share"), copied), "memorized": ("capacity", emm)}
    return values, xr.Dataset(curves, {"capacity": capacities, "share": list(shares)})


def networks(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies of trained networks over the number of points, the width and the dimension."""
    sizes, widths, dimensions = settings.sizes, settings.widths, settings.dimensions
    size_key, width_key, *keys = jax.random.split(key, 1 + len(dimensions))
    middle, samples, steps = len(sizes) // 2, settings.network_samples, settings.network_steps
    n, snapshots = sizes[middle], log_spaced(steps, 20, 50)

    def trained(d, n, key, width=None, batch=128):
        """The share of copies at the end, and the step at which the gap of the losses opens, for each network."""
        law = scores.GaussianMixture.two_clusters(jnp.ones(d))
        found = network_courses(
            law, n, width=width, batch=batch, key=key, steps=steps, snapshots=snapshots, samples=samples, flow_steps=40
        )
        return found.copied.values[:, -1], rise_time(found.step.values, found.gap.values, GAP)

    by_n, steps_by_n = trained(dimensions[0], sizes, size_key)
    by_width, _ = trained(dimensions[0], [n] * len(widths), width_key, width=widths, batch=64)
    others = [trained(d, [n], k) for d, k in zip(dimensions[1:], keys)]
    by_d = [by_n[middle], *(copied[0] for copied, _ in others)]
    gap_step = np.array([steps_by_n[middle], *(steps[0] for _, steps in others)])
    values = {
        "n_order": -np.diff(by_n).max(),
        "width_order": np.diff(by_width).min(),
        "d_order": -np.diff(by_d).max(),
        "d_gap": (gap_step[1:] / gap_step[:-1]).max(),
    }
    curves = {"copied_n": ("n", by_n), "copied_width": ("width", by_width), "copied_d": ("d", by_d)}
    axes = {"n": list(sizes), "width": list(widths), "d": list(dimensions)}
    return values, xr.Dataset(curves | {"gap_step": ("d", gap_step)}, axes)
