"""The probability that a caption returns its own image, for several ways of captioning repeated images."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ...integrators import DDIM
from ...scores import PromptedEmpirical
from ..base import Results
from ..flows import flow_from
from ..latent_diffusion import log_snr
from ..measurements import measurements

REPEATED, COPIES, UNIQUE, CLASSES = 10, 20, 190, 5
WITHIN, PARAPHRASE, K, D = 0.6, 0.5, 8, 16  # noise of captions; coordinates of captions and of images
IMAGE = np.concatenate([np.repeat(np.arange(REPEATED), COPIES), REPEATED + np.arange(UNIQUE)])  # of each record
CAPTIONS = ("none", "class", "same", "half same", "paraphrases", "random")
WIDTHS, NOISES = (0.2, 0.5, 1.0), (0.0, 0.1, 0.3, 0.6, 1.0)


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    draws: int = 8  # of the data
    samples: int = 500  # for each way of captioning; 0 for none


FULL = Settings()
SMOKE = Settings(draws=4, samples=0)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Exact probabilities for all draws of the data, and samples of the first."""
    keys = [jax.random.fold_in(key, i) for i in range(settings.draws)]
    table = np.mean([[[mass(e, e, h) for h in WIDTHS] for e in captions(k).values()] for k in keys], axis=0)
    noised = np.mean([caption_noise(k) for k in keys], axis=0)
    curves = {"mass": (("captions", "width", "images"), table), "noised": ("noise", noised)}
    axes = {"captions": list(CAPTIONS), "width": list(WIDTHS), "images": ["repeated", "unique"], "noise": list(NOISES)}
    found = xr.Dataset(curves, axes)
    values = summary(found)
    if settings.samples:
        values["samples"] = farthest_share(captions(keys[0]), settings.samples, key)
    return Results(measurements(values), found)


def captions(key: PRNGKeyArray) -> dict[str, np.ndarray]:
    """The caption of each record (390, 8), for each way of captioning."""
    parts = jax.random.split(key, 6)
    centres = np.asarray(jax.random.normal(parts[0], (CLASSES, K)))
    classes, others = (np.asarray(jax.random.randint(k, n, 0, CLASSES)) for k, n in zip(parts[1:3], ((200,), (390,))))
    of_image, of_record, fresh = (np.asarray(jax.random.normal(k, (n, K))) for k, n in zip(parts[3:], (200, 390, 390)))
    same = (centres[classes] + WITHIN * of_image)[IMAGE]
    repeated = (IMAGE < REPEATED)[:, None]
    paraphrased = np.where(repeated, same + PARAPHRASE * of_record, same)
    second_half = (np.arange(len(IMAGE)) % COPIES >= COPIES // 2)[:, None]
    every = (
        np.zeros_like(same),
        centres[classes][IMAGE],
        same,
        np.where(second_half, paraphrased, same),
        paraphrased,
        centres[others] + WITHIN * fresh,
    )
    return dict(zip(CAPTIONS, every))


@eqx.filter_jit
def own_mass(prompts, trained, width):
    """For each record, the probability that its prompt returns its image, with the captions of training."""
    score = PromptedEmpirical(jnp.asarray(IMAGE, prompts.dtype)[:, None], trained, prompts[0], width)
    same = jnp.asarray(IMAGE)[:, None] == jnp.asarray(IMAGE)[None]
    prior = jax.lax.map(lambda e: score.conditioned(e).prior(), prompts)
    return jnp.sum(jnp.where(same, prior, 0), axis=1)


def mass(prompts: np.ndarray, trained: np.ndarray, width: float) -> list[float]:
    """`own_mass` averaged over the records of repeated images, and over unique images."""
    found = np.asarray(own_mass(jnp.asarray(prompts), jnp.asarray(trained), jnp.asarray(width)))
    return [found[IMAGE < REPEATED].mean(), found[IMAGE >= REPEATED].mean()]


def caption_noise(key: PRNGKeyArray) -> list[float]:
    """The probability for repeated images with ever more noise on the captions of training."""
    same, noise = captions(key)["same"], np.asarray(jax.random.normal(jax.random.fold_in(key, 1), (len(IMAGE), K)))
    return [mass(same, same + size * noise, WIDTHS[1])[0] for size in NOISES]


def farthest_share(ways: dict[str, np.ndarray], count: int, key: PRNGKeyArray) -> float:
    """The largest distance of a share of samples from the exact probability, in standard deviations."""
    image_key, start_key = jax.random.split(key)
    images = jax.random.normal(image_key, (REPEATED + UNIQUE, D))
    process, times = log_snr()
    start = process.sigma(times[0]) * jax.random.normal(start_key, (count, D))
    distances = []
    for trained in ways.values():
        score = PromptedEmpirical(images[IMAGE], jnp.asarray(trained), jnp.asarray(trained[0]), WIDTHS[2])
        ends = flow_from(start, score, process, times, integrator=DDIM(), finish="denoise").points
        share = float((jnp.linalg.norm(ends - images[:1], axis=1) < 0.5).mean())
        exact = float(score.prior()[IMAGE == 0].sum())
        distances.append(abs(share - exact) / np.sqrt(exact * (1 - exact) / count))
    return max(distances)


def summary(found: xr.Dataset) -> dict[str, float]:
    """The numbers of the claims."""
    repeated = found.mass.sel(images="repeated", width=1.0)
    at = {name: float(repeated.sel(captions=name)) for name in CAPTIONS}
    noised = found.noised.values
    return {
        "paraphrases": at["same"] - at["paraphrases"],
        "random": at["random"] / at["same"],
        "class": max(at["class"], at["none"]),
        "noise_rises": np.diff(noised).max(),
        "noise_lowers": noised[-1] / noised[0],
    }
