"""Collapse of more points than there are: Gaussian points with a known law, and real ones with others to measure."""

import math

import jax
import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.datasets import load_breast_cancer, load_diabetes, load_sample_images, load_wine

from diffmem import data, theory
from diffmem.theory.collapse.extrapolation import Course, _integrated_twice, continued

KEY = jax.random.key(4)
D = 16


def exact_ratio(n):
    """Where the own weight in the exact random-energy law is 1/2; the same draws at each ratio, so it is smooth."""
    law = theory.IsotropicGaussian(D, 1.0)

    def excess(log_ratio):
        return float(theory.random_energy_own_weight(n, law, math.exp(log_ratio), key=KEY, queries=400).value) - 0.5

    centre = math.log(theory.collapse_ratio(n, np.ones(D)))
    return math.exp(brentq(excess, centre - 0.3, centre + 0.3, xtol=3e-3))


@pytest.mark.parametrize("rate", [-0.3, 0.0, 0.8])
def test_the_course_has_the_dimension_it_says(rate):
    course, t, step = Course(0.3, 4.0, rate), np.array([-1.5, 0.0, 2.0]), 1e-5
    fall = (course.at(t - step) - course.at(t + step)) / (2 * step)
    np.testing.assert_allclose(1 / fall, 4.0 + rate * t, rtol=1e-6)
    for place in range(3):
        up, down = (np.array([0.3, 4.0, rate]) + sign * step * np.eye(3)[place] for sign in (1, -1))
        by_parameter = (Course(*up).at(t) - Course(*down).at(t)) / (2 * step)
        np.testing.assert_allclose(course.slopes(t)[:, place], by_parameter, rtol=2e-4, atol=1e-4)


def test_a_course_of_constant_rate_is_continued_exactly():
    """Measured without error, at the assumed rate: what is left is what the rate may do beyond the points."""
    course, sizes = Course(0.1, 5.0, 0.5), np.array([600.0, 300.0, 150.0, 75.0])
    t = np.log(sizes / sizes[0])
    found, error = continued(np.log(sizes), course.at(t), 1e-9 * np.ones((4, 20)), math.log(4000))
    assert found == pytest.approx(course.at(np.log(np.array([4000 / 600])))[0], abs=1e-3)
    assert 0 < error < 0.05
    farther = continued(np.log(sizes), course.at(t), 1e-9 * np.ones((4, 20)), math.log(40000))[1]
    assert farther > 3 * error


def test_covariance_of_a_twice_integrated_walk():
    rng, steps = np.random.default_rng(0), 400
    walk = np.cumsum(rng.normal(size=(20000, steps)), axis=1) / steps**0.5
    twice = np.cumsum(np.cumsum(walk, axis=1), axis=1) / steps**2
    places = np.array([0, 199, 399])
    np.testing.assert_allclose(
        np.cov(twice[:, places].T), _integrated_twice((places + 1) / steps), rtol=0.06, atol=1e-5
    )


@pytest.mark.slow
def test_more_points_than_there_are():
    """From 400 points to 8 times as many, whose law is known: every set within three errors, their mean in 5 %."""
    sets = [np.random.default_rng(seed).normal(size=(400, D)) for seed in range(4)]
    value, error = np.array([theory.extrapolated_collapse_ratio(points, 3200, key=KEY) for points in sets]).T
    exact = exact_ratio(3200)
    assert (abs(value - exact) < 3 * error).all() and value.mean() == pytest.approx(exact, rel=0.05)
    assert (error < 0.08 * value).all()
    measured = theory.subset_collapse_ratio(sets[0], 200, key=KEY)
    assert theory.extrapolated_collapse_ratio(sets[0], 200, key=KEY) == measured


def test_the_extrapolated_ratio_is_smaller_and_less_certain_at_more_points():
    points = np.random.default_rng(11).normal(size=(128, 6)) * np.array([3, 2, 1, 1, 0.5, 0.1])
    found = [theory.extrapolated_collapse_ratio(points, n, key=KEY) for n in (64, 128, 256, 512, 1024)]
    value, error = np.array(found).T
    assert (np.diff(value) < 0).all() and (np.diff(error / value)[2:] > 0).all()


def test_what_is_out_of_reach_is_refused():
    rng = np.random.default_rng(12)
    points = np.exp(2 * rng.normal(size=(64, 1))) * rng.normal(size=(64, 2))
    with pytest.raises(ValueError, match="`n` must be within reach of 64 points, but they leave"):
        theory.extrapolated_collapse_ratio(points, 10**6, key=KEY)
    with pytest.raises(ValueError, match="`points` must be at least 64 to be extrapolated, but are 20"):
        theory.extrapolated_collapse_ratio(points[:20], 30, key=KEY)


@pytest.mark.parametrize("count", [3, 23, 24])
def test_one_size_alone_is_measured_and_not_continued(count):
    measured = theory.measured_sizes(np.random.default_rng(0).normal(size=(count, 4)), key=KEY, queries=200)
    assert np.isfinite(measured.log_ratios).all()
    if count < 24:
        with pytest.raises(ValueError, match=f"`points` must be at least 24 to be continued, but are {count}"):
            measured.at(math.log(60))
    else:
        assert np.isfinite(measured.at(math.log(60))).all()


def patches(side, count=1500):
    """Grey patches without overlap of two photographs, a random choice of them."""
    cut = []
    for picture in load_sample_images().images:
        grey = picture.mean(axis=2) / 255
        rows, columns = (length // side for length in grey.shape)
        whole = grey[: rows * side, : columns * side].reshape(rows, side, columns, side)
        cut.append(whole.transpose(0, 2, 1, 3).reshape(-1, side**2))
    return np.random.default_rng(1).permutation(np.concatenate(cut))[:count]


def table(load):
    values = load().data
    return (values - values.mean(axis=0)) / values.std(axis=0)


REAL = {
    "digits": (lambda: np.asarray(data.digits().points), 0.05),
    "8 x 8 patches": (lambda: patches(8), 0.4),
    "16 x 16 patches": (lambda: patches(16), 0.4),
    "breast cancer": (lambda: table(load_breast_cancer), 0.08),
    "wine": (lambda: table(load_wine), 0.08),
    "diabetes": (lambda: table(load_diabetes), 0.08),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_stated_errors_hold_on_real_points(name):
    """Share of |z| < 2 at least .9, and a root mean square error that is stated, from 64 to 600 points of each set."""
    points, bound = REAL[name][0](), REAL[name][1]
    total = len(points)
    sizes = [total // 2, total]
    measured = [theory.subset_collapse_ratio(points, n, key=KEY, queries=total).value for n in sizes]
    errors, scores = [], []
    for known in (size for size in (75, 150, 300, 600) if size <= 0.6 * total):
        for seed in range(6):
            few = points[np.random.default_rng([seed, known]).permutation(total)[:known]]
            for n, truth in zip(sizes, measured):
                if n > 1.2 * known:
                    try:
                        found = theory.extrapolated_collapse_ratio(few, n, key=jax.random.key(seed))
                    except ValueError as refusal:
                        assert "within reach" in str(refusal) and known < 300
                        continue
                    scores.append((found.value - truth) / found.error)
                    errors.append(found.value / truth - 1)
    assert (np.abs(scores) < 2).mean() >= 0.9
    assert np.sqrt(np.mean(np.square(errors))) < bound
