"""Collapse ratios and times: published and independently computed values, limits, every process."""

import math

import jax
import numpy as np
import pytest
from examples import PROCESSES
from scipy.optimize import bisect

from diffmem import processes, theory

OU = processes.OrnsteinUhlenbeck()


@pytest.mark.parametrize(
    ("n", "d", "v", "time", "digits"),
    [
        (20000, 256, 1.0, 1.2987897, 7),
        (20000, 1024, 1.0, 1.978, 3),
        (20000, 4096, 1.0, 2.667, 3),
        (1000, 10, 1.0, 0.1446341, 7),
        (1000, 100, 1.0, 1.0238303, 7),
        (1000, 32, 1.0, 0.524, 3),
        (1000, 64, 1.0, 0.820, 3),
        (4000, 64, 1.0, 0.7385, 4),
        (50000, 3072, 0.25, 1.797, 3),
        (1000000, 3072, 0.25, 1.678, 3),
    ],
)
def test_isotropic_times_on_the_ornstein_uhlenbeck_clock(n, d, v, time, digits):
    ratio = theory.collapse_ratio(n, np.full(d, v))
    assert ratio**2 == pytest.approx(v / math.expm1(2 * math.log(n) / d), rel=1e-12)
    assert math.log1p(ratio**2) / 2 == pytest.approx(time, abs=0.51 * 10.0**-digits)
    assert theory.collapse_time(OU, n, np.full(d, v)) == pytest.approx(math.log1p(ratio**2) / 2, rel=3e-7)


@pytest.mark.parametrize(
    ("power", "ratios", "dimensions"),
    [
        (1.0, (7.07, 5.54, 4.85), (12.8, 25.0)),
        (1.5, (5.49, 4.04, 3.41), (10.3, 19.6)),
        (2.0, (3.91, 2.65, 2.13), (8.2, 15.4)),
    ],
)
def test_power_law_spectra(power, ratios, dimensions):
    variances = np.arange(1, 3073.0) ** -power
    variances *= 768 / variances.sum()
    found = [theory.collapse_ratio(n, variances) for n in (1000, 50000, 10**6)]
    np.testing.assert_allclose(found, ratios, atol=0.006)
    ends = [float(theory.gaussian_information_variance(r**-2, variances)) for r in (found[0], found[2])]
    np.testing.assert_allclose(ends, dimensions, atol=0.06)


def test_root_agrees_with_a_plain_bisection():
    variances = np.array([30.0, 2.0, 1e-3, 1e-9, 0.0])
    for n in (2, 1000, 10**12):
        exact = bisect(lambda u, n=n: np.log1p(variances * np.exp(-2 * u)).sum() / 2 - math.log(n), -30, 10, xtol=1e-13)
        assert theory.collapse_ratio(n, variances) == pytest.approx(math.exp(exact), rel=1e-11)


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_every_process_collapses_at_the_same_ratio(process):
    variances = np.array([4.0, 1.0, 1.0, 0.2])
    level = process.level(theory.collapse_time(process, n=30, spectrum=variances))
    accuracy = 1e-10 if jax.config.jax_enable_x64 else 2e-5
    assert float(level.sigma / level.alpha) == pytest.approx(theory.collapse_ratio(30, variances), rel=accuracy)


def test_extreme_sizes():
    assert theory.collapse_ratio(10**100, np.ones(64)) == pytest.approx(math.exp(-100 * math.log(10) / 64), rel=2e-3)
    # n^(2/d) - 1 = 2 log n/d to first order
    assert theory.collapse_ratio(10**400, np.ones(10**6)) ** 2 == pytest.approx(1e6 / (800 * math.log(10)), rel=2e-3)
    assert theory.collapse_ratio(10**400, np.ones(1)) == 0
    assert theory.collapse_ratio(1 + 1e-9, np.ones(2)) ** 2 == pytest.approx(1e9, rel=1e-6)
    assert theory.collapse_ratio(50, np.full(8, 1e-200)) == pytest.approx(
        1e-100 * theory.collapse_ratio(50, np.ones(8))
    )


def test_one_point_and_no_variance():
    assert theory.collapse_ratio(1, np.ones(3)) == math.inf
    assert theory.collapse_ratio(1, np.zeros(3)) == math.inf
    assert theory.collapse_ratio(2, np.zeros(3)) == 0
    assert theory.collapse_time(OU, 1, np.ones(3)) == math.inf
    assert theory.collapse_time(processes.FlowMatching(), 1, np.ones(3)) == 1
    assert theory.collapse_time(OU, 2, np.zeros(3)) == 0


def test_scaling_and_order():
    variances = np.array([3.0, 1.0, 0.1])
    assert theory.collapse_ratio(9, 4 * variances) == pytest.approx(2 * theory.collapse_ratio(9, variances), rel=1e-12)
    assert theory.collapse_ratio(9, variances[::-1]) == pytest.approx(theory.collapse_ratio(9, variances), rel=1e-12)
    assert theory.collapse_ratio(np.int64(9), variances) > theory.collapse_ratio(10, variances)


@pytest.mark.parametrize("n", [0, -3, 0.5, math.nan, math.inf])
def test_bad_n(n):
    with pytest.raises(ValueError, match=f"`n` must be finite and at least 1, but is {n}"):
        theory.collapse_ratio(n, np.ones(2))


@pytest.mark.parametrize("variances", [np.zeros(0), np.array([1.0, -1e-3]), np.array([np.nan]), np.array([np.inf])])
def test_bad_spectrum(variances):
    with pytest.raises(ValueError, match="`spectrum` must"):
        theory.collapse_ratio(5, variances)


def test_crossing_of_an_estimated_curve():
    variances = np.array([4.0, 1.0, 1.0, 0.2])

    def information(ratio):
        return theory.Estimate(theory.gaussian_information(ratio**-2, variances), 0.1)

    found = theory.collapse_ratio_from_information(information, 30, (1e-2, 1e2))
    exact = theory.collapse_ratio(30, variances)
    assert found.value == pytest.approx(exact, rel=1e-5)
    slope = float(theory.gaussian_information_variance(exact**-2, variances))
    assert found.error == pytest.approx(exact * 0.1 / slope, rel=1e-2)
    with pytest.raises(ValueError, match="`bracket` must hold I = log n"):
        theory.collapse_ratio_from_information(information, 30, (10.0, 100.0))
    with pytest.raises(ValueError, match="`bracket` must satisfy"):
        theory.collapse_ratio_from_information(information, 30, (0.0, 100.0))
