"""The gap of the branches of guidance as a detector, lowered by embeddings, attributed to words, and as a rule."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import mitigations, scores, studies, training
from ...metrics import detection
from ...studies.concept_prompts import ConceptPrompts, concept_prompts, copied, drawn
from ...studies.detection_benchmark import ANY, DIGIT, FEW, NEGATIVES, NEIGHBOURS, PAIRS, POSITIVE
from ..base import Results
from ..latent_diffusion import stable_diffusion
from ..measurements import Group, farthest, share, together

PROCESS, TIMES = stable_diffusion()
FIRST = PROCESS.level(TIMES[0])
VARIANCE, MANY_NOISES = "variance over noises", "first step, 16 noises"
ARMS = ("as written", "optimised", "displaced")
RANKINGS = ("gradient", "gap without the word", "probability without the word")
D, RECORDS, SLOTS, WORDS, BETA = 16, 300, 4, 12, 3.0  # of the prompts of words
FEW_STARTS = 8  # noises of a gap that is only compared
QUANTILES = {"median": 0.5, "95 %": 0.95}  # of the gaps of ordinary records without a rule, as limits
WARM_UP, DROP_STARTS = 200, 20  # steps of training without a limit, and samples of each memorized label
NOISIEST = studies.label_objective().levels.at(1.0)


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
        found.append(drop_rule(settings.drop_steps, jax.random.fold_in(key, 1)))
    return together(*found)


def detected(settings: Settings, key: PRNGKeyArray) -> Group:
    """Areas of the gap over parts of the path and of the variance over noises; the first gap and its law."""
    digits = studies.digit_prompts(key=key, count=settings.prompts)
    gaps = studies.gap_candidates(len(TIMES) - 1)
    first = {VARIANCE: studies.other_candidates()[VARIANCE], MANY_NOISES: gaps["first step"]}
    groups, rest = (digits.guided(), digits.groups), (PROCESS, TIMES, digits.points.shape[1:])
    runs = (gaps, settings.starts), (first, settings.first_starts)
    statistics = [studies.prompt_detection(*groups, one, *rest, key=key, starts=starts) for one, starts in runs]
    found = xr.concat(statistics, "detector")
    areas = studies.separations(found, PAIRS)
    area = lambda name, group, positive=POSITIVE: areas.auc.sel(detector=name, pair=f"{positive} / {group}")  # noqa: E731
    values = {
        f"{short}_{suffix}": area(name, group)
        for short, name in {"first": "first step", "all": "all steps"}.items()
        for suffix, group in {"any": ANY, "digit": DIGIT, "few": FEW}.items()
    }
    values["early_over_all"] = area("first 10 steps", FEW) - values["all_few"]
    values["last_step"] = farthest([area("last step", group) for group in NEGATIVES], 0.5)
    values["neighbours_few"], values["neighbours_digit"] = (area(VARIANCE, g, NEIGHBOURS) for g in (FEW, DIGIT))
    # the law of the gap at the first step: (alpha/sigma) |mu_c - mu|
    kinds = (POSITIVE, ANY, DIGIT)
    gap = np.concatenate([found.statistic.sel(detector=MANY_NOISES, group=kind) for kind in kinds])
    means = np.stack([digits.points[members].mean(axis=0) for kind in kinds for members in digits.groups[kind]])
    away = float(FIRST.alpha / FIRST.sigma) * np.linalg.norm(means - digits.points.mean(axis=0), axis=1)
    values |= {"law": np.corrcoef(gap, away)[0, 1], "law_ratio": np.mean(gap / away)}
    return values, xr.merge([found, areas])


def embeddings(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies before and after the optimisation of embeddings, with and without centres of concepts."""
    each = [optimised(concept_prompts(offset, key=key), settings.samples, key) for offset in settings.offsets]
    curves = xr.concat(each, xr.IndexVariable("offset", list(settings.offsets)))
    common = curves.sel(offset=0.0)
    values = {
        "target_reached": (common.gap.sel(arm="optimised") <= 1.5).sum(),
        "optimised": common.hit.sel(arm="optimised").mean(),
        "displaced": common.hit.sel(arm="displaced").mean(),
    }
    if len(settings.offsets) > 1:
        values["optimised_apart"] = curves.hit.sel(offset=settings.offsets[1], arm="optimised").mean()
    return values, curves


def optimised(law: ConceptPrompts, samples: int, key: PRNGKeyArray) -> xr.Dataset:
    """Gaps and copies of each memorized prompt as written, optimised, and displaced at random as far."""
    start_key, turn_key = jax.random.split(key)
    starts = FIRST.sigma * jax.random.normal(start_key, (samples, law.d))
    run = starts[:FEW_STARTS], PROCESS, TIMES
    gap = lambda prompt: float(mitigations.first_gaps(law.guided(prompt), *run).mean())  # noqa: E731
    target = float(np.median([gap(law.prompts[label]) for label in law.others()]))
    hits, gaps = np.empty((2, len(ARMS), len(law.memorized)))
    for j, (label, image) in enumerate(zip(law.memorized, law.images)):
        prompt = law.prompts[label]
        moved = np.asarray(mitigations.embedding_optimisation(prompt, law.guided(prompt), *run, target=target))
        turn = np.asarray(jax.random.normal(jax.random.fold_in(turn_key, j), prompt.shape))
        displaced = prompt + turn * (np.linalg.norm(moved - prompt) / np.linalg.norm(turn))
        for i, other in enumerate((prompt, moved, displaced)):
            ends = drawn(law.guided(other), starts, PROCESS, TIMES)
            hits[i, j], gaps[i, j] = copied(ends, image).mean(), gap(other) / target
    variables = {"hit": (("arm", "memorized"), hits), "gap": (("arm", "memorized"), gaps)}
    return xr.Dataset(variables, {"arm": list(ARMS), "memorized": law.memorized})


def words(settings: Settings, key: PRNGKeyArray) -> Group:
    """How often the trigger is ranked first, by the probability of the image it names."""
    keys = [[jax.random.fold_in(key, 1000 * copies + i) for i in range(settings.trials)] for copies in settings.copies]
    rows = np.array([[ranked(copies, one) for one in row] for copies, row in zip(settings.copies, keys)])
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


def ranked(copies: int, key: PRNGKeyArray) -> list[float]:
    """The probability of the copied image under one prompt, and whether each ranking puts its trigger first."""
    keys = jax.random.split(key, 4)
    points = jax.random.normal(keys[0], (RECORDS, D))
    members = np.arange(RECORDS) < copies
    tokens = jax.random.randint(keys[1], (RECORDS, SLOTS), 1, WORDS + 1)
    tokens = tokens.at[:, 0].set(jnp.where(members, 0, tokens[:, 0]))  # word 0 is the trigger
    prompt = jax.random.randint(keys[2], (SLOTS,), 1, WORDS + 1).at[0].set(0)
    one = scores.TokenPrompted(jnp.where(members[:, None], points[:1], points), tokens, prompt, BETA)
    starts = FIRST.sigma * jax.random.normal(keys[3], (FEW_STARTS, D))
    run = scores.Guided(one, one.unconditional, 7.5), starts, PROCESS, TIMES, key
    rankings = (
        detection.token_significance(*run).mean(axis=0),
        detection.token_ablation(*run).mean(axis=0),
        detection.mass_ablation(one, members),
    )
    return [float(one.prior()[members].sum()), *(float(np.argmax(found) == 0) for found in rankings)]


def drop_rule(steps: int, key: PRNGKeyArray) -> Group:
    """Networks of labelled records trained without a rule, with two limits on the gap, and without repeated records."""
    data_key, fit_key, gap_key, start_key = jax.random.split(key, 4)
    data = studies.labelled_records(key=data_key)
    runs = [studies.train_label_network(data, key=fit_key, steps=steps)]
    gap_of_each = eqx.filter_jit(eqx.filter_vmap(training.noise_gap, in_axes=(None, 0, 0, None)))
    gaps = gap_of_each(runs[0].score, data.labels, jax.random.normal(gap_key, data.points.shape), NOISIEST)
    first = studies.train_label_network(data, key=fit_key, steps=WARM_UP).score
    for quantile in QUANTILES.values():
        limit = jnp.quantile(gaps[data.labels >= data.memorized], quantile)
        rule = training.GapDropping(studies.label_objective(), limit, NOISIEST)
        rest = {"steps": steps - WARM_UP, "start": first, "objective": rule}
        runs.append(studies.train_label_network(data, key=jax.random.fold_in(fit_key, 1), **rest))
    labels = np.arange(data.memorized)
    runs.append(studies.train_label_network(data.without(labels), key=fit_key, steps=steps))
    starts = jax.random.normal(start_key, (DROP_STARTS, data.points.shape[1]))
    made = [studies.generated_by_label(run.score, labels, starts) for run in runs]
    left = [studies.copied_by_label(samples, data).mean() for samples in made]
    loss = [float(run.held_out_loss[-1]) for run in runs]
    count = data.memorized * DROP_STARTS
    values = {
        "drop_median_cut": share(1 - left[1] / left[0], count),
        "drop_median_cost": loss[1] / loss[0] - 1,
        "drop_high_cut": share(1 - left[2] / left[0], count),
        "drop_removed": share(left[3], count),
    }
    curves = {"drop_copied": ("rule", left), "drop_held_out_loss": ("rule", loss)}
    return values, xr.Dataset(curves, {"rule": ["none", *QUANTILES, "records removed"]})
