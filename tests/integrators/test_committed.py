"""Trajectories that stop asking: the same ends as those that do not, and no pass over the points once all are certain."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, sample
from diffmem.integrators import (
    DDIM,
    Ancestral,
    Committed,
    DPMSolverPP,
    ExponentialAdamsBashforth,
    Heun,
    ProbabilityFlow,
    grids,
    invert,
)
from diffmem.integrators.sample import _batch
from diffmem.metrics import collapse_times
from diffmem.reductions import AbstractReduction, Chunked
from diffmem.reductions.batches import alone
from diffmem.reductions.chunked import product_gibbs
from diffmem.scores import Empirical, Gaussian

DOUBLE = jnp.zeros(()).dtype == jnp.float64
slow = lambda value: pytest.param(value, marks=pytest.mark.slow)  # noqa: E731
STEPPERS = (Heun(), ExponentialAdamsBashforth(4), DDIM(), DPMSolverPP(2), DPMSolverPP(3))
KEY = jax.random.key(3)
PROCESS = processes.EDM(sigma_min=0.002, sigma_max=30.0)
TIMES = grids.karras(PROCESS, 320)


@pytest.fixture(scope="module")
def score():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(6, 8))[rng.integers(6, size=40)] + 0.3 * rng.normal(size=(40, 8))
    return Empirical(points, rng.uniform(0.1, 1, size=40))


def draw(score, integrator, process=PROCESS, times=TIMES, count=30, batch_size=None, observe=None, finish="state"):
    d = score.shape[0]
    return sample(
        score, process, integrator, times, (d,), count, key=KEY, batch_size=batch_size, observe=observe, finish=finish
    )


def owner(score, points):
    squares = np.sum((np.asarray(points)[:, None] - np.asarray(score.points)[None]) ** 2, axis=2)
    return squares.argmin(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("stepper", STEPPERS, ids=str)
def test_the_same_ends_as_the_stepper_alone(stepper, score):
    """The state at the last time within the tolerance: 1e-3 of sigma/alpha there; every one committed by then."""
    alone, together = draw(score, stepper), draw(score, Committed(stepper))
    np.testing.assert_array_equal(owner(score, together.points), owner(score, alone.points))
    error = np.linalg.norm(np.asarray(together.points) - np.asarray(alone.points), axis=1)
    assert np.all(error <= 1e-3 * PROCESS.sigma_min + 1e-5 * (not DOUBLE)), error.max()


@pytest.mark.parametrize("process", [slow(processes.VariancePreserving()), slow(processes.FlowMatching())], ids=str)
def test_other_processes(process, score):
    """The time is another, the path of x/alpha the same; FlowMatching begins at alpha = 0."""
    times = grids.log_snr(process, 320)
    alone, together = (draw(score, one, process, times) for one in (DPMSolverPP(2), Committed(DPMSolverPP(2))))
    np.testing.assert_array_equal(owner(score, together.points), owner(score, alone.points))
    error = np.linalg.norm(np.asarray(together.points) - np.asarray(alone.points), axis=1)
    assert np.all(error <= 1e-3 * float(process.level(times[-1]).sigma) + 1e-5 * (not DOUBLE)), error.max()


@pytest.mark.slow
@pytest.mark.skipif(not DOUBLE, reason="the tolerance is below single precision")
def test_the_tolerance_is_kept(score):
    """Larger tolerances commit earlier and are wrong by no more than they say."""
    truth = draw(score, ExponentialAdamsBashforth(4), times=grids.karras(PROCESS, 1200)).points
    fine = grids.karras(PROCESS, 1200)
    errors = []
    for tolerance in (1e-4, 10.0):
        found = draw(score, Committed(ExponentialAdamsBashforth(4), tolerance), times=fine).points
        errors.append(np.linalg.norm(np.asarray(found) - np.asarray(truth), axis=1).max())
        assert errors[-1] <= tolerance * PROCESS.sigma_min + 1e-9
    assert errors[0] < errors[1]


class Counted(AbstractReduction):
    """Products, which report the noise level of every pass."""

    def rows(self, n, d):
        return Chunked().rows(n, d)

    def gibbs(self, centres, x, alpha, sigma):
        return alone(_reported, centres, x, alpha, sigma)


PASSES = []


def _reported(centres, x, alpha, sigma):
    jax.debug.callback(lambda sigma: PASSES.append(float(np.max(sigma))), sigma)
    return product_gibbs(centres, x, alpha, sigma, rows=centres.n)


@pytest.mark.parametrize("stepper", [slow(Heun()), slow(ExponentialAdamsBashforth(3))], ids=str)
def test_no_pass_once_all_are_certain(stepper, score):
    """The last level that is asked for is the first at which every trajectory is certain."""
    counted = Empirical(score.points, None, Counted())
    seen = draw(counted, stepper, observe=counted.commitment).observed
    sigmas = np.asarray(PROCESS.level(TIMES).sigma)
    near = np.asarray(seen.certain) & (np.asarray(seen.deviation) <= 1e-3 * sigmas[:, None])
    # all are certain for good from this node on, so the step from it is the last that asks
    last = np.flatnonzero(near.all(axis=1))[0]
    assert 20 < last < 300
    jax.effects_barrier()
    PASSES.clear()
    draw(counted, Committed(stepper))
    jax.effects_barrier()
    asked = np.unique(PASSES)
    assert len(asked) > 0 and asked.min() >= sigmas[last + 1] * (1 - 1e-5)
    assert sum(asked < sigmas[last - 1] * (1 - 1e-5)) > 0


@pytest.mark.slow
def test_a_step_and_its_certificate_share_one_pass():
    """The code for whole and for partial batches makes the matrix products of one step each, and no others."""
    points = jax.random.normal(jax.random.key(0), (512, 64))
    score = Empirical(points, reduction=Chunked(128))

    def products(stepper):
        arguments = (TIMES[:5], (64,), points.dtype, None, points[:8], False, "state", KEY, jnp.arange(8))
        return _batch.lower(score, PROCESS, stepper, *arguments).compile().compiled.as_text().count(" dot(")

    alone = products(DDIM())
    assert 0 < alone < products(Committed(DDIM())) <= 2 * alone


@pytest.mark.slow
def test_batches_and_observers(score):
    """Whatever runs beside a trajectory changes nothing of it; an observer sees the line."""
    whole = draw(score, Committed(Heun()), count=10, observe=score.commitment)
    parts = draw(score, Committed(Heun()), count=10, batch_size=4)
    np.testing.assert_allclose(parts.points, whole.points, rtol=1e-5, atol=1e-5)
    certain = np.asarray(whole.observed.certain)
    np.testing.assert_array_equal(whole.observed.leader[-1], owner(score, whole.points))
    assert certain[-1].all() and not certain[0].any()
    found = collapse_times(TIMES, certain)
    for k, time in enumerate(found):
        node = int(np.flatnonzero(np.asarray(TIMES) == time)[0])
        assert certain[node:, k].all() and not certain[node - 1, k]


@pytest.mark.slow
def test_the_same_under_an_outer_jit(score):
    draws = lambda score: draw(score, Committed(Heun()), count=5).points  # noqa: E731
    np.testing.assert_allclose(eqx.filter_jit(draws)(score), draws(score), rtol=1e-5, atol=1e-5)


def test_towards_the_noise_nothing_is_certain(score):
    """Inversion is that of the stepper: the certificate speaks of lower levels only."""
    x = score.points[3] + 0.001
    ways = [invert(score, PROCESS, stepper, x, TIMES, key=KEY) for stepper in (Heun(), Committed(Heun()))]
    np.testing.assert_allclose(ways[1], ways[0], rtol=1e-5)
    assert np.linalg.norm(ways[0] - x) > 10


def test_refusals(score):
    for stepper in (Ancestral(), Heun(churn=1.0)):
        with pytest.raises(ValueError, match="`stepper` must be deterministic"):
            Committed(stepper)
    with pytest.raises(ValueError, match="`tolerance` must be positive"):
        Committed(Heun(), 0.0)
    with pytest.raises(ValueError, match="`score` must be `Empirical`"):
        draw(Gaussian(jnp.zeros(3), jnp.ones(3)), Committed(Heun()))
    with pytest.raises((ValueError, TypeError)):
        Committed(ProbabilityFlow())
