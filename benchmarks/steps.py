"""The cost of a step

1,000 steps of Euler and Maruyama's method for 256 points of the plane, where the score is next to nothing: the loop of
the library against a `lax.scan` written by hand with the same formula and the same draws (its *error* is the largest
difference of the end points), and against diffrax's Euler method with constant steps in the same clock, on its two
Brownian motions.

Where the time goes: on one core the Gaussian takes 1.03 times the loop by hand, the four points 1.5, whose pass (the
nearest, gaps to it, weights, and whether they are settled) costs 6.7 us a step against 1.8 for one softmax. On two
cores the step's kernels, of a tenth of a microsecond, are handed between XLA's threads: with
`--xla_cpu_multi_thread_eigen=false` the Gaussian's ratio is 1.08.
"""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from book import ratio
from measure import Contender, compiled, race, warmed

import diffmem as dm
from diffmem import scores
from diffmem.integrators import EulerMaruyama, grids

STEPS, COUNT = 1000, 256
POINTS = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8], [0.2, 0.1]], np.float32)
SCAN, TREE, PATH = "lax.scan by hand", "diffrax, VirtualBrownianTree", "diffrax, UnsafeBrownianPath"


def cases(full: bool) -> list[str]:
    """Two scores."""
    return ["Gaussian", "4 points"]


def run(book, case: str) -> None:
    """Ours, by hand, diffrax."""
    process = dm.processes.OrnsteinUhlenbeck()
    times = grids.uniform(process, steps=STEPS)
    start = jr.normal(jr.key(1), (COUNT, 2))
    score, by_hand = laws()[case]

    def ours():
        def call():
            state = dm.sample(
                score, process, EulerMaruyama(), times, (2,), COUNT, key=jr.key(0), start=start, finish="state"
            )
            return state.points

        return warmed(call)

    truth = np.asarray(scanned(by_hand, times, start).call())
    contenders = [
        Contender("diffmem", ours),
        Contender(SCAN, partial(scanned, by_hand, times, start)),
        Contender(TREE, partial(by_diffrax, by_hand, times, start, True)),
        Contender(PATH, partial(by_diffrax, by_hand, times, start, False)),
    ]

    def error(result):
        return float(np.abs(np.asarray(result) - truth).max())

    found = race(book, case, contenders, ours="diffmem", error=error, repeats=15 if book.full else 5)
    book.goal(case, "time / lax.scan by hand", ratio(found, "diffmem", SCAN), most=1.1)
    book.goal(case, f"{TREE} / time", ratio(found, TREE, "diffmem"), least=5)
    book.goal(case, f"{PATH} / time", ratio(found, PATH, "diffmem"), least=5)


def laws() -> dict:
    """Each score, and its denoiser written out for one point."""
    mean, variance = jnp.asarray([1.0, -1.0]), 0.5

    def gaussian(x, alpha, sigma):
        return mean + alpha * variance / (alpha**2 * variance + sigma**2) * (x - alpha * mean)

    def empirical(x, alpha, sigma):
        away = x - alpha * POINTS
        return jax.nn.softmax(-jnp.sum(away**2, axis=1) / (2 * sigma**2)) @ POINTS

    return {
        "Gaussian": (scores.Gaussian(np.array([1.0, -1.0], np.float32), np.float32(variance)), gaussian),
        "4 points": (scores.Empirical(POINTS), empirical),
    }


def reverse(denoise, x, t):
    """Drift and noise of the reverse Ornstein-Uhlenbeck process, `alpha = e^-t`, and its dt is negative."""
    alpha, sigma = jnp.exp(-t), jnp.sqrt(-jnp.expm1(-2 * t))
    score = (alpha * denoise(x, alpha, sigma) - x) / sigma**2
    return -x - 2 * score, jnp.sqrt(jnp.full_like(t, 2))


def scanned(denoise, times, start):
    """The loop by hand, with the keys that `sample` uses."""

    def walk(times, start, key):
        def one(i, x):
            path = jr.split(jr.fold_in(key, i))[1]

            def step(x, inputs):
                index, now, after = inputs
                drift, noise = reverse(denoise, x, now)
                z = jr.normal(jr.fold_in(path, index), (2,))
                return x + drift * (after - now) + noise * jnp.sqrt(now - after) * z, None

            return jax.lax.scan(step, x, (jnp.arange(STEPS), times[:-1], times[1:]))[0]

        return jax.vmap(one)(jnp.arange(COUNT), start)

    return compiled(walk, times, start, jr.key(0))


def by_diffrax(denoise, times, start, tree: bool):
    """Euler with constant steps, run forward in the time left."""
    import diffrax

    first, last = float(times[0]), float(times[-1])
    length = first - last

    def walk(start, key):
        def one(i, x):
            path = jr.fold_in(key, i)
            if tree:
                motion = diffrax.VirtualBrownianTree(0.0, length, length / STEPS / 2, (2,), path)
            else:
                motion = diffrax.UnsafeBrownianPath((2,), path)
            drift = diffrax.ODETerm(lambda s, x, _: -reverse(denoise, x, first - s)[0])
            noise = diffrax.ControlTerm(lambda s, x, _: lineax_identity(reverse(denoise, x, first - s)[1]), motion)
            found = diffrax.diffeqsolve(
                diffrax.MultiTerm(drift, noise),
                diffrax.Euler(),
                0.0,
                length,
                length / STEPS,
                x,
                max_steps=STEPS + 1,
                adjoint=diffrax.DirectAdjoint(),
            )
            return found.ys[0]

        return jax.vmap(one)(jnp.arange(COUNT), start)

    return compiled(walk, start, jr.key(0))


def lineax_identity(scale):
    """A multiple of the identity, as diffrax wants it."""
    import lineax

    return lineax.DiagonalLinearOperator(jnp.broadcast_to(scale, (2,)))
