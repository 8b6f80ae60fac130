"""What compiles again, and how compilation grows

After two calls of each function, its arguments are changed: the table counts the programs that XLA compiled meanwhile,
as `jax.monitoring` reports them. The rows are the compilation of 64 posteriors against the number of points.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import points as data
from measure import Ready, compiled

import diffmem as dm
from diffmem.integrators import Heun, grids
from diffmem.reductions import Chunked
from diffmem.scores import Empirical

EVENT = "/jax/core/compile/backend_compile_duration"
counted = []


def cases(full: bool) -> list[str]:
    """Counting, and growing."""
    return ["changed arguments", "more points"]


def run(book, case: str) -> None:
    """One of them."""
    if case == "changed arguments":
        jax.monitoring.register_event_duration_secs_listener(listen)
        count(book, case)
    else:
        grow(book, case)


def listen(event, seconds, **_):
    """Called by JAX after each compilation."""
    if event == EVENT:
        counted.append(seconds)


def count(book, case):
    """Each change after two calls that compile what there is to compile."""
    points = data.image_like(500, 48)
    x = points[0] + np.float32(0.5)
    score = Empirical(points, reduction=Chunked())
    process = dm.processes.OrnsteinUhlenbeck()
    times = grids.karras(process, steps=6)
    weights = np.random.default_rng(0).random((4, 500), np.float32)
    two = [weights[:2], weights[2:]]

    def sampled(score, times, seed):
        return dm.sample(score, process, Heun(), times, (48,), 8, key=jr.key(seed)).points

    changes = {
        "sigma": lambda k: score.posterior(x, dm.NoiseLevel(1.0, 0.5 + k)),
        "alpha": lambda k: score.posterior(x, dm.NoiseLevel(1 / (k + 2), 0.5)),
        "t": lambda k: score.posterior(x, process.level(0.1 + k)),
        "x": lambda k: score.posterior(x + np.float32(k), dm.NoiseLevel(1.0, 0.5)),
        "beta": lambda k: score.log_partition(x, dm.NoiseLevel(1.0, 0.5), beta=0.5 + k),
        "weights": lambda k: Empirical(points, two[k % 2][k // 2], Chunked()).posterior(x, dm.NoiseLevel(1.0, 0.5)),
        "points": lambda k: Empirical(points + np.float32(k), reduction=Chunked()).score(x, dm.NoiseLevel(1.0, 0.5)),
        "key of `sample`": lambda k: sampled(score, times, k),
        "times of `sample`": lambda k: sampled(score, times * (1 - k / 100), 0),
        "points of `sample`": lambda k: sampled(Empirical(points * np.float32(k + 1), reduction=Chunked()), times, 0),
    }
    jax.jit(lambda x: x + 1)(x)
    if not counted:
        raise RuntimeError("JAX reports no compilation, so nothing can be counted.")
    for name, call in changes.items():
        jax.block_until_ready([call(0), call(1)])
        counted.clear()
        jax.block_until_ready([call(2), call(3)])
        book.entry(changed=name, compilations=float(len(counted)))
        book.goal(case, f"programs compiled when {name} changes", float(len(counted)), most=0)


def grow(book, case):
    """Compilation at three sizes."""
    for n in (1_000, 10_000, 100_000) if book.full else (1_000, 10_000):
        score = Empirical(data.image_like(n, 64), reduction=Chunked())
        arrays, static = eqx.partition(score, eqx.is_array)

        def posterior(arrays, x, sigma, static=static):
            return jax.vmap(lambda x: eqx.combine(arrays, static).posterior(x, dm.NoiseLevel(1.0, sigma)))(x)

        made: Ready = compiled(posterior, arrays, jnp.zeros((64, 64)), jnp.float32(1))
        numbers = {"compile_seconds": made.compile_seconds, "temporary_bytes": made.temporaries}
        book.row(case, f"64 x {n} x 64", **numbers)
