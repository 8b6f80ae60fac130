"""Critical times of two deltas, in closed form where one exists."""

import math

import numpy as np
import pytest

from diffmem import processes, theory


def test_critical_times():
    assert theory.symmetry_breaking_time(processes.OrnsteinUhlenbeck()) == pytest.approx(
        math.log1p(2**0.5) / 2, rel=1e-6
    )
    for separation in (1.0, 3.0):
        found = theory.symmetry_breaking_time(processes.EDM(), noise=0.0, separation=separation)
        assert found == pytest.approx(separation, rel=1e-6)
    # sigma^2 + sigma = 1: derived from v = (x - D)/sigma at x = 0
    golden = (5**0.5 - 1) / 2
    assert theory.symmetry_breaking_time(processes.FlowMatching(), noise=0.0) == pytest.approx(golden, rel=1e-5)


def test_the_ornstein_uhlenbeck_flow_has_none():
    with pytest.raises(ValueError, match="must lose its stability"):
        theory.symmetry_breaking_time(processes.OrnsteinUhlenbeck(), noise=0.0)


def test_magnetization():
    for ratio in (0.3, 0.8, 0.99):
        m = theory.magnetization(2 * ratio, separation=2.0)
        assert m > 0 and m == pytest.approx(math.tanh(m / ratio**2), rel=1e-12)
    assert theory.magnetization(1.0) == theory.magnetization(7.0) == 0
    assert theory.magnetization(0.0) == 1
    gaps = np.geomspace(1e-4, 1e-2, 9)
    values = np.array([theory.magnetization(math.sqrt(1 - gap)) for gap in gaps])
    assert np.polyfit(np.log(gaps), np.log(values), 1)[0] == pytest.approx(0.4993, abs=2e-4)
    assert values[0] / math.sqrt(3e-4) == pytest.approx(1, abs=4.1e-5)
    with pytest.raises(ValueError, match="`ratio` and `separation` must"):
        theory.magnetization(-1.0)
