"""Deactivation of the units of memorized prompts: records of an exact score, hidden units of a network, an attack."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import studies
from ..base import Results
from ..measurements import Group, share, together
from .exact_units import Units, exact_units, samples, selected
from .network_units import hidden_units
from .read_outs import hits, relative_change

MEMORIZED, ORDINARY, FRESH = 10, 20, 10  # labels of the exact score: repeated records, calibration, false flags
WEIGHTS = (1.0, 7.5)  # of guidance
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
    ordinary = list(range(MEMORIZED, MEMORIZED + ORDINARY))
    fresh = list(range(MEMORIZED + ORDINARY, MEMORIZED + ORDINARY + FRESH))
    threshold = agreement[ordinary].mean() + agreement[ordinary].std()
    starts = jax.random.normal(start_key, (settings.starts, data.points.shape[1]))
    none = np.zeros(len(data.points), bool)
    treated = range(settings.labels)
    chosen = np.array([[none, *selected(units, label, ordinary, threshold)] for label in treated])
    left = np.mean([hits_without(units, label, chosen[label], starts) for label in treated], axis=0)
    true = chosen & (np.asarray(data.labels)[None, None] == np.arange(settings.labels)[:, None, None])
    recall = true.sum(-1) / np.sum(np.asarray(data.labels) == 0)
    precision = true.sum((0, 2)) / np.maximum(chosen.sum((0, 2)), 1)
    change = [moved(units, label, chosen[0, 2], starts, none) for label in fresh]
    count = settings.labels * settings.starts
    values = {
        "initial_recall": recall[:, 1].min(),
        "initial_hits": share(left[1].max(), count),
        "refined_precision": precision[2],
        "refined_hits": share(left[2, 0, 0], count),
        "scaled_copies": share(left[2, 1, 1], count),
        "false_flags": (agreement[fresh] > threshold).sum(),
        "unrelated": np.mean(change),
    }
    values = values if settings.steps else {k: v for k, v in values.items() if k != "scaled_copies"}
    curves = {
        "similarity": ("label", agreement),
        "threshold": threshold,
        "hit": (("stage", "guidance", "measure"), left),
        "recall": ("stage", recall.mean(0)),
        "precision": ("stage", precision),
    }
    axes = {"stage": list(STAGES), "guidance": list(WEIGHTS), "measure": list(MEASURES)}
    return values, xr.Dataset(curves, axes | {"label": range(data.label_count)})


def hits_without(units: Units, label: int, stages, starts) -> np.ndarray:
    """Hits of the repeated record of a label by what is blocked, guidance and read-out."""
    sample = lambda blocked, w: samples(units.score, units.embeddings[label], blocked, w, starts)  # noqa: E731
    return np.array([[hits(sample(b, w), units.data.targets[label]) for w in WEIGHTS] for b in stages])


def moved(units: Units, label: int, blocked, starts, none) -> float:
    """The distance of an ordinary label's samples with and without blocked records, over their norm."""
    found = [np.asarray(samples(units.score, units.embeddings[label], b, 1.0, starts)) for b in (none, blocked)]
    return relative_change(*found)
