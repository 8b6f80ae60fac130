"""Speciation ratios and times in both conventions."""

import math

import numpy as np
import pytest

from diffmem import processes, theory

OU = processes.OrnsteinUhlenbeck()


@pytest.mark.parametrize(("top", "time"), [(10.0, 1.151), (100.0, 2.303), (1000.0, 3.454), (7.66, 1.02), (60.52, 2.05)])
def test_times_on_the_ornstein_uhlenbeck_clock(top, time):
    variances = np.array([1.0, top, 0.0])
    found = theory.asymptotic_speciation_time(OU, variances)
    assert found == pytest.approx(math.log(top) / 2, rel=1e-6) and found == pytest.approx(time, abs=6e-3)
    assert theory.speciation_time(OU, variances) == pytest.approx(math.log1p(top) / 2, rel=1e-6)


def test_signal_equals_noise_on_every_process():
    for process in (processes.VariancePreserving(), processes.EDM(), processes.FlowMatching()):
        level = process.level(theory.speciation_time(process, np.array([6.0])))
        assert float(level.alpha**2 * 6) == pytest.approx(float(level.sigma**2), rel=1e-5)
    level = processes.VariancePreserving().level(
        theory.asymptotic_speciation_time(processes.VariancePreserving(), np.array([6.0]))
    )
    assert float(level.alpha**2 * 6) == pytest.approx(1, rel=1e-5)


def test_limits():
    assert theory.speciation_ratio(np.zeros(2)) == 0
    assert theory.asymptotic_speciation_ratio(np.array([0.7])) == 0
    with pytest.raises(ValueError, match="`spectrum` must"):
        theory.speciation_ratio(np.array([-1.0]))
