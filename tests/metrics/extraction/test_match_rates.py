"""Match rates counted by hand."""

import numpy as np
import pytest

from diffmem.metrics import extraction


def test_by_hand():
    found = extraction.match_rates(np.array([0.5, 0.6, 0.9, 0.7, 0.2]), np.array([3, 3, 1, 2, 0]), 0.5, 0.7)
    assert (found.ams, found.ums) == (3 / 5, 2 / 5) and found.ams_interval.low < 0.6 < found.ams_interval.high


def test_bad_arguments():
    with pytest.raises(ValueError, match="`index` must have"):
        extraction.match_rates(np.zeros(3), np.zeros(2, int), 0, 1)
    with pytest.raises(ValueError, match="`high`"):
        extraction.match_rates(np.zeros(3), np.zeros(3, int), 1, 0)
