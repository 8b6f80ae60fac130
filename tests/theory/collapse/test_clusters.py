"""Separated clusters: equal ones reduce to one, the information against sampling, drawn points, every process."""

import math

import jax
import numpy as np
import pytest
from examples import PROCESSES
from scipy.special import logsumexp

from diffmem import theory

WEIGHTS = np.array([2.0, 1.0, 1.0])
SPECTRA = np.array([[1.0, 0.5, 0.2], [2.0, 1.0, 0.0], [0.3, 0.3, 0.3]])


def test_equal_clusters_collapse_like_one_of_them():
    one = np.array([2.0, 0.5, 0.5])
    spectra = np.tile(one, (4, 1))
    for mixture, single in (
        (theory.mixture_collapse_ratio, theory.collapse_ratio),
        (theory.mixture_onset_ratio, theory.onset_ratio),
    ):
        assert mixture(400, np.ones(4), spectra) == pytest.approx(single(100, one), rel=1e-12)
        assert mixture(100, np.array([0.0, 3.0]), spectra[:2]) == pytest.approx(single(100, one), rel=1e-12)


def test_collapse_is_where_the_information_is_log_n():
    ratio = theory.mixture_collapse_ratio(5000, WEIGHTS, SPECTRA)
    information = theory.mixture_information(ratio**-2, WEIGHTS, SPECTRA)
    assert float(information) == pytest.approx(math.log(5000), rel=1e-6)
    assert theory.mixture_onset_ratio(5000, WEIGHTS, SPECTRA) > ratio
    assert float(theory.mixture_information(0.0, WEIGHTS, SPECTRA)) == pytest.approx(1.5 * math.log(2), rel=1e-6)


def test_information_of_a_mixture_by_sampling():
    rng, m, ratio = np.random.default_rng(0), 50_000, 0.7
    shares, means = WEIGHTS / WEIGHTS.sum(), 30 * np.eye(3)
    label, z = rng.choice(3, size=m, p=shares), rng.normal(size=(m, 3))
    x = means[label] + np.sqrt(SPECTRA[label]) * rng.normal(size=(m, 3)) + ratio * z
    total = SPECTRA + ratio**2
    log_parts = -(((x[:, None] - means) ** 2 / total + np.log(total)).sum(-1)) / 2
    density = -((z**2).sum(1) / 2 + 3 * math.log(ratio)) - logsumexp(log_parts + np.log(shares), axis=1)
    expected = float(theory.mixture_information(ratio**-2, WEIGHTS, SPECTRA))
    assert density.mean() == pytest.approx(expected, abs=4 * density.std() / m**0.5)


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_every_process_at_the_same_ratio(process):
    accuracy = 1e-10 if jax.config.jax_enable_x64 else 2e-5
    for time, ratio in (
        (theory.mixture_collapse_time, theory.mixture_collapse_ratio),
        (theory.mixture_onset_time, theory.mixture_onset_ratio),
    ):
        level = process.level(time(process, 50, WEIGHTS, SPECTRA))
        assert float(level.sigma / level.alpha) == pytest.approx(ratio(50, WEIGHTS, SPECTRA), rel=accuracy)


def test_limits_and_bad_input():
    assert theory.mixture_collapse_ratio(1, WEIGHTS, SPECTRA) == math.inf
    assert theory.mixture_collapse_ratio(10, np.ones(2), np.zeros((2, 3))) == 0
    with pytest.raises(ValueError, match=r"`n` must exceed the effective number of clusters, e\^H = 2.828, but is 2"):
        theory.mixture_collapse_ratio(2, WEIGHTS, SPECTRA)
    with pytest.raises(ValueError, match="`spectra` must hold a row for each of 3 weights, but holds 2"):
        theory.mixture_collapse_ratio(9, WEIGHTS, SPECTRA[:2])
    with pytest.raises(ValueError, match="`weights` must be finite, nonnegative and not all zero"):
        theory.mixture_information(1.0, np.zeros(3), SPECTRA)
    with pytest.raises(ValueError, match="`spectrum` must"):
        theory.mixture_onset_ratio(9, WEIGHTS, -SPECTRA)


def test_as_many_points_as_equal_clusters_are_refused():
    for clusters in range(2, 300):
        weights, spectra = np.ones(clusters), np.ones((clusters, 2))
        with pytest.raises(ValueError, match="`n` must exceed the effective number of clusters"):
            theory.mixture_collapse_ratio(clusters, weights, spectra)
        with pytest.raises(ValueError, match="`n` must exceed the effective number of clusters"):
            theory.mixture_onset_ratio(clusters, weights, spectra)
        # one point more is enough: log(1 + 1/r^2) = log((c + 1)/c)
        one_more = theory.mixture_collapse_ratio(clusters + 1, weights, spectra)
        assert one_more == pytest.approx(math.sqrt(clusters), rel=1e-10)


def test_an_absent_cluster_adds_no_information():
    zeros_and_ones = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert float(theory.mixture_information(np.inf, np.array([1.0, 0.0]), zeros_and_ones)) == 0
    found = theory.mixture_information(np.array([0.0, 3.0, np.inf]), np.array([0.0, 2.0]), zeros_and_ones)
    np.testing.assert_allclose(found, [0, math.log(4), np.inf], rtol=1e-6)


def test_the_onset_is_where_the_annealed_sum_over_all_other_points_is_one():
    """log n + E_y log E_y' exp(-|y - y'|^2/(2 r^2)) = 0: the mean over y' in closed form, over all clusters, y drawn."""
    n, m, rng = 3000, 400_000, np.random.default_rng(1)
    ratio = theory.mixture_onset_ratio(n, WEIGHTS, SPECTRA)
    shares, means = WEIGHTS / WEIGHTS.sum(), 60 * np.eye(3)
    label = rng.choice(3, size=m, p=shares)
    y = means[label] + np.sqrt(SPECTRA[label]) * rng.normal(size=(m, 3))
    total = SPECTRA + ratio**2
    log_parts = -(((y[:, None] - means) ** 2 / total + np.log(total / ratio**2)).sum(-1)) / 2
    inner = logsumexp(log_parts + np.log(shares), axis=1)
    assert math.log(n) + inner.mean() == pytest.approx(0, abs=4 * inner.std() / m**0.5)
