"""The onset of traps: tabulated values, the annealed sum, drawn training sets, limits, every process."""

import math

import jax
import numpy as np
import pytest
from examples import PROCESSES
from scipy.special import logsumexp

from diffmem import processes, theory


@pytest.mark.parametrize(("d", "sigma"), [(4, 0.350), (8, 0.799), (16, 1.367)])
def test_isotropic_values_for_500_points(d, sigma):
    found = theory.onset_ratio(500, np.ones(d))
    assert found == pytest.approx(sigma, abs=6e-4)
    s = found**-2
    assert math.log(500) / d == pytest.approx(math.log1p(s) / 2 + s / (2 * (1 + s)), rel=1e-12)


def test_annealed_sum_over_the_other_points():
    """log n + E_y log E_y' exp(-|y - y'|^2/(2 r^2)) = 0, with the inner mean in closed form and the outer one drawn."""
    variances = np.array([2.0, 1.0, 0.3])
    ratio = theory.onset_ratio(40, variances)
    y = np.random.default_rng(0).normal(size=(400_000, 3)) * np.sqrt(variances)
    inner = -(np.log1p(variances / ratio**2) / 2 + y**2 / (2 * (variances + ratio**2))).sum(1)
    assert math.log(40) + inner.mean() == pytest.approx(0, abs=4 * inner.std() / len(y) ** 0.5)


def test_own_weight_at_the_points_of_drawn_training_sets():
    rng, n, variances = np.random.default_rng(1), 500, np.array([2.0] * 4 + [0.7] * 6)
    ratio = theory.onset_ratio(n, variances)
    found = []
    for _ in range(4):
        y = rng.normal(size=(n, 10)) * np.sqrt(variances)
        energy = ((y[:, None] - y) ** 2).sum(-1) / 2
        for factor in (0.97, 1.03):
            found.append(np.exp(-logsumexp(-energy / (factor * ratio) ** 2, axis=1)).mean())
    inside, outside = np.reshape(found, (4, 2)).mean(0)
    assert inside > 0.5 > outside


def test_between_collapse_and_collapse_of_the_root_of_n():
    variances = np.array([30.0, 2.0, 1e-3, 0.0])
    for n in (2, 900, 10**12):
        onset = theory.onset_ratio(n, variances)
        assert theory.collapse_ratio(n, variances) < onset < theory.collapse_ratio(math.sqrt(n), variances)
    assert theory.onset_ratio(9, 4 * variances) == pytest.approx(2 * theory.onset_ratio(9, variances), rel=1e-12)


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_every_process_traps_at_the_same_ratio(process):
    variances = np.array([4.0, 1.0, 1.0, 0.2])
    level = process.level(theory.onset_time(process, n=30, spectrum=variances))
    accuracy = 1e-10 if jax.config.jax_enable_x64 else 2e-5
    assert float(level.sigma / level.alpha) == pytest.approx(theory.onset_ratio(30, variances), rel=accuracy)


def test_limits_and_bad_input():
    assert theory.onset_ratio(1, np.ones(3)) == math.inf
    assert theory.onset_ratio(2, np.zeros(3)) == 0
    assert theory.onset_time(processes.FlowMatching(), 1, np.ones(3)) == 1
    with pytest.raises(ValueError, match="`n` must be finite and at least 1, but is 0"):
        theory.onset_ratio(0, np.ones(2))
    with pytest.raises(ValueError, match="`spectrum` must"):
        theory.onset_ratio(5, np.array([np.nan]))
