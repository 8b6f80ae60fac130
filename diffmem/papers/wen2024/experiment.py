"""The gap of the branches of guidance: as a detector, lowered by the prompt's embedding, and attributed to words."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import mitigations, scores
from ...metrics import detection
from ...studies.concept_prompts import ConceptPrompts, concept_prompts, copied, drawn
from ...studies.detection_benchmark import (
    ANY,
    DIGIT,
    FEW,
    NEGATIVES,
    NEIGHBOURS,
    PAIRS,
    POSITIVE,
    Candidate,
    DigitPrompts,
    digit_prompts,
    gap_candidates,
    prompt_detection,
    separations,
)
from ..base import Results
from ..latent_diffusion import stable_diffusion
from ..measurements import Group, farthest, together
from .drop_rule import drop_rule

VARIANCE, MANY_NOISES = "variance over noises", "first step, 16 noises"
ARMS = ("as written", "optimised", "displaced")
RANKINGS = ("gradient", "gap without the word", "probability without the word")
RECORDS, SLOTS, WORDS, BETA = 300, 4, 12, 3.0  # of the prompts of words
FEW_STARTS = 8  # noises of a gap that is only compared


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    prompts: int = 30  # in each group of the detection; none: no detection
    starts: int = 4  # noises of each prompt, of the detection by gaps
    first_starts: int = 16  # noises of each prompt, of the variance over noises and of the law of the first gap
    offsets: tuple[float, ...] = (0.0, 1.4)  # of the concepts whose prompts are optimised
    samples: int = 48  # of each memorized prompt
    copies: tuple[int, ...] = (6, 20, 60)  # of the image that the trigger word names
    trials: int = 60  # prompts of words for each number of copies
    drop_steps: int = 2000  # of training with a limit on the gap; none: no training


FULL = Settings()
SMOKE = Settings(prompts=0, offsets=(0.0,), samples=16, copies=(), drop_steps=0)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Those groups of claims that the settings ask for."""
    detect_key, prompt_key, word_key = jax.random.split(key, 3)
    found = [embeddings(settings, prompt_key)]
    if settings.prompts:
        found.append(detected(settings, detect_key))
    if settings.copies:
        found.append(words(settings, word_key))
    if settings.drop_steps:
        found.append(drop_rule(jax.random.fold_in(key, 1), steps=settings.drop_steps))
    return together(*found)


def detected(settings: Settings, key: PRNGKeyArray) -> Group:
    """Areas of the gap over parts of the path and of the variance over noises; the law of the gap at the first step."""
    process, times = stable_diffusion()
    digits = digit_prompts(key=key, count=settings.prompts)
    run = digits.guided(), digits.groups
    rest = process, times, digits.points.shape[1:]
    gaps = prompt_detection(*run, gap_candidates(len(times) - 1), *rest, key=key, starts=settings.starts)
    first = gap_candidates(len(times) - 1)["first step"]
    first = {VARIANCE: Candidate(detection.noise_variance, 1), MANY_NOISES: first}
    more = prompt_detection(*run, first, *rest, key=key, starts=settings.first_starts)
    found = xr.concat([gaps, more], "detector")
    areas = separations(found, PAIRS)
    area = lambda name, group, positive=POSITIVE: float(areas.auc.sel(detector=name, pair=f"{positive} / {group}"))  # noqa: E731
    values = {
        f"{short}_{suffix}": area(name, group)
        for short, name in {"first": "first step", "all": "all steps"}.items()
        for suffix, group in {"any": ANY, "digit": DIGIT, "few": FEW}.items()
    }
    values["early_over_all"] = area("first 10 steps", FEW) - values["all_few"]
    values["last_step"] = farthest([area("last step", group) for group in NEGATIVES], 0.5)
    values["neighbours_few"], values["neighbours_digit"] = (area(VARIANCE, g, NEIGHBOURS) for g in (FEW, DIGIT))
    return values | law(found, digits), xr.merge([found, areas])


def law(found: xr.Dataset, digits: DigitPrompts) -> dict[str, float]:
    """The gap at the first step against `(alpha/sigma) |mu_c - mu|`."""
    process, times = stable_diffusion()
    alpha, sigma = process.level(times[0])
    kinds = (POSITIVE, ANY, DIGIT)
    gaps = np.concatenate([found.statistic.sel(detector=MANY_NOISES, group=kind).values for kind in kinds])
    means = np.stack([digits.points[members].mean(axis=0) for kind in kinds for members in digits.groups[kind]])
    away = float(alpha / sigma) * np.linalg.norm(means - digits.points.mean(axis=0), axis=1)
    return {"law": float(np.corrcoef(gaps, away)[0, 1]), "law_ratio": float(np.mean(gaps / away))}


def embeddings(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies before and after the optimisation of embeddings, with and without centres of concepts."""
    curves = xr.concat(
        [optimised(concept_prompts(offset, key=key), settings.samples, key) for offset in settings.offsets],
        xr.IndexVariable("offset", list(settings.offsets)),
    )
    common = curves.sel(offset=0.0)
    hit = common.hit.mean("memorized")
    values = {
        "target_reached": (common.gap.sel(arm="optimised") <= 1.5).sum(),
        "optimised": hit.sel(arm="optimised"),
        "displaced": hit.sel(arm="displaced"),
    }
    if len(settings.offsets) > 1:
        values["optimised_apart"] = curves.hit.sel(offset=settings.offsets[1], arm="optimised").mean()
    return values, curves


def optimised(law: ConceptPrompts, samples: int, key: PRNGKeyArray) -> xr.Dataset:
    """Gaps and copies of each memorized prompt as written, optimised, and displaced at random as far."""
    process, times = stable_diffusion()
    start_key, turn_key = jax.random.split(key)
    starts = process.level(times[0]).sigma * jax.random.normal(start_key, (samples, law.points.shape[1]))
    gap = partial(mean_gap, law, starts[:FEW_STARTS])
    target = float(np.median([gap(law.prompts[label]) for label in law.others()]))
    hits, gaps = np.empty((2, len(ARMS), len(law.memorized)))
    for j, (label, image) in enumerate(zip(law.memorized, law.images)):
        prompt = law.prompts[label]
        run = law.guided(prompt), starts[:FEW_STARTS], process, times
        moved = np.asarray(mitigations.embedding_optimisation(prompt, *run, target=target))
        turn = np.asarray(jax.random.normal(jax.random.fold_in(turn_key, j), prompt.shape))
        displaced = prompt + turn * (np.linalg.norm(moved - prompt) / np.linalg.norm(turn))
        for i, other in enumerate((prompt, moved, displaced)):
            ends = drawn(law.guided(other), starts, process, times)
            hits[i, j], gaps[i, j] = copied(ends, image).mean(), gap(other) / target
    variables = {"hit": (("arm", "memorized"), hits), "gap": (("arm", "memorized"), gaps)}
    return xr.Dataset(variables, {"arm": list(ARMS), "memorized": law.memorized})


def mean_gap(law: ConceptPrompts, starts: Float[Array, "count d"], prompt: np.ndarray) -> float:
    """The gap of a prompt at the first step, the mean over starts."""
    process, times = stable_diffusion()
    return float(mitigations.first_gaps(law.guided(prompt), starts, process, times).mean())


def words(settings: Settings, key: PRNGKeyArray) -> Group:
    """How often the trigger is ranked first, by the probability of the image it names."""
    rows = [[ranked(copies, jax.random.fold_in(key, 1000 * copies + i)) for i in range(settings.trials)]
            for copies in settings.copies]  # fmt: skip
    rows = np.array(rows)
    probability, found = rows[..., 0], rows[..., 1:]
    gradient = found[..., 0]
    values = {
        "gradient_high": gradient[probability >= 0.6].mean(),
        "gradient_low": gradient[probability < 0.2].mean(),
        "mass": found[..., 2].mean(),
    }
    variables = {"probability": (("copies", "trial"), probability), "found": (("copies", "trial", "ranking"), found)}
    coords = {"copies": list(settings.copies), "trial": np.arange(settings.trials), "ranking": list(RANKINGS)}
    return values, xr.Dataset(variables, coords)


def ranked(copies: int, key: PRNGKeyArray, d: int = 16) -> list[float]:
    """The probability of the copied image under one prompt, and whether each ranking puts its trigger first."""
    process, times = stable_diffusion()
    keys = jax.random.split(key, 4)
    points = jax.random.normal(keys[0], (RECORDS, d))
    members = np.arange(RECORDS) < copies
    tokens = jax.random.randint(keys[1], (RECORDS, SLOTS), 1, WORDS + 1)
    tokens = tokens.at[:, 0].set(jnp.where(members, 0, tokens[:, 0]))  # word 0 is the trigger
    prompt = jax.random.randint(keys[2], (SLOTS,), 1, WORDS + 1).at[0].set(0)
    one = scores.TokenPrompted(jnp.where(members[:, None], points[:1], points), tokens, prompt, BETA)
    starts = process.level(times[0]).sigma * jax.random.normal(keys[3], (FEW_STARTS, d))
    run = scores.Guided(one, one.unconditional, 7.5), starts, process, times, key
    rankings = (
        detection.token_significance(*run).mean(axis=0),
        detection.token_ablation(*run).mean(axis=0),
        detection.mass_ablation(one, members),
    )
    return [float(one.prior()[members].sum()), *(float(np.argmax(found) == 0) for found in rankings)]
