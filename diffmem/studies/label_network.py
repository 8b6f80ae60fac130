"""A small network that generates records by their label and memorizes the labels whose record is repeated."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from .. import metrics, networks, scores, training
from ..annotations import RandomKey
from ..integrators import DDIM
from ..level import NoiseLevel
from ..processes import OrnsteinUhlenbeck
from ..representation import one_line
from ..scores import AbstractScore, Guided, Learned
from ..training import AbstractLevels

BOUND = 10.0  # of the log-SNR, log(alpha^2/sigma^2), in training and generation
RATIOS = (float(np.exp(-BOUND / 2)), float(np.exp(BOUND / 2)))  # sigma/alpha at these ends
RATE = 1e-3  # of Adam


class LabelledRecords(NamedTuple):
    """Records with labels; the first `memorized` labels hold one record repeated, the others different ones."""

    points: Float[Array, "n d"]
    labels: Int[Array, "n"]
    held_out: Float[Array, "m d"]
    """Fresh records of the labels that are not memorized."""
    held_out_labels: Int[Array, "m"]
    memorized: int
    """Number of the labels 0, 1, ... that hold one repeated record."""

    __repr__ = one_line

    @property
    def label_count(self) -> int:
        """Number of labels."""
        return int(self.labels.max()) + 1

    @property
    def targets(self) -> Float[Array, "memorized d"]:
        """The repeated record of each memorized label."""
        return self.points[:: len(self.points) // self.label_count][: self.memorized]

    def without(self, labels: Int[ArrayLike, "k"]) -> "LabelledRecords":
        """The records of all other labels."""
        kept = ~np.isin(np.asarray(self.labels), np.asarray(labels))
        return self._replace(points=self.points[kept], labels=self.labels[kept])


def labelled_records(
    labels: int = 40,
    memorized: int = 12,
    records: int = 20,
    d: int = 32,
    spread: float = 0.7,
    *,
    key: RandomKey,
) -> LabelledRecords:
    """`records` of each of `labels` labels: `centre + spread z`, with centres from N(0, I) and z from N(0, I).

    The first `memorized` labels have one such record, repeated; the others as many held-out records as training ones.
    Raises ValueError unless 0 <= memorized <= labels.
    """
    if not 0 <= memorized <= labels:
        raise ValueError(f"`memorized` must be from 0 to the number of labels, {labels}, but is {memorized}.")
    first, second, third = jax.random.split(key, 3)
    centres = jax.random.normal(first, (labels, 1, d))
    points = centres + spread * jax.random.normal(second, (labels, records, d))
    points = points.at[:memorized].set(points[:memorized, :1])
    fresh = centres[memorized:] + spread * jax.random.normal(third, (labels - memorized, records, d))
    names = jnp.repeat(jnp.arange(labels), records)
    return LabelledRecords(points.reshape(-1, d), names, fresh.reshape(-1, d), names[memorized * records :], memorized)


class UniformLogSNR(AbstractLevels):
    """alpha^2 + sigma^2 = 1 with `log(alpha^2/sigma^2)` uniform between `-BOUND` and `BOUND`."""

    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """The level of log-SNR `BOUND (1 - 2 quantile)`."""
        log_snr = BOUND * (1 - 2 * jnp.asarray(quantile))
        return NoiseLevel(jax.nn.sigmoid(log_snr) ** 0.5, jax.nn.sigmoid(-log_snr) ** 0.5)


def label_objective(label_dropout: float = 0.1) -> training.ScoreMatching:
    """The flat loss of x_0 at `UniformLogSNR` levels; a share of the labels is left out, for the other branch."""
    return training.ScoreMatching(UniformLogSNR(), label_dropout=label_dropout)


def untrained_label_network(
    data: LabelledRecords, *, key: RandomKey, width: int = 256, label_width: int = 32
) -> Learned:
    """A plain network of two hidden layers that predicts x_0 from x, the noise and a vector of the label."""
    size, count = data.points.shape[1], data.label_count
    network = networks.PlainMLP(size, width, labels=count, label_width=label_width, key=key)
    return Learned(network, scores.predictions.Signal(float(jnp.std(data.points))), ratios=RATIOS)


def train_label_network(
    data: LabelledRecords,
    *,
    key: RandomKey,
    steps: int = 4000,
    batch: int = 256,
    width: int = 256,
    label_width: int = 32,
    start: Learned | None = None,
    objective: Any = None,
) -> training.Training:
    """Train `untrained_label_network`, or go on from `start`, by Adam at 1e-3.

    `score.conditioned(label)` is then the conditional branch and `score` the unconditional one. Cost: 4,000 steps of
    256 records take 30 s on two cores.
    """
    first, second = jax.random.split(key)
    start = untrained_label_network(data, key=first, width=width, label_width=label_width) if start is None else start
    objective = label_objective() if objective is None else objective
    return training.fit(
        start,
        data.points,
        objective,
        key=second,
        steps=steps,
        batch=batch,
        labels=data.labels,
        held_out=data.held_out,
        held_out_labels=data.held_out_labels,
        snapshots=[steps],
    )


def log_snr_grid(steps: int = 30) -> tuple[OrnsteinUhlenbeck, Float[Array, "nodes"]]:
    """A process with alpha^2 + sigma^2 = 1, and `steps` times uniform in log-SNR from -10 to 10, then the clean end."""
    times = 0.5 * np.log1p(np.geomspace(RATIOS[1], RATIOS[0], steps) ** 2)
    return OrnsteinUhlenbeck(0.0, float(times[0])), jnp.asarray(np.append(times, 0.0))


def generated_by_label(
    score: AbstractScore,
    labels: ArrayLike,
    starts: Float[ArrayLike, "count d"],
    *,
    weight: float = 1.0,
    steps: int = 30,
) -> Float[np.ndarray, "labels count d"]:
    """What guided DDIM makes of the `starts` (states of unit variance at log-SNR -10) for each of the labels.

    `labels` are integers (k,) or vectors (k, label width). The last D is the output.
    """
    return np.asarray(_generated(score, jnp.asarray(labels), jnp.asarray(starts), float(weight), steps))


@eqx.filter_jit
def _generated(score, labels, starts, weight, steps):
    process, times = log_snr_grid(steps)

    def one(label, start):
        given = score.conditioned(label)
        guided = given if weight == 1 else Guided(given, score, weight)
        return DDIM()(guided, process, start, times, key=jax.random.key(0))[0]

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(labels, starts)


def copied_by_label(samples: Float[ArrayLike, "labels count d"], data: LabelledRecords) -> Float[np.ndarray, "labels"]:
    """The share of each label's samples that are copies of a record, d1 < d2/3 among different records."""
    flat = np.reshape(np.asarray(samples), (-1, np.shape(samples)[-1]))
    return metrics.memorization(flat, data.points).copied.reshape(np.shape(samples)[:2]).mean(axis=1)
