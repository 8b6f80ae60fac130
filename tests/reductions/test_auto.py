"""The choice of a reduction by size and memory, and where it shows."""

import numpy as np
import pytest

from diffmem.reductions import Auto, Chunked, Dense, Screened, auto
from diffmem.scores import Empirical


def points(n, d):
    """n points that take no memory of their own."""
    return np.broadcast_to(np.float32(1), (n, d))


def test_a_small_score_is_chunked_and_shows_it():
    assert Empirical(points(9, 40)).reduction == Chunked()
    assert Empirical(points(9, 40), reduction=Auto()).reduction == Chunked()
    assert Empirical(points(9, 40), reduction=Dense()).reduction == Dense()


def test_the_choice_by_number_dimension_and_memory(monkeypatch):
    monkeypatch.setattr(auto, "memory", lambda: 1e12)
    assert Auto().chosen(points(1 << 14, 1024)) == Screened()
    assert Auto().chosen(points((1 << 14) - 1, 1024)) == Chunked()
    assert Auto().chosen(points(1 << 20, 32)) == Chunked()
    assert Auto().chosen(points(1 << 14, 1 << 10).reshape(1 << 14, 32, 32)) == Screened()
    # points of 64 MB and shadows of as much
    monkeypatch.setattr(auto, "memory", lambda: 4.1 * (1 << 26))
    assert Auto().chosen(points(1 << 14, 1024)) == Screened()
    monkeypatch.setattr(auto, "memory", lambda: 3.9 * (1 << 26))
    assert Auto().chosen(points(1 << 14, 1024)) == Chunked()


def test_a_large_score_is_screened_and_shows_it(monkeypatch):
    monkeypatch.setattr(auto, "WORTH", 100 * 40)
    rows = np.random.default_rng(0).normal(size=(100, 40))
    score = Empirical(rows)
    assert score.reduction == Screened() and score.centres.index is not None
    assert score.merged().reduction == Screened()


def test_the_memory_of_this_machine():
    assert 1e8 < auto.memory() < 1e14


def test_what_is_no_training_set_is_refused_first():
    with pytest.raises(ValueError, match="`points` must have shape"):
        Empirical(np.ones(3))
