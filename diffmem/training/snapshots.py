"""The steps at which snapshots of a training are taken, and the file from which an interrupted one goes on."""

import io
import json
import os
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Int

from ..checks import check_count
from ..whole_files import create_file, read_sealed, sealed


def log_spaced(steps: int, count: int, first: int = 1) -> Int[np.ndarray, " k"]:
    """At most `count` different numbers of steps from `first` to `steps`, equally spaced in their logarithm.

    `steps` is always among them.

    Raises ValueError unless 1 <= first <= steps and count >= 1.
    """
    if not 1 <= first <= steps:
        raise ValueError(f"`first` must be from 1 to the number of steps, {steps}, but is {first}.")
    check_count("count", count)
    if count == 1:
        return np.array([steps])
    return np.unique(np.append(np.rint(np.geomspace(first, steps, count)).astype(int), steps))


def checked_schedule(snapshots, steps: int) -> Int[np.ndarray, " k"]:
    """Rising numbers of steps that end at `steps`; an integer gives that many, spaced logarithmically."""
    if steps < 1 or steps != int(steps):
        raise ValueError(f"`steps` must be a whole number of at least 1, but is {steps}.")
    if np.ndim(snapshots) == 0:
        return log_spaced(steps, int(snapshots))
    found = np.unique(np.append(np.asarray(snapshots, int), steps))
    if found[0] < 0 or found[-1] > steps:
        raise ValueError(f"`snapshots` must lie in [0, steps = {steps}], but run from {found[0]} to {found[-1]}.")
    return found


def begun(path: Path, facts: dict, start: Any) -> Any:
    """What a checkpoint holds; where there is none, `start`, which is written at once.

    So a disk without space or a second training with the same file is seen before the first step. Raises ValueError
    for the checkpoint of another training, and for a file that is damaged or no checkpoint; OSError.
    """
    if not os.path.lexists(path) and create_file(path, packed(facts, start)):
        return start
    return _load(path, facts, start)


def packed(facts: dict, tree: Any) -> bytes:
    """Facts and arrays as the content of a file."""
    content = io.BytesIO()
    content.write(json.dumps(facts).encode() + b"\n")
    eqx.tree_serialise_leaves(content, tree)
    return sealed(content.getvalue())


def _load(path: Path, facts: dict, like: Any) -> Any:
    try:
        content = io.BytesIO(read_sealed(path))
        found = dict(json.loads(content.readline()))
    except ValueError as error:
        raise ValueError(
            f"`checkpoint` must be a file that a training wrote, but {path} is not, or has changed since: "
            "choose another file or delete it."
        ) from error
    differing = [name for name, value in facts.items() if found.get(name) != value]
    if differing:
        raise ValueError(
            f"`checkpoint` must be of the same training, but {path} differs in {', '.join(differing)}: "
            "choose another file or delete it."
        )
    return eqx.tree_deserialise_leaves(content, like)
