"""Numbers of points beyond the range of floats, and what is refused as a number of points or a spectrum."""

import math

import numpy as np
import pytest

from diffmem import theory
from diffmem.theory.points import checked_spectrum, log_others, log_size


@pytest.mark.parametrize("log_n", [0.0, 0.7, np.log(3), 20.5, 700.0, 1e5])
def test_points_from_their_logarithm(log_n):
    n = theory.points_from_log(log_n)
    assert isinstance(n, int)
    assert math.log(n) == pytest.approx(log_n, abs=max(0.5 / n if n < 2**50 else 0, 1e-12 * log_n))


def test_whole_numbers_come_back_exactly():
    for n in (1, 2, 3, 1000, 2**40 + 1):
        assert theory.points_from_log(math.log(n)) == n


def test_logarithms_of_sizes_beyond_floats():
    assert log_size(10**400) == pytest.approx(400 * math.log(10), rel=1e-15)
    assert log_others(10**400) == pytest.approx(400 * math.log(10), rel=1e-15)
    assert log_others(3) == pytest.approx(math.log(2)) and log_others(1) == -math.inf


def test_bad_input_is_one_sentence():
    with pytest.raises(ValueError, match="`log_n` must be finite and at least 0, but is -1"):
        theory.points_from_log(-1.0)
    for n in (0, -1, math.nan, math.inf):
        for function in (log_size, log_others):
            with pytest.raises(ValueError, match=f"`n` must be finite and at least 1, but is {n}"):
                function(n)
    with pytest.raises(ValueError, match="`spectrum` must hold at least one eigenvalue, but is empty"):
        checked_spectrum(np.zeros(0))
    with pytest.raises(ValueError, match="`spectrum` must be finite and nonnegative, but its smallest value is -2"):
        checked_spectrum(np.array([1.0, -2.0]))
