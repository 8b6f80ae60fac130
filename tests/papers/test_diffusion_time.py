"""The Ornstein-Uhlenbeck clock in double precision against the process and against itself."""

import numpy as np
import pytest

from diffmem import processes
from diffmem.papers.diffusion_time import level_at, ratio_at, time_at


@pytest.mark.parametrize("t", [1e-3, 0.4, 3.0])
def test_the_clock_is_that_of_the_process(t):
    level, exact = level_at(t), processes.OrnsteinUhlenbeck().level(t)
    np.testing.assert_allclose(level, exact, rtol=1e-5)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1, rel=1e-15)
    assert ratio_at(t) == pytest.approx(level.sigma / level.alpha, rel=1e-14)


def test_time_and_ratio_are_inverse_at_every_scale():
    t = np.geomspace(1e-12, 15, 40)
    np.testing.assert_allclose(time_at(ratio_at(t)), t, rtol=1e-14)
