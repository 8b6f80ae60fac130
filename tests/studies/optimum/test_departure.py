"""Where a denoiser stops following, on curves of known crossings."""

import numpy as np

from diffmem.studies.optimum.departure import departures, edges, followed, stop

RATIOS = np.geomspace(0.01, 10, 31)


def test_ranges_of_a_curve_with_known_crossings():
    """Linear in log ratio, so that the interpolation is exact: below 1 above .5, above it down to .1, below it again."""
    curve = np.interp(np.log(RATIOS), np.log([0.01, 0.05, 0.2, 1.0, 10.0]), [0.0, 0.5, 2.0, 0.5, 0.0])
    (first, top), (low, second) = followed(curve, RATIOS)
    at = lambda a, b, fa, fb: np.exp(np.log(a) + (1 - fa) / (fb - fa) * np.log(b / a))  # noqa: E731
    np.testing.assert_allclose([first, second], [at(0.2, 1, 2, 0.5), at(0.05, 0.2, 0.5, 2)], rtol=2e-2)
    assert (low, top) == (RATIOS[0], RATIOS[-1])
    assert stop(curve, RATIOS) == first


def test_ends():
    none, always = np.full(31, 2.0), np.zeros(31)
    assert followed(none, RATIOS) == [] and np.isnan(stop(none, RATIOS))
    assert followed(always, RATIOS) == [(RATIOS[0], RATIOS[-1])] and stop(always, RATIOS) == 0
    assert stop(np.where(RATIOS > 1, 2.0, 0.0), RATIOS) != 0  # NaN: it does not follow at the most noise


def test_departure_of_the_two_ends():
    """0 for the exact denoiser, 1 at half the way to the Gaussian without loss, 4 for the Gaussian."""
    apart, loss = np.array([1.0, 1.0, 1.0, 0.0]), np.zeros(4)
    np.testing.assert_allclose(departures(apart * [0, 0.25, 1, 0], apart, loss), [0, 1, 4, 0])
    np.testing.assert_allclose(departures(np.array([0.01]), np.zeros(1), np.ones(1)), 1)


def test_the_interval_covers_the_crossing_of_the_law():
    """Squares of exponential law about a curve that crosses at 1: 40 sets of points, of whose intervals 33 or more cover."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(40):
        square = rng.exponential(size=(1, 100)) * np.clip(1 - np.log(RATIOS), 0, None)[:, None]
        found, low, high = edges([square, np.full_like(square, 4.0), np.zeros_like(square)], RATIOS)
        assert low <= found <= high
        covered += low <= 1 <= high
    assert covered >= 33
