"""The cost of a step, and of a sample

1,000 steps of Euler and Maruyama's method for 256 points of the plane, where the score is next to nothing: the loop of
the library against a `lax.scan` written by hand with the same formula and the same draws (its *error* is the largest
difference of the end points), and against diffrax's Euler method with constant steps in the same clock, on its two
Brownian motions. On a CPU, XLA gives parts of a step that do not wait for each other, here the draw and the evaluation
of the score, to two threads; for a step of a few microseconds handing over takes about as long as the work. With
`XLA_FLAGS=--xla_cpu_enable_concurrency_optimized_scheduler=false` they stay in one order, which for such steps takes
most of the difference away, and for large ones changes nothing.

Then 1,000 digits of 8 x 8 pixels, drawn by Heun's method in 18 steps from the law of all 1,797, noise from 80 to .002:
`sample`, `sample` with an observer that reads participation and entropy of the posterior at every grid time, and the
same scan written by hand around `softmax((x Y^T - |Y|^2/2) / sigma^2) Y`, from the same starting points. *Error* is the
share of samples that end more than .001 from where the same scan in double precision ends.
"""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from book import ratio
from by_hand import heun_by_hand
from measure import Contender, compiled, race, warmed

import diffmem as dm
from diffmem import scores
from diffmem.integrators import EulerMaruyama, Heun, grids

STEPS, COUNT = 1000, 256
POINTS = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8], [0.2, 0.1]], np.float32)
OURS, SCAN, OBSERVED = "diffmem", "lax.scan by hand", "diffmem, observed"
TREE, PATH = "diffrax, VirtualBrownianTree", "diffrax, UnsafeBrownianPath"
DIGITS, HEUN_STEPS = "1000 digits, Heun", 18


def cases(full: bool) -> list[str]:
    """Two scores of the plane, and the digits."""
    return ["Gaussian", "4 points", DIGITS]


def run(book, case: str) -> None:
    """Ours, by hand, diffrax."""
    if case == DIGITS:
        return of_digits(book, case)
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
        Contender(OURS, ours),
        Contender(SCAN, partial(scanned, by_hand, times, start)),
        Contender(TREE, partial(by_diffrax, by_hand, times, start, True)),
        Contender(PATH, partial(by_diffrax, by_hand, times, start, False)),
    ]

    def error(result):
        return float(np.abs(np.asarray(result) - truth).max())

    found = race(book, case, contenders, ours=OURS, error=error, repeats=15 if book.full else 5)
    book.goal(case, f"time / {SCAN}", ratio(found, OURS, SCAN), most=1.2)
    book.goal(case, f"{TREE} / time", ratio(found, TREE, OURS), least=5)
    book.goal(case, f"{PATH} / time", ratio(found, PATH, OURS), least=5)


def of_digits(book, case: str) -> None:
    """Samples by Heun's method."""
    from diffmem.data import digits

    n, count = (1797, 1000) if book.full else (300, 50)
    points = np.array(digits().points[:n], np.float32)
    process = dm.processes.EDM()
    times = grids.karras(process, steps=HEUN_STEPS)
    start = times[0] * jr.normal(jr.key(1), (count, points.shape[1]))
    score = scores.Empirical(points)

    def watch(x, level, found):
        return found.info.participation, found.info.entropy

    def ours(observe):
        shape = points.shape[1:]
        options = {"key": jr.key(0), "start": start, "observe": observe}
        return warmed(lambda: dm.sample(score, process, Heun(), times, shape, count, **options).points)

    truth = heun_in_double(points.astype(np.float64), np.asarray(times, np.float64), np.asarray(start, np.float64))

    def error(result):
        return float(np.mean(np.linalg.norm(np.asarray(result, np.float64) - truth, axis=1) > 1e-3))

    contenders = [
        Contender(OURS, partial(ours, None)),
        Contender(SCAN, lambda: compiled(heun_of_points, times, start, jnp.asarray(points))),
        Contender(OBSERVED, partial(ours, watch)),
    ]
    found = race(book, case, contenders, ours=OURS, error=error, repeats=9 if book.full else 3)
    book.goal(case, f"time / {SCAN}", ratio(found, OURS, SCAN), most=1.5)
    book.goal(case, "observed / not observed", ratio(found, OBSERVED, OURS), most=1.15)
    own = next((row for row in book.content["rows"] if row["method"] == OURS), {})
    book.goal(case, "share of samples that end elsewhere than in double precision", own.get("error"), most=0)


def heun_of_points(times, x, y):
    """D of the last state, by hand."""
    return heun_by_hand(times, x, y, jnp.sum(y * y, axis=1) / 2)


def heun_in_double(y, times, x):
    """The same in NumPy, in double precision."""

    def denoise(x, sigma):
        logits = (x @ y.T - np.sum(y * y, axis=1) / 2) / sigma**2
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e @ y / e.sum(axis=1, keepdims=True)

    for now, after in pairwise(times):
        slope = (x - denoise(x, now)) / now
        predicted = x + (after - now) * slope
        x = x + (after - now) * (slope + (predicted - denoise(predicted, after)) / after) / 2
    return denoise(x, times[-1])


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
