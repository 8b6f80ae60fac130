"""The random-energy model of collapse, sampled exactly: the own weight among any number n of iid points.

Given a noisy point, the energies of the other n - 1 points are iid. Only the lowest energies matter one by one, and
these can be drawn without drawing the others, which enter by their mean (the bulk). The cost does not depend on n,
which may be 10^100. Computed in NumPy, float64.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.special import logsumexp, ndtri_exp

from ...annotations import Number, Numbers, RandomKey
from ...representation import one_line
from ..estimate import Estimate, mean_estimate
from ..points import log_others
from .laws import AbstractIsotropicLaw, Own, Queries, queries_at

BATCH = 512  # queries computed together: the integrals of one level then need about 100 MB
CHEBYSHEV = 16  # nodes of the interpolation of energies between the lowest and the highest score kept
FEW, FEW_CHEBYSHEV = 8, 32  # laws of fewer degrees of freedom than FEW take more nodes
HALF_WIDTH = 1e-3  # least half-width of the interval of scores, for when all scores are equal
CLEAN, FREE = 1e-280, 1e100  # squared ratios below, above which the own weight is 1, 1/n to the last digit
LARGEST_EXPONENT = 300  # of e in n^(1/freedom): beyond it squared distances to neighbours underflow


class RandomEnergy(NamedTuple):
    """Means over queries at each ratio sigma/alpha, with bounds on the error of replacing the bulk by its mean."""

    own_weight: Estimate
    """Posterior weight of the query's own point."""
    log_participation: Estimate
    """log(1/sum w^2), the logarithm of the effective number of points, in nats."""
    own_weight_bulk: Float[ArrayLike, "*levels"]
    """The expected own weight is at least `own_weight` and at most this much larger."""
    log_participation_bulk: Float[ArrayLike, "*levels"]
    """The expected log-participation differs from `log_participation` by at most this, in nats."""

    __repr__ = one_line


class Lowest(NamedTuple):
    """The k lowest energies of m queries, as normal scores."""

    scores: Float[np.ndarray, "m k"]
    """Ascending."""
    log_above: Float[np.ndarray, "m"]
    """Log-probability of an energy above the highest one kept."""
    log_rest: float
    """Logarithm of the number of points not kept; minus infinity when all are kept."""


def random_energy(
    n: Number, law: AbstractIsotropicLaw, ratio: Numbers, *, key: RandomKey, queries: int = 1000, kept: int = 256
) -> RandomEnergy:
    """Own weight and participation of noisy training points, averaged over them and over training sets of n points.

    The own point of x = alpha y_1 + sigma z has energy E_1 = |z|^2/2. The gaps G = E - E_1 of the others are iid, with
    a law F that depends on |x|. The k = `kept` lowest are drawn by exponential spacings e_i,

        F(G_(j)) = 1 - exp(-sum_{i <= j} e_i/(n - i)),        w = 1/(1 + sum_{j <= k} e^-G_(j) + B),

    and the sum B over the n - 1 - k others (the bulk) is replaced by its mean given G_(k), (n - 1 - k)
    E[e^-G | G > G_(k)]. As the weight is convex in B, this lowers its mean, by at most Var(B)/((1 + s) (1 + s + B)^2)
    with s the sum over the kept ones: this bound is `own_weight_bulk`, of order 1e-6 with 256 kept. When n - 1 <= k all
    points are kept and nothing is replaced.

    `n` is a whole number of any size; `points_from_log` makes one from its logarithm. `ratio`, of any shape, is
    sigma/alpha in data units. The draws of query i depend on the key and i alone and serve every ratio, so that curves
    are smooth. ratio = 0 and n = 1 give weight 1, an infinite ratio 1/n.

    Cost: .5 ms for each query and ratio (5 ms for d < 5), whatever n. Accuracy: 1e-8 in the Boltzmann factors (1e-6
    for d = 1), or the rounding of log n.
    Raises ValueError where `n` is below 1, not whole, infinite or beyond e^(300 d), or a ratio is negative or NaN, and
    for fewer than 2 queries or 1 kept.
    Source: the random-energy model of Biroli et al., arXiv:2402.18491; exact sampling and the bound derived (order
    statistics by exponential spacings: Renyi 1953).
    """
    others = _checked_others(n, law)
    ratio = np.asarray(ratio, np.float64)
    if not (ratio >= 0).all():
        raise ValueError(f"`ratio` must be at least 0, but holds {ratio.min()}.")
    for name, count, least in (("queries", queries, 2), ("kept", kept, 1)):
        if count < least:
            raise ValueError(f"`{name}` must be at least {least}, but is {count}.")
    kept = kept if others > math.log(kept) else round(math.exp(others))
    batches = []
    for start in range(0, queries, BATCH):
        own, spacings = _draw(law.d, np.arange(start, min(start + BATCH, queries)), kept, key)
        own, lowest = law.own(own), _lowest(spacings, others)
        batches.append([_at_ratio(law, own, lowest, others, r) for r in (ratio / law.deviation()).ravel()])
    # (queries, 4, *levels)
    values = np.concatenate([np.stack(levels, axis=-1) for levels in batches], axis=0)
    values = values.reshape(queries, 4, *ratio.shape)
    bulk = values[:, 2:].mean(axis=0)
    return RandomEnergy(mean_estimate(values[:, 0]), mean_estimate(values[:, 1]), bulk[0], bulk[1])


def random_energy_own_weight(
    n: Number, law: AbstractIsotropicLaw, ratio: Numbers, *, key: RandomKey, queries: int = 1000, kept: int = 256
) -> Estimate:
    """The own weight of `random_energy`, with its standard error plus the bound on the error of the replaced bulk.

    Raises ValueError as `random_energy`. Source: see there.
    """
    found = random_energy(n, law, ratio, key=key, queries=queries, kept=kept)
    return Estimate(found.own_weight.value, found.own_weight.error + found.own_weight_bulk)


def _checked_others(n: Number, law: AbstractIsotropicLaw) -> float:
    """log(n - 1); raises ValueError unless n is a whole number that is not too large for the law."""
    others = log_others(n)
    if n != math.floor(n):
        raise ValueError(f"`n` must be a whole number, but is {n}.")
    if others > LARGEST_EXPONENT * law.freedom():
        most = LARGEST_EXPONENT * law.freedom()
        raise ValueError(f"`n` must be at most e^{most} in {law.d} dimensions, but is e^{others:.6g}.")
    return others


def _draw(d: int, indices, kept: int, key: RandomKey) -> tuple[Own, np.ndarray]:
    """The noise, own point and spacings of each query, drawn by NumPy, as JAX may be in single precision."""
    keys = jax.vmap(lambda i: jax.random.key_data(jax.random.fold_in(key, i)))(jnp.asarray(indices))
    rows = []
    for words in np.asarray(keys):
        rng = np.random.default_rng(words)
        noise, along, across = math.sqrt(rng.chisquare(d)), rng.normal(), 2 * rng.standard_gamma((d - 1) / 2)
        rows.append((Own(noise, along, across), rng.exponential(size=kept)))
    own, spacings = zip(*rows)
    return Own(*np.array(own).T), np.stack(spacings)


def _lowest(spacings: Float[np.ndarray, "m k"], others: float) -> Lowest:
    """Normal scores of the k lowest of n - 1 energies, computed from the logarithms of both tails."""
    kept = spacings.shape[1]
    if kept == 0:
        return Lowest(spacings, np.zeros(len(spacings)), -math.inf)
    rank = np.arange(kept)
    log_sum = np.log(np.cumsum(spacings / (1 - rank * math.exp(-others)), axis=1)) - others
    above = np.exp(log_sum)
    # log(1 - e^-a) = log a - a/2 + O(a^2)
    low = np.where(above < 1e-9, log_sum - above / 2, np.log(-np.expm1(-np.maximum(above, 1e-9))))
    scores = np.where(above < math.log(2), ndtri_exp(low), -ndtri_exp(-above))
    missing = kept * math.exp(-others)
    log_rest = others + math.log1p(-missing) if missing < 1 - 0.5 * math.exp(-others) else -math.inf
    return Lowest(scores, -above[:, -1], log_rest)


def _at_ratio(law: AbstractIsotropicLaw, own: Own, lowest: Lowest, others: float, ratio: float):
    """(m, 4): own weight, log-participation, and the bounds on the error that the bulk causes in each."""
    m, kept = lowest.scores.shape
    if kept == 0 or ratio**2 < CLEAN:
        return np.tile([1.0, 0.0, 0.0, 0.0], (m, 1))
    if ratio**2 > FREE:
        log_n = np.logaddexp(0, others)
        return np.tile([math.exp(-log_n), log_n, 0.0, 0.0], (m, 1))
    queries = queries_at(own, ratio**2)
    coordinates = _coordinates(law, queries, lowest.scores)
    held = np.concatenate([np.zeros((m, 1)), law.gaps(queries, coordinates)], axis=1)
    log_held, log_held_squares = logsumexp(-held, axis=1), logsumexp(-2 * held, axis=1)
    if lowest.log_rest == -math.inf:
        return np.stack([np.exp(-log_held), 2 * log_held - log_held_squares, np.zeros(m), np.zeros(m)], axis=1)
    bulk = law.bulk(queries, coordinates[:, -1:])
    log_bulk, log_squares = (lowest.log_rest + mean - lowest.log_above for mean in (bulk.first, bulk.second))
    log_all, log_all_squares = np.logaddexp(log_held, log_bulk), np.logaddexp(log_held_squares, log_squares)
    # Var(sum e^-G) is at most the sum of mean squares, and e^-4G <= e^-2t e^-2G for G > t
    above_weight = np.exp(log_squares - 2 * log_all - log_held)
    above_all = 2 * np.exp(log_squares - log_all - log_held)
    above_squares = np.exp(log_squares - 2 * bulk.gap - log_all_squares - log_held_squares)
    bound = np.maximum(above_all, above_squares)
    return np.stack([np.exp(-log_all), 2 * log_all - log_all_squares, above_weight, bound], axis=1)


def _coordinates(
    law: AbstractIsotropicLaw, queries: Queries, scores: Float[np.ndarray, "m k"]
) -> Float[np.ndarray, "m k"]:
    """The law's coordinates at all scores, interpolated from exact ones at Chebyshev nodes."""
    nodes = CHEBYSHEV if law.freedom() >= FEW else FEW_CHEBYSHEV
    if scores.shape[1] <= nodes:
        return law.coordinates(queries, scores)
    low, high = scores[:, :1], scores[:, -1:]
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, HALF_WIDTH)
    order = np.arange(nodes)
    angle = math.pi * (order + 0.5) / nodes
    exact = law.coordinates(queries, middle + half * np.cos(angle))
    coefficients = exact @ np.cos(np.outer(angle, order)) * np.where(order == 0, 1, 2) / nodes
    return np.polynomial.chebyshev.chebval((scores - middle) / half, coefficients.T[..., None], tensor=False)
