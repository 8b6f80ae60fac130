"""Chosen starts: a smaller gap, a smaller curvature, each start alone, and shrinking by the norm alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, mitigations, processes, reductions, scores
from diffmem.metrics import detection

POINTS = np.random.default_rng(8).normal(size=(12, 5))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=1.5)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (6, 5), jnp.zeros(()).dtype)
PROMPT = scores.Labelled(scores.Empirical(POINTS, reduction=reductions.Dense()), np.arange(12) // 4, 1)
SCORE = scores.Guided(PROMPT, PROMPT.unconditional, 7.5)


@pytest.mark.slow
def test_each_lowers_what_it_names():
    chosen = mitigations.init_noise(STARTS, SCORE, PROCESS, TIMES, rate=0.05)
    before, after = (mitigations.first_gaps(SCORE, x, PROCESS, TIMES) for x in (STARTS, chosen))
    assert np.all(after < before)
    chosen = mitigations.sail(STARTS, SCORE, PROCESS, TIMES, alpha=0.0, delta=1e-2)
    before, after = (detection.curvature(SCORE, x, PROCESS, TIMES).mean() for x in (STARTS, chosen))
    assert after < before


@pytest.mark.slow
def test_a_start_does_not_depend_on_the_others():
    for choose in (mitigations.init_noise, mitigations.sail):
        together, alone = (choose(x, SCORE, PROCESS, TIMES, steps=3) for x in (STARTS, STARTS[2:3]))
        np.testing.assert_allclose(together[2:3], alone, atol=1e-5)


@pytest.mark.slow
def test_without_a_gap_only_the_norm_acts():
    """The first steps of Adam at rate r move each coordinate by about r: here towards 0."""
    everything = scores.Guided(PROMPT.unconditional, PROMPT.unconditional, 7.5)
    np.testing.assert_array_equal(mitigations.init_noise(STARTS, everything, PROCESS, TIMES), STARTS)
    found = mitigations.sail(STARTS, everything, PROCESS, TIMES, steps=1, rate=1e-3)
    np.testing.assert_allclose(found, STARTS - 1e-3 * jnp.sign(STARTS), atol=1e-5)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        mitigations.init_noise(STARTS, SCORE, PROCESS, TIMES, steps=0)
    with pytest.raises(ValueError, match="both branches"):
        mitigations.sail(STARTS, PROMPT, PROCESS, TIMES)
