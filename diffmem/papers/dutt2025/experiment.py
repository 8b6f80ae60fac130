"""All choices of parameter groups to fine-tune: copies of the fine-tuning images, quality, and searches."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import data, metrics, networks, scores, training
from ...integrators import DDIM, grids
from ...mitigations import PartlyTrained, only
from ...processes import EDM
from ..base import Results
from ..measurements import measurements, share
from ..optimisers import cosine_adam
from .fronts import front, hypervolume, neighbour_search, random_search

CLASSES = (1, 3, 4, 7)  # of the fine-tuning images, which get labels of their own
GROUPS = {
    "W1": lambda s: s.network.hidden[0].weight,
    "b1": lambda s: s.network.hidden[0].bias,
    "W2": lambda s: s.network.hidden[1].weight,
    "b2": lambda s: s.network.hidden[1].bias,
    "W3": lambda s: s.network.last.weight,
    "b3": lambda s: s.network.last.bias,
    "E": lambda s: s.network.context.label_vectors,
}
MASKS = range(1, 2 ** len(GROUPS))
LOW, HIGH, FLOW_STEPS = 0.05, 8.0, 20  # ends of the noise in standard deviations of the data, steps of the sampler
DIRECTIONS = 16  # of the Frechet distance
SEARCHES = 200  # of each kind
SETTLED = 500  # steps of fine-tuning before which nothing is memorized


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    width: int = 128  # hidden units of each of the two layers
    pretraining: int = 1400  # digits
    pretraining_steps: int = 3000
    images: int = 2  # for fine-tuning, of each of the four classes
    steps: int = 1200  # of fine-tuning
    samples: int = 64  # of each class


FULL = Settings()
SMOKE = Settings(width=24, pretraining_steps=200, steps=20, samples=16)


class Digits(NamedTuple):
    """Digits for the first training, mirrored ones for fine-tuning, and all other mirrored ones of their classes."""

    points: np.ndarray
    classes: np.ndarray
    tuning: np.ndarray
    tuning_labels: np.ndarray
    reference: np.ndarray

    @property
    def std(self) -> float:
        """Standard deviation of a pixel about its mean."""
        return float(np.std(self.points - self.points.mean(axis=0)))

    @property
    def objective(self) -> training.ScoreMatching:
        """The loss of EDM at log-uniform noise."""
        levels = training.LogUniform(LOW * self.std, HIGH * self.std)
        return training.ScoreMatching(levels, training.weights.EDM(self.std))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """One pre-training, 127 fine-tunings at once, and searches among them."""
    split_key, first_key, tune_key, sample_key, search_key = jax.random.split(key, 5)
    digits = split(settings, split_key)
    before = pretrained(settings, digits, first_key)
    tuned = fine_tuned(settings, before, digits, tune_key)
    process = EDM(LOW * digits.std, HIGH * digits.std)
    starts = HIGH * digits.std * jax.random.normal(sample_key, (len(CLASSES), settings.samples, 64))
    samples = generated(tuned, process, grids.karras(process, steps=FLOW_STEPS), starts)
    untuned, *rest = judged(np.asarray(samples), digits)
    values = np.array(rest)
    curves, numbers = searched(values, untuned[1], np.random.default_rng(int(jax.random.bits(search_key) >> 1)))
    if settings.steps < SETTLED:
        return Results(measurements({"random_search": numbers["random_search"]}), curves)
    best = curves.front.values & (curves.groups.values <= 2)
    clean = best & (values[:, 0] <= 0.05)
    numbers |= {
        "full_memorizes": share(values[-1, 0], len(CLASSES) * settings.samples),
        "front_memorizes": values[best, 0].min(initial=1.0),
        "front_quality": values[clean, 1].min(initial=np.inf) / values[-1, 1],
    }
    return Results(measurements(numbers), curves)


def split(settings: Settings, key: PRNGKeyArray) -> Digits:
    """Random digits of each part."""
    whole = data.digits()
    points = (whole.points - whole.points.mean(axis=0)).astype(jnp.zeros(()).dtype)
    classes = np.asarray(whole.labels)
    order = np.asarray(jax.random.permutation(key, len(points)))
    first, chosen = order[: settings.pretraining], [order[classes[order] == c] for c in CLASSES]
    mirrored = points.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
    tuning = np.concatenate([own[: settings.images] for own in chosen])
    reference = np.concatenate([own[settings.images :] for own in chosen])
    labels = np.repeat(10 + np.arange(len(CLASSES)), settings.images)
    return Digits(points[first], classes[first], mirrored[tuning], labels, mirrored[reference])


def pretrained(settings: Settings, digits: Digits, key: PRNGKeyArray) -> scores.Learned:
    """A network of the ten classes whose four further labels are copies of the classes to be fine-tuned."""
    first, second = jax.random.split(key)
    network = networks.ResidualMLP(64, settings.width, labels=10 + len(CLASSES), key=first)
    prediction = scores.predictions.Preconditioned(digits.std)
    start = scores.Learned(network, prediction, ratios=(LOW * digits.std, HIGH * digits.std))
    steps = settings.pretraining_steps
    options = {"labels": digits.classes, "steps": steps, "optimiser": cosine_adam(2e-3, steps, 0.01), "snapshots": 1}
    score = training.fit(start, digits.points, digits.objective, key=second, **options).score
    where = lambda s: s.network.context.label_vectors.weight  # noqa: E731
    return eqx.tree_at(where, score, replace_fn=lambda w: w.at[10:].set(w[jnp.asarray(CLASSES)]))


def fine_tuned(settings: Settings, score: scores.Learned, digits: Digits, key: PRNGKeyArray) -> scores.Learned:
    """The score fine-tuned in no group and in each choice of groups, with common batches and noise, stacked."""
    parts = list(GROUPS.values())
    chosen = [[part for bit, part in enumerate(parts) if mask >> bit & 1] for mask in (0, *MASKS)]
    starts = [PartlyTrained(score, only(score, *one)) for one in chosen]
    options = {"labels": digits.tuning_labels, "steps": settings.steps, "batch": 16, "snapshots": 1}
    adam, keys = cosine_adam(4e-3, settings.steps, 1.0), [key] * len(starts)
    return training.fit_many(starts, digits.tuning, digits.objective, key=keys, optimiser=adam, **options).score.inner


@eqx.filter_jit
def generated(tuned: scores.Learned, process: EDM, times: Array, starts: Array) -> Float[Array, "members classes n d"]:
    """Samples of each of the new labels from each of the stacked scores."""
    arrays, rest = eqx.partition(tuned, eqx.is_array)

    def of_member(own):
        given = eqx.combine(own, rest).conditioned
        one = lambda label, x: DDIM().denoised(given(label), process, x, times, key=jax.random.key(0))[0]  # noqa: E731
        return jax.vmap(jax.vmap(one, (None, 0)))(10 + jnp.arange(len(CLASSES)), starts)

    return jax.lax.map(of_member, arrays)


def judged(samples: np.ndarray, digits: Digits) -> Float[np.ndarray, "members 2"]:
    """The share of copies of fine-tuning images, and the Frechet distance to the other digits of their classes."""
    copied = metrics.memorization(samples.reshape(-1, 64), digits.tuning).copied.reshape(len(samples), -1).mean(axis=1)
    mean = digits.reference.mean(axis=0)
    directions = np.linalg.svd(digits.reference - mean, full_matrices=False)[2][:DIRECTIONS].T
    reference, *each = ((x.reshape(-1, 64) - mean) @ directions for x in (digits.reference, *samples))
    return np.array([(share, frechet(x, reference)) for share, x in zip(copied, each)])


def frechet(samples: np.ndarray, reference: np.ndarray) -> float:
    """`|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))`, with the means and covariances of two sets of points.

    Source: Dowson and Landau, Journal of Multivariate Analysis 12, 450 (1982).
    """
    a, b = samples.astype(np.float64), reference.astype(np.float64)
    ca, cb = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.maximum(np.linalg.eigvals(ca @ cb).real, 0)).sum()
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(ca + cb) - 2 * root)


def searched(values: np.ndarray, before: float, rng: np.random.Generator) -> tuple[xr.Dataset, dict[str, Any]]:
    """The front of all choices, and the hypervolume that searches reach."""
    reference = np.array([1.0, before])
    whole = hypervolume(values, reference)
    reached = [
        [hypervolume(values[search(rng, values)], reference) / whole for _ in range(SEARCHES)]
        for search in (random_search, neighbour_search)
    ]
    random, near = np.mean(reached, axis=1)
    error = np.std(reached, axis=1) / SEARCHES**0.5
    curves = {
        "copied": ("mask", values[:, 0]),
        "frechet": ("mask", values[:, 1]),
        "groups": ("mask", [mask.bit_count() for mask in MASKS]),
        "front": ("mask", front(values)),
        "hypervolume": (("search", "run"), reached),
        "frechet_before": before,
    }
    axes = {"mask": list(MASKS), "search": ["random", "neighbours"], "run": range(SEARCHES)}
    numbers = {"random_search": (random, error[0]), "neighbour_search": (near - random, np.hypot(*error))}
    return xr.Dataset(curves, axes), numbers
