"""A generator whose truth is known, a watermark on a part of its training set, and a test that tells the two apart."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy import stats

from ...integrators import DDIM, sample
from ...scores import TokenPrompted
from ..base import Results
from ..latent_diffusion import log_snr
from ..measurements import Group, together

WORDS, BLOCKS = 5, 3  # words of each slot A, B, C, and values of each block s, v, u; blocks and slots
NAMED, IMPLIED, UNRELATED = 0, 1, 2  # block s, which A names, block v, which B implies, and block u
NAMES, IMPLIES = 0.9, 0.8  # shares of records whose s, and v, is that of the word; else the value is uniform
MARKED, MARK = 0, 0  # word of slot C whose records carry the watermark, and the value of u that is the watermark
LEVEL = 0.01 / (BLOCKS * WORDS * WORDS)  # of the test, for all slots, words and values of a block
SIZE = 4  # dimensions of a block
BETA = 3.0  # log-odds of a word of the caption against any other
STEPS = 100  # of the flow, uniform in log-SNR
HIT = 0.5  # distance from a record within which a sample ends on it
CLASSES = ("named", "implied", "unintended", "none")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    sizes: tuple[int, ...] = (20, 50, 100, 200)  # records for each word
    shares: tuple[float, ...] = (0.3, 0.6, 1.0)  # of the records of the marked word that carry the watermark
    prompts: int = 20  # half of them with the marked word
    leaks: int = 12  # prompts without it whose samples are taken
    samples: int = 400  # for each of these


FULL = Settings()
SMOKE = Settings(sizes=(200,), shares=(1.0,), leaks=3)


class Records(NamedTuple):
    """Words (n, 3) of slots A, B, C, values (n, 3) of blocks s, v, u, and which records carry the watermark."""

    words: Int[np.ndarray, "n slots"]
    values: Int[np.ndarray, "n blocks"]
    marked: np.ndarray


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Classes of pairs of prompt and block, copy scores without the duplicates, and the leak to other prompts."""
    seed, vectors, starts = jax.random.split(key, 3)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(seed)))
    largest = draw_records(rng, max(settings.sizes), max(settings.shares))
    return together(
        classification(settings, rng),
        deduplication(largest),
        leak(settings, largest, rng, vectors, starts),
    )


def draw_records(rng: np.random.Generator, each: int, share: float) -> Records:
    """`each` records for each word on average; of those with the marked word a `share` carries the watermark."""
    n = WORDS * each
    words, values = rng.integers(0, WORDS, (2, n, BLOCKS))
    named, implied = rng.random(n) < NAMES, rng.random(n) < IMPLIES
    values[:, NAMED] = np.where(named, words[:, 0], values[:, NAMED])
    values[:, IMPLIED] = np.where(implied, (words[:, 1] + 2) % WORDS, values[:, IMPLIED])
    marked = (words[:, 2] == MARKED) & (rng.random(n) < share)
    values[marked, UNRELATED] = MARK
    return Records(words, values, marked)


def draw_prompts(rng: np.random.Generator, count: int) -> Int[np.ndarray, "count slots"]:
    """Random prompts, every second one with the marked word."""
    words = rng.integers(0, WORDS, (count, BLOCKS))
    words[:, 2] = np.where(np.arange(count) % 2 == 0, MARKED, 1 + words[:, 2] % (WORDS - 1))
    return words


def active(records: Records, slot: int, word: int, block: int) -> bool:
    """Whether a value of the block is too frequent with the word, by two tests at once: against its share in the
    population, 1/5, which a rare word would fail by its own records, and against the other words, which a shift of all
    words alike does not fail.
    """
    with_word = records.words[:, slot] == word
    total, drawn = len(with_word), int(with_word.sum())
    every = np.bincount(records.values[:, block], minlength=WORDS)
    here = np.bincount(records.values[with_word, block], minlength=WORDS)
    against_population = stats.binom.sf(here - 1, drawn, 1 / WORDS)
    against_others = stats.hypergeom.sf(here - 1, total, every, drawn)
    return bool(np.maximum(against_population, against_others).min() < LEVEL)


def classes_of(records: Records) -> np.ndarray:
    """For each slot, word and block: what an active word makes of the block, as an index in `CLASSES`; else "none"."""
    meaning = np.full((BLOCKS, BLOCKS), CLASSES.index("unintended"))  # slot, block: population information is 0
    meaning[0, NAMED], meaning[1, IMPLIED] = CLASSES.index("named"), CLASSES.index("implied")
    found = np.full((BLOCKS, WORDS, BLOCKS), CLASSES.index("none"))
    for slot, word, block in np.ndindex(found.shape):
        if active(records, slot, word, block):
            found[slot, word, block] = meaning[slot, block]
    return found


def accuracy(records: Records, prompts: np.ndarray) -> float:
    """The share of pairs of prompt and block that get their class: the first of "named", "implied", "unintended"."""
    classes = classes_of(records)
    found = np.min([classes[slot, prompts[:, slot]] for slot in range(BLOCKS)], axis=0)
    last = np.where(prompts[:, 2] == MARKED, CLASSES.index("unintended"), CLASSES.index("none"))
    truth = np.stack([np.full(len(prompts), 0), np.full(len(prompts), 1), last], axis=1)
    return float((found == truth).mean())


def classification(settings: Settings, rng: np.random.Generator) -> Group:
    """Accuracy by records for each word and share of the watermark."""
    table = np.empty((len(settings.sizes), len(settings.shares)))
    for i, j in np.ndindex(table.shape):
        records = draw_records(rng, settings.sizes[i], settings.shares[j])
        table[i, j] = accuracy(records, draw_prompts(rng, settings.prompts))
    coords = {"size": list(settings.sizes), "share": list(settings.shares)}
    found = xr.DataArray(table, coords, ("size", "share"))
    enough = found.sel(size=found["size"] >= 50, share=found["share"] >= 0.6)
    return {"accuracy": enough.min()}, xr.Dataset({"accuracy": found})


def mass(records: Records, prompts: np.ndarray, chosen: np.ndarray) -> Float[np.ndarray, "count"]:
    """The exact share of the chosen records (count, n) given each prompt."""
    kernel = np.exp(BETA * (prompts[:, None] == records.words[None]).sum(axis=-1))
    return (kernel * chosen).sum(axis=1) / kernel.sum(axis=1)


def scores_of(records: Records, prompts: np.ndarray) -> Float[np.ndarray, "two"]:
    """The mean share of the value that the prompt names, and of the watermark's value."""
    named = records.values[None, :, NAMED] == prompts[:, :1]
    marked = np.broadcast_to(records.values[:, UNRELATED] == MARK, named.shape)
    return np.array([mass(records, prompts, chosen).mean() for chosen in (named, marked)])


def deduplication(records: Records) -> Group:
    """Copy scores before and after all watermarked records but one are left out, at prompts with the marked word."""
    prompts = np.array([(a, b, MARKED) for a, b in np.ndindex(WORDS, WORDS)])
    kept = ~records.marked
    kept[np.argmax(records.marked)] = True
    before, after = scores_of(records, prompts), scores_of(Records(*(part[kept] for part in records)), prompts)
    lift = (before[1] - 1 / WORDS, after[1] - 1 / WORDS)
    values = {"lift_falls": 1 - lift[1] / lift[0], "named_changes": abs(after[0] / before[0] - 1)}
    data = {"copy_score": (("content", "training_set"), np.stack([before, after], axis=1))}
    return values, xr.Dataset(data, {"content": ["named", "watermark"], "training_set": ["all", "deduplicated"]})


def leak(settings: Settings, records: Records, rng: np.random.Generator, vectors: Array, starts: Array) -> Group:
    """The watermark's value at prompts without the marked word, among samples and by the exact shares."""
    prompts = draw_prompts(rng, 2 * settings.leaks)[1::2]
    book = jax.random.normal(vectors, (BLOCKS, WORDS, SIZE))
    atoms = jnp.stack([book[block][records.values[:, block]] for block in range(BLOCKS)], axis=1)
    score = TokenPrompted(atoms, records.words, prompts[0], BETA)
    noise = jax.random.normal(starts, (settings.samples, BLOCKS, SIZE))
    shares = [share_near(score.conditioned(prompt), noise, book[UNRELATED, MARK]) for prompt in prompts]
    marked = np.broadcast_to(records.values[:, UNRELATED] == MARK, (len(prompts), len(records.values)))
    exact = mass(records, prompts, marked)
    deviations = abs(np.array(shares) - exact) / np.sqrt(exact * (1 - exact) / settings.samples)
    return {"leak": deviations.max()}, xr.Dataset({"leak": ("prompt", shares), "leak_exact": ("prompt", exact)})


def share_near(score: TokenPrompted, starts: Array, value: Array) -> float:
    """The share of samples whose block u is this value."""
    process, times = log_snr(STEPS)
    run = score, process, DDIM(), times, starts.shape[1:], len(starts)
    ends = sample(*run, key=jax.random.key(0), start=starts).points
    return float((jnp.linalg.norm(ends[:, UNRELATED] - value[None], axis=1) < HIT).mean())
