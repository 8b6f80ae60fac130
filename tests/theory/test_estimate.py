"""The mean with its standard error: SciPy's, coverage of the truth, levels on later axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import sem

from diffmem import theory


def test_mean_and_standard_error_by_scipy():
    draws = np.random.default_rng(0).normal(size=(50, 3, 2)) + 4
    found = theory.mean_estimate(draws)
    assert isinstance(found, theory.Estimate) and isinstance(found.value, np.ndarray)
    np.testing.assert_allclose(found.value, sum(draws) / 50, rtol=1e-14)
    np.testing.assert_allclose(found.error, sem(draws, axis=0), rtol=1e-12)
    in_jax = theory.mean_estimate(jnp.asarray(draws, jnp.zeros(()).dtype))
    assert isinstance(in_jax.value, jax.Array)
    np.testing.assert_allclose(in_jax.error, found.error, rtol=1e-5)


def test_the_error_covers_the_truth_as_often_as_a_normal_law_says():
    draws = np.random.default_rng(1).exponential(size=(400, 3000))
    found = theory.mean_estimate(draws)
    for width, share in ((1, 0.6827), (2, 0.9545)):
        covered = (np.abs(found.value - 1) < width * found.error).mean()
        assert covered == pytest.approx(share, abs=4 * (share * (1 - share) / 3000) ** 0.5 + 0.005)


def test_one_draw_has_no_error():
    with pytest.raises(ValueError, match="`samples` must hold at least 2 draws, but holds 1"):
        theory.mean_estimate(np.ones(1))
