"""A network that has learned the records of some prompts, to compare with their exact score."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float

from ...annotations import RandomKey
from ...scores import Learned
from ..label_network import LabelledRecords, train_label_network

RECORDS = 20  # of each prompt in training, repeated where it describes fewer


def prompt_network(groups: list[Float[np.ndarray, "_ d"]], *, key: RandomKey, steps: int, width: int = 256) -> Learned:
    """A label network in which label i stands for the i-th group of records, all groups equally frequent.

    Trained with and without labels, it is both branches of guidance: `score.conditioned(label)` and `score`.
    """
    rows = np.concatenate([np.resize(np.arange(len(group)), RECORDS) for group in groups])
    labels = np.repeat(np.arange(len(groups)), RECORDS)
    points = jnp.asarray(np.stack([groups[label][row] for label, row in zip(labels, rows)]))
    data = LabelledRecords(points, jnp.asarray(labels), points[:RECORDS], jnp.asarray(labels[:RECORDS]), 0)
    return train_label_network(data, key=key, steps=steps, width=width).score


def label_vectors(score: Learned) -> Float[ArrayLike, "labels width"]:
    """The learned embedding of each label, which may be given in its place."""
    return score.network.context.label_vectors.weight  # pyright: ignore[reportFunctionMemberAccess]
