"""Near twins: training points so near to one another that together they count as one point of the data."""

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from .differences import pair_distances
from .nearest import nearest

MOST = 10  # twins of one point that the default rule can find
CHANCE = 1e-3  # share of the points that would have a twin by chance, if points were scattered at random
RANKS = (6, 12)  # neighbours from whose distances the local dimension is estimated; nearer ones may be twins
LOOKED_AT = 500  # points in that estimate
MOST_LEVELS = 256  # of an image of 8 bits
PIECE = 2**22  # coordinates of pairs held at a time


def twin_distances(
    points: Real[np.ndarray, "n d"], of: Int[np.ndarray, "count"], ratio: float = 1 / 3
) -> Float[np.ndarray, "count"]:
    """For the points at `of`, the distance of their farthest twin; 0 for those without twins.

    With r_1 <= r_2 <= ... the distances of a point y to the other points, which differ from it, its twins are the first
    m of them, m the largest number up to 10 with

        r_m < s r_(m+1),      s = min(ratio, .001^(1/D)).

    So a twin would itself count as a copy of y, and is nearer than chance puts it: of points scattered at random in D
    dimensions a share s^D has its nearest neighbour within s of the second. D is estimated from r_6 and r_12 (of fewer
    than 8 points: D = 1), by `mean log(r_12/r_6) = (1/6 + ... + 1/11)/D`. For points in one dimension s is .001, in two
    .03, from six on 1/3. Equal points are the limit r_m = 0.

    Where the points are images of few levels (at most 256, and enough levels and coordinates to tell n points apart),
    twins are also those of the 10 nearest points that differ from y by at most one level in every coordinate.
    """
    n = len(points)
    if n < 3:
        return np.zeros(len(of))
    unique, place = np.unique(of, return_inverse=True)
    own = _wide(points[unique])
    distance, index = nearest(own, points, min(MOST + 2, n))
    near = distance[:, 1:-1] < _share(points, ratio) * distance[:, 2:]
    level = level_step(points)
    if level is not None:
        for k in range(near.shape[1]):
            near[:, k] |= np.abs(own - _wide(points[index[:, k + 1]])).max(axis=1) <= 1.001 * level
    # the last rank that is a twin
    last = near.shape[1] - near[:, ::-1].argmax(axis=1)
    limits = np.where(near.any(axis=1), np.take_along_axis(distance, last[:, None], 1)[:, 0], 0.0)
    return limits[place]


def _share(points, ratio: float) -> float:
    n = len(points)
    if n < 8:
        return min(ratio, CHANCE)
    looked_at = np.asarray(points[:: -(-n // LOOKED_AT)])
    a, b = (min(RANKS[0], (n - 1) // 2), min(RANKS[1], n - 1))
    distance = nearest(looked_at, points, b + 1).distance
    inverse_dimension = np.log(distance[:, b] / distance[:, a]).mean() / sum(1 / j for j in range(a, b))
    return min(ratio, CHANCE**inverse_dimension)


def level_step(points) -> float | None:
    """The step between the levels of images, such as 2/255; None where points have no levels or too few to tell."""
    n, d = points.shape
    values = np.unique(_wide(points[:: -(-n // LOOKED_AT)]))
    if not MOST_LEVELS >= len(values) > 3 or d * np.log(len(values) / 3) < np.log(n / CHANCE):
        return None
    step = np.diff(values).min()
    places = (values - values[0]) / step
    return step if np.abs(places - np.round(places)).max() < 0.01 else None


def neighbours_beyond(
    queries: Real[np.ndarray, "count d"],
    points: Real[np.ndarray, "n d"],
    centre: Int[np.ndarray, "count"],
    limit: Float[np.ndarray, "count"],
    k: int,
) -> tuple[Float[np.ndarray, "count k"], Int[np.ndarray, "count"]]:
    """Distances of each query from the k nearest points that are farther than `limit` from the point at `centre`.

    Also the number of nearer points that are left out, besides the centre. With limit 0 only the centre itself is left
    out, if `points` are distinct. Raises ValueError where there are fewer.
    """
    found, passed = np.empty((len(queries), k)), np.zeros(len(queries), np.int64)
    left, looked_at = np.arange(len(queries)), min(k + 1, len(points))
    while k > 0 and left.size:
        distance, index = nearest(queries[left], points, looked_at)
        beyond = np.stack([are_beyond(points, centre[left], near, limit[left]) for near in index.T], axis=1)
        enough = beyond.sum(axis=1) >= k
        if enough.any():
            order = np.argsort(~beyond[enough], axis=1, kind="stable")[:, :k]
            found[left[enough]] = np.take_along_axis(distance[enough], order, axis=1)
            passed[left[enough]] = order[:, -1] - k
        left = left[~enough]
        if left.size and looked_at == len(points):
            most = int(beyond.sum(axis=1).min()) + 1
            raise ValueError(f"`train` must hold {k + 1} distinct points that are no twins, but holds {most}.")
        looked_at = min(2 * looked_at + 8, len(points))
    return found, passed


def are_beyond(
    points: Real[np.ndarray, "n d"],
    first: Int[np.ndarray, "count"],
    second: Int[np.ndarray, "count"],
    limit: Float[np.ndarray, "count"],
) -> Bool[np.ndarray, "count"]:
    """Whether the points at `first` and `second` are farther than `limit` from one another."""
    stride = max(1, PIECE // points.shape[1])
    parts = [slice(i, i + stride) for i in range(0, len(first), stride)]
    found = [pair_distances(np.asarray(points[first[p]]), np.asarray(points[second[p]])) for p in parts]
    return np.concatenate([np.empty(0), *found]) > limit


def _wide(rows):
    return np.asarray(rows, np.float64)
