"""Few steps: from the noise of every process, and down to no noise at all. Right values: the flow of a Gaussian,
along which `x / sqrt(alpha^2 v + sigma^2)` is constant."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.integrators import grids

MULTISTEP = {
    "DPM-Solver++ 2": integrators.DPMSolverPP(2),
    "DPM-Solver++ 3": integrators.DPMSolverPP(3),
    "Adams-Bashforth 4": integrators.ExponentialAdamsBashforth(4),
}


def stretch(integrator, process, times, variance):
    """The end point over the exact one."""
    (alpha, sigma), (end_alpha, end_sigma) = process.level(times[0]), process.level(times[-1])
    score = scores.Gaussian(np.zeros(1, np.asarray(times).dtype), np.asarray(variance, np.asarray(times).dtype))
    start = jnp.sqrt(alpha**2 * variance + sigma**2)
    x = _run(integrator, score, process, start[None], times)
    return float(x[0] / jnp.sqrt(end_alpha**2 * variance + end_sigma**2))


@eqx.filter_jit
def _run(integrator, score, process, x, times):
    return integrator(score, process, x, times, key=jax.random.key(0))[0]


@pytest.mark.parametrize("variance", [0.1, 1.0])
@pytest.mark.parametrize("steps", [18, 32])
def test_defaults_of_a_process_and_a_grid_go_together(steps, variance):
    """Ornstein-Uhlenbeck to t = 10, where sigma/alpha = 22,026: the variance of D over that of the data."""
    process = processes.OrnsteinUhlenbeck()
    for grid in (grids.karras, grids.log_snr):
        alpha, sigma = process.level(process.t_min)
        kept = variance * alpha**2 / (variance * alpha**2 + sigma**2)
        found = stretch(integrators.Heun(), process, grid(process, steps), variance) ** 2 * kept
        bound = 0.03 if grid is grids.log_snr else 0.02 if variance < 1 else 0.025
        assert abs(found - 1) < bound


@pytest.mark.slow
@pytest.mark.parametrize("std", [1.0, 15.0, 70.0], ids=["standardised", "colour images", "pixels of 0..255"])
@pytest.mark.parametrize("name", ["DDIM", "Heun", "DPM-Solver++ 2", "DPM-Solver++ 3", "Adams-Bashforth 4"])
def test_the_step_from_noise_costs_nothing(name, std):
    """One step from sigma/alpha = 22,026 or infinity, as good as a start at `ratio_max`, in the units of the data."""
    integrator = {"DDIM": integrators.DDIM(), "Heun": integrators.Heun(), **MULTISTEP}[name]
    for process in (processes.OrnsteinUhlenbeck(), processes.FlowMatching()):
        times = grids.karras(process, 40, data_std=std)
        there, begun = stretch(integrator, process, times, std**2), stretch(integrator, process, times[1:], std**2)
        (alpha, sigma), far = process.level(process.t_max), std * 40**2 / 27
        if sigma > 7 * far * alpha:
            assert float(jnp.divide(*process.level(times[1])[::-1])) == pytest.approx(far, rel=1e-3)
        assert there == pytest.approx(begun, rel=2e-6 if name == "Heun" else 1e-3)


def test_narrow_data_take_the_grid_of_unit_data():
    process = processes.FlowMatching()
    np.testing.assert_array_equal(grids.karras(process, 24, data_std=0.1), grids.karras(process, 24))
    with pytest.raises(ValueError, match="`data_std` must be positive and finite, but is 0"):
        grids.karras(process, 24, data_std=0.0)


@pytest.mark.parametrize("process", [processes.OrnsteinUhlenbeck(), processes.FlowMatching()])
def test_euler_maruyama_survives_the_first_step(process):
    times, score = grids.karras(process, 40), scores.Gaussian(np.zeros(2000), np.ones(()))
    x = process.sigma(times[0]) * jax.random.normal(jax.random.key(1), (2000,))
    x, _ = integrators.EulerMaruyama()(score, process, x, times, key=jax.random.key(0))
    assert 0.5 < float(jnp.var(x)) < 2


# k-diffusion 43, diffusers 5541: multistep methods on the last steps before sigma = 0, where log(alpha/sigma) leaps


@pytest.mark.parametrize("name", MULTISTEP)
@pytest.mark.parametrize("steps", [11, 24])
def test_multistep_methods_on_coarse_grids_down_to_no_noise(name, steps):
    """x(1) = 2 and N(0, .25) on the straight path: exactly 1 at the end. Heun, with twice the evaluations, is the
    measure."""
    process = processes.FlowMatching(t_min=0.0)
    for ratio_max in (None, 1e3):
        times = grids.karras(process, steps, ratio_max=ratio_max)
        found, heun = (abs(stretch(i, process, times, 0.25) - 1) for i in (MULTISTEP[name], integrators.Heun()))
        assert found < 1.15 * heun


@pytest.mark.slow
def test_likelihood_does_not_depend_on_the_grid():
    """Where the weights of 50 points in 40 dimensions change hands, 20 fixed steps are wrong by 90 nats."""
    rng = np.random.default_rng(0)
    score = scores.Empirical(rng.standard_normal((50, 40)))
    process, x = processes.OrnsteinUhlenbeck(t_min=0.05), rng.standard_normal(40)
    exact = float(score.log_prob(x, process.level(0.05)))
    tolerance = 1e-3 if jnp.zeros(()).dtype == jnp.float64 else 1e-2
    for steps in (20, 160):
        found = integrators.log_likelihood(score, process, x, grids.karras(process, steps))
        assert float(found) == pytest.approx(exact, abs=tolerance)
