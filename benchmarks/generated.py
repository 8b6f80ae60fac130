"""Points that are never stored

`Generated` draws n points of N(0, I) in 32 dimensions from a key, chunk by chunk, in each pass; 64 forward queries, at
several sigma. The limit is to draw the same points from the same keys and only add up their coordinates.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from book import ratio
from measure import Contender, compiled, compiled_for, race

from diffmem import NoiseLevel
from diffmem.reductions import Generated
from diffmem.scores import Empirical

D, QUERIES = 32, 64
ALONE = "drawing alone"
SIGMAS = {10**8: (0.7,), 10**7: (0.2, 0.7, 2.0), 10**6: (0.7,)}


def cases(full: bool) -> list[str]:
    """Numbers of points; the largest takes a minute for a pass on a small machine."""
    return [f"n = {10**7}", f"n = {10**8}"] if full else [f"n = {10**6}"]


def draw(key):
    """One point."""
    return jr.normal(key, (D,))


def run(book, case: str) -> None:
    """Drawing, and posteriors."""
    n = int(case.split("=")[1])
    key = jr.key(0)
    score = Empirical(key, reduction=Generated(draw, n))
    arrays, static = eqx.partition(score, eqx.is_array)

    def posterior(x, sigma, arrays):
        return jax.vmap(lambda x: eqx.combine(arrays, static).posterior(x, NoiseLevel(1.0, sigma)))(x)

    ready = compiled_for(posterior, jnp.zeros((QUERIES, D)), jnp.float32(1), arrays)
    z = jr.normal(jr.key(1), (QUERIES, D))
    own = jax.vmap(lambda i: draw(jr.fold_in(key, i)))(jnp.arange(QUERIES))
    names = {sigma: f"{QUERIES} posteriors, sigma {sigma:g}" for sigma in SIGMAS[n]}
    contenders = [Contender(ALONE, partial(alone, key, n, score.reduction.rows(n, D)))]
    contenders += [
        Contender(name, partial(ready, own + sigma * z, jnp.float32(sigma))) for sigma, name in names.items()
    ]
    found = race(book, case, contenders, ours=next(iter(names.values())), limit=(ALONE,))
    rows = [row for row in book.content["rows"] if row["method"] in names.values()]
    for sigma, name in names.items():
        book.goal(case, f"time / {ALONE}, sigma {sigma:g}", ratio(found, name, ALONE), most=1.5)
    memory = max((row.get("memory_bytes") or 0 for row in rows), default=None)
    book.goal(case, "extra memory, bytes", memory, most=1e9)


def alone(key, n, rows):
    """The same points in the same chunks, added up."""

    def total(key):
        def chunk(i):
            index = jnp.minimum(i * rows + jnp.arange(rows), n - 1)
            return jnp.sum(jax.vmap(lambda i: draw(jr.fold_in(key, i)))(index))

        return jnp.sum(jax.lax.map(chunk, jnp.arange(-(-n // rows))))

    return compiled(total, key)
