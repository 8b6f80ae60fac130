import numpy as np
import pytest

from diffmem.auditing.calibration import FALSE_COPIES, calibrated


@pytest.mark.parametrize("dimension", [2, 8, 30])
def test_the_tail_of_a_power_law_is_found_and_extended(dimension):
    """P(r < x) = x^D on [0, 1], whose quantiles are known."""
    controls = np.random.default_rng(0).random(4000) ** (1 / dimension)
    found = calibrated(controls, samples=100)
    assert found.dimension == pytest.approx(dimension, rel=0.15)  # 1/sqrt(400), three standard deviations
    exact = (FALSE_COPIES / 100) ** (1 / dimension)
    assert found.distance == pytest.approx(exact, rel=5 * 0.05 * np.log(1 / exact))
    assert found.distance <= controls.min()


def test_few_or_repeated_controls():
    assert calibrated(np.ones(29), 10) is None
    assert calibrated(np.zeros(40), 10).distance == 0
    assert calibrated(np.ones(40), 10).distance <= 1


def test_fresh_points_are_hardly_ever_below_it():
    """Of 300 audits of 200 fresh points each, about 3 have one below the threshold."""
    rng = np.random.default_rng(1)
    below = 0
    for _ in range(300):
        controls, fresh = rng.random(500) ** 0.1, rng.random(200) ** 0.1
        below += (fresh < calibrated(controls, 200).distance).any()
    assert below <= 12
