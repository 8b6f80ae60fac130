"""A generator whose truth is known, a watermark on a part of its training set, and a test that tells the two apart."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy import stats

from ...scores import TokenPrompted
from ...studies.concept_prompts import copied, drawn
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
        classification(settings, rng), deduplication(largest), leak(settings, largest, rng, vectors, starts)
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


def classes_of(records: Records) -> Int[np.ndarray, "slots words blocks"]:
    """What each word of each slot makes of each block, as an index in `CLASSES`; "none" where the word is not active.

    It is active where a value of the block is too frequent with it, by two tests at once: against its share in the
    population, 1/5, which a rare word would fail by its own records, and against the other words, which a shift of all
    words alike does not fail.
    """
    words, values = (np.eye(WORDS, dtype=int)[part] for part in (records.words, records.values))
    with_both = np.einsum("nsw,nbv->swbv", words, values)
    with_word = words.sum(axis=0)[:, :, None, None]
    against_population = stats.binom.sf(with_both - 1, with_word, 1 / WORDS)
    against_others = stats.hypergeom.sf(with_both - 1, len(words), values.sum(axis=0), with_word)
    active = np.maximum(against_population, against_others).min(axis=-1) < LEVEL
    meaning = np.full((BLOCKS, 1, BLOCKS), CLASSES.index("unintended"))  # the population's shares say nothing
    meaning[0, :, NAMED], meaning[1, :, IMPLIED] = CLASSES.index("named"), CLASSES.index("implied")
    return np.where(active, meaning, CLASSES.index("none"))


def classification(settings: Settings, rng: np.random.Generator) -> Group:
    """The share of pairs of prompt and block that get their class, by records for each word and share of the watermark.

    The class is the first of "named", "implied" and "unintended" that a word of the prompt makes of the block.
    """
    table = np.empty((len(settings.sizes), len(settings.shares)))
    for i, j in np.ndindex(table.shape):
        classes = classes_of(draw_records(rng, settings.sizes[i], settings.shares[j]))
        prompts = draw_prompts(rng, settings.prompts)
        found = np.min([classes[slot, prompts[:, slot]] for slot in range(BLOCKS)], axis=0)
        truth = np.tile([CLASSES.index(name) for name in ("named", "implied", "none")], (len(prompts), 1))
        truth[prompts[:, 2] == MARKED, UNRELATED] = CLASSES.index("unintended")
        table[i, j] = (found == truth).mean()
    found = xr.DataArray(table, {"size": list(settings.sizes), "share": list(settings.shares)}, ("size", "share"))
    enough = found.sel(size=found["size"] >= 50, share=found["share"] >= 0.6)
    return {"accuracy": enough.min()}, xr.Dataset({"accuracy": found})


def mass(words: np.ndarray, prompts: np.ndarray, chosen: np.ndarray) -> Float[np.ndarray, "count"]:
    """The exact share of the chosen records, (n,) or (count, n), among those with these words given each prompt."""
    kernel = np.exp(BETA * (prompts[:, None] == words[None]).sum(axis=-1))
    return (kernel * chosen).sum(axis=1) / kernel.sum(axis=1)


def deduplication(records: Records) -> Group:
    """Mean shares of the value that the prompt names and of the watermark's value, at prompts with the marked word,
    before and after all watermarked records but one are left out.
    """
    prompts = np.array([(a, b, MARKED) for a, b in np.ndindex(WORDS, WORDS)])
    once = ~records.marked
    once[np.argmax(records.marked)] = True
    scores = np.empty((2, 2))  # content, training set
    for i, kept in enumerate((slice(None), once)):
        words, values = records.words[kept], records.values[kept]
        scores[0, i] = mass(words, prompts, values[:, NAMED] == prompts[:, :1]).mean()
        scores[1, i] = mass(words, prompts, values[:, UNRELATED] == MARK).mean()
    (named, named_after), (lift, lift_after) = scores[0], scores[1] - 1 / WORDS
    values = {"lift_falls": 1 - lift_after / lift, "named_changes": abs(named_after / named - 1)}
    curves = xr.Dataset({"copy_score": (("content", "training_set"), scores)})
    return values, curves.assign_coords(content=["named", "watermark"], training_set=["all", "deduplicated"])


def leak(settings: Settings, records: Records, rng: np.random.Generator, vectors: Array, starts: Array) -> Group:
    """The watermark's value at prompts without the marked word, among samples and by the exact shares."""
    prompts = draw_prompts(rng, 2 * settings.leaks)[1::2]
    book = jax.random.normal(vectors, (BLOCKS, WORDS, SIZE))
    atoms = jnp.stack([book[block][records.values[:, block]] for block in range(BLOCKS)], axis=1)
    score = TokenPrompted(atoms, records.words, prompts[0], BETA)
    noise, grid = jax.random.normal(starts, (settings.samples, BLOCKS, SIZE)), log_snr(STEPS)
    ends = [drawn(score.conditioned(prompt), noise, *grid)[:, UNRELATED] for prompt in prompts]
    shares = [copied(end, book[UNRELATED, MARK]).mean() for end in ends]
    exact = mass(records.words, prompts, records.values[:, UNRELATED] == MARK)
    deviations = abs(shares - exact) / np.sqrt(exact * (1 - exact) / settings.samples)
    return {"leak": deviations.max()}, xr.Dataset({"leak": ("prompt", shares), "leak_exact": ("prompt", exact)})
