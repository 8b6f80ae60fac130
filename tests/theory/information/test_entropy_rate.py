"""The rate at which noise erases the data: entropies as integrals, other quadratures, peaks of known curves."""

import itertools
import math

import jax
import numpy as np
import pytest
from scipy.integrate import quad

from diffmem import theory


def two_deltas(ratio):
    """mmse/ratio^2 for +-1: 1 - E tanh(x)^2 at x ~ N(1, ratio^2) over ratio^2."""
    density = lambda z: math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    return (
        quad(lambda z: density(z) / math.cosh(min((1 + ratio * z) / ratio**2, 300)) ** 2, -12, 12, points=[-1 / ratio])[
            0
        ]
        / ratio**2
    )


def test_two_deltas_against_adaptive_quadrature():
    ratio = np.array([[0.3, 0.6], [1.0, 4.0]])
    found = theory.discrete_entropy_rate(ratio, np.array([1.0, -1.0]))
    accuracy = 1e-8 if jax.config.jax_enable_x64 else 2e-5
    np.testing.assert_allclose(found, np.vectorize(two_deltas)(ratio), rtol=accuracy)


@pytest.mark.parametrize("weights", [None, np.array([0.6, 0.1, 0.3, 0.0])])
def test_the_integral_is_the_entropy(weights):
    points = np.array([0.0, 1.0, 30.0, 31.5]) + 1e3
    log_ratio = np.linspace(math.log(0.05), math.log(3e4), 800)
    rate = np.asarray(theory.discrete_entropy_rate(np.exp(log_ratio), points, weights), np.float64)
    shares = np.full(4, 0.25) if weights is None else weights[weights > 0]
    entropy = -(shares * np.log(shares)).sum()
    assert np.trapezoid(rate, log_ratio) == pytest.approx(entropy, rel=2e-4)


def test_two_scales_make_two_peaks():
    log_ratio = np.linspace(-2, 5, 141)
    rate = theory.discrete_entropy_rate(np.exp(log_ratio), np.array([-20.0, -19.0, 19.0, 20.0]))
    found = theory.peaks(log_ratio, rate)
    lone = theory.peaks(log_ratio, theory.discrete_entropy_rate(np.exp(log_ratio), np.array([1.0, -1.0])))
    assert len(found.position) == 2 and len(lone.position) == 1
    # pairs of half-distance .5 and 19.5, each like +-1 at its own scale
    np.testing.assert_allclose(found.position, lone.position + np.log([0.5, 19.5]), atol=0.02)


def test_posterior_covariances_give_the_same_rate():
    rng, points, ratio, m = np.random.default_rng(0), np.array([1.0, -1.0, -1.5]), 0.8, 20_000
    x = points[rng.integers(3, size=m)] + ratio * rng.normal(size=m)
    weights = np.exp(-((x[:, None] - points) ** 2) / (2 * ratio**2))
    weights /= weights.sum(1, keepdims=True)
    traces = weights @ points**2 - (weights @ points) ** 2
    found = theory.conditional_entropy_rate(traces, ratio)
    expected = float(theory.discrete_entropy_rate(ratio, points))
    assert float(found.value) == pytest.approx(expected, abs=4 * float(found.error))
    levels = theory.conditional_entropy_rate(np.stack([traces, traces], axis=1), np.array([ratio, 2 * ratio]))
    np.testing.assert_allclose(levels.value, [found.value, found.value / 4], rtol=1e-5)


def test_gaussian_rate_is_the_information_variance():
    """Points of a fine grid stand for N(0, 1): dH/d log ratio = snr/(1 + snr)."""
    points = np.linspace(-6, 6, 61)
    weights = np.exp(-(points**2) / 2)
    found = theory.discrete_entropy_rate(np.array([0.5, 1.0, 3.0]), points, weights)
    expected = theory.gaussian_information_variance(np.array([4.0, 1.0, 1 / 9]), np.ones(1))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_peaks_of_a_parabola_and_of_plateaus():
    x = np.array([0.0, 0.4, 1.1, 1.5, 2.2, 3.0])
    found = theory.peaks(x, 5 - (x - 1.27) ** 2)
    np.testing.assert_allclose([found.position[0], found.height[0]], [1.27, 5], rtol=1e-12)
    flat = theory.peaks(np.arange(6.0), np.array([0.0, 1, 1, 0, 2, 3]))
    np.testing.assert_allclose(flat.position, [1.5])
    assert len(theory.peaks(np.arange(3.0), np.array([1.0, 2, 3])).position) == 0


def test_a_plateau_is_a_peak_only_if_the_curve_falls_behind_it():
    """All curves of seven nodes and three heights, walked node by node."""
    for curve in itertools.product((0.0, 1.0, 2.0), repeat=7):
        expected, start = [], None
        for i in range(1, 7):
            if curve[i] > curve[i - 1]:
                start = i
            elif curve[i] < curve[i - 1] and start is not None:
                expected.append(start)
                start = None
        found = theory.peaks(np.arange(7.0), np.array(curve)).position
        assert len(found) == len(expected)
        # the vertex of the parabola lies within half a node of the first of the plateau
        assert (np.abs(found - expected) <= 0.5).all()


def test_bad_input():
    with pytest.raises(ValueError, match="`position` must be 3 increasing numbers, but holds 2"):
        theory.peaks(np.arange(2.0), np.arange(3.0))
    with pytest.raises(ValueError, match="`points` and `weights` must be of one nonzero number, but are 2 and 3"):
        theory.discrete_entropy_rate(1.0, np.arange(2.0), np.ones(3))


def test_the_rate_vanishes_where_noise_is_nothing():
    for ratio in (1e-20, 1e-3):
        assert theory.discrete_entropy_rate(ratio, np.array([0.0, 1.0])) == pytest.approx(0, abs=1e-12)
