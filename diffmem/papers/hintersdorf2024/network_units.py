"""Hidden units of a network that carry a memorized label, and an attack on the prompt of the network without them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import studies
from ...level import NoiseLevel
from ...mitigations import deactivated
from ...networks import layer_input
from ...scores import Learned
from ..measurements import Group, share

RADIUS = 0.25  # of a hit: distance over the norm of the record
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)  # hidden units that are blocked
CHOICES = ("by activation", "random")
ATTACKS = ("deactivated network", "unchanged network", "held-out record")
RATE, BATCH = 0.05, 32  # of the attack: of Adam, and noises of a step
LOG_SNR = (-6.0, 2.0)  # range of the levels at which the estimate should be the target


def relative_distance(x: np.ndarray, target: Any) -> Float[np.ndarray, "*count"]:
    """The distance of samples (*count, d) from a record over its norm."""
    target = np.asarray(target, np.float64)
    return np.linalg.norm(x - target, axis=-1) / np.linalg.norm(target)


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """The mean distance of samples over the mean norm of those before."""
    return float(np.linalg.norm(after - before, axis=-1).mean() / np.linalg.norm(before, axis=-1).mean())


def hidden_units(settings: Any, key: PRNGKeyArray) -> Group:
    """Blocked hidden units of a network, chosen by activation and at random, and the attack afterwards.

    Units of a label are taken in order of how many standard deviations over ordinary labels their activation is from
    the mean of these. `settings` are those of the experiment.
    """
    data_key, fit_key, start_key, random_key, attack_key = jax.random.split(key, 5)
    data = studies.labelled_records(key=data_key)
    score = studies.train_label_network(data, key=fit_key, steps=settings.steps).score
    starts = jax.random.normal(start_key, (settings.starts, data.points.shape[1]))
    mean = np.asarray(activations(score, jnp.arange(data.label_count), starts)).mean(axis=1)
    others, units = mean[data.memorized :], np.arange(mean.shape[1])
    order = np.argsort(-np.abs(mean - others.mean(0)) / (others.std(0) + 1e-12), axis=1)
    random = np.asarray(jax.random.permutation(random_key, len(units)))
    without = lambda blocked: deactivated(score, last_layer, np.isin(units, blocked))  # noqa: E731
    away = np.empty((settings.treated, len(CHOICES), len(COUNTS), settings.starts))
    for label, i, j in np.ndindex(away.shape[:3]):
        network = without((order[label], random)[i][: COUNTS[j]])
        made = studies.generated_by_label(network, np.array([label]), starts)[0]
        away[label, i, j] = relative_distance(made, data.targets[label])
    hit = (away < RADIUS).mean(axis=-1)
    enough = [int(np.argmax(np.append(one[0], 0) <= 0.1)) for one in hit]
    last = [min(i, len(COUNTS) - 1) for i in enough]
    networks = [without(order[label, : COUNTS[i]]) for label, i in enumerate(last)]
    ordinary = np.arange(data.memorized, data.label_count)
    before, *after = (studies.generated_by_label(one, ordinary, starts) for one in (score, *networks))
    attacks = attacks_on(settings, score, data, networks, starts, attack_key)
    again, works, fresh = ((attacks < RADIUS).mean(axis=-1) > 0.5).mean(axis=-1)
    values = {
        "few_units": max((*COUNTS, len(units))[i] for i in enough),
        "random_units": np.mean([one[1, i] for one, i in zip(hit, last)]),
        "retriggered": share(again, settings.targets),
        "attack_works": share(works, settings.targets),
        "attack_held_out": share(fresh, settings.targets),
    }
    curves = {
        "learned_hit": (("choice", "units"), hit.mean(axis=0)),
        "learned_distance": (("choice", "units"), away.mean(axis=(0, 3))),
        "ordinary_change": np.mean([relative_change(before, x) for x in after]),
        "attack_distance": ("attack", attacks.mean(axis=(1, 2))),
    }
    return values, xr.Dataset(curves, {"choice": list(CHOICES), "units": list(COUNTS), "attack": list(ATTACKS)})


def last_layer(score: Learned) -> Any:
    """The layer whose inputs are the hidden units."""
    return score.network.last


@eqx.filter_jit
def activations(score: Learned, labels: Array, starts: Array) -> Float[Array, "labels count units"]:
    """What the last layer receives at the second time of the grid, the states being the starts themselves."""
    process, times = studies.log_snr_grid()
    level = process.level(times[1])

    def one(label, x):
        return layer_input(score.conditioned(label), last_layer, lambda given: given.evaluate(x, level))

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(labels, starts)


def attacks_on(settings, score, data, networks, starts, key) -> Float[np.ndarray, "3 targets count"]:
    """Distances from the target after the attack: deactivated networks, unchanged ones, records never learned."""
    vectors = score.network.context.label_vectors.weight
    away = np.empty((len(ATTACKS), settings.targets, settings.starts))
    for kind, i in np.ndindex(away.shape[:2]):
        own, other = jax.random.split(jax.random.fold_in(key, kind * settings.targets + i))
        network = networks[i] if kind == 0 else score
        held_out = data.held_out[data.held_out_labels == data.label_count - 1 - i][0]
        target = held_out if kind == 2 else data.targets[i]
        begin = vectors[i] if kind == 0 else vectors[jax.random.randint(other, (), data.memorized, len(vectors))]
        prompt = attacked(network, target, begin, settings.attack_steps, key=own)
        away[kind, i] = relative_distance(studies.generated_by_label(network, prompt[None], starts)[0], target)
    return away


@eqx.filter_jit
def attacked(score: Learned, target: Array, start: Array, steps: int, *, key: PRNGKeyArray) -> Float[Array, "k"]:
    """The embedding after `steps` of Adam that lower `|D(alpha target + sigma z) - target|^2` from `start` (k,).

    Source: attacks on deactivated models by the prompt embedding, arXiv:2507.16880.
    """
    adam = optax.adam(RATE)

    def loss(prompt, key):
        first, second = jax.random.split(key)
        z = jax.random.normal(first, (BATCH, *target.shape))
        log_snr = jax.random.uniform(second, (BATCH,), minval=LOG_SNR[0], maxval=LOG_SNR[1])

        def one(z, log_snr):
            level = NoiseLevel(jax.nn.sigmoid(log_snr) ** 0.5, jax.nn.sigmoid(-log_snr) ** 0.5)
            return jnp.sum((given.denoise(level.alpha * target + level.sigma * z, level) - target) ** 2)

        given = score.conditioned(prompt)
        return jax.vmap(one)(z, log_snr).mean()

    def step(carried, key):
        prompt, moments = carried
        change, moments = adam.update(jax.grad(loss)(prompt, key), moments)
        return (prompt + change, moments), None

    return jax.lax.scan(step, (start, adam.init(start)), jax.random.split(key, steps))[0][0]
