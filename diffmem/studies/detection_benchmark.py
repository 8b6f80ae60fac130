"""How well detectors tell memorized prompts from others: one benchmark for all, with three kinds of negatives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float

from .. import data, metrics, scores
from ..annotations import Numbers, RandomKey
from ..checks import check_count
from ..metrics import detection
from ..processes import AbstractProcess
from ..representation import one_line
from ..scores import AbstractScore
from .collapse.variables import described

Detector = Callable[..., Float[Array, "count"]]
"""`detector(score, starts, process, times, key)`, one number for each start; see `metrics.detection`."""

VARIABLES = {
    "detector": ("detector of memorized prompts", ""),
    "group": ("kind of prompt", ""),
    "prompt": ("number of the prompt in its group", "count"),
    "statistic": ("statistic of the detector, the mean over the starts of a prompt", "1"),
    "evaluations": ("cost: evaluations of both branches of guidance for each start", "count"),
    "pair": ("kinds of prompts that are told apart, positives against negatives", ""),
    "auc": ("probability that a positive has the larger statistic than a negative, ties counted half", "1"),
    "auc_low": ("lower end of the 95 % interval of the AUC", "1"),
    "auc_high": ("upper end of the 95 % interval of the AUC", "1"),
    "tpr": ("share of positives found at a false positive rate of 1 %", "1"),
}


class Candidate(NamedTuple):
    """A detector and its cost."""

    detector: Detector
    evaluations: float
    """Evaluations of both branches for each start; a derivative counts by its cost in evaluations."""

    __repr__ = one_line


def gap_candidates(steps: int, early: int = 10) -> dict[str, Candidate]:
    """The gap of the branches at the first step, over the first `early` steps, over all `steps` and at the last one."""
    parts = {"first step": 1, f"first {early} steps": early, "all steps": steps}
    found = {name: Candidate(_gap_over(count), count) for name, count in parts.items()}
    return found | {"last step": Candidate(last_gap, steps)}


def other_candidates() -> dict[str, Candidate]:
    """The detectors that look at the first step alone, apart from the gap."""
    return {
        "curvature": Candidate(detection.curvature, 4),
        "variance over noises": Candidate(detection.noise_variance, 1),
    }


def last_gap(
    score: AbstractScore, starts: Numbers, process: AbstractProcess, times: Numbers, key: RandomKey
) -> Float[Array, "count"]:
    """`|eps_c - eps_u|` at the state before the last step of each path."""
    return detection.measured_along(detection.gap, score, starts, process, times, key)[-2]


def prompt_detection(
    guided: Callable[[Any], AbstractScore],
    groups: Mapping[str, Sequence[Any]],
    candidates: Mapping[str, Candidate],
    process: AbstractProcess,
    times: Numbers,
    shape: tuple[int, ...],
    *,
    key: RandomKey,
    starts: int = 4,
) -> xr.Dataset:
    """The statistic of each candidate for each prompt of each group, the mean over `starts` pure noises.

    `guided(label)` is the guided score of a prompt, exact or learned, for the labels in `groups`, which may be of any
    type; `shape` is the event shape. Noises N(0, sigma^2 I) at times[0] are drawn anew for each prompt and shared by
    the candidates. Groups may differ in size: what is missing is NaN. `separations` compares groups.

    A dataset: `statistic` (detector, group, prompt) and `evaluations` (detector). Cost: the sum of the evaluations for
    each start of each prompt; nothing is compiled again for a prompt whose score has the same structure.
    """
    check_count("starts", starts)
    most = max((len(labels) for labels in groups.values()), default=0)
    found = np.full((len(candidates), len(groups), most), np.nan)
    sigma = process.level(jnp.asarray(times)[0]).sigma
    for j, labels in enumerate(groups.values()):
        for k, label in enumerate(labels):
            noise_key, path_key = jax.random.split(jax.random.fold_in(jax.random.fold_in(key, j), k))
            noises = sigma * jax.random.normal(noise_key, (starts, *shape), sigma.dtype)
            run = guided(label), noises, process, times, path_key
            found[:, j, k] = [np.mean(one.detector(*run)) for one in candidates.values()]
    variables = {
        "statistic": (("detector", "group", "prompt"), found),
        "evaluations": ("detector", [float(one.evaluations) for one in candidates.values()]),
    }
    coords = {"detector": list(candidates), "group": list(groups), "prompt": np.arange(most)}
    return described(xr.Dataset(variables, coords), VARIABLES)


def separations(found: xr.Dataset, pairs: Iterable[tuple[str, str]], fpr: float = 0.01) -> xr.Dataset:
    """AUC with its interval and the true positive rate of each detector for pairs of groups (positives, negatives).

    `found` is what `prompt_detection` returned. A dataset over (detector, pair), the pair written "a / b".
    """
    pairs = list(pairs)
    values = np.empty((4, found.sizes["detector"], len(pairs)))
    for i, name in enumerate(found.detector.values):
        for j, pair in enumerate(pairs):
            one = metrics.detection.roc(
                *(_finite(found.statistic.sel(detector=name, group=part)) for part in pair), fpr=fpr
            )
            values[:, i, j] = one.auc, *one.auc_interval, one.tpr
    curves = {name: (("detector", "pair"), part) for name, part in zip(("auc", "auc_low", "auc_high", "tpr"), values)}
    coords = {"detector": found.detector.values, "pair": [f"{a} / {b}" for a, b in pairs]}
    return described(xr.Dataset(curves, coords), VARIABLES)


POSITIVE, NEIGHBOURS, ANY, DIGIT, FEW = "1 image", "2 neighbours", "30 images", "30 of one digit", "3 of one digit"
GROUP = 30  # images that a prompt of many describes
NEGATIVES = (ANY, DIGIT, FEW)
PAIRS = (*((POSITIVE, other) for other in NEGATIVES), (NEIGHBOURS, DIGIT), (NEIGHBOURS, FEW))
"""The pairs of the benchmark on digits, positives first."""


class DigitPrompts(NamedTuple):
    """A training set of digits, and groups of prompts, each of which describes some of its members."""

    points: Float[np.ndarray, "n 64"]
    groups: dict[str, list[Bool[np.ndarray, "n"]]]
    """For each group a mask of members for each prompt."""

    def guided(self, weight: float = 7.5) -> Callable[[Any], scores.Guided]:
        """The exact guided score given a mask of members: all of them are equally likely under the prompt."""
        everything = scores.Empirical(self.points)
        dtype = self.points.dtype
        return lambda members: scores.Guided(
            everything.reweighted(jnp.log(jnp.asarray(members, dtype))), everything, weight
        )


def digit_prompts(*, key: RandomKey, n: int = 600, count: int = 30) -> DigitPrompts:
    """n digits of 8 x 8 pixels, scaled to mean 0 and variance 1 over all pixels, and five groups of `count` prompts.

    Memorized prompts describe one image, or an image and its nearest neighbour; others describe 30 images at random,
    30 of one digit or 3 of one digit. The negatives of a digit have a mean of their own, as the single images do, which
    a detector may not confuse with memorization. Raises ValueError where no digit has 30 images.
    """
    chosen = data.digits().take(n, key=key)
    if not (np.bincount(chosen.labels) >= GROUP).any():
        raise ValueError(f"`n` must be so large that some digit has {GROUP} images, but is {n}.")
    points, labels = (chosen.points - chosen.points.mean()) / chosen.points.std(), np.asarray(chosen.labels)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(jax.random.fold_in(key, 1))))
    nearest = np.asarray(metrics.nearest(points, points, 2).index)[:, 1]
    singles = rng.choice(n, count, replace=False)

    def of_one_digit(size):
        frequent = np.flatnonzero(np.bincount(labels) >= size)
        return rng.choice(np.flatnonzero(labels == rng.choice(frequent)), size, replace=False)

    members = {
        POSITIVE: [[i] for i in singles],
        NEIGHBOURS: [[i, nearest[i]] for i in singles],
        ANY: [rng.choice(n, GROUP, replace=False) for _ in range(count)],
        DIGIT: [of_one_digit(GROUP) for _ in range(count)],
        FEW: [of_one_digit(3) for _ in range(count)],
    }
    masks = {name: [np.isin(np.arange(n), one) for one in parts] for name, parts in members.items()}
    return DigitPrompts(points, masks)


def _gap_over(steps: int) -> Detector:
    return lambda *run: detection.guidance_gap(*run, steps=steps)


def _finite(values) -> np.ndarray:
    values = np.asarray(values)
    return values[~np.isnan(values)]
