"""Pruning of the last layer of a network by Wanda scores: does it stop a copy, and copies it was not made for?"""

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
    for i, label_width in enumerate(settings.label_widths):
        steps = (settings.steps, settings.narrow_steps)[i]
        options = {"steps": steps, "width": settings.width, "label_width": label_width}
        run = studies.train_label_network(data, key=jax.random.fold_in(fit_key, i), **options)
        inputs = last_inputs(run.score, jnp.arange(settings.labels), starts)
        networks.append(Case(data, run.score, starts, np.asarray(inputs), jax.random.fold_in(random_key, i)))
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

    found = jax.vmap(jax.vmap(of_path, (None, 0)), (0, None))(labels, starts)[:, :, :FIRST]
    return jnp.moveaxis(found, 2, 0)


def groups(case: Case) -> xr.Dataset:
    """Two groups of memorized labels, one of ordinary ones and random weights, at each share of a row."""
    half = case.half
    members = [np.arange(i * half, (i + 1) * half) for i in range(3)]
    before = case.without(jnp.zeros_like(last_layer(case.score).weight, bool))[2 * half :]
    rows = []
    for i, top in enumerate(SHARES):
        masks = [case.weights(group, top) for group in members]
        masks.append(random_weights(masks[0], key=jax.random.fold_in(case.key, i)))
        made = [case.without(mask) for mask in masks]
        copies = [studies.copied_by_label(x, case.data).reshape(3, half).mean(axis=1) for x in made]
        moved = [np.linalg.norm(x[2 * half :] - before, axis=-1).mean() for x in made]
        rows.append(
            {
                "copied": [one[0] for one in copies],
                "copied_other": [one[1] for one in copies],
                "ordinary_change": np.array(moved) / np.linalg.norm(before, axis=-1).mean(),
                "overlap": [float((masks[0] & mask).sum() / (masks[0] | mask).sum()) for mask in masks],
                "size": [float(mask.mean()) for mask in masks],
            }
        )
    tables = {name: (("share", "pruned_by"), [row[name] for row in rows]) for name in rows[0]}
    return xr.Dataset(tables, {"share": list(SHARES), "pruned_by": list(GROUPS)})


def in_numbers(settings: Settings, curves: xr.Dataset) -> Group:
    """Claims about groups of labels; none where there is one network, which is too small."""
    if len(settings.label_widths) < 2:
        return {}, curves
    count = settings.memorized // 2  # a label is copied by nearly all of its noises or by none
    wide, narrow = (curves.isel(network=i) for i in range(2))
    tenth, five, thin = (part.sel(share=r) for part, r in ((wide, 0.1), (wide, 0.05), (narrow, 0.05)))
    b, ordinary, random = (thin.copied.sel(pruned_by=name) for name in GROUPS[1:])
    values = {
        "six_labels": tenth.copied.sel(pruned_by=GROUPS[0]),
        "six_labels_held_out": tenth.copied_other.sel(pruned_by=GROUPS[0]),
        "other_group": five.copied.sel(pruned_by=GROUPS[1]),
        "narrow_other_group": b,
        "narrow_random": random,
        "narrow_specific": ordinary - b,
    }
    found: dict[str, Any] = {name: share(value, count) for name, value in values.items()}
    overlap = five.overlap
    found["sharing_index"] = overlap.sel(pruned_by=GROUPS[1]) / overlap.sel(pruned_by=GROUPS[2])
    return found, curves


def single_labels(case: Case) -> Group:
    """Labels pruned one by one, beside random weights; at 3 % the numbers of the claims."""
    rows = []
    for i, top in enumerate(SHARES[:3]):
        row = []
        for label in range(SINGLE):
            mask = case.weights([label], top)
            made = case.copied(mask)[: case.data.memorized]
            control = random_weights(mask, key=jax.random.fold_in(case.key, 100 * (i + 1) + label))
            row.append([made[label], case.copied(control)[label], np.delete(made, label).mean()])
        rows.append(np.mean(row, axis=0))
    own, random, others = np.array(rows).T
    count = SINGLE
    values = {"one_label": own[1], "one_label_random": random[1], "one_label_others": others[1]}
    found: dict[str, Any] = {name: share(value, count) for name, value in values.items()}
    if case.data.memorized < 12:  # the smoke scale, whose layer is too small for the others
        found = {"one_label_random": found["one_label_random"]}
    names = "one_copied", "one_random", "one_others"
    tables = {name: np.append(part, [np.nan] * 2) for name, part in zip(names, (own, random, others))}
    return found, xr.Dataset({name: ("share", part) for name, part in tables.items()}, {"share": list(SHARES)})
