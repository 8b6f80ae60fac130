"""Detectors of memorized prompts

The gap of the two branches of guidance at the first step, for a thousand prompts with four starting noises each:
records of 64 coordinates with prompt embeddings of 16, float32. *Error* is the largest relative error of a gap against
sums written out in double precision. Plain JAX holds the energies of all prompts and noises at once.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from book import ratio
from measure import Contender, race

from diffmem import NoiseLevel, mitigations, processes, scores

OURS, PLAIN = "diffmem", "plain JAX"
STARTS, D, K, WIDTH = 4, 64, 16, 0.5
PROCESS, TIMES = processes.OrnsteinUhlenbeck(t_max=5.0), np.array([5.0, 0.0])


def cases(full: bool) -> list[str]:
    """Prompts x records."""
    return ["1000 x 600", "1000 x 5000"] if full else ["50 x 200"]


def run(book, case: str) -> None:
    """The gaps of all prompts by each."""
    count, n = (int(word) for word in case.split(" x "))
    rng = np.random.default_rng(0)
    points, embeddings = rng.normal(size=(n, D)).astype(np.float32), rng.normal(size=(n, K)).astype(np.float32)
    prompts = embeddings[rng.integers(0, n, count)]
    starts = rng.normal(size=(STARTS, D)).astype(np.float32)
    level = NoiseLevel(*(float(part) for part in PROCESS.level(TIMES[0])))
    truth = written_out(points, embeddings, prompts, starts, level)

    def error(found):
        return float(np.max(np.abs(np.asarray(found) / truth - 1)))

    given = points, embeddings, prompts, starts
    contenders = [Contender(OURS, partial(ours, *given)), Contender(PLAIN, partial(plain, *given, level))]
    found = race(book, case, contenders, ours=OURS, error=error)
    book.goal(case, f"time / {PLAIN}", ratio(found, OURS, PLAIN), most=1.5)


def ours(points, embeddings, prompts, starts):
    """One guided score, asked for each prompt."""
    one = scores.PromptedEmpirical(points, embeddings, prompts[0], WIDTH)
    guided = scores.Guided(one, one.unconditional, 7.5)

    @jax.jit
    def gaps(guided, prompts):
        one = lambda e: mitigations.first_gaps(mitigations.with_prompt(guided, e), starts, PROCESS, TIMES)  # noqa: E731
        return jax.vmap(one)(prompts)

    return lambda: gaps(guided, prompts)


def plain(points, embeddings, prompts, starts, level):
    """Softmax of energies, with and without the prompt."""
    alpha, sigma = level

    @jax.jit
    def gaps(points, embeddings, prompts, starts):
        squares = ((starts[:, None] - alpha * points[None]) ** 2).sum(-1) / (2 * sigma**2)
        kernel = ((prompts[:, None] - embeddings[None]) ** 2).sum(-1) / (2 * WIDTH**2)
        given = jax.nn.softmax(-squares[None] - kernel[:, None], axis=-1) @ points
        free = jax.nn.softmax(-squares, axis=-1) @ points
        return alpha / sigma * jnp.linalg.norm(given - free[None], axis=-1)

    return lambda: gaps(points, embeddings, prompts, starts)


def written_out(points, embeddings, prompts, starts, level):
    """The gaps in double precision."""
    alpha, sigma = level
    points, embeddings, prompts, starts = (part.astype(float) for part in (points, embeddings, prompts, starts))
    squares = ((starts[:, None] - alpha * points[None]) ** 2).sum(-1) / (2 * sigma**2)

    def mean(energies):
        weights = np.exp(energies.min(-1, keepdims=True) - energies)
        return weights @ points / weights.sum(-1, keepdims=True)

    free = mean(squares)
    kernels = (((prompt - embeddings) ** 2).sum(-1) / (2 * WIDTH**2) for prompt in prompts)
    return np.stack([alpha / sigma * np.linalg.norm(mean(squares + one) - free, axis=-1) for one in kernels])
