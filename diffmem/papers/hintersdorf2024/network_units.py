"""Hidden units of a network that carry a memorized label, and the attack on the network without them."""

from typing import Any

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
from ..measurements import Group, share
from .attack import attacked
from .read_outs import far, hits, relative_change

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)  # hidden units that are blocked
CHOICES = ("by activation", "random")
ATTACKS = ("deactivated network", "unchanged network", "held-out record")


def last_layer(score: Learned) -> Any:
    """The layer whose inputs are the hidden units."""
    return score.network.last


def hidden_units(settings: Any, key: PRNGKeyArray) -> Group:
    """Blocked hidden units of a network, chosen by activation and at random, and the attack afterwards.

    `settings` are those of the experiment.
    """
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
