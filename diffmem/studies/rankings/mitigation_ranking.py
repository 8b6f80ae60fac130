"""All mitigations on the prompts of one set of concepts: copies that are left, against what the samples lose."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ... import mitigations
from ...annotations import RandomKey
from ...metrics import wilson
from ...networks import layer_input
from ...scores import AbstractScore, GuidanceInterval, Guided, Learned
from ..collapse.variables import described
from ..concept_prompts import ConceptPrompts, concept_prompts, copied, drawn
from ..label_network import log_snr_grid
from .prompt_network import label_vectors, prompt_network

WEIGHT = 7.5  # of guidance
NEAR = 0.25  # distance of a copy from its image, over the norm of the image
LATE = 0.3  # sigma/alpha at which delayed guidance begins, in units of the spread of the data
TARGET = 0.4  # of optimised embeddings: the gap over that of the prompt as written
LOW, HIGH = 0.6, 1.3  # ramp of re-anchoring, over the gap of the prompt as written
NOISE = 1.0  # on a prompt, over the mean distance of its coordinates from those of another prompt
UNITS, PRUNED = 16, 0.05  # hidden units that are blocked; share of the weights of a row that are pruned
EARLY = 10  # steps in which weights to prune are sought

VARIABLES = {
    "model": ("exact score, or a network trained on its records", ""),
    "mitigation": ("mitigation of memorization", ""),
    "hit": ("share of the samples of memorized prompts that copy their image", "1"),
    "hit_low": ("lower end of the 95 % interval of the share of copies", "1"),
    "hit_high": ("upper end of the 95 % interval of the share of copies", "1"),
    "accuracy": ("share of these samples whose nearest concept is that of the prompt", "1"),
}


class Ground(NamedTuple):
    """One model with its prompts, and the states from which all arms begin."""

    law: ConceptPrompts
    guided: Callable[[Any], Guided]
    """The guided score of a prompt, a vector."""
    prompts: Float[Array, "labels k"]
    starts: Float[Array, "count d"]
    network: Learned | None


def mitigation_ranking(
    *, key: RandomKey, samples: int = 48, grid: int = 30, steps: int = 6000, offset: float = 1.4
) -> xr.Dataset:
    """Copies and quality under each mitigation, for the exact score and for a network trained on the same records.

    The prompts are those of `concept_prompts`: of six concepts, one prompt each names an image that was stored many
    times. `samples` of each such prompt with guidance 7.5 on `grid` steps, `steps` of training. Each mitigation is used
    as its documentation suggests, with one setting for all prompts; another setting trades copies for quality.

    A dataset over (model, mitigation): `hit`, the share of samples nearer to their image than .25 of its norm, with its
    95 % interval, and `accuracy`, the share of samples that still show the concept of the prompt.
    """
    data_key, fit_key, start_key, run_key = jax.random.split(key, 4)
    law = concept_prompts(offset, key=data_key)
    starts = jax.random.normal(start_key, (samples, law.d))
    owners = np.arange(len(law.prompts))
    groups = [law.points[(law.embeddings == law.prompts[i]).all(axis=1)] for i in owners]
    network = prompt_network(groups, key=fit_key, steps=steps)
    models = {
        "exact": Ground(law, lambda prompt: law.guided(prompt, WEIGHT), jnp.asarray(law.prompts), starts, None),
        "network": Ground(
            law,
            lambda prompt: Guided(network.conditioned(prompt), network, WEIGHT),
            jnp.asarray(label_vectors(network)),
            starts,
            network,
        ),
    }
    found = [_measured(ground, log_snr_grid(grid), run_key) for ground in models.values()]
    return described(xr.concat(found, xr.IndexVariable("model", list(models)), join="outer"), VARIABLES)


def _measured(ground: Ground, course, key: RandomKey) -> xr.Dataset:
    """One model: the mean over the memorized prompts."""
    law, rows = ground.law, {}
    for j, (label, image) in enumerate(zip(law.memorized.tolist(), law.images)):
        for name, score, starts in arms(ground, label, course, jax.random.fold_in(key, j)):
            ends = drawn(score, starts, *course)
            rows.setdefault(name, []).append(
                (copied(ends, image, NEAR * np.linalg.norm(image)), law.accuracy(ends, label))
            )
    hits = [np.concatenate([hit for hit, _ in row]) for row in rows.values()]
    intervals = np.array([wilson(int(hit.sum()), len(hit)) for hit in hits])
    variables = {
        "hit": ("mitigation", [hit.mean() for hit in hits]),
        "hit_low": ("mitigation", intervals[:, 0]),
        "hit_high": ("mitigation", intervals[:, 1]),
        "accuracy": ("mitigation", [np.mean([part for _, part in row]) for row in rows.values()]),
    }
    return xr.Dataset(variables, {"mitigation": list(rows)})


def arms(ground: Ground, label: int, course, key: RandomKey) -> Iterator[tuple[str, AbstractScore, Array]]:
    """Each way to draw one memorized prompt: its name, its score and its starts."""
    prompt, starts = ground.prompts[label], ground.starts
    score, run = ground.guided(prompt), (starts[:8], *course)
    gap = float(mitigations.first_gaps(score, *run).mean())
    neighbour = ground.prompts[label + 1]
    rewrite = (prompt + neighbour) / 2
    yield "none", score, starts
    moved = mitigations.embedding_optimisation(prompt, score, *run, target=TARGET * gap)
    yield "embedding optimisation", ground.guided(moved), starts
    yield "rewritten prompt", ground.guided(rewrite), starts
    ramp = mitigations.prompt_anchored(score, rewrite, *run, threshold=-1.0, low=LOW * gap, high=HIGH * gap)
    yield "re-anchored prompt", ramp, starts
    spread = jnp.abs(ground.prompts - prompt[None]).mean()
    yield "noise on the prompt", ground.guided(mitigations.caption_noise(prompt, NOISE * spread, key)), starts
    yield "smaller gap of the start", score, mitigations.init_noise(starts, score, *course, rate=0.05)
    yield "smaller curvature of the start", score, mitigations.sail(starts, score, *course, alpha=0.0)
    late = LATE * float(ground.law.points.std())
    for name, before in {"delayed guidance": 0.0, "opposite guidance first": -2.0}.items():
        weight = GuidanceInterval(jnp.asarray(WEIGHT), high=jnp.asarray(late), outside=jnp.asarray(before))
        yield name, eqx.tree_at(lambda s: s.weight, score, weight), starts
    yield from _of_model(ground, label, course)


def _of_model(ground: Ground, label: int, course) -> Iterator[tuple[str, AbstractScore, Array]]:
    """What only one kind of model admits: records of an exact score, units and weights of a network."""
    score = ground.guided(ground.prompts[label])
    if ground.network is None:
        own = (np.asarray(ground.law.embeddings) == ground.law.prompts[label]).all(axis=1)
        blocked = mitigations.BlockedRecords(score.conditional.conditional, own)
        yield "blocked records", Guided(blocked, score.unconditional, WEIGHT), ground.starts
        return
    inputs = np.asarray(_inputs(ground.network, ground.prompts, ground.starts[:8], *course))
    others = np.delete(np.arange(len(ground.prompts)), ground.law.memorized)
    mean = inputs[1].mean(axis=1)
    unusual = np.abs(mean[label] - mean[others].mean(axis=0)) / (mean[others].std(axis=0) + 1e-12)
    units = np.isin(np.arange(len(unusual)), np.argsort(-unusual)[:UNITS])
    base = inputs[:, others].reshape(EARLY, -1, inputs.shape[-1])
    weights = mitigations.weights_to_prune(_last(ground.network).weight, inputs[:, label], base, PRUNED)
    changed = {
        "blocked units": mitigations.deactivated(ground.network, _last, units),
        "pruned weights": mitigations.pruned(ground.network, _last, weights),
    }
    for name, network in changed.items():
        yield name, Guided(network.conditioned(ground.prompts[label]), network, WEIGHT), ground.starts


@eqx.filter_jit
def _inputs(network, prompts, starts, process, times) -> Float[Array, "steps labels count units"]:
    """What the last layer receives for each prompt at the first times, the states being the starts."""

    def one(time, prompt, x):
        given = network.conditioned(prompt)
        return layer_input(given, _last, lambda score: score.evaluate(x, process.level(time)))

    over_starts = jax.vmap(one, (None, None, 0))
    return jax.vmap(jax.vmap(over_starts, (None, 0, None)), (0, None, None))(times[:EARLY], prompts, starts)


def _last(score):
    return score.network.last
