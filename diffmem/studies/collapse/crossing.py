"""Where a falling curve crosses a level, with a bootstrap interval."""

import numpy as np
from jaxtyping import ArrayLike, Float, Int, Real

RESAMPLINGS = 1000
COVERAGE = (2.5, 97.5)  # percentiles of a 95 % interval


def crossing(
    curves: Real[ArrayLike, "*curves nodes"], ratio: Real[ArrayLike, " nodes"], level: float = 0.5
) -> Float[np.ndarray, "*curves"]:
    """The ratio at which each curve first falls below `level`, linear in log ratio between nodes.

    NaN for a curve that starts below, or never falls below.
    """
    curves, x = np.asarray(curves, float), np.log(np.asarray(ratio, float))
    below = curves < level
    after = below.argmax(axis=-1)
    known = below.any(axis=-1) & (after > 0)
    after = np.maximum(after, 1)[..., None]
    high, low = (np.take_along_axis(curves, nodes, -1)[..., 0] for nodes in (after - 1, after))
    share = (high - level) / np.where(known, high - low, 1.0)
    left, right = x[after[..., 0] - 1], x[after[..., 0]]
    return np.where(known, np.exp(left + share * (right - left)), np.nan)


def crossing_interval(
    weights: Float[np.ndarray, "nodes queries"],
    ratio: Float[np.ndarray, "nodes"],
    rng: np.random.Generator,
    owners: Int[np.ndarray, "queries"] | None = None,
) -> tuple[float, float, float]:
    """Crossing of 1/2 by the mean over queries, and the ends of its 95 % interval by bootstrap over queries.

    Queries of one training point, which `owners` names for each query, are drawn together: few points make a wide
    interval, however many queries there are. All three are NaN where the mean does not cross; resampled means that do
    not are left out.
    """
    queries = weights.shape[1]
    found = float(crossing(weights.mean(axis=1), ratio))
    if not np.isfinite(found):
        return np.nan, np.nan, np.nan
    member = np.arange(queries) if owners is None else np.unique(owners, return_inverse=True)[1]
    sizes = np.bincount(member)
    sums = np.stack([np.bincount(member, row) for row in weights])
    counts = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=RESAMPLINGS)
    resampled = crossing(counts @ sums.T / (counts @ sizes)[:, None], ratio)
    if not np.isfinite(resampled).any():
        return found, np.nan, np.nan
    low, high = np.nanpercentile(resampled, COVERAGE)
    return found, float(low), float(high)
