"""Random training sets, queries and levels that are hard on single precision, and what the very same numbers say exactly.

The truth is taken by direct differences: of float32 numbers the products alpha y and the differences alpha y - x are
exact in the extended precision used here, and energies are compared through differences from the best point, so that far
queries at low noise are decided too. Where even these leave an energy undecided by more than 1e-7 (1e-12 for float64 points), nothing is claimed.

Allowed errors, fixed by what the inputs and the outputs can hold:

- Inputs are exact; only outputs are rounded to the dtype of the points (unit u = 6e-8 in single precision).
- Weights: total variation 1e-5 or what `discarded` says. All else follows from weights that are right to 1e-5: a mean
  moves by 1e-5 of the root mean square of what is averaged, the entropy by 1e-5 log n, 1/sum w^2 by 4e-5 of itself.
- First derivatives are covariances under the weights: 1e-4 of the product of the root mean squares of both factors.
- The natural size of a displacement is the larger of sigma sqrt(d) and the root mean square of alpha y - x, that of a
  posterior variance the larger of itself and d (sigma/alpha)^2. Names in brackets are counted, not asserted.
- A displacement below 2e-15 |x|, a difference of two numbers in double precision, and what weights below 1e-35 do, are
  not asked for.
- Numbers beyond the range of the dtype, above or below, are asked for nothing but not to be NaN.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffmem.level import NoiseLevel
from diffmem.scores import Empirical

WIDE = np.longdouble
COVARIANCE = 64  # coordinates up to which the covariance is taken
KINDS = ("cloud", "copies", "near copies", "clusters", "lattice", "ulps")
QUERIES = ("forward", "midpoint", "point", "far", "origin", "mixed")
WEIGHTS = ("uniform", "uneven", "wild", "zeros")


class Attack(NamedTuple):
    """One training set and one batch of queries, by a few numbers; powers of ten are logarithms."""

    kind: str = "cloud"
    seed: int = 0
    n: int = 17
    d: int = 3
    batch: int = 4
    spacing: float = -3.0
    """log10 of the distance of near copies, or of the width of a cluster, in units of the scale."""
    offset: float | None = None
    """log10 of a common offset."""
    outlier: float | None = None
    """log10 of the distance of one far point."""
    scale: float = 0.0
    weights: str = "uniform"
    alpha: float = 1.0
    sigma: float = 1.0
    """In units of the scale."""
    own_levels: bool = False
    """Whether each query has a level of its own, up to a factor of ten lower."""
    query: str = "mixed"
    beta: float = 1.0
    reduction: int = 0
    """Which of those tried."""


class Built(NamedTuple):
    """The numbers of an attack in the dtype of the points."""

    points: np.ndarray
    weights: np.ndarray | None
    xs: np.ndarray
    vs: np.ndarray
    """Directions in x, of the size of the data."""
    us: np.ndarray
    """Directions in D, of the inverse size of the data, so that products with them are of unit size."""
    alphas: np.ndarray
    sigmas: np.ndarray
    beta: np.ndarray


def built(attack: Attack, dtype=np.float32) -> Built:
    """Points, weights, queries, directions and levels of an attack."""
    rng = np.random.default_rng(attack.seed)
    n, d, scale = attack.n, attack.d, 10.0**attack.scale
    points, spacing = rng.normal(size=(n, d)), 10.0**attack.spacing
    distinct = rng.integers(max(1, n // 4), n + 1) if attack.kind in ("copies", "near copies", "ulps") else n
    owner = np.where(np.arange(n) < distinct, np.arange(n), rng.integers(0, distinct, size=n) ** 2 // distinct)
    if attack.kind == "copies":
        points = points[owner]
    elif attack.kind == "near copies":
        points = points[owner] + (owner != np.arange(n))[:, None] * spacing * rng.normal(size=(n, d)) / np.sqrt(d)
    elif attack.kind == "clusters":
        side = np.where(np.arange(n) % 2, 1.0, -1.0)[:, None]
        points = side * rng.normal(size=d) / np.sqrt(d) + spacing * points / np.sqrt(d)
    elif attack.kind == "lattice":
        points = rng.integers(-2, 3, size=(n, d)).astype(float)
    if attack.outlier is not None:
        direction = np.zeros(d)
        direction[rng.integers(d)] = rng.choice([-1, 1])
        if rng.random() < 0.5:
            direction = rng.normal(size=d) / np.sqrt(d)
        points[rng.integers(n)] = 10.0**attack.outlier * direction
    if attack.offset is not None:
        points = points + 10.0**attack.offset * (1.0 if rng.random() < 0.5 else rng.normal(size=d))
    points = held(points * scale, dtype)
    if attack.kind == "ulps":
        steps = rng.integers(-2, 3, size=(n, d)) * (owner != np.arange(n))[:, None] * (rng.random((n, d)) < 0.5)
        points = points[owner]
        for _ in range(2):
            up = np.nextafter(points, np.where(steps > 0, dtype(np.inf), dtype(-np.inf)))
            points, steps = (
                np.where((steps != 0) & (np.abs(up) > np.finfo(dtype).tiny), up, points),
                steps - np.sign(steps),
            )
    alphas = np.full(attack.batch, attack.alpha)
    sigmas = np.full(attack.batch, attack.sigma * scale)
    if attack.own_levels:
        alphas = alphas * rng.uniform(0.5, 1, size=attack.batch)
        sigmas = sigmas * 10 ** -rng.uniform(0, 1, size=attack.batch)
    alphas, sigmas = held(alphas, dtype), held(sigmas, dtype)
    weights = None
    if attack.weights != "uniform":
        low = {"uneven": -2, "wild": -30, "zeros": -3}[attack.weights]
        weights = 10 ** rng.uniform(low, 0, size=n)
        if attack.weights == "zeros":
            weights[rng.random(n) < 0.5] = 0
            weights[rng.integers(n)] = 1
        weights = held(weights, dtype)
    return Built(
        points, weights, queries_of(attack, rng, points, alphas, sigmas, scale, dtype),
        held(scale * rng.normal(size=(attack.batch, d)), dtype), held(rng.normal(size=(attack.batch, d)) / scale, dtype), alphas, sigmas, dtype(attack.beta),
    )  # fmt: skip


def queries_of(attack, rng, points, alphas, sigmas, scale, dtype):
    """A batch of queries; half of a mixed batch are forward samples."""
    data, out = points.astype(np.float64), []
    for alpha, sigma in zip(alphas.astype(np.float64), sigmas.astype(np.float64)):
        query = attack.query
        if query == "mixed":
            query = "forward" if rng.random() < 0.5 else QUERIES[rng.integers(len(QUERIES) - 1)]
        i, j = rng.integers(len(data), size=2)
        noise = rng.normal(size=data.shape[1])
        out.append({
            "forward": alpha * data[i] + sigma * noise,
            "midpoint": alpha * (data[i] + data[j]) / 2,
            "point": alpha * data[i],
            "far": alpha * data[i] + 10 ** rng.uniform(0, 6) * scale * noise,
            "origin": 0 * noise,
        }[query])  # fmt: skip
    return held(np.stack(out), dtype)


def held(values, dtype):
    """Rounded to what the dtype holds, a factor of a thousand away from the ends of its range."""
    most = float(np.finfo(dtype).max) / 1e3
    values = np.clip(values, -most, most)
    return np.where(np.abs(values) < float(np.finfo(dtype).tiny) * 1e3, 0, values).astype(dtype)


class Measured(NamedTuple):
    """What the library says of one query."""

    posterior: tuple
    noise: np.ndarray
    weights: np.ndarray
    covariance: np.ndarray | None
    partition: np.ndarray
    commitment: tuple
    moved: np.ndarray
    """Derivative of D along the direction v, forward."""
    slopes_of_log_prob: tuple
    """In x, alpha and sigma, backward."""
    slopes_of_mean: tuple
    """Those of <D, u>, backward."""


def one(score, x, v, u, alpha, sigma, beta) -> Measured:
    """Everything at one query."""
    level = NoiseLevel(alpha, sigma)
    found = score.evaluate(x, level)
    index, weight = score.weights(x, level, score.n)

    def of_level(x, alpha, sigma):
        found = score.evaluate(x, NoiseLevel(alpha, sigma))
        return found.info.log_prob, jnp.vdot(found.mean, u)

    _, back = jax.vjp(of_level, x, alpha, sigma)
    one, zero = jnp.ones_like(sigma), jnp.zeros_like(sigma)
    return Measured(
        found.info,
        found.noise,
        jnp.zeros(score.n, weight.dtype).at[index].add(weight),
        score.covariance(x, level) if x.size <= COVARIANCE else None,
        score.log_partition(x, level, beta),
        score.commitment(x, level, found),
        score.jacobian_vector(x, level, v),
        back((one, zero)),
        back((zero, one)),
    )


def all_of(score, xs, vs, us, alphas, sigmas, beta, shared: bool):
    """The same for a batch, at one level or at one for each query."""
    axes = (0, 0, 0, None, None, None) if shared else (0, 0, 0, 0, 0, None)
    levels = (alphas[0], sigmas[0]) if shared else (alphas, sigmas)
    return jax.vmap(lambda *query: one(score, *query), axes)(xs, vs, us, *levels, beta)


_concrete = eqx.filter_jit(all_of)


@eqx.filter_jit
def _traced(points, weights, reduction, *rest):
    return all_of(Empirical(points, weights, reduction), *rest)


def measured(case: Built, reduction, shared: bool, traced: bool = False) -> list[Measured]:
    """What the library says of each query, with the points concrete or traced."""
    rest = (*(jnp.asarray(part) for part in case[2:]), shared)
    if traced:
        weights = None if case.weights is None else jnp.asarray(case.weights)
        found = _traced(jnp.asarray(case.points), weights, reduction, *rest)
    else:
        found = _concrete(Empirical(case.points, case.weights, reduction), *rest)
    found = jax.tree.map(np.asarray, found)
    return [jax.tree.map(lambda leaf, i=i: leaf[i], found) for i in range(len(case.xs))]


def truth(case: Built, i: int) -> dict:
    """The right values at query i."""
    y, x, v, u = (part.astype(WIDE) for part in (case.points, case.xs[i], case.vs[i], case.us[i]))
    alpha, sigma, beta = WIDE(case.alphas[i]), WIDE(case.sigmas[i]), WIDE(case.beta)
    n, d = y.shape
    away = alpha * y - x
    squares = np.sum(away**2, axis=1)
    prior = np.ones(n, WIDE) if case.weights is None else case.weights.astype(WIDE)
    prior = prior / prior.sum()
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior)
    anchor = np.argmin(np.where(prior > 0, squares, np.inf))
    terms = (y - y[anchor]) * (away + away[anchor]) * alpha
    further, size = np.sum(terms, axis=1), np.sum(np.abs(terms), axis=1)  # |x - alpha y_i|^2 - that of the anchor
    out = {"away": away, "size": np.sqrt(np.max(np.sum(y**2, axis=1)))}
    if sigma == 0:
        blur = 64 * np.finfo(WIDE).eps * size
        tied = (further <= blur) & (prior > 0)
        # differences that neither vanish nor stand out of the rounding of double precision
        clear = 1e-12 * (squares + squares[anchor] + np.sum((alpha * y) ** 2, axis=1))
        undecided = np.any((prior > 0) & (further > blur) & (further < clear))
        w = np.where(tied, prior, 0)
        gap = np.where(tied, 0, np.inf)
        out["undecided"] = bool(undecided)
    else:
        factor = 1 / (2 * sigma * sigma)
        gap = further * factor - log_prior + log_prior[anchor]
        gap = gap - gap.min()
        alive, decided = gap < 60, 1e-7 if case.points.dtype == np.float32 else 1e-12
        out["undecided"] = bool(np.max(size[alive]) * factor * 64 * np.finfo(WIDE).eps > decided)
        w = np.exp(-gap)
    Z = w.sum()
    w = w / Z
    best = int(w.argmax())
    delta = y - y[best]
    near = w @ delta
    mean, centred = y[best] + near, delta - near
    displacement = w @ away
    heavy = w[w > 0]
    distances = np.sum(centred**2, axis=1)
    out |= {
        "weights": w, "mean": mean, "displacement": displacement, "entropy": -np.sum(heavy * np.log(heavy)),
        "participation": 1 / np.sum(w * w), "spread": w @ distances, "gap": gap,
        "rms mean": np.sqrt(w @ np.sum(y**2, axis=1)), "rms displacement": np.sqrt(w @ squares),
        "covariance": (centred * w[:, None]).T @ centred if d <= COVARIANCE else None,
    }  # fmt: skip
    if sigma == 0:
        out["on point"] = bool(squares[anchor] == 0)
        return out
    # with the anchor's own logit taken off, nothing large is exponentiated
    constant = d * np.log(sigma * np.sqrt(2 * np.arccos(WIDE(-1))))
    base = log_prior[best] - squares[best] * factor
    further = further - w @ further
    noise = further * factor * 2
    along, across = centred @ u, centred @ v
    tilt = np.sum(-away * y, axis=1) / sigma**2
    out |= {
        "log_prob": base + np.log(Z) - constant,
        "log_prob size": np.abs(log_prior[best]) + squares[best] * factor + np.abs(constant),
        "partition": beta * base + np.log(np.sum(np.exp(-beta * gap))),
        "partition size": beta * (np.abs(log_prior[best]) + squares[best] * factor),
        "moved": alpha / sigma**2 * (w * across) @ centred,
        "moved size": alpha / sigma**2 * np.sqrt(w @ across**2) * np.sqrt(w @ distances),
        "moved back": alpha / sigma**2 * (w * along) @ centred,
        "moved back size": alpha / sigma**2 * np.sqrt(w @ along**2) * np.sqrt(w @ distances),
        "score": displacement / sigma**2,
        "by alpha": w @ tilt,
        "by alpha size": np.sqrt(w @ np.sum(y**2, axis=1)) * np.sqrt(w @ squares) / sigma**2,
        "by sigma": ((w @ squares) / sigma**2 - d) / sigma,
        "by sigma size": ((w @ squares) / sigma**2 + d) / sigma,
        "mean by alpha": (w * (tilt - w @ tilt)) @ along,
        "mean by alpha size": np.sqrt(w @ (tilt - w @ tilt) ** 2) * np.sqrt(w @ along**2),
        "mean by alpha terms": np.sqrt(w @ np.sum(y**2, axis=1) * (w @ squares)) / sigma**2 * np.sqrt(w @ along**2),
        "mean by sigma": (w * noise) @ along / sigma,
        "mean by sigma size": np.sqrt(w @ noise**2) * np.sqrt(w @ along**2) / sigma,
        "mean by sigma terms": (w @ squares) / sigma**3 * np.sqrt(w @ along**2),
    }  # fmt: skip
    return out


class Allowed(NamedTuple):
    """The errors allowed in a precision."""

    weights: float
    derivatives: float
    sums: float
    u: float


SINGLE = Allowed(1e-5, 1e-4, 1e-6, 2.0**-24)
DOUBLE = Allowed(1e-10, 1e-8, 1e-13, 2.0**-53)


def ratios(case: Built, i: int, found: Measured, allowed: Allowed = SINGLE) -> dict[str, float]:
    """The error of each property in units of what is allowed at query i: above 1, or NaN, is a violation."""
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        return {name: float(value) for name, value in _ratios(case, i, found, truth(case, i), allowed)}


def _ratios(case, i, found, right, allowed):
    post, dtype = found.posterior, case.points.dtype
    low, high = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max) / 4
    alpha, sigma = WIDE(case.alphas[i]), WIDE(case.sigmas[i])
    n, d = case.points.shape
    tol = allowed.weights

    def off(value, truth, size, share):
        """Euclidean error in units of `share size`; 0 where the truth is beyond the range of the dtype."""
        value, truth = np.asarray(value, WIDE).ravel(), np.asarray(truth, WIDE).ravel()
        if not np.max(np.abs(truth)) < high or not size < high:
            return np.inf if np.isnan(value).any() else WIDE(0)
        error = np.sqrt(np.sum((value - truth) ** 2))
        return error / (share * size + 8 * low * np.sqrt(WIDE(value.size))) if error != 0 else WIDE(0)

    leaves = {name: part for name, part in zip(found._fields, found) if part is not None}
    lost = 16 * WIDE(2.0) ** -53 * (np.sqrt(np.sum(case.xs[i].astype(WIDE) ** 2)) + alpha * right["size"])
    nan = [name for name, part in leaves.items() for leaf in jax.tree.leaves(part) if np.isnan(leaf).any()]
    yield "no NaN" + "".join(f" [{name}]" for name in sorted(set(nan))), np.inf if nan else 0
    yield "weights sum to 1", abs(found.weights.astype(WIDE).sum() - 1) / max(allowed.sums, 4 * allowed.u)
    yield "0 <= discarded <= 1", 0 if 0 <= post.discarded <= 1 else np.inf
    if right["undecided"]:
        return
    w = right["weights"]
    variation = np.abs(found.weights - w).sum() / 2
    yield "weights, discarded counted", variation / max(tol, float(post.discarded) + 8 * allowed.u)
    yield "(weights beyond 1e-5, discarded)", 0.0 if variation <= tol else 0.5
    leader = int(post.leader)
    yield "leader is a point", 0 if 0 <= leader < n else np.inf
    if not 0 <= leader < n:
        return
    known = case.weights is None or case.weights[leader] > 0
    behind = right["gap"][leader] if sigma > 0 else 0 if w[leader] > 0 else np.inf
    error = float(post.discarded)
    slack = 2 * tol + 4 * error if error < 0.1 else np.inf
    yield "leader", behind / slack if known else np.inf
    sure = error <= tol
    # what the averages may inherit from weights whose energies are not decided in the library's own words
    more = 0 if sure else 2 * error
    yield "leader weight", abs(post.leader_weight - w[leader]) / (tol + more)
    if not sure:
        yield "(discarded above 1e-5)", 0.5
        if variation > tol:
            return
        more = 0
        # weights by the library's other way are right; the pass itself may be wrong by what it says
        if error > 0.01:
            return
        more = 4 * error
    tol_mean = tol + more
    reach = np.max(np.sqrt(np.sum((case.points.astype(WIDE) - right["mean"]) ** 2, axis=1))) if more else 0
    yield "mean", off(post.mean, right["mean"], right["rms mean"] + reach + 2.0**-49 / tol * right["size"], tol_mean)
    if sigma > 0:
        size = right["rms displacement"] + alpha * reach + lost / tol_mean
        yield "(displacement of its own size)", off(post.displacement, right["displacement"], size, tol_mean)
        yield "displacement", off(post.displacement, right["displacement"], max(size, sigma * d**0.5), tol_mean)
    yield "entropy", abs(post.entropy - right["entropy"]) / (tol_mean * (1 + np.log(n)) * (1 if not more else 50))
    yield (
        "participation",
        abs(post.participation / right["participation"] - 1) / (4 * tol_mean * (1 if not more else n)),
    )
    natural = max(right["spread"], d * (sigma / alpha) ** 2 if alpha > 0 else right["spread"]) + reach**2
    if sigma == 0:
        natural = max(right["spread"], 2.0**-49 / tol * right["size"] ** 2) + reach**2
    # a variance inherits what the weights are wrong by, times the squares of the distances that they weigh
    widest = np.max(np.sqrt(np.sum((case.points.astype(WIDE) - right["mean"]) ** 2, axis=1)))
    inherited = 2 * (variation + error) * widest**2
    yield "spread", off(post.spread, right["spread"], natural + inherited / (2 * tol_mean), 2 * tol_mean)
    yield "spread is no less than 0", 0 if post.spread >= 0 else np.inf
    if found.covariance is not None:
        C = found.covariance.astype(WIDE)
        fits = natural < high
        yield "covariance finite", 0 if np.isfinite(C).all() or not fits else np.inf
        if fits and np.isfinite(C).all():
            yield "covariance", off(C, right["covariance"], natural, 2 * tol)
            yield "covariance symmetric", off(C, C.T, natural, 8 * allowed.u)
            trace = np.trace(C)
            yield (
                "trace is spread",
                abs(trace - WIDE(post.spread)) / (3 * tol_mean * natural + 2 * inherited + 8 * low * d),
            )
            power = WIDE(np.max(np.abs(C)))
            least = np.linalg.eigvalsh((C / power).astype(np.float64)).min() * power if power > 0 else 0
            blur = 64 * allowed.u * (allowed.u * (right["rms mean"] + widest)) ** 2
            yield "covariance PSD", max(0, -least) / (tol * max(trace, 0) + blur + 8 * low * d)
    if sigma == 0:
        expected = np.inf if right["on point"] else -np.inf
        blurred = np.sqrt(np.min(np.sum(right["away"] ** 2, axis=1))) < 1e-12 * right["size"]
        yield "log_prob without noise", 0 if post.log_prob == expected or blurred else np.inf
        yield "D has no slope without noise", np.max(np.abs(found.moved)) * np.inf if np.any(found.moved) else 0
        if right["on point"] and (w > 0).sum() == 1:
            yield "noise on a point", 0 if not np.any(found.noise) else np.inf
        yield "certain without noise", np.inf if found.commitment.certain and (w > 0).sum() > 1 else 0
        return
    yield (
        "noise = -displacement / sigma",
        off(
            found.noise,
            -post.displacement.astype(WIDE) / sigma,
            np.max(np.abs(post.displacement)) / sigma,
            4 * allowed.u * d**0.5,
        ),
    )
    lp = 1e-5 if dtype == np.float32 else 1e-10
    yield "log_prob", off(post.log_prob, right["log_prob"], 1, lp + more + 16 * allowed.u * right["log_prob size"])
    yield (
        "log_partition",
        off(found.partition, right["partition"], 1, lp + more * 100 + 16 * allowed.u * right["partition size"])
        if error * max(1, case.beta) < 1e-5
        else 0.0,
    )
    slopes = allowed.derivatives + 2 * more
    by_x, by_alpha, by_sigma = found.slopes_of_log_prob
    steep = 1 / sigma**2
    size = max(right["rms displacement"] + alpha * reach + lost / tol_mean, sigma * d**0.5) * steep
    yield "gradient of log_prob", off(by_x, right["score"], size, tol_mean)
    yield (
        "log_prob by alpha",
        # <alpha D - x, D>/sigma^2 inherits what double precision loses of alpha D - x
        off(
            by_alpha,
            right["by alpha"],
            right["by alpha size"] + alpha * natural * steep + lost * right["size"] * steep / slopes,
            slopes,
        ),
    )
    yield "log_prob by sigma", off(by_sigma, right["by sigma"], right["by sigma size"] + reach**2 / sigma**3, slopes)
    if not more:
        by_x, by_alpha, by_sigma = found.slopes_of_mean
        # what weights below 1e-35 would do
        bare = WIDE(1e-35) * n * alpha * widest**2 * steep / slopes
        lengths = [np.sqrt(np.sum(part[i].astype(WIDE) ** 2)) for part in (case.vs, case.us)]
        yield "D by x, forward", off(found.moved, right["moved"], right["moved size"] + bare * lengths[0], slopes)
        yield "D by x, backward", off(by_x, right["moved back"], right["moved back size"] + bare * lengths[1], slopes)
        for name, value in (("alpha", by_alpha), ("sigma", by_sigma)):
            size = right[f"mean by {name} size"] + bare * lengths[1] * np.sqrt(
                right["rms displacement"] ** 2 / sigma**2 + 1
            ) / (sigma if name == "sigma" else max(alpha, 1e-30))
            yield f"(D by {name}, conditioned)", off(value, right[f"mean by {name}"], size, slopes)
            terms = right[f"mean by {name} terms"] + size
            yield f"D by {name}", off(value, right[f"mean by {name}"], terms, slopes)
    yield "commitment", _commitment(case, i, found.commitment, right)


def _commitment(case, i, commitment, right):
    """Infinite where certain though the exact sums do not fulfil the conditions of the theorem (see `commitment`)."""
    if not commitment.certain:
        return 0
    alpha, sigma = WIDE(case.alphas[i]), WIDE(case.sigmas[i])
    if alpha == 0:
        return np.inf
    leader, y = int(commitment.leader), case.points.astype(WIDE)
    prior = np.ones(len(y), WIDE) if case.weights is None else case.weights.astype(WIDE)
    others = np.flatnonzero(prior > 0)
    others = others[others != leader]
    if not len(others):
        return 0
    delta = y[others] - y[leader]
    lengths = np.sqrt(np.sum(delta**2, axis=1))
    G = np.sum(delta * (right["away"][others] + right["away"][leader]) * alpha, axis=1) / (2 * sigma**2)
    S = np.sum(prior[others] / prior[leader] * lengths * np.exp(-G))
    if not (G.min() > 0 and lengths.min() >= 2 * S and lengths.min() > 0):
        return np.inf
    held = S / G.min() > float(np.finfo(np.float32).tiny)
    return (S / G.min()) / WIDE(commitment.deviation) if held else 0
