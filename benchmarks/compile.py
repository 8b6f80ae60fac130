"""What a first call costs, and what compiles again

The time from NumPy arrays to results, everything traced and compiled on the way, in a fresh process that has imported
what it needs: 64 posteriors of 500 points in 64 dimensions, and 64 samples by Heun's method in 18 steps, against the
same sums and the same scan written plainly in JAX. *Another count* and *another n* are further calls in a process
that has made the first one, *the same cell again* runs the text of a notebook cell a second time, its observer (or, in
plain JAX, its jitted function) defined anew. *Compile* is what the call took more than the calls after it.

The last case counts the programs that XLA compiles, as `jax.monitoring` reports them, when arguments change after two
calls of each function.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

OURS, PLAIN = "diffmem", "plain JAX"
N, D, COUNT, STEPS = 500, 64, 64, 18
GOALS = {
    "posterior": 0.6,
    "posterior, not jitted": 0.6,
    "sample": 1.2,
    "sample, observed": 1.2,
    "sample, another count": 1.2,
    "sample, another n": 1.2,
    "the same cell again": None,
}
QUICK = ("posterior", "the same cell again")  # of the smoke scale
CHANGED = "changed arguments"
LATER = 0.1  # seconds that the same cell may take more than its run
EVENT = "/jax/core/compile/backend_compile_duration"


def cases(full: bool) -> list[str]:
    """First calls, and counting."""
    return [*(GOALS if full else QUICK), CHANGED]


def run(book, case: str) -> None:
    """Processes in turn, or the count."""
    if case == CHANGED:
        return count(book, case)
    found: dict[str, list] = {OURS: [], PLAIN: []}
    for _ in range(5 if book.full else 1):
        for who, each in found.items():
            each.append(in_fresh_process(case, who))
    for who, each in found.items():
        first, later = ([times[part] for times in each] for part in ("first", "later"))
        compiling = max(statistics.median(first) - statistics.median(later), 0.0)
        book.row(case, who, seconds=first, compile_seconds=compiling)
        if who == OURS:
            most = GOALS[case]
            what, measured = "seconds of the first call", statistics.median(first)
            if most is None:
                what, measured, most = "seconds more than the run", compiling, LATER
            book.goal(case, what, measured, most=most)


def in_fresh_process(case: str, who: str) -> dict[str, float]:
    """Seconds of the first call and of later ones."""
    environment = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, str(Path(__file__)), case, who]
    ended = subprocess.run(command, env=environment | {"JAX_ENABLE_X64": "0"}, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    return json.loads(ended.stdout.strip().splitlines()[-1])


def main(case: str, who: str) -> None:
    """In the fresh process: the case's calls, and their times as JSON."""
    import jax
    import jax.numpy as jnp
    from measure import seconds_of

    import diffmem as dm

    for part in (dm.sample, dm.NoiseLevel, dm.processes, dm.integrators, dm.scores):
        assert part  # loaded
    seconds_of(lambda: jax.jit(lambda x: x + 1)(jnp.zeros(2)))  # the backend has started
    before, first, later = calls(case, who == OURS)
    if before is not None:
        seconds_of(before)
    print(json.dumps({"first": seconds_of(first), "later": statistics.median(seconds_of(later) for _ in range(5))}))


def calls(case: str, ours: bool) -> tuple[Callable | None, Callable, Callable]:
    """What is called before, the call that is timed, and the one that shows how long it takes without compiling."""
    if case == "the same cell again":
        return same_cell(ours)
    if case.startswith("posterior"):
        make = our_posterior if ours else plain_posterior
        call = make(case == "posterior")
        return None, call, call
    make, watched = our_sample if ours else plain_sample, case == "sample, observed"
    call = make(watched)
    if case == "sample, another count":
        return call, lambda: call(count=48), lambda: call(count=48)
    if case == "sample, another n":
        return call, lambda: call(n=600), lambda: call(n=600)
    return None, call, call


def points_and_queries(n: int = N):
    """In float32."""
    import numpy as np

    rng = np.random.default_rng(0)
    points = rng.standard_normal((n, D), np.float32)
    return points, points[:COUNT] + np.float32(2) * rng.standard_normal((COUNT, D), np.float32)


def our_posterior(jitted: bool):
    """The jitted function or the vmapped method, of a score that is made in the call."""
    import jax

    import diffmem as dm

    points, queries = points_and_queries()
    made = {}

    def call():
        if not made:
            score = dm.scores.Empirical(points)
            function = jax.vmap(lambda x: score.posterior(x, dm.NoiseLevel(1.0, 2.0)))
            made["function"] = jax.jit(function) if jitted else function
        return made["function"](queries)

    return call


def plain_posterior(jitted: bool):
    """The eight sums."""
    import jax
    import jax.numpy as jnp
    from shapes import eight_sums

    points, queries = points_and_queries()
    function = jax.jit(eight_sums) if jitted else eight_sums

    def call():
        y = jnp.asarray(points)
        return function(jnp.asarray(queries), jnp.float32(2), y, jnp.sum(y * y, axis=1) / 2)

    return call


def our_sample(watched: bool):
    """`sample` of any count and n."""
    import jax.random as jr

    import diffmem as dm
    from diffmem.integrators import Heun, grids

    def watch(x, level, found):
        return found.info.participation

    def call(n: int = N, count: int = COUNT):
        process = dm.processes.EDM()
        times, score = grids.karras(process, steps=STEPS), dm.scores.Empirical(points_and_queries(n)[0])
        observe = watch if watched else None
        return dm.sample(score, process, Heun(), times, (D,), count, key=jr.key(0), observe=observe)[:2]

    return call


def plain_sample(watched: bool):
    """The scan by hand, its starting points included."""
    import jax

    draw = jax.jit(drawn_by_hand, static_argnums=(3, 4))

    def call(n: int = N, count: int = COUNT):
        return draw(by_hand_times(), points_and_queries(n)[0], jax.random.key(0), count, watched)

    return call


def by_hand_times():
    """From 80 to .002, as the library's grid."""
    import numpy as np

    return (np.linspace(80 ** (1 / 7), 0.002 ** (1 / 7), STEPS + 1) ** 7).astype(np.float32)


def drawn_by_hand(times, y, key, count: int, watched: bool):
    """Heun's method for the process with alpha = 1 and sigma = t, and 1 / sum w^2 at each time if that is wanted."""
    import jax
    import jax.numpy as jnp

    squares = jnp.sum(y * y, axis=1) / 2

    def looked(x, sigma):
        logits = (jnp.matmul(x, y.T, precision="highest") - squares[None]) / sigma**2
        w = jax.nn.softmax(logits, axis=1)
        return jnp.matmul(w, y, precision="highest"), 1 / jnp.sum(w * w, axis=1) if watched else None

    def step(x, pair):
        now, after = pair
        mean, seen = looked(x, now)
        slope = (x - mean) / now
        predicted = x + (after - now) * slope
        corrected = (slope + (predicted - looked(predicted, after)[0]) / after) / 2
        return x + (after - now) * corrected, seen

    x, seen = jax.lax.scan(step, times[0] * jax.random.normal(key, (count, y.shape[1])), (times[:-1], times[1:]))
    mean, last = looked(x, times[-1])
    return mean, jnp.concatenate([seen, last[None]]) if watched else None


OUR_CELL = """
watch = lambda x, level, found: found.info.participation
score = dm.scores.Empirical(points)
process = dm.processes.EDM()
times = grids.karras(process, steps=STEPS)
def once():
    return dm.sample(score, process, Heun(), times, (D,), COUNT, key=jr.key(0), observe=watch)[:2]
drawn = once()
"""
PLAIN_CELL = """
draw = jax.jit(lambda times, y, key: drawn_by_hand(times, y, key, COUNT, True))
def once():
    return draw(by_hand_times(), points, jr.key(0))
drawn = once()
"""


def same_cell(ours: bool):
    """A notebook's cell, run by `exec` in one namespace; later runs are of the objects that are there."""
    import jax
    import jax.random as jr

    import diffmem as dm
    from diffmem.integrators import Heun, grids

    names = {"dm": dm, "jr": jr, "jax": jax, "grids": grids, "Heun": Heun, "points": points_and_queries()[0]}
    names |= {"STEPS": STEPS, "D": D, "COUNT": COUNT, "drawn_by_hand": drawn_by_hand, "by_hand_times": by_hand_times}

    def cell():
        exec(OUR_CELL if ours else PLAIN_CELL, names)
        return names["drawn"]

    return cell, cell, lambda: names["once"]()


def count(book, case: str) -> None:
    """Each change after two calls that compile what there is to compile."""
    import jax
    import jax.random as jr
    import numpy as np
    import points as data

    import diffmem as dm
    from diffmem.integrators import Heun, grids
    from diffmem.scores import Empirical

    counted = []

    def listen(event, seconds, **_):
        if event == EVENT:
            counted.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    points = data.image_like(500, 48)
    x = points[0] + np.float32(0.5)
    score, process = Empirical(points), dm.processes.OrnsteinUhlenbeck()
    times = grids.karras(process, steps=6)
    weights = np.random.default_rng(0).random((4, 500), np.float32)
    half = dm.NoiseLevel(1.0, 0.5)

    def sampled(score, times, seed, observe=None):
        return dm.sample(score, process, Heun(), times, (48,), 8, key=jr.key(seed), observe=observe)[:2]

    changes = {
        "sigma": lambda k: score.posterior(x, dm.NoiseLevel(1.0, 0.5 + k)),
        "alpha": lambda k: score.posterior(x, dm.NoiseLevel(1 / (k + 2), 0.5)),
        "t": lambda k: score.posterior(x, process.level(0.1 + k)),
        "x": lambda k: score.posterior(x + np.float32(k), half),
        "beta": lambda k: score.log_partition(x, half, beta=0.5 + k),
        "weights": lambda k: Empirical(points, weights[k]).posterior(x, half),
        "points": lambda k: Empirical(points + np.float32(k)).score(x, half),
        "key of `sample`": lambda k: sampled(score, times, k),
        "times of `sample`": lambda k: sampled(score, times * (1 - k / 100), 0),
        "points of `sample`": lambda k: sampled(Empirical(points * np.float32(k + 1)), times, 0),
        "observer of the same text": lambda k: sampled(score, times, k, lambda x, level, found: found.info.entropy),
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


if __name__ == "__main__":
    main(*sys.argv[1:])
