"""Deactivation of the units of memorized prompts: records of an exact score, hidden units of a network, an attack."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import studies
from ...mitigations import deactivated
from ...networks import layer_input
from ...scores import Learned
from ..base import Results
from ..measurements import Group, share, together
from .attack import attacked
from .exact_units import exact_units, samples, selected

MEMORIZED, ORDINARY, FRESH = 10, 20, 10  # labels of the exact score: repeated records, calibration, false flags
WEIGHTS = (1.0, 7.5)  # of guidance
RADIUS, COSINE = 0.25, 0.95  # of a hit: distance over the norm of the record, and direction
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)  # hidden units that are blocked
STAGES, MEASURES, CHOICES = ("none", "initial", "refined"), ("distance", "cosine"), ("by activation", "random")
ATTACKS = ("deactivated network", "unchanged network", "held-out record")


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
    none, own = np.zeros(len(data.points), bool), np.asarray(data.labels)
    sets, hit = [], []
    for label in range(settings.labels):
        stages = np.stack([none, *selected(units, label, ordinary, threshold)])
        sets.append(stages)
        made = [[samples(units.score, units.embeddings[label], b, w, starts) for w in WEIGHTS] for b in stages]
        hit.append([[hits(x, data.targets[label]) for x in one] for one in made])
    chosen = np.array(sets)
    true = chosen & (own[None, None] == np.arange(settings.labels)[:, None, None])
    recall = true.sum(-1) / (own == 0).sum()
    precision = true.sum((0, 2)) / np.maximum(chosen.sum((0, 2)), 1)
    left = np.mean(hit, axis=0)
    change = [moved(units, label, sets[0][2], starts, none) for label in fresh]
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


def hits(x: Any, target: Any) -> Float[np.ndarray, "2"]:
    """The share of samples that hit a record by distance, and by cosine."""
    x, target = np.asarray(x, np.float64), np.asarray(target, np.float64)
    size = np.linalg.norm(target)
    cosine = x @ target / np.maximum(np.linalg.norm(x, axis=1) * size, 1e-300)
    return np.array([(np.linalg.norm(x - target, axis=1) < RADIUS * size).mean(), (cosine >= COSINE).mean()])


def moved(units, label: int, blocked, starts, none) -> float:
    """The distance of an ordinary label's samples with and without blocked records, over their norm."""
    found = [np.asarray(samples(units.score, units.embeddings[label], b, 1.0, starts)) for b in (none, blocked)]
    return relative_change(*found)


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """The mean distance of samples over the mean norm of those before."""
    return float(np.linalg.norm(after - before, axis=-1).mean() / np.linalg.norm(before, axis=-1).mean())


def last_layer(score: Learned) -> Any:
    """The layer whose inputs are the hidden units."""
    return score.network.last


def hidden_units(settings: Settings, key: PRNGKeyArray) -> Group:
    """Blocked hidden units of a network, chosen by activation and at random, and the attack afterwards."""
    data_key, fit_key, start_key, random_key, attack_key = jax.random.split(key, 5)
    data = studies.labelled_records(key=data_key)
    score = studies.train_label_network(data, key=fit_key, steps=settings.steps).score
    starts = jax.random.normal(start_key, (settings.starts, data.points.shape[1]))
    order = by_activation(score, data, starts)
    random = np.asarray(jax.random.permutation(random_key, order.shape[1]))
    found, distance, blocks = [], [], []
    for label in range(settings.treated):
        orders = order[label], random
        block = [[np.isin(np.arange(len(random)), o[:k]) for k in COUNTS] for o in orders]
        made = [[samples_without(score, label, b, starts) for b in row] for row in block]
        found.append([[hits(x, data.targets[label])[0] for x in row] for row in made])
        distance.append([[far(x, data.targets[label]) for x in row] for row in made])
        blocks.append(block[0])
    hit = np.array(found)
    enough = [int(np.argmax(np.append(one[0], 0) <= 0.1)) for one in hit]
    last = [min(i, len(COUNTS) - 1) for i in enough]
    chosen = [blocks[label][last[label]] for label in range(settings.treated)]
    ordinary = np.arange(data.memorized, data.label_count)
    before = studies.generated_by_label(score, ordinary, starts)
    after = [studies.generated_by_label(deactivated(score, last_layer, b), ordinary, starts) for b in chosen]
    attacks = attacks_on(settings, score, data, chosen, starts, attack_key)
    again, works, fresh = (np.mean([one[0] > 0.5 for one in row]) for row in attacks)
    values = {
        "few_units": max((*COUNTS, 256)[i] for i in enough),
        "random_units": np.mean([one[1, i] for one, i in zip(hit, last)]),
        "retriggered": share(again, settings.targets),
        "attack_works": share(works, settings.targets),
        "attack_held_out": share(fresh, settings.targets),
    }
    curves = {
        "learned_hit": (("choice", "units"), hit.mean(0)),
        "learned_distance": (("choice", "units"), np.mean(distance, axis=0)),
        "ordinary_change": np.mean([relative_change(before, x) for x in after]),
        "attack_distance": ("attack", attacks[..., 1].mean(1)),
    }
    return values, xr.Dataset(curves, {"choice": list(CHOICES), "units": list(COUNTS), "attack": list(ATTACKS)})


@eqx.filter_jit
def activations(score: Learned, labels: Array, starts: Array) -> Float[Array, "labels count units"]:
    """What the last layer receives at the second time of the grid, the states being the starts themselves."""
    process, times = studies.log_snr_grid()
    level = process.level(times[1])

    def one(label, x):
        return layer_input(score.conditioned(label), last_layer, lambda given: given.evaluate(x, level))

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(labels, starts)


def by_activation(score: Learned, data: studies.LabelledRecords, starts) -> np.ndarray:
    """For each label its units, those farthest from ordinary labels in standard deviations first."""
    mean = np.asarray(activations(score, jnp.arange(data.label_count), starts)).mean(axis=1)
    others = mean[data.memorized :]
    return np.argsort(-np.abs(mean - others.mean(0)) / (others.std(0) + 1e-12), axis=1)


def samples_without(score: Learned, label: int, blocked, starts) -> np.ndarray:
    """Samples of a label with blocked hidden units."""
    return studies.generated_by_label(deactivated(score, last_layer, blocked), np.array([label]), starts)[0]


def far(x: Any, target: Any) -> float:
    """The mean distance of samples from a record over its norm."""
    return float(np.linalg.norm(np.asarray(x) - np.asarray(target), axis=-1).mean() / np.linalg.norm(target))


def attacks_on(settings, score, data, blocks, starts, key) -> Float[np.ndarray, "3 targets 2"]:
    """Share of hits and distance after the attack: deactivated networks, unchanged ones, records never learned."""
    vectors = score.network.context.label_vectors.weight
    rows = []
    for kind in range(len(ATTACKS)):
        row = []
        for i in range(settings.targets):
            own, other = jax.random.split(jax.random.fold_in(key, kind * settings.targets + i))
            network = deactivated(score, last_layer, blocks[i]) if kind == 0 else score
            target = (
                data.held_out[data.held_out_labels == data.label_count - 1 - i][0] if kind == 2 else data.targets[i]
            )
            begin = vectors[i] if kind == 0 else vectors[jax.random.randint(other, (), data.memorized, len(vectors))]
            prompt = attacked(network, target, begin, settings.attack_steps, key=own)
            made = studies.generated_by_label(network, prompt[None], starts)[0]
            row.append([hits(made, target)[0], far(made, target)])
        rows.append(row)
    return np.array(rows)
