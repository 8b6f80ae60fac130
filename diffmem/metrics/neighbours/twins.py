"""Near twins: training points so near to one another that together they count as one point of the data."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from .differences import pair_distances
from .nearest import nearest

MOST = 11  # twins of one point that are looked for first
WIDER, WIDEST = 48, 768  # neighbours that are looked at where the first 12 are all near, and where these are, too
AT_ONCE = 64  # points that are looked at first where many have so many near neighbours
CROWDED = 0.2  # share of points with 12 near neighbours above which these are the law's own, and no repetitions
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
    m of them, m the largest number up to 11 with

        r_m < s r_(m+1),      s = min(ratio, .001^(1/D)).

    So a twin would itself count as a copy of y, and is nearer than chance puts it: of points scattered at random in D
    dimensions a share s^D has its nearest neighbour within s of the second. D is estimated from r_6 and r_12 (of fewer
    than 8 points: D = 1), by `mean log(r_12/r_6) = (1/6 + ... + 1/11)/D`. For points in one dimension s is .001, in two
    .03, from six on 1/3. Equal points are the limit r_m = 0.

    Where 12 others are within `dense_reach` of y, 48 neighbours are looked at, where these are, too, 768, and m is the
    largest number with that gap and with r_m within that reach: so a picture may be repeated up to 767 times. More
    repetitions, and those in a set of which a fifth lies so densely, are not found.

    Where the points are images of few levels (at most 256, and enough levels and coordinates to tell n points apart),
    twins are also those of these neighbours that differ from y by at most one level in every coordinate.
    """
    n = len(points)
    if n < 3:
        return np.zeros(len(of))
    unique, place = np.unique(of, return_inverse=True)
    share, reach = _share_and_reach(points, ratio)
    level = level_step(points)

    def look(rows, k):
        pieces = [rows[i : i + PIECE // k] for i in range(0, len(rows), PIECE // k)]
        parts = [_farthest(points, piece, min(k + 1, n), share, reach, level) for piece in pieces]
        return tuple(np.concatenate(some) for some in zip(*parts))

    def look_far(chosen):
        limits[left[chosen]], rank = look(unique[left[chosen]], WIDEST)[:2]
        return rank >= WIDER

    limits, _, near, _ = look(unique, MOST + 1)
    left = np.flatnonzero(near)
    if left.size:
        limits[left], _, near, around = look(unique[left], WIDER)
        left = left[near]
        in_turn(unique[left], around[near], look_far)
    return limits[place]


def _farthest(points, of, k, share, reach, level):
    """The distance and rank of the farthest twin among the k nearest, whether more may be twins, and the nearest."""
    own = _wide(points[of])
    distance, index = nearest(own, points, k)
    distance, index = distance[:, 1:], index[:, 1:]
    flat = np.zeros(distance.shape, bool)
    if level is not None:
        for j in range(distance.shape[1]):
            flat[:, j] = np.abs(own - _wide(points[index[:, j]])).max(axis=1) <= 1.001 * level
    more = ((distance[:, -1] <= reach) | flat[:, -1]) & (k < len(points))
    return *farthest_twins(distance, share, reach, flat), more, index


def in_turn(
    rows: Int[np.ndarray, "count"],
    around: Int[np.ndarray, "count k"],
    look: Callable[[Int[np.ndarray, "chosen"]], Bool[np.ndarray, "chosen"]],
) -> None:
    """Look at rows that all have many near neighbours, `around`, some at a time, until all are settled.

    `look` takes positions and says which of them have twins beyond these neighbours. A row that has one without among
    its neighbours lies in a dense part of the law as that does, and is passed over: a group of so many twins holds the
    neighbours of each of its points.
    """
    left, count = np.arange(len(rows)), AT_ONCE
    while left.size:
        chosen = left[:: -(-left.size // count)]
        alone = rows[chosen[~look(chosen)]]
        settled = np.isin(left, chosen) | np.isin(around[left], alone).any(axis=1)
        left, count = left[~settled], 2 * count


def farthest_twins(
    distance: Float[np.ndarray, "count k"], share: float, reach: float, flat: Bool[np.ndarray, "count k"]
) -> tuple[Float[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """The distance r_m of the farthest twin among the nearest others, 0 where there is none, and its rank m.

    m is the last rank with `r_m < share r_(m+1)`, above 11 only within `reach`, or with one level between the points,
    as `flat` says. Infinite distances stand for no point.
    """
    following = distance[:, 1:]
    near = distance[:, :-1] < share * np.where(np.isfinite(following), following, 0)
    near[:, MOST:] &= distance[:, MOST:-1] <= reach
    near |= flat[:, :-1]
    last = near.shape[1] - near[:, ::-1].argmax(axis=1) if near.size else np.zeros(len(near), int)
    rank = np.where(near.any(axis=1), last, 0)
    return np.where(rank > 0, distance[np.arange(len(rank)), np.maximum(rank - 1, 0)], 0.0), rank


def dense_reach(distance: Float[np.ndarray, "count k"], spacing: float, share: float) -> float:
    """Distance up to which a point may have more than 11 twins: the share of the spacing of the points, or 0.

    `distance` are those of some points to their 12 nearest others. 0 if more than a fifth of them have all 12 so near:
    these belong to a dense part of the law, such as pictures of a plain sky, and are no repetitions of one point.
    """
    reach = share * spacing
    return reach if distance.shape[1] > MOST and np.mean(distance[:, MOST] <= reach) <= CROWDED else 0.0


def _share_and_reach(points, ratio: float) -> tuple[float, float]:
    """s, and the distance up to which points may have more than 11 twins."""
    n = len(points)
    if n < 8:
        return min(ratio, CHANCE), 0.0
    looked_at = np.asarray(points[:: -(-n // LOOKED_AT)])
    a, b = (min(RANKS[0], (n - 1) // 2), min(RANKS[1], n - 1))
    distance = nearest(looked_at, points, b + 1).distance[:, 1:]
    inverse_dimension = np.log(distance[:, b - 1] / distance[:, a - 1]).mean() / sum(1 / j for j in range(a, b))
    share = min(ratio, CHANCE**inverse_dimension)
    rank = farthest_twins(distance, share, 0.0, np.zeros(distance.shape, bool))[1]
    return share, dense_reach(distance, float(np.median(distance[np.arange(len(rank)), rank])), share)


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
