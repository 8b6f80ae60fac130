"""Cliques against networkx and by construction, tiles by hand, and the law of cliques of independent copies."""

import itertools

import numpy as np
import pytest

from diffmem import theory
from diffmem.metrics import extraction

RNG = np.random.default_rng(7)


def brute_force(near):
    n = len(near)
    sizes = [s for s in range(1, n + 1) for c in itertools.combinations(range(n), s) if near[np.ix_(c, c)].all()]
    return max(sizes)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_is_a_largest_clique(share):
    for _ in range(5):
        near = np.triu(RNG.uniform(size=(10, 10)) < share, 1)
        near = near | near.T | np.eye(10, dtype=bool)
        found = extraction.largest_clique(near)
        assert near[np.ix_(found, found)].all() and len(found) == brute_force(near)


def test_groups_of_copies_are_found():
    rows = np.concatenate([np.zeros((30, 4)), np.ones((12, 4)), RNG.normal(size=(200, 4)) * 50])
    near = extraction.tile_distances(rows + 0.01 * RNG.normal(size=rows.shape)) < 0.1
    assert list(extraction.largest_clique(near)) == list(range(30))


def test_all_tiles_must_be_near():
    a, b = np.zeros(4), np.array([0.0, 0.0, 3.0, 4.0])
    np.testing.assert_allclose(extraction.tile_distances(np.stack([a, b]))[0, 1], 2.5)
    tiled = extraction.tile_distances(np.stack([a, b]), np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(tiled[0, 1], np.sqrt(25 / 2))
    with pytest.raises(ValueError, match="`tiles` must have the event shape"):
        extraction.tile_distances(np.zeros((3, 4)), np.zeros(3))


def test_the_law_of_cliques():
    """Generations that are one point with probability .05, else fresh: 200 prompts of 100 generations."""
    found = []
    for _ in range(200):
        copied = RNG.uniform(size=100) < 0.05
        rows = np.where(copied[:, None], 0.0, RNG.normal(size=(100, 8)))
        found.append(len(extraction.largest_clique(extraction.tile_distances(rows) < 0.01)) >= 5)
    law = float(theory.clique_probability(0.05, 100, 5))
    assert abs(np.mean(found) - law) < 4 * np.sqrt(law * (1 - law) / 200)


def test_what_is_no_graph_is_refused():
    with pytest.raises(ValueError, match="square and symmetric"):
        extraction.largest_clique(np.array([[True, True], [False, True]]))
