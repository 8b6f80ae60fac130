"""Pruning of the last layer of a network by Wanda scores: does it stop a copy, and copies it was not made for?"""

from itertools import product
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ... import studies
from ...integrators import DDIM
from ...mitigations import pruned, random_weights, weights_to_prune
from ...networks import layer_input
from ...scores import Learned
from ..base import Results
from ..measurements import Group, share, together

FIRST = 10  # steps of a path on which the scores are united
SHARES = (0.01, 0.03, 0.05, 0.1, 0.2)  # top shares of a row
GROUPS = ("first memorized", "second memorized", "ordinary", "random")
SINGLE = 3  # memorized labels that are pruned alone


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    labels: int = 40
    memorized: int = 12  # labels that hold one record; their halves are the two groups
    width: int = 256  # hidden units of each of the two layers
    steps: int = 4000  # of training
    label_widths: tuple[int, ...] = (32, 4)  # numbers in the vector of a label
    narrow_steps: int = 3500  # of training with the second of them
    starts: int = 20  # samples of each label


FULL = Settings()
SMOKE = Settings(labels=8, memorized=4, width=64, steps=800, label_widths=(32,), starts=8)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """A network with wide label vectors, and one with narrow ones."""
    data_key, start_key, fit_key, random_key = jax.random.split(key, 4)
    data = studies.labelled_records(settings.labels, settings.memorized, key=data_key)
    starts = jax.random.normal(start_key, (settings.starts, data.points.shape[1]))
    networks = []
    for i, (label_width, steps) in enumerate(zip(settings.label_widths, (settings.steps, settings.narrow_steps))):
        options = {"steps": steps, "width": settings.width, "label_width": label_width}
        score = studies.train_label_network(data, key=jax.random.fold_in(fit_key, i), **options).score
        inputs = last_inputs(score, jnp.arange(settings.labels), starts)
        networks.append(Case(data, score, starts, np.asarray(inputs), jax.random.fold_in(random_key, i)))
    curves = xr.concat([groups(case) for case in networks], xr.IndexVariable("network", list(settings.label_widths)))
    return together(in_numbers(settings, curves), single_labels(networks[0]))


class Case(NamedTuple):
    """A trained network, its data, the noises of its samples, and what its last layer receives."""

    data: studies.LabelledRecords
    score: Learned
    starts: Float[Array, "count d"]
    inputs: Float[np.ndarray, "steps labels count units"]
    key: PRNGKeyArray

    @property
    def half(self) -> int:
        """Labels of a group: the first two groups are memorized, the third is ordinary."""
        return self.data.memorized // 2

    def weights(self, labels: Any, share: float) -> Bool[Array, "outputs units"]:
        """The weights of the last layer to prune for a group of labels, against the ordinary labels outside it."""
        others = np.setdiff1d(np.arange(self.data.memorized, self.data.label_count), labels)
        size = FIRST, -1, self.inputs.shape[-1]
        own, base = (self.inputs[:, group].reshape(size) for group in (labels, others))
        return weights_to_prune(last_layer(self.score).weight, own, base, share)

    def without(self, weights: Bool[Array, "outputs units"]) -> Float[np.ndarray, "labels count d"]:
        """Samples of the labels of the three groups from the network without some weights."""
        labels = jnp.arange(3 * self.half)
        return studies.generated_by_label(pruned(self.score, last_layer, weights), labels, self.starts)

    def copied(self, weights: Bool[Array, "outputs units"]) -> Float[np.ndarray, "labels"]:
        """The share of the samples of each label that are copies."""
        return studies.copied_by_label(self.without(weights), self.data)


def last_layer(score: Learned) -> Any:
    """The layer that is pruned."""
    return score.network.last


@eqx.filter_jit
def last_inputs(score: Learned, labels: Array, starts: Array) -> Float[Array, "steps labels count units"]:
    """What the last layer receives in the first steps of the paths of labels."""
    process, times = studies.log_snr_grid()

    def of_path(label, start):
        given = score.conditioned(label)
        look = lambda x, level, found: layer_input(given, last_layer, lambda one: one.evaluate(x, level))  # noqa: E731
        return DDIM()(given, process, start, times[: FIRST + 1], key=jax.random.key(0), observe=look)[1]

    return jax.vmap(jax.vmap(of_path, (None, 0), 1), (0, None), 1)(labels, starts)[:FIRST]


def groups(case: Case) -> xr.Dataset:
    """Two groups of memorized labels, one of ordinary ones and random weights, at each share of a row."""
    half = case.half
    members = [np.arange(i * half, (i + 1) * half) for i in range(3)]
    before = case.without(jnp.zeros_like(last_layer(case.score).weight, bool))[2 * half :]
    rows = []
    for i, top in enumerate(SHARES):
        masks = [case.weights(group, top) for group in members]
        masks.append(random_weights(masks[0], key=jax.random.fold_in(case.key, i)))
        for mask in masks:
            made = case.without(mask)
            copies = studies.copied_by_label(made, case.data).reshape(3, half).mean(axis=1)
            moved = np.linalg.norm(made[2 * half :] - before, axis=-1).mean() / np.linalg.norm(before, axis=-1).mean()
            overlap = (masks[0] & mask).sum() / (masks[0] | mask).sum()
            rows.append([*copies[:2], moved, overlap, mask.mean()])
    table = np.array(rows, np.float64).reshape(len(SHARES), len(GROUPS), -1)
    names = "copied", "copied_other", "ordinary_change", "overlap", "size"
    tables = {name: (("share", "pruned_by"), table[..., i]) for i, name in enumerate(names)}
    return xr.Dataset(tables, {"share": list(SHARES), "pruned_by": list(GROUPS)})


def in_numbers(settings: Settings, curves: xr.Dataset) -> Group:
    """Claims about groups of labels; none where there is one network, which is too small."""
    if len(settings.label_widths) < 2:
        return {}, curves
    count = settings.memorized // 2  # a label is copied by nearly all of its noises or by none
    wide, narrow = (curves.isel(network=i) for i in range(2))
    tenth, five, thin = (part.sel(share=r) for part, r in ((wide, 0.1), (wide, 0.05), (narrow, 0.05)))
    first, second, ordinary, random = GROUPS
    values = {
        "six_labels": tenth.copied.sel(pruned_by=first),
        "six_labels_held_out": tenth.copied_other.sel(pruned_by=first),
        "other_group": five.copied.sel(pruned_by=second),
        "narrow_other_group": thin.copied.sel(pruned_by=second),
        "narrow_random": thin.copied.sel(pruned_by=random),
        "narrow_specific": thin.copied.sel(pruned_by=ordinary) - thin.copied.sel(pruned_by=second),
    }
    sharing = five.overlap.sel(pruned_by=second) / five.overlap.sel(pruned_by=ordinary)
    return {name: share(value, count) for name, value in values.items()} | {"sharing_index": sharing}, curves


def single_labels(case: Case) -> Group:
    """Labels pruned one by one, beside random weights; at 3 % the numbers of the claims."""
    memorized, shares, rows = case.data.memorized, list(SHARES[:3]), []
    for (i, top), label in product(enumerate(shares), range(SINGLE)):
        mask = case.weights([label], top)
        control = random_weights(mask, key=jax.random.fold_in(case.key, 100 * (i + 1) + label))
        own, random = (case.copied(weights)[:memorized] for weights in (mask, control))
        rows.append([own[label], random[label], np.delete(own, label).mean()])
    own, random, others = np.array(rows).reshape(len(shares), SINGLE, 3).mean(axis=1).T
    values = {"one_label_random": share(random[1], SINGLE)}
    if memorized >= 12:  # the layer of the smoke scale is too small for the others
        values |= {"one_label": share(own[1], SINGLE), "one_label_others": share(others[1], SINGLE)}
    tables = {"one_copied": ("share", own), "one_random": ("share", random), "one_others": ("share", others)}
    return values, xr.Dataset(tables, {"share": shares}).reindex(share=list(SHARES))
