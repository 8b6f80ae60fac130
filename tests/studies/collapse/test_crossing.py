import numpy as np
import pytest

from diffmem.studies.collapse.crossing import crossing, crossing_interval

RATIO = np.geomspace(0.1, 10, 9)


@pytest.mark.parametrize("at", [0.11, 0.5, 1.0, 7.3])
def test_a_line_in_log_ratio_is_crossed_exactly(at):
    curve = 0.5 - 0.3 * np.log(RATIO / at)
    np.testing.assert_allclose(crossing(curve, RATIO), at, rtol=1e-12)
    np.testing.assert_allclose(crossing(np.tile(curve, (2, 3, 1)), RATIO), np.full((2, 3), at), rtol=1e-12)


def test_the_first_crossing_counts():
    assert crossing(np.array([1.0, 0.25, 0.75, 0.0]), np.array([1.0, 2.0, 4.0, 8.0])) == pytest.approx(2 ** (2 / 3))


def test_curves_that_do_not_cross_are_nan():
    curves = np.stack([np.full(9, 0.9), np.full(9, 0.1), np.full(9, 0.5)])
    assert np.isnan(crossing(curves, RATIO)).all()


def test_the_interval_is_that_of_a_mean():
    # w_q = 1/2 - log(ratio / r_q): the mean crosses at the geometric mean of the r_q, exactly
    logs = np.random.default_rng(0).normal(0.1, 0.3, 400)
    weights = 0.5 + logs[None] - np.log(RATIO)[:, None]
    found, low, high = crossing_interval(weights, RATIO, np.random.default_rng(1))
    np.testing.assert_allclose(found, np.exp(logs.mean()), rtol=1e-12)
    width = 2 * 1.96 * logs.std() / 400**0.5
    np.testing.assert_allclose(np.log(high / low), width, rtol=0.1)
    assert low < found < high


def test_without_a_crossing_there_is_no_interval():
    assert np.isnan(crossing_interval(np.full((9, 5), 0.8), RATIO, np.random.default_rng(0))).all()


def test_queries_of_one_point_are_drawn_together():
    rng = np.random.default_rng(3)
    points = rng.normal(size=8)
    owners = np.arange(800) % 8
    weights = 1 / (1 + np.exp(4 * (np.log(RATIO)[:, None] - points[owners] / 4)))
    alone, together = (crossing_interval(weights, RATIO, np.random.default_rng(0), own) for own in (None, owners))
    assert alone[0] == together[0]
    assert together[2] - together[1] > 5 * (alone[2] - alone[1])
