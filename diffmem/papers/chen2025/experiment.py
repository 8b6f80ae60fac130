"""Copies and concepts of memorized prompts under rewrites, re-anchoring and optimised embeddings."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import mitigations, scores
from ...scores import AbstractScore
from ...studies.concept_prompts import ConceptPrompts, concept_prompts, copied, drawn
from ..base import Results
from ..latent_diffusion import stable_diffusion
from ..measurements import measurements

GUIDANCE, OFFSET, STEPS = 7.5, 1.4, 30
QUANTILE, HIGH = 0.95, 1.3  # of the first gaps of other prompts: lambda; the end of the ramp over lambda
RAMP = 0.6  # the usual beginning of the ramp over lambda
GAP_STARTS = 8  # noises of a gap


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    draws: int = 5  # of images and prompts
    samples: int = 48  # of each memorized prompt and arm
    candidates: int = 16  # rewrites among which the one of the smallest gap is sought; none: the basic arms alone
    ramps: tuple[float, ...] = (0.3, 0.6, 1.0, 2.0)  # beginnings of the ramp over lambda
    targets: tuple[tuple[float, int], ...] = ((0.8, 10), (0.6, 10), (0.4, 10), (0.3, 40))
    # of optimised embeddings: the gap over that of the prompt, and the largest number of steps


FULL = Settings()
SMOKE = Settings(draws=2, samples=16, candidates=0, ramps=(), targets=())


class Ground(NamedTuple):
    """One draw, and the states and scales on which its arms are compared."""

    law: ConceptPrompts
    starts: Float[Array, "samples d"]
    scale: float
    """lambda, the 95 % quantile of the first gaps of prompts that are not memorized."""
    recall: float
    """The share of memorized prompts whose first gap exceeds lambda."""


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """All arms on each draw."""
    found = [draw(settings, jax.random.fold_in(key, i)) for i in range(settings.draws)]
    curves = xr.concat(found, xr.IndexVariable("draw", np.arange(settings.draws)))
    return Results(measurements(summary(curves, settings)), curves)


def draw(settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """Copies and accuracy of each arm, the means over the memorized prompts of one draw; recall of the trigger."""
    process, times = stable_diffusion(STEPS)
    ground, common = (prepared(offset, settings.samples, key) for offset in (OFFSET, 0.0))
    rows = {}
    for j, (label, image) in enumerate(zip(ground.law.memorized.tolist(), ground.law.images)):
        for name, score in arms(ground, label, settings, jax.random.fold_in(key, j)):
            ends = drawn(score, ground.starts, process, times)
            rows.setdefault(name, []).append((copied(ends, image).mean(), ground.law.accuracy(ends, label)))
    hit, accuracy = np.mean(list(rows.values()), axis=1).T
    variables = {"hit": ("arm", hit), "accuracy": ("arm", accuracy)}
    recalls = {"recall": ground.recall, "recall_common": common.recall}
    return xr.Dataset(variables | recalls, {"arm": list(rows)})


def prepared(offset: float, samples: int, key: PRNGKeyArray) -> Ground:
    """A draw with its starting states, lambda, and the recall of the trigger."""
    process, times = stable_diffusion(STEPS)
    law = concept_prompts(offset, key=key)
    starts = process.level(times[0]).sigma * jax.random.normal(jax.random.fold_in(key, 1), (samples, law.d))
    score = law.guided(law.prompts[0], GUIDANCE)
    gaps = np.array([first_gap(mitigations.with_prompt(score, prompt), starts) for prompt in law.prompts])
    scale = float(np.quantile(gaps[law.others()], QUANTILE))
    return Ground(law, starts, scale, float((gaps[law.memorized] > scale).mean()))


def first_gap(score: AbstractScore, starts: Float[Array, "count d"]) -> float:
    """The gap of the branches at the first step, the mean over some of the starts."""
    return float(mitigations.first_gaps(score, starts[:GAP_STARTS], *stable_diffusion(STEPS)).mean())


def arms(ground: Ground, label: int, settings: Settings, key: PRNGKeyArray) -> Iterator[tuple[str, AbstractScore]]:
    """The ways to draw one memorized prompt: as written, rewritten, anchored, and with an optimised embedding."""
    prompt, neighbours = ground.law.prompts[label], ground.law.neighbours(label)
    score = ground.law.guided(prompt, GUIDANCE)
    rewrite = (prompt + neighbours[0]) / 2
    yield "as written", score
    yield "rewrite", mitigations.with_prompt(score, rewrite)
    yield "paper form", scores.Guided(mitigations.with_prompt(score, rewrite).conditional, score.conditional, GUIDANCE)
    for low in settings.ramps:
        yield ramp_name(low), ramp(ground, score, rewrite, low)
    if settings.candidates:
        best = searched(ground, score, prompt, neighbours, settings.candidates, key)
        yield "search", mitigations.with_prompt(score, best)
        yield "search, ramp", ramp(ground, score, best, RAMP)
    own = first_gap(score, ground.starts)
    for part, steps in settings.targets:
        run = score, ground.starts[:GAP_STARTS], *stable_diffusion(STEPS)
        moved = mitigations.embedding_optimisation(prompt, *run, target=part * own, steps=steps)
        yield target_name(part), mitigations.with_prompt(score, moved)


def ramp(ground: Ground, score: scores.Guided, rewrite, low: float) -> AbstractScore:
    """The ramp towards a rewrite, forced on, from `low` lambda; one that begins above its end has no ramp."""
    process, times = stable_diffusion(STEPS)
    run = score, rewrite, ground.starts[:GAP_STARTS], process, times
    high = max(HIGH, 1.05 * low)
    return mitigations.prompt_anchored(*run, threshold=-1.0, low=low * ground.scale, high=high * ground.scale)


def searched(ground: Ground, score: scores.Guided, prompt, neighbours, count: int, key: PRNGKeyArray):
    """The rewrite of the smallest first gap among `count`, each somewhere on the way to a neighbour."""
    way_key, end_key = jax.random.split(key)
    ways = np.asarray(jax.random.uniform(way_key, (count, 1)))
    ends = neighbours[np.asarray(jax.random.randint(end_key, (count,), 0, len(neighbours)))]
    rewrites = prompt[None] + ways * (ends - prompt[None])
    return mitigations.prompt_search(rewrites, score, ground.starts[:GAP_STARTS], *stable_diffusion(STEPS))


def ramp_name(low: float) -> str:
    """The name of a ramp."""
    return f"ramp {low:g}"


def target_name(part: float) -> str:
    """The name of an optimised embedding."""
    return f"embedding {part:g}"


def summary(curves: xr.Dataset, settings: Settings) -> dict[str, xr.DataArray | float]:
    """The numbers of the claims."""
    values = {
        "paper_form_cost": (curves.accuracy.sel(arm="rewrite") - curves.accuracy.sel(arm="paper form")).mean(),
        "recall_common": curves.recall_common.min(),
        "recall_apart": curves.recall.mean(),
    }
    if not settings.ramps:
        return values
    ramped, plain = curves.sel(arm=ramp_name(RAMP)), curves.sel(arm="rewrite")
    ratio = ramped.hit / plain.hit
    others = curves.sel(arm=[target_name(part) for part, _ in settings.targets])
    ahead = ramped.accuracy - others.accuracy.where(others.hit <= ramped.hit + 0.1).max("arm")
    rises = curves.sel(arm=[ramp_name(low) for low in settings.ramps]).diff("arm")
    return values | {
        "ramp_worst": ratio.max(),
        "ramp_mean": ratio.mean(),
        "ramp_accuracy": ramped.accuracy.min(),
        "front_worst": ahead.min(),
        "front_mean": ahead.mean(),
        "monotone": np.minimum(rises.hit, rises.accuracy).min(),
    }
