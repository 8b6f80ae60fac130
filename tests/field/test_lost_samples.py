"""A network that answers NaN at one level: one sentence says from which time on and of how many samples.

Black images without a word are the commonest report of half precision.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffmem as dm
from diffmem import integrators, metrics, processes, scores

FLOAT = np.zeros((), jnp.zeros(()).dtype).dtype
PROCESS = processes.EDM(sigma_min=0.1, sigma_max=10.0)
TIMES = integrators.grids.karras(PROCESS, 8)
SOLVERS = [integrators.DDIM(), integrators.Heun(), integrators.DPMSolverPP(), integrators.Ancestral()]


def network(which, at):
    """D of N(0, I) on the host, but NaN below the level `at` for the samples that `which` picks."""

    def denoise(x, alpha, sigma):
        mean = x / (1 + sigma**2)[:, None]
        return np.where(which(x) & (sigma[:, None] <= at), np.nan, mean).astype(x.dtype)

    return scores.FromHost(denoise)


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_every_sample_is_lost(solver):
    at = float(TIMES[4]) * (1 + 1e-6)
    with pytest.raises(ValueError, match="6 of 6 samples are NaN or infinite") as error:
        dm.sample(network(lambda x: x == x, at), PROCESS, solver, TIMES, (2,), 6, key=jax.random.key(0))
    said = float(str(error.value).split("at time ")[1].split(" ")[0])
    # a solver that looks ahead meets the level one step before
    assert said in [pytest.approx(float(TIMES[i]), rel=1e-3) for i in (4, 5)]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_some_samples_are_lost_and_the_others_are_kept(batch_size):
    start = np.asarray(np.random.default_rng(0).normal(size=(10, 2)) * 10, FLOAT)
    start[:, 1] = start[:, 0]
    score = network(lambda x: x[:, :1] > 0, 1.0)
    count = int((start[:, 0] > 0).sum())
    assert 0 < count < 10
    with pytest.raises(integrators.LostSamplesError, match=f"{count} of 10 samples") as error:
        dm.sample(
            score,
            PROCESS,
            integrators.DDIM(),
            TIMES,
            (2,),
            10,
            key=jax.random.key(0),
            start=start,
            batch_size=batch_size,
        )
    points = np.asarray(error.value.samples.points)
    np.testing.assert_array_equal(np.isfinite(points).all(axis=1), start[:, 0] <= 0)
    with pytest.raises(ValueError, match="`samples` must be finite, but"):
        metrics.memorization(points, start)


@pytest.mark.slow
def test_an_adaptive_solver_gives_up_in_one_sentence():
    flow = integrators.ProbabilityFlow(max_steps=64)
    with pytest.raises(integrators.LostSamplesError, match="3 of 3 samples are NaN or infinite") as error:
        dm.sample(network(lambda x: x == x, 1.0), PROCESS, flow, TIMES, (2,), 3, key=jax.random.key(0))
    assert error.value.__suppress_context__ and "\n" not in str(error.value)
    # a flow that is finite but takes more steps is not said to be lost
    with pytest.raises(Exception, match="maximum number of solver steps"):
        dm.sample(
            network(lambda x: x != x, 1.0),
            PROCESS,
            integrators.ProbabilityFlow(rtol=1e-12, atol=1e-12, max_steps=3),
            TIMES,
            (2,),
            3,
            key=jax.random.key(0),
        )


def test_nothing_is_checked_inside_a_trace():
    draw = lambda key: dm.sample(score, PROCESS, integrators.DDIM(), TIMES, (2,), 3, key=key).points  # noqa: E731
    score = scores.FromFunction(lambda x, level: x * jnp.nan)
    assert np.isnan(jax.jit(draw)(jax.random.key(0))).all()
