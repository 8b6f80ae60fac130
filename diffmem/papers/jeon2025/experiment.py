"""The lemma on score differences, curvature as a detector, and starting noises chosen by curvature, norm and gap."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import mitigations, scores
from ...level import NoiseLevel
from ...metrics.detection import score_difference
from ...studies import detection_benchmark as benchmark
from ...studies.concept_prompts import copied, drawn
from ..base import Results
from ..latent_diffusion import stable_diffusion
from ..measurements import Group, together

GUIDANCE, RATE = 7.5, 0.05
CHOICES = {
    "normal": lambda starts, *run: starts,
    "SAIL": partial(mitigations.sail, alpha=0.05, rate=RATE),
    "SAIL without norm": partial(mitigations.sail, alpha=0.0, rate=RATE),
    "gap": partial(mitigations.init_noise, rate=RATE),
}
IMAGES = ("six, one with half of the records", "one")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    gaussian_d: int = 6  # dimensions of the lemma
    draws: int = 1_000_000  # of its Monte Carlo mean
    prompts: int = 30  # in each group of the detection; none: no detection
    starts: int = 4  # noises of each prompt, of the detection
    n: int = 200  # images of the training set whose prompts are drawn
    d: int = 32
    samples: int = 400  # of each of its two prompts
    gap: bool = True  # noises by descent of the gap as well


FULL = Settings()
SMOKE = Settings(draws=200_000, prompts=0, samples=64, gap=False)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The lemma and the starting noises; then, if asked for, the detection."""
    lemma_key, start_key, detect_key = jax.random.split(key, 3)
    found = [lemma(settings, lemma_key), starting_noises(settings, start_key)]
    if settings.prompts:
        found.append(detected(settings, detect_key))
    return together(*found)


def lemma(settings: Settings, key: PRNGKeyArray) -> Group:
    """The squared difference of two scores by Monte Carlo, against the formula with either sign."""
    d, level = settings.gaussian_d, NoiseLevel(0.8, 0.6)
    keys = jax.random.split(key, 3)
    roots = jax.random.normal(keys[0], (2, d, d)) / d**0.5
    covariances = roots @ roots.swapaxes(1, 2) + 0.3 * jnp.eye(d)[None]
    means = jax.random.normal(keys[1], (2, d))
    everything, prompt = (scores.Gaussian(*law) for law in zip(means, covariances))
    found = mean_square(scores.Guided(prompt, everything, GUIDANCE), level, settings.draws, keys[2])
    alpha, sigma = level
    H, H_c = -np.linalg.inv(alpha**2 * np.asarray(covariances, np.float64) + sigma**2 * np.eye(d))
    away = H @ (alpha * np.asarray(means[0] - means[1], np.float64))
    trace = np.trace((H - H_c) @ (H - H_c) @ np.linalg.inv(H_c))
    return {"lemma": found / (away @ away - trace), "printed_sign": (away @ away + trace) / found}, xr.Dataset()


@eqx.filter_jit
def _mean_square(score, level, keys):
    def one(key):
        x = score.conditional.sample(level, key=key)
        return jnp.sum(score_difference(score, x, level) ** 2)

    return jax.vmap(one)(keys).mean()


def mean_square(score: scores.Guided, level: NoiseLevel, draws: int, key: PRNGKeyArray, batch: int = 50_000) -> float:
    """`E |s_c - s_u|^2` over the conditional law at a level, by Monte Carlo."""
    batches = jax.random.split(key, draws // batch)
    return float(np.mean([_mean_square(score, level, jax.random.split(one, batch)) for one in batches]))


def detected(settings: Settings, key: PRNGKeyArray) -> Group:
    """Areas of the curvature and of the gap at the first step."""
    process, times = stable_diffusion()
    digits = benchmark.digit_prompts(key=key, count=settings.prompts)
    curvature, gap = benchmark.other_candidates()["curvature"], benchmark.gap_candidates(len(times) - 1)["first step"]
    candidates = {"gap": gap, "curvature": curvature}
    run = digits.guided(), digits.groups, candidates, process, times, digits.points.shape[1:]
    found = benchmark.prompt_detection(*run, key=key, starts=settings.starts)
    areas = benchmark.separations(found, benchmark.PAIRS)
    sharp, plain = (areas.auc.sel(detector=name) for name in ("curvature", "gap"))
    pairs = [f"{benchmark.POSITIVE} / {group}" for group in (benchmark.DIGIT, benchmark.FEW)]
    values = {
        "curvature_any": sharp.sel(pair=f"{benchmark.POSITIVE} / {benchmark.ANY}"),
        "gap_over_curvature": (plain - sharp).sel(pair=pairs).min(),
    }
    return values, xr.merge([found, areas])


def starting_noises(settings: Settings, key: PRNGKeyArray) -> Group:
    """Copies of the image of most records by how starting noises are chosen, for the two prompts of n images.

    One names image 0 with 5 records and images 1 to 5 with one, the other image 6 alone.
    """
    points = jax.random.normal(jax.random.fold_in(key, 0), (settings.n, settings.d))
    everything = scores.Empirical(points, np.where(np.arange(settings.n) == 0, 5.0, 1.0))
    labels = np.digitize(np.arange(settings.n), [6, 7])
    names = [name for name in CHOICES if settings.gap or name != "gap"]
    found = []
    for label, image in enumerate((points[0], points[6])):
        score = scores.Guided(scores.Labelled(everything, labels, label), everything, GUIDANCE)
        found.append(chosen(score, image, names, settings, jax.random.fold_in(key, 1)))
    curves = xr.concat(found, xr.IndexVariable("images", list(IMAGES)))
    several, one = (curves.hit.sel(images=name) for name in IMAGES)
    normal, sail, without = (several.sel(choice=name) for name in names[:3])
    values = {"sail": without / normal, "norm_term": sail - without, "one_image": one.min()}
    if settings.gap:
        values["gap_noise"] = several.sel(choice="gap") - without
    return values, curves


def chosen(
    score: scores.Guided, image: Float[Array, "d"], names: list[str], settings: Settings, key: PRNGKeyArray
) -> xr.Dataset:
    """The share of copies of an image, and the mean norm of the starting noises, for each way to choose them."""
    process, times = stable_diffusion()
    normal = process.level(times[0]).sigma * jax.random.normal(key, (settings.samples, settings.d))
    starts = [CHOICES[name](normal, score, process, times) for name in names]
    hits = [copied(drawn(score, one, process, times), image).mean() for one in starts]
    norms = [float(np.linalg.norm(one, axis=1).mean()) for one in starts]
    return xr.Dataset({"hit": ("choice", hits), "norm": ("choice", norms)}, {"choice": names})
