"""All detectors of memorized prompts on one set of digits, against three kinds of negatives."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ...annotations import RandomKey
from ...metrics import detection
from ...progress import Progress
from ...scores import Guided
from ..detection_benchmark import (
    PAIRS,
    Candidate,
    digit_prompts,
    gap_candidates,
    other_candidates,
    prompt_detection,
    separations,
)
from ..label_network import log_snr_grid
from .prompt_network import prompt_network

MODELS = "exact", "network"
WEIGHT = 7.5  # of guidance
RATIO = 0.7  # sigma/alpha of the local dimension
BRIGHT = 5  # noisy states that the mask of fixed coordinates is averaged over


def detector_ranking(
    *,
    key: RandomKey,
    n: int = 600,
    count: int = 30,
    starts: int = 4,
    grid: int = 30,
    steps: int = 6000,
    progress: Progress | None = None,
) -> xr.Dataset:
    """AUC and true positive rate of every detector, for an exact score of `n` digits and for a network trained on them.

    `count` prompts of each kind (see `digit_prompts`), `starts` noises a prompt, paths of `grid` steps and `steps` of
    training. Not in the race: what needs to be told which image is suspected (`decomposition`, `inversion`), and what
    ranks words instead of prompts (`token_significance`).

    A dataset over (model, detector, pair) with `auc`, `auc_low`, `auc_high`, `tpr` and `evaluations`.
    """
    data_key, fit_key, run_key = jax.random.split(key, 3)
    prompts = digit_prompts(key=data_key, n=n, count=count)
    # in the precision in which networks are made
    prompts = prompts._replace(points=prompts.points.astype(jnp.zeros(()).dtype))
    process, times = log_snr_grid(grid)
    members = [mask for group in prompts.groups.values() for mask in group]
    numbers = {name: list(range(i * count, (i + 1) * count)) for i, name in enumerate(prompts.groups)}
    network = prompt_network([prompts.points[mask] for mask in members], key=fit_key, steps=steps)
    exact = prompts.guided(WEIGHT)
    models = (
        lambda label: exact(members[label]),
        lambda label: Guided(network.conditioned(label), network, WEIGHT),
    )
    found = []
    for i, (name, guided) in enumerate(zip(MODELS, models)):
        if progress is not None:
            progress(i, len(MODELS), f"detectors, {name}")
        candidates = every_candidate(name, grid, prompts.points.shape[1])
        shape = prompts.points.shape[1:]
        table = prompt_detection(guided, numbers, candidates, process, times, shape, key=run_key, starts=starts)
        found.append(separations(table, PAIRS).assign(evaluations=table.evaluations))
    return xr.concat(found, xr.IndexVariable("model", list(MODELS)), join="outer")


def every_candidate(model: str, grid: int, d: int) -> dict[str, Candidate]:
    """All detectors that a kind of model admits, with their costs."""
    common = {
        **gap_candidates(grid),
        **other_candidates(),
        "local dimension": Candidate(_dimension, grid + d),
        "fixed coordinates": Candidate(_bright, 2 * grid + BRIGHT * d),
    }
    if model == "exact":
        return common | {"entropy over records": Candidate(detection.attention_entropy, 10)}
    return common | {"spikiness": Candidate(_spikiness, 2 * 10)}


def _dimension(score, *run):
    return detection.local_dimension(score, *run, ratio=RATIO, measured=score.conditional)


def _bright(*run):
    return detection.bright_ending(*run, steps=len(np.asarray(run[3])) // 2)


def _last(guided):
    return guided.conditional.network.last


def _spikiness(*run):
    return detection.spikiness(*run, where=_last, steps=10)
