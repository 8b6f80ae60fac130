"""Choices judged by two numbers that should both be small: their front, its hypervolume, and searches for it."""

from collections.abc import Callable, Iterable

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


def random_search(rng: np.random.Generator, groups: int, budget: int) -> Int[np.ndarray, "budget"]:
    """Different choices of groups, as binary numbers from 1 on."""
    return 1 + rng.permutation(2**groups - 1)[:budget]


def neighbour_search(
    rng: np.random.Generator,
    values: Callable[[Iterable[int]], Float[np.ndarray, "n 2"]],
    groups: int,
    first: int,
    budget: int,
) -> list[int]:
    """`first` random choices, then new ones that differ in one group from a choice on the front found so far."""
    tried = list(map(int, random_search(rng, groups, first)))
    while len(tried) < budget:
        best = np.array(tried)[front(values(tried))]
        near = {int(one) ^ (1 << bit) for one in best for bit in range(groups)} - {0, *tried}
        rest = near or set(range(1, 2**groups)) - set(tried)
        tried.append(int(rng.choice(sorted(rest))))
    return tried
