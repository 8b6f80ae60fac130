"""When a condition holds for good, against a loop."""

import numpy as np
import pytest

from diffmem.metrics import collapse_times


def test_against_a_loop():
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(size=9))[::-1]
    certain = rng.uniform(size=(9, 300)) < np.linspace(0.3, 1, 9)[:, None]
    certain[:, 0], certain[:, 1], certain[-1, 2] = True, False, False
    for found, path in zip(collapse_times(times, certain), certain.T):
        lasting = [time for k, time in enumerate(times) if path[k:].all()]
        assert found == max(lasting) if lasting else np.isnan(found)


def test_shapes_that_do_not_agree():
    for certain in (np.ones((4, 2), bool), np.ones(3, bool)):
        with pytest.raises(ValueError, match="`certain` must have shape"):
            collapse_times(np.ones(3), certain)
