"""A posterior of a batch, shape by shape

The denoiser of a batch of forward queries against the line that anybody would write, `softmax((x Y^T - |Y|^2/2) /
sigma^2) Y`, and its posterior against the same eight sums written plainly (log p, mean, displacement, entropy,
participation, leader, its weight, spread): both rivals in jitted JAX with products of precision `highest`, all in
single precision with x64 off, or in double precision where a case says *x64*. Points are the 1,797 digits of 8 x 8
pixels in [-1, 1], else data of an image-like spectrum, k^-1.5, and unit variance per coordinate.

*Energies* says in which precision the library took the energies of the batch: single where that is accurate enough,
double elsewhere (*double, with moments*: the second product as well), and *by differences* where a product in double
precision is not enough for points of double precision, and for a handful of points. *Error* is the total variation of
the weights that the energies give, or, at 50,000 points, the error of the displacement D - x relative to its length:
the worst of some queries against direct differences in double precision. The second table has both errors, and those
of the participation; its ratios are those of the medians. Goals are judged at the worst sigma.

The cases *other libraries* set the posterior at sigma 8 against other ways to its mean, the slower ones with fewer
queries or points and their time scaled. The limit is two matrix products of the same shape by the fastest of XLA, NumPy
and PyTorch; errors are `|D - D_64| / |D_64|`.

Where goals are missed: a product in double precision takes twice as long as one in single, so that energies in double
with the second product in single take half as much again as the one line at best, and with both products in double
twice as much. In few dimensions the products are next to nothing, and every pass over the logits counts: those of
double precision move twice the bytes, and their limit without noise keeps XLA from taking them in one pass. Of
small batches, what is done once a batch is seen: the queries brought to the units of the points, and the choice of the
precision. Where points of double precision are subtracted coordinate by coordinate, at noise below a hundredth of their
radius, XLA adds the squares one at a time.
"""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import points as data
import rivals
from book import ratio
from by_hand import one_line, plain_logits
from measure import Contender, compiled_for, race

from diffmem import NoiseLevel
from diffmem.reductions import Dense
from diffmem.reductions.energies import by_differences, by_product, queries_of
from diffmem.scores import Empirical

LINE, SUMS, DENOISE, POSTERIOR = "one line", "eight sums", "diffmem denoise", "diffmem posterior"
MANY = 10_000  # points from which errors are those of the displacement
NOISES = (0.1, 2.0, 8.0, 40.0)
HEAVY = 8.0  # sigma at which other libraries are compared: many points share the weight


class Goals(NamedTuple):
    """The largest ratios to hope for."""

    single: float
    """Over the plain rival, where single precision is enough."""
    denoise: float
    """Of the denoiser where it is not."""
    posterior: float | None
    """Of the posterior where it is not; None where only the denoiser is compared."""
    low: float | None = None
    """Of both at the smallest sigma, where it has a goal of its own."""


FULL = {
    "1000 x 1797 x 64": (NOISES, Goals(1.15, 1.7, 1.4)),
    "256 x 5000 x 784": (NOISES, Goals(1.15, 1.6, 1.6)),
    "10000 x 5000 x 2": ((0.05, 0.5, 5.0), Goals(0.5, 0.5, None)),
    "1000 x 500 x 16": (NOISES, Goals(1.15, 1.15, None)),
    "1000 x 100 x 2": ((0.05, 0.5, 5.0), Goals(1.15, 1.15, None)),
    "1000 x 1797 x 64, x64": (NOISES, Goals(1.15, 1.7, 1.4)),
    "256 x 5000 x 784, x64": (NOISES, Goals(1.15, 1.6, 1.6)),
    "4000 x 5000 x 2, x64": ((0.005, 0.05, 0.5, 5.0), Goals(1.15, 1.15, None)),
    "64 x 50000 x 784": (NOISES, Goals(1.05, 1.5, 1.5, 0.6)),
    "64 x 50000 x 3072": (NOISES, Goals(1.05, 1.5, 1.5, 0.6)),
}
SMOKE = {
    "50 x 1797 x 64": ((0.1, 40.0), Goals(1.15, 1.7, 1.4)),
    "300 x 200 x 2": ((0.5,), Goals(0.5, 0.5, None)),
    "50 x 300 x 8, x64": ((0.01,), Goals(1.15, 1.7, 1.4)),
}
OTHERS = ", other libraries"
DOUBLE = ", x64"
WIDTH = {"single": np.float32, "double": np.float64}


def cases(full: bool) -> list[str]:
    """Queries x points x dimensions."""
    if not full:
        return [*SMOKE, "16 x 2000 x 128" + OTHERS]
    return [*FULL, *(case + OTHERS for case in FULL if "50000" in case)]


def run(book, case: str) -> None:
    """All noise scales of a shape, or the other libraries."""
    count, n, d = (int(word) for word in case.removesuffix(OTHERS).removesuffix(DOUBLE).split(" x "))
    dtype = np.dtype(np.float64 if case.endswith(DOUBLE) else np.float32)
    jax.config.update("jax_enable_x64", dtype == np.float64)
    points = training_set(n, d).astype(dtype)
    if case.endswith(OTHERS):
        return other_libraries(book, case.removesuffix(OTHERS), points, count)
    sigmas, goals = (FULL if book.full else SMOKE)[case]
    score, ways, plain = prepared(points, count, goals.posterior is not None)
    found = []
    for sigma in sigmas:
        queries = data.forward(points, sigma, count).astype(dtype)
        truths = [data.reference(points, x, sigma) for x in queries[: 8 if n >= MANY else 16]]
        precision, own = weights_of(score, queries, sigma, len(truths))
        other = jax.nn.softmax(plain_logits(queries[: len(truths)], dtype.type(sigma), *plain), axis=1)
        varied = {True: variation(own, truths), False: variation(np.asarray(other), truths)}
        found.append(at_level(book, case, ways, queries, sigma, truths, precision, varied))
    judge(book, case, goals, sigmas, found)


def training_set(n: int, d: int) -> np.ndarray:
    """The digits, or image-like data."""
    if (n, d) == (1797, 64):
        from diffmem.data import digits

        return np.array(digits().points, np.float32)
    return data.image_like(n, d, variance=1.0)


def prepared(points, count: int, both: bool):
    """The score; each way as a function of queries and sigma, compiled once with the points as arguments; and what the
    plain ways are given, the points and half their squares.
    """
    y = jax.device_put(points)
    squares = jnp.sum(y * y, axis=1) / 2
    score = Empirical(points)
    arrays, static = eqx.partition(score, eqx.is_array)

    def denoise(x, sigma, arrays):
        return jax.vmap(lambda x: eqx.combine(arrays, static).denoise(x, NoiseLevel(1.0, sigma)))(x)

    def posterior(x, sigma, arrays):
        return jax.vmap(lambda x: eqx.combine(arrays, static).posterior(x, NoiseLevel(1.0, sigma)))(x)

    ways = {LINE: (one_line, y, squares), DENOISE: (denoise, arrays)}
    if both:
        ways |= {SUMS: (eight_sums, y, squares), POSTERIOR: (posterior, arrays)}
    queries, sigma = np.zeros((count, points.shape[1]), points.dtype), points.dtype.type(1)
    made = {name: compiled_for(way, queries, sigma, *constant) for name, (way, *constant) in ways.items()}
    return score, made, (y, squares)


def eight_sums(x, sigma, y, squares):
    """What a posterior says, as anybody would write it."""
    (n, d), logits = y.shape, plain_logits(x, sigma, y, squares)
    top = jnp.max(logits, axis=1)
    depth = logits - top[:, None]
    e = jnp.exp(depth)
    Z = jnp.sum(e, axis=1)
    mean = jnp.matmul(e, y, precision="highest") / Z[:, None]
    shared = jnp.sum(x * x, axis=1) / (2 * sigma**2) + d * jnp.log(sigma * (2 * jnp.pi) ** 0.5)
    return {
        "log_prob": top + jnp.log(Z / n) - shared,
        "mean": mean,
        "displacement": mean - x,
        "entropy": jnp.log(Z) - jnp.sum(e * depth, axis=1) / Z,
        "participation": Z * Z / jnp.sum(e * e, axis=1),
        "leader": jnp.argmax(logits, axis=1),
        "leader_weight": 1 / Z,
        "spread": 2 * jnp.matmul(e, squares, precision="highest") / Z - jnp.sum(mean * mean, axis=1),
    }


def at_level(book, case, ways, queries, sigma: float, truths, precision: str, varied: dict[bool, float]) -> dict:
    """One race at one noise scale: the precision of the energies, and the ratios. `varied` is the total variation of
    our weights and of the plain ones.
    """
    arguments = jax.device_put(queries), queries.dtype.type(sigma)
    pulled, counted = {}, {}
    for name, way in ways.items():
        result = fields(way(*arguments).call())
        pulled[name], counted[name] = misplaced(result, queries, truths), miscounted(result, truths)
    n = len(truths[0][0])
    contenders = [
        Contender(
            name,
            partial(way, *arguments),
            again=5 if n * queries.size < 1e8 else 1,
            note=f"energies: {precision}" if is_ours(name) else "",
            error=pulled[name] if n >= MANY else varied[is_ours(name)],
        )
        for name, way in ways.items()
    ]
    here = f"{case}, sigma {sigma:g}"
    times = race(book, here, contenders, ours=DENOISE, repeats=15 if book.full else 3)
    found = {
        "energies": precision,
        "denoise / one line": ratio(times, DENOISE, LINE),
        "posterior / eight sums": ratio(times, POSTERIOR, SUMS),
    }
    errors = {
        "weights": varied[True],
        "weights, plain": varied[False],
        "displacement": pulled.get(POSTERIOR),
        "displacement, plain": pulled.get(SUMS),
        "displacement of denoise": pulled[DENOISE],
        "displacement of one line": pulled[LINE],
        "log participation": counted.get(POSTERIOR),
        "log participation, plain": counted.get(SUMS),
    }
    book.entry(case=case, sigma=sigma, **found, **errors)
    return found


def is_ours(name: str) -> bool:
    return name in (DENOISE, POSTERIOR)


def weights_of(score: Empirical, queries, sigma: float, checked: int) -> tuple[str, np.ndarray]:
    """In which precision the library takes the energies of the batch, and the weights that they give the first
    queries.
    """
    centres = score.centres
    with jax.enable_x64(True):
        x, one = jnp.asarray(queries, jnp.float64), jnp.ones(1)
        sigma = one * queries.dtype.type(sigma)
        everyone = queries_of(centres, x, one, sigma, getattr(score.reduction, "energies", "auto"))
        whole = centres.span(0, centres.n)
        few = queries_of(centres, x[:checked], one, sigma)
        if isinstance(score.reduction, Dense) or (everyone.energies and centres.dtype == jnp.float64):
            precision, logits = "double, by differences", by_differences(few, whole)
        else:
            precision = "double" if everyone.energies or centres.dtype == jnp.float64 else "single"
            logits = by_product(few, whole, WIDTH[precision])
            precision += ", with moments" if everyone.moments else ""
        logits = np.asarray(logits, np.float64)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return precision, e / e.sum(axis=1, keepdims=True)


def variation(weights, truths) -> float:
    """Total variation of the weights, the worst query."""
    return max(float(np.abs(found - right).sum() / 2) for found, (right, *_) in zip(weights, truths))


def misplaced(result: dict, queries, truths) -> float:
    """Relative error of the displacement, which a denoiser tells by its mean."""
    if "displacement" in result:
        found = np.asarray(result["displacement"], np.float64)
    else:
        found = np.asarray(result["mean"], np.float64) - queries
    pairs = [(found[q] - right, right) for q, (_, right, _) in enumerate(truths)]
    return max(float(np.linalg.norm(off) / np.linalg.norm(right)) for off, right in pairs)


def miscounted(result: dict, truths) -> float | None:
    """Error of the logarithm of the participation."""
    if "participation" not in result:
        return None
    found = np.asarray(result["participation"], np.float64)
    return max(abs(float(np.log(found[q] * np.sum(right**2)))) for q, (right, *_) in enumerate(truths))


def fields(result) -> dict:
    """By name."""
    if isinstance(result, dict):
        return result
    return result._asdict() if hasattr(result, "_asdict") else {"mean": result}


def judge(book, case: str, goals: Goals, sigmas, found) -> None:
    """Each goal at the worst of the noise scales that it is for."""
    wanted = {"denoise / one line": goals.denoise, "posterior / eight sums": goals.posterior}
    for what, most in wanted.items():
        if most is None:
            continue
        groups: dict[tuple[str, float], list] = {}
        for sigma, level in zip(sigmas, found):
            double = "differences" in level["energies"] if case.endswith(DOUBLE) else level["energies"] != "single"
            if goals.low is not None and sigma == min(sigmas):
                group = f"sigma {sigma:g}", goals.low
            elif goals.single == most:
                group = "all sigma", most
            else:
                wider, own = ("by differences", "by a product") if case.endswith(DOUBLE) else ("in double", "in single")
                group = (f"energies {wider}", most) if double else (f"energies {own}", goals.single)
            groups.setdefault(group, []).append(level[what])
        for (where, bound), ratios in groups.items():
            worst = None if None in ratios else max(ratios)
            book.goal(case, f"{what}, {where}", worst, most=bound)


def other_libraries(book, case: str, points, count: int) -> None:
    """One noise scale, the mean only."""
    queries = data.forward(points, HEAVY, count)
    truth = np.stack([data.reference(points, x, HEAVY)[2] for x in queries[:4]])

    def error(result):
        off = np.linalg.norm(np.asarray(fields(result)["mean"], np.float64)[:4] - truth[: len(queries)], axis=1)
        return float((off / np.linalg.norm(truth, axis=1)).max())

    ways = prepared(points, count, both=True)[1]
    limit = data.two_products(points, queries)
    contenders = [Contender(name, build) for name, build in limit]
    for name in (POSTERIOR, LINE):
        contenders.append(Contender(name, partial(ways[name], jax.device_put(queries), np.float32(HEAVY))))
    contenders += list(others(points, queries))
    here = f"{case}, sigma {HEAVY:g}"
    times = race(book, here, contenders, ours=POSTERIOR, limit=tuple(name for name, _ in limit), error=error)
    own = next((row for row in book.content["rows"] if row["method"] == POSTERIOR), {})
    book.goal(case, "time / PyTorch cdist", ratio(times, POSTERIOR, "PyTorch, cdist"), most=0.4)
    book.goal(case, "time / PyTorch products", ratio(times, POSTERIOR, "PyTorch, products"), most=0.7)
    book.goal(case, "time / KeOps", ratio(times, POSTERIOR, "KeOps"), most=1 / 20)
    book.goal(case, "extra memory, bytes", own.get("memory_bytes"), most=100e6)
    book.goal(case, "planned temporaries, bytes", own.get("temporary_bytes"), most=100e6)
    book.goal(case, "relative error of D", own.get("error"), most=1e-5)


def others(points, queries):
    """The slow ones with a part of the work."""
    few = max(4, len(queries) // 16)
    some = min(len(points), 2048)
    ways = {
        "PyTorch, cdist": rivals.torch_cdist,
        "PyTorch, products": rivals.torch_products,
        "smalldiffusion": rivals.smalldiffusion,
        "scikit-learn distances": rivals.sklearn_distances,
        "faiss, nearest 2000": rivals.faiss_top,
    }
    for name, build in ways.items():
        yield Contender(name, partial(build, points, queries, HEAVY))
    yield Contender(
        "KeOps",
        partial(rivals.keops, points, queries[:few], HEAVY),
        share=few / len(queries),
        note=f"{few} of {len(queries)} queries, time scaled",
    )
    yield Contender(
        "diffusionlab",
        partial(rivals.diffusionlab, points[:some], queries, HEAVY),
        share=some / len(points),
        note=f"{some} of {len(points)} points, time scaled; its error is that of the missing points",
    )
