"""How often prompts with and without a trigger word reproduce an image whose captions share that word."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Int, PRNGKeyArray

from ...integrators import DDIM, sample
from ...scores import Guided, TokenPrompted
from ..base import Results
from ..latent_diffusion import log_snr
from ..measurements import together

SLOTS, VOCABULARY = 4, 12  # words of a caption, and different words of a slot
COPIES = 6  # captions of the repeated image, which carry the trigger in the first slot
TRIGGER, OTHER = 0, 1  # words of the first slot
BETA = 3.0  # log-odds of a word of the caption against any other
D = 16
G = 7.5  # guidance weight
HIT = 0.5  # distance within which a sample is a copy
HIGH, LOW = 0.5, 0.1  # exact shares of copies of prompts that guidance completes, and of those that it empties
FEW = 10  # prompts below which a share of them says little
KINDS = ("random", "of a caption")  # words of a prompt beside the trigger
WORDS = ("with trigger", "without")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    records: int = 300
    prompts: int = 12  # of each kind, with the trigger and without it
    samples: int = 400  # for each prompt
    steps: int = 100


FULL = Settings()
SMOKE = Settings(prompts=5, samples=200)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Exact shares of copies of each prompt, and those among samples without and with guidance."""
    first, second, third, fourth = jax.random.split(key, 4)
    points = jax.random.normal(first, (settings.records, D))
    points = points.at[:COPIES].set(points[0])
    tokens = jax.random.randint(second, (settings.records, SLOTS), 0, VOCABULARY)
    tokens = tokens.at[:COPIES, 0].set(TRIGGER)
    score = TokenPrompted(points, tokens, tokens[0], BETA)
    prompts = prompts_of(tokens, settings.prompts, third)
    starts = jax.random.normal(fourth, (settings.samples, D))
    exact = np.array([[copied_mass(score, prompt) for prompt in pair] for pair in prompts])
    measured = [[rates(score, prompt, starts, settings.steps) for prompt in pair] for pair in prompts]
    curves = xr.Dataset(
        {
            "exact": (("prompt", "words"), exact),
            "rate": (("prompt", "words", "guidance"), np.array(measured)),
            "ablated": (("prompt", "slot"), np.array([ablated(score, pair[0]) for pair in prompts])),
        },
        {"words": list(WORDS), "guidance": [1.0, G], "kind": ("prompt", np.repeat(KINDS, settings.prompts))},
    )
    return together((summary(curves, settings.samples), curves))


def prompts_of(tokens: Array, count: int, key: PRNGKeyArray) -> Int[np.ndarray, "prompts two slots"]:
    """Pairs of prompts with the trigger and without it, alike in the other words: `count` with three random ones, then
    `count` with two or, every second time, three of a caption of the repeated image.
    """
    random, which = jax.random.split(key)
    words = np.array(jax.random.randint(random, (2 * count, SLOTS), 0, VOCABULARY))
    captions = np.asarray(tokens[jax.random.randint(which, (count,), 0, COPIES)])
    words[count:, 1:3] = captions[:, 1:3]
    words[count::2, 3] = captions[::2, 3]
    pairs = np.stack([words, words], axis=1)
    pairs[:, 0, 0], pairs[:, 1, 0] = TRIGGER, OTHER
    return pairs


def copied_mass(score: TokenPrompted, prompt: ArrayLike) -> float:
    """The law: the prior weight of the repeated image given the prompt."""
    return float(score.conditioned(prompt).prior()[:COPIES].sum())


def ablated(score: TokenPrompted, prompt: np.ndarray) -> list[float]:
    """The law with each slot in turn replaced by a word that no caption has."""
    return [copied_mass(score, np.where(np.arange(SLOTS) == slot, -1, prompt)) for slot in range(SLOTS)]


def rates(score: TokenPrompted, prompt: np.ndarray, starts: Array, steps: int) -> list[float]:
    """The share of samples that are copies of the repeated image, without guidance and with it."""
    process, times = log_snr(steps)
    found = []
    for weight in (1.0, G):
        guided = Guided(score.conditioned(prompt), score.unconditional, jnp.asarray(weight))
        ends = sample(guided, process, DDIM(), times, (D,), len(starts), key=jax.random.key(0), start=starts).points
        distance = jnp.linalg.norm(ends - score.unconditional.points[0][None], axis=1)
        found.append(float((distance < HIT).mean()))
    return found


def summary(found: xr.Dataset, samples: int) -> dict[str, float]:
    """The numbers of the claims."""
    exact, plain = found.exact, found.rate.sel(guidance=1.0)
    deviations = abs(plain - exact) / np.sqrt(exact * (1 - exact) / samples)
    random = found.kind == KINDS[0]
    lift = (exact.sel(words=WORDS[0]) / exact.sel(words=WORDS[1]))[random]
    guided, mass = found.rate.sel(words=WORDS[0]), exact.sel(words=WORDS[0])
    values = {"law": float(deviations.max()), "lift": float(lift.median())}
    if random.sum() >= FEW:
        values["ablation"] = float((found.ablated.argmin("slot") == 0)[random].mean())
    change = guided.sel(guidance=G) - guided.sel(guidance=1.0)
    return values | {
        "guidance_high": float(guided.sel(guidance=G)[mass >= HIGH].min()),
        "guidance_low": float(change[mass <= LOW].mean()),
    }
