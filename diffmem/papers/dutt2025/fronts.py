"""Choices judged by two numbers that should both be small: their front, its hypervolume, and searches for it."""

import numpy as np
from jaxtyping import Bool, Float, Int


def front(values: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
    """Which choices no other one beats: smaller in one number and not larger in the other."""
    no_worse = (values[:, None] <= values[None]).all(-1)
    better = no_worse & (values[:, None] < values[None]).any(-1)
    return ~better.any(axis=0)


def hypervolume(values: Float[np.ndarray, "n 2"], reference: Float[np.ndarray, "2"]) -> float:
    """The area of points below the reference in both numbers that some choice is at or below of in both."""
    inside = values[(values < reference).all(axis=1)]
    inside = inside[np.lexsort(inside.T[::-1])]
    area, height = 0.0, reference[1]
    for first, second in inside:
        area += (reference[0] - first) * max(height - second, 0.0)
        height = min(height, second)
    return float(area)


def random_search(rng: np.random.Generator, values: Float[np.ndarray, "n 2"], count: int = 30) -> Int[np.ndarray, "k"]:
    """The places of different choices, drawn at random."""
    return rng.permutation(len(values))[:count]


def neighbour_search(
    rng: np.random.Generator, values: Float[np.ndarray, "n 2"], count: int = 30, first: int = 10
) -> Int[np.ndarray, "k"]:
    """The places of `first` random choices, then of new ones that differ in one group from one on the front so far.

    Choice number i of `values` is the set of groups that i + 1 has as a binary number.
    """
    tried = list(map(int, 1 + random_search(rng, values, first)))
    while len(tried) < count:
        best = np.array(tried)[front(values[np.array(tried) - 1])]
        near = {int(one) ^ (1 << bit) for one in best for bit in range(len(values).bit_length())} - {0, *tried}
        rest = near or set(range(1, len(values) + 1)) - set(tried)
        tried.append(int(rng.choice(sorted(rest))))
    return np.array(tried) - 1
