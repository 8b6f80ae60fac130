"""Deactivation of the units that carry memorized prompts: records of an exact score here, then units of a network."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from scipy.special import softmax

from ... import studies
from ...integrators import DDIM
from ...mitigations import BlockedRecords
from ...scores import Guided, PromptedEmpirical
from ..base import Results
from ..flows import flow_from
from ..latent_diffusion import stable_diffusion
from ..measurements import Group, share, together
from .network_units import RADIUS, hidden_units, relative_change, relative_distance

MEMORIZED, ORDINARY = 10, 20  # labels of the exact score: repeated records, calibration; the other 10 for false flags
SIZE, WIDTH = 16, 0.35  # of prompt embeddings, which are unit vectors, and of the kernel about them
THETA, THETA_STEP, THETA_MIN = 5.0, 0.25, 1.0  # threshold of the standardised activation, and its descent
COSINE = 0.95  # from which the direction of a sample is a hit
WEIGHTS = (1.0, 7.5)  # of guidance
PROCESS, TIMES = stable_diffusion()
ALPHA, SIGMA = map(float, PROCESS.level(TIMES[1]))  # where units are selected
STAGES, MEASURES = ("none", "initial", "refined"), ("distance", "cosine")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    labels: int = MEMORIZED  # memorized labels of the exact score that are treated
    seeds: int = 10  # noises by which units are selected
    starts: int = 30  # samples of each label
    steps: int = 4000  # of training; 0 leaves out the network
    treated: int = 6  # memorized labels of the network
    targets: int = 4  # of the attack
    attack_steps: int = 400


FULL = Settings()
SMOKE = Settings(labels=3, starts=8, steps=0)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The exact score, then the network."""
    first, second = jax.random.split(key)
    exact = records_as_units(settings, first)
    return together(exact, hidden_units(settings, second)) if settings.steps else together(exact)


def records_as_units(settings: Settings, key: PRNGKeyArray) -> Group:
    """Flags, selections and what is left of the copies when the records of a prompt are blocked."""
    data_key, unit_key, start_key = jax.random.split(key, 3)
    data = studies.labelled_records(memorized=MEMORIZED, key=data_key)
    units = exact_units(data, settings.seeds, key=unit_key)
    agreement = np.array([units.agreement(label) for label in range(data.label_count)])
    _, ordinary, fresh = np.split(np.arange(data.label_count), [MEMORIZED, MEMORIZED + ORDINARY])
    threshold = agreement[ordinary].mean() + agreement[ordinary].std()
    none, treated = np.zeros(len(data.points), bool), range(settings.labels)
    chosen = np.array([[none, *selected(units, label, ordinary, threshold)] for label in treated])
    starts = jax.random.normal(start_key, (settings.starts, data.points.shape[1]))
    hit = np.empty((settings.labels, len(STAGES), len(WEIGHTS), len(MEASURES)))
    for label, i, j in np.ndindex(hit.shape[:3]):
        hit[label, i, j] = hits(samples(units, label, chosen[label, i], WEIGHTS[j], starts), data.targets[label])
    left, count = hit.mean(axis=0), settings.labels * settings.starts
    true = chosen & (np.asarray(data.labels) == np.arange(settings.labels)[:, None, None])
    recall = true.sum(-1) / np.sum(np.asarray(data.labels) == 0)
    precision = true.sum((0, 2)) / np.maximum(chosen.sum((0, 2)), 1)
    pairs = [[samples(units, label, blocked, 1.0, starts) for blocked in (none, chosen[0, 2])] for label in fresh]
    values = {
        "initial_recall": recall[:, 1].min(),
        "initial_hits": share(left[1].max(), count),
        "refined_precision": precision[2],
        "refined_hits": share(left[2, 0, 0], count),
        "false_flags": (agreement[fresh] > threshold).sum(),
        "unrelated": np.mean([relative_change(*pair) for pair in pairs]),
    }
    if settings.steps:
        values["scaled_copies"] = share(left[2, 1, 1], count)
    curves = {
        "similarity": ("label", agreement),
        "threshold": threshold,
        "hit": (("stage", "guidance", "measure"), left),
        "recall": ("stage", recall.mean(0)),
        "precision": ("stage", precision),
    }
    axes = {"stage": list(STAGES), "guidance": list(WEIGHTS), "measure": list(MEASURES)}
    return values, xr.Dataset(curves, axes | {"label": range(data.label_count)})


class Units(NamedTuple):
    """An exact conditional score and what its records answer at the second time of the grid, from common noise."""

    data: studies.LabelledRecords
    embeddings: Float[Array, "labels k"]
    starts: Float[np.ndarray, "seeds d"]
    activations: Float[np.ndarray, "labels seeds n"]

    @property
    def score(self) -> PromptedEmpirical:
        """The score given the first prompt."""
        given = self.embeddings[self.data.labels]
        return PromptedEmpirical(self.data.points, given, self.embeddings[0], WIDTH)

    def signal(self, label: int, blocked: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "seeds d"]:
        """Noise prediction less its input, min-max scaled, without the blocked records."""
        mean = np.where(blocked, 0, self.activations[label]) @ np.asarray(self.data.points)
        found = (self.starts - ALPHA * mean) / SIGMA - self.starts
        low, high = found.min(axis=1, keepdims=True), found.max(axis=1, keepdims=True)
        return (found - low) / (high - low)

    def agreement(self, label: int) -> float:
        """The largest structural similarity of two seeds: high for a memorized prompt."""
        signal = self.signal(label, np.zeros(len(self.data.points), bool))
        return float(structural_similarity(signal[:, None], signal[None])[np.triu_indices(len(signal), 1)].max())


def exact_units(data: studies.LabelledRecords, seeds: int, *, key: PRNGKeyArray) -> Units:
    """Random prompt embeddings, and the posterior weights of all records for each prompt, in double precision."""
    first, second = jax.random.split(key)
    embeddings = jax.random.normal(first, (data.label_count, SIZE))
    embeddings = embeddings / jnp.linalg.norm(embeddings, axis=1, keepdims=True)
    starts = np.asarray(jax.random.normal(second, (seeds, data.points.shape[1])), np.float64)
    points, e = np.asarray(data.points, np.float64), np.asarray(embeddings, np.float64)
    energy = ((starts[:, None] - ALPHA * points[None]) ** 2).sum(-1) / (2 * SIGMA**2)
    kernel = ((e[:, None] - e[np.asarray(data.labels)][None]) ** 2).sum(-1) / (2 * WIDTH**2)
    return Units(data, embeddings, starts, softmax(-energy[None] - kernel[:, None], axis=-1))


def structural_similarity(a: np.ndarray, b: np.ndarray) -> Any:
    """SSIM of vectors in [0, 1], with one window over all coordinates. Source: Wang et al., IEEE TIP 13, 600 (2004)."""
    means, (va, vb) = (a.mean(-1), b.mean(-1)), (a.var(-1), b.var(-1))
    covariance = (a * b).mean(-1) - means[0] * means[1]
    first = (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
    return first * (2 * covariance + 9e-4) / (va + vb + 9e-4)


def selected(units: Units, label: int, ordinary: np.ndarray, threshold: float) -> Bool[np.ndarray, "2 n"]:
    """The first and the refined selection of units for a prompt.

    First: units whose standardised activation exceeds a falling bound, and a rising number of the most active ones,
    until no seed's signal resembles the unblocked one. Refined: less every unit, the weakest first, without whose
    blocking this stays so.
    """
    first = np.zeros(len(units.data.points), bool)
    before = units.signal(label, first)
    resembles = lambda blocked: structural_similarity(before, units.signal(label, blocked)).max() > threshold  # noqa: E731
    mean = units.activations.mean(axis=1)
    others, own = mean[ordinary], mean[label]
    standardised = np.abs(own - others.mean(axis=0)) / np.maximum(others.std(axis=0), 1e-300)
    order, theta, top = np.argsort(-own), THETA, 0
    while resembles(first) and not first.all():
        first = (standardised > theta) | np.isin(np.arange(len(own)), order[:top])
        theta, top = max(theta - THETA_STEP, THETA_MIN), top + 1
    refined = first.copy()
    for unit in order[::-1][first[order[::-1]]]:
        refined[unit] = False
        refined[unit] = resembles(refined)
    return np.stack([first, refined])


def samples(units: Units, label, blocked, weight: float, starts: Array) -> Float[np.ndarray, "count d"]:
    """DDIM samples given a prompt with blocked records in both branches of guidance."""
    score = units.score.conditioned(units.embeddings[label])
    guided = Guided(*(BlockedRecords(one, blocked) for one in (score.conditional, score.unconditional)), weight)
    return np.asarray(flow_from(starts, guided, PROCESS, TIMES, integrator=DDIM()).points, np.float64)


def hits(x: Float[np.ndarray, "count d"], target: Array | np.ndarray) -> tuple[float, float]:
    """The share of samples that hit a record by distance, and by cosine."""
    target = np.asarray(target, np.float64)
    cosine = x @ target / np.maximum(np.linalg.norm(x, axis=1) * np.linalg.norm(target), 1e-300)
    return (relative_distance(x, target) < RADIUS).mean(), (cosine >= COSINE).mean()
