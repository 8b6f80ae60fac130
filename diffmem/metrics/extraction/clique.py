"""Extraction by repetition: many generations of a prompt that are near one another were not made up."""

import numpy as np
from jaxtyping import Bool, Float, Int

from ...annotations import Numbers, Points
from ...checks import check_points


def tile_distances(generations: Points, tiles: Numbers | None = None) -> Float[np.ndarray, "count count"]:
    """The largest root mean square difference over the tiles of each pair of generations (count, *shape).

    `tiles` (*shape) are whole numbers that say in which tile each coordinate lies; without them all coordinates are one
    tile. A pair is near only if all tiles are, so that a common background does not make two images near.
    Cost: one pass over all pairs for each tile. Raises ValueError for tiles of another shape.
    Source: Carlini et al., arXiv:2301.13188, who take the maximum over 16 tiles.
    """
    from scipy.spatial.distance import pdist, squareform

    check_points(generations)
    shape = np.shape(generations)
    tiles = np.zeros(shape[1:], int) if tiles is None else np.asarray(tiles)
    if tiles.shape != shape[1:]:
        raise ValueError(f"`tiles` must have the event shape {shape[1:]}, but has shape {tiles.shape}.")
    rows = np.asarray(generations, np.float64).reshape(shape[0], -1)
    parts = [rows[:, tiles.ravel() == tile] for tile in np.unique(tiles)]
    return squareform(np.max([pdist(part) / part.shape[1] ** 0.5 for part in parts], axis=0))


def largest_clique(near: Bool[np.ndarray, "count count"]) -> Int[np.ndarray, "size"]:
    """The indices of a largest set of generations of which any two are near; `near` is a symmetric matrix.

    A prompt counts as memorized where the set has some minimal size, 10 of 500 generations in Carlini et al. If
    generations are copies with probability pi, that is so with probability `theory.clique_probability`.
    Exact, by Bron and Kerbosch's search with pivots, in which sets that cannot beat the largest one are cut. Cost:
    small where generations fall into groups, exponential in the worst case.
    Raises ValueError where the matrix is not square and symmetric.
    """
    near = np.asarray(near, bool)
    if near.ndim != 2 or near.shape[0] != near.shape[1] or (near != near.T).any():
        raise ValueError(f"`near` must be a square and symmetric matrix, but has shape {near.shape} or is not.")
    # a set of generations is the whole number whose bits are its members
    own = near & ~np.eye(len(near), dtype=bool)
    neighbours = [int("".join("01"[bit] for bit in row[::-1]), 2) for row in own.astype(int)]
    return np.array(_members(_largest(neighbours, 0, (1 << len(near)) - 1, 0, 0)), int)


def _largest(neighbours: list[int], clique: int, candidates: int, left_out: int, best: int) -> int:
    """The larger of `best` and the largest clique that extends `clique` by candidates and by nothing left out."""
    if not candidates:
        return clique if clique.bit_count() > best.bit_count() else best
    pivot = max(_members(candidates | left_out), key=lambda i: (neighbours[i] & candidates).bit_count())
    for i in _members(candidates & ~neighbours[pivot]):
        if clique.bit_count() + candidates.bit_count() <= best.bit_count():
            break
        best = _largest(neighbours, clique | 1 << i, candidates & neighbours[i], left_out & neighbours[i], best)
        candidates, left_out = candidates & ~(1 << i), left_out | 1 << i
    return best


def _members(bits: int) -> list[int]:
    return [i for i in range(bits.bit_length()) if bits >> i & 1]
