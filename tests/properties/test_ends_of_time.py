"""alpha = 0 and sigma = 0 at the ends of a grid: defined or refused, never NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import log_likelihood, processes, sample
from diffmem.integrators import (
    DDIM,
    AbstractMultistep,
    Ancestral,
    DPMSolverPP,
    EulerMaruyama,
    ExponentialAdamsBashforth,
    Heun,
    PredictorCorrector,
    ProbabilityFlow,
    ReverseSDE,
    grids,
    invert,
)
from diffmem.scores import Empirical, Gaussian

pytestmark = pytest.mark.slow

STEPPERS = (
    DDIM(),
    Heun(),
    Heun(churn=5),
    DPMSolverPP(2),
    DPMSolverPP(3),
    ExponentialAdamsBashforth(4),
    EulerMaruyama(),
    Ancestral(),
    PredictorCorrector(),
)
EVERY = (*STEPPERS, ProbabilityFlow(), ReverseSDE())
ids = [type(integrator).__name__ + str(k) for k, integrator in enumerate(EVERY)]
POINTS = np.array([[1.0, 0.0], [-1.0, 0.5], [0.0, -2.0]])
VANISHING = (processes.FlowMatching(), processes.CosineVariancePreserving())
DTYPES = (np.float32, jnp.zeros(()).dtype)


def some(integrators):
    """A one-step, a multistep and a stochastic scheme by default; all of them in the slow suite."""
    fast = (DDIM, DPMSolverPP, Ancestral)
    return [pytest.param(way, marks=[pytest.mark.slow] * (type(way) not in fast)) for way in integrators]


@pytest.mark.parametrize("integrator", EVERY, ids=ids)
@pytest.mark.parametrize("process, dtype", list(zip(VANISHING, DTYPES)), ids=["FM", "cosine"])
def test_from_alpha_zero(integrator, process, dtype):
    """The grid begins where nothing of the data is left: samples are copies all the same."""
    score = Empirical(POINTS.astype(dtype))
    out = sample(
        score,
        process,
        integrator,
        grids.karras(process, 24),
        (2,),
        16,
        key=jax.random.key(0),
        observe=lambda x, level, found: x,
    )
    assert out.points.dtype == dtype and np.all(np.isfinite(out.observed))
    distance = np.sqrt(((np.asarray(out.points)[:, None] - POINTS[None]) ** 2).sum(-1)).min(1)
    assert np.all(distance < 2e-2)


@pytest.mark.parametrize("integrator", some(STEPPERS), ids=ids[: len(STEPPERS)])
def test_down_to_sigma_zero(integrator):
    """A last sigma of 0, and grids shorter than a multistep method's history."""
    process = processes.FlowMatching(t_min=0.0)
    for steps in (1, 2, 4) if isinstance(integrator, AbstractMultistep) else (1, 4):
        times = grids.karras(process, steps)
        score = Gaussian(jnp.ones(2), jnp.asarray(0.5))
        out = sample(score, process, integrator, times, (2,), 4, key=jax.random.key(0), finish="state")
        assert np.all(np.isfinite(out.points))


LAST = (DDIM(), Heun(), DPMSolverPP(3), ExponentialAdamsBashforth(4), Ancestral())


@pytest.mark.parametrize("integrator", some(LAST), ids=map(str, LAST))
def test_last_state_at_sigma_zero_is_denoised(integrator):
    process = processes.OrnsteinUhlenbeck(t_min=0.0)
    out = sample(
        Empirical(POINTS),
        process,
        integrator,
        grids.karras(process, 30),
        (2,),
        16,
        key=jax.random.key(0),
        finish="state",
    )
    distance = np.sqrt(((np.asarray(out.points)[:, None] - POINTS[None]) ** 2).sum(-1)).min(1)
    assert np.all(distance < 1e-5)


@pytest.mark.parametrize("integrator", [ProbabilityFlow(), ReverseSDE()], ids=str)
def test_adaptive_solvers_refuse_sigma_zero(integrator):
    process = processes.OrnsteinUhlenbeck(t_min=0.0)
    with pytest.raises(Exception, match="`times` must end where sigma > 0"):
        sample(Empirical(POINTS), process, integrator, grids.karras(process, 5), (2,), 2, key=jax.random.key(0))


def test_nothing_starts_from_sigma_zero():
    process, score = processes.OrnsteinUhlenbeck(t_min=0.0), Empirical(POINTS)
    with pytest.raises(ValueError, match="`times` must end where sigma > 0, but sigma"):
        invert(score, process, DDIM(), POINTS[0], grids.karras(process, 5), key=jax.random.key(0))
    with pytest.raises(ValueError, match="`times` must end where sigma > 0, but sigma"):
        log_likelihood(score, process, POINTS[0])


@pytest.mark.parametrize(
    "integrator", [Ancestral(), EulerMaruyama(), PredictorCorrector(), ReverseSDE(), Heun(churn=1)], ids=str
)
def test_stochastic_integrators_do_not_run_backwards(integrator):
    process, score = processes.EDM(), Empirical(POINTS)
    times = grids.karras(process, 5)
    with pytest.raises(
        ValueError, match=f"`integrator` must draw no noise to be inverted, but {type(integrator).__name__}"
    ):
        invert(score, process, integrator, POINTS[0], times, key=jax.random.key(0))
    with pytest.raises(Exception, match="runs from noise to data only"):
        jax.block_until_ready(integrator(score, process, POINTS[0], times[::-1], key=jax.random.key(0))[0])
