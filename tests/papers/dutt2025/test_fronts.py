"""Fronts and areas by hand, and searches that try no choice twice."""

import numpy as np

from diffmem.papers.dutt2025.fronts import front, hypervolume, neighbour_search, random_search

VALUES = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0], [1.0, 1.0], [0.5, 3.0], [3.0, 0.0]])


def test_what_nothing_beats():
    np.testing.assert_array_equal(front(VALUES), [True, True, False, True, False, True])


def test_the_area_below_the_reference():
    assert hypervolume(VALUES[1:2], np.array([2.0, 3.0])) == 2
    assert hypervolume(VALUES, np.array([4.0, 4.0])) == 1 * 1 + 2 * 3 + 1 * 4
    assert hypervolume(VALUES[2:3], np.array([2.0, 2.0])) == 0
    order = np.random.default_rng(0).permutation(len(VALUES))
    assert hypervolume(VALUES[order], np.array([4.0, 4.0])) == hypervolume(VALUES, np.array([4.0, 4.0]))


def test_searches():
    rng = np.random.default_rng(1)
    table = rng.uniform(size=(7, 2))
    assert sorted(random_search(rng, table, 7)) == list(range(7))
    assert sorted(neighbour_search(rng, table, 7, 2)) == list(range(7))
