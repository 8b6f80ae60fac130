import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import GRIDS, PROCESSES

from diffmem import processes
from diffmem.integrators import grids

every_process = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
every_grid = pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)


@every_process
@every_grid
@pytest.mark.parametrize("steps", [1, 2, 9, 64])
def test_ends_are_the_process_and_times_fall(grid, steps, process):
    times = grid(process, steps=steps)
    assert times.shape == (steps + 1,)
    assert float(times[0]) == float(jnp.asarray(process.t_max)) and float(times[-1]) == float(
        jnp.asarray(process.t_min)
    )
    assert np.all(np.diff(np.asarray(times)) < 0)


def test_karras_nodes_are_the_published_ones():
    times = np.asarray(grids.karras(processes.EDM(), 17))
    i = np.arange(18)
    published = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose(times, published, rtol=1e-5 if times.dtype == np.float32 else 1e-12)


@every_process
def test_log_snr_nodes_are_geometric_in_the_ratio(process):
    alpha, sigma = process.level(grids.log_snr(process, 40))
    steps = np.diff(np.log(np.asarray(sigma / alpha, np.float64)[1:]))
    np.testing.assert_allclose(steps, steps.mean(), rtol=2e-3)


def test_large_rho_tends_to_log_snr():
    far = np.log(np.asarray(grids.karras(processes.EDM(), 20, rho=1e6)))
    np.testing.assert_allclose(far, np.log(np.asarray(grids.log_snr(processes.EDM(), 20))), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("process", [processes.FlowMatching(), processes.CosineVariancePreserving()])
def test_pure_noise_is_the_first_node_and_ratio_max_the_second(process):
    for grid in (grids.karras, grids.log_snr):
        alpha, sigma = process.level(grid(process, 10, ratio_max=200.0))
        assert float(alpha[0]) == 0
        np.testing.assert_allclose(float(sigma[1] / alpha[1]), 200, rtol=1e-4)


def test_log_grid_names_the_argument_that_makes_sigma_zero():
    with pytest.raises(ValueError, match=r"`t_min`.*sigma"):
        grids.log_snr(processes.OrnsteinUhlenbeck(t_min=0.0), 10)
    with pytest.raises(ValueError, match="`sigma_min`"):
        grids.log_snr(processes.EDM(sigma_min=0.0), 10)
    assert float(grids.karras(processes.OrnsteinUhlenbeck(t_min=0.0), 10)[-1]) == 0


@every_grid
def test_steps_must_be_positive(grid):
    with pytest.raises(ValueError, match="`steps` must be at least 1, but is 0"):
        grid(processes.EDM(), 0)


def test_times_that_single_precision_cannot_separate_are_refused():
    with jax.enable_x64(False), pytest.raises(ValueError, match="`steps` must leave neighbouring times distinct"):
        grids.uniform(processes.FlowMatching(t_min=0.999), 100_000)


def test_rho_and_ratio_are_checked():
    with pytest.raises(ValueError, match="`rho` must be positive"):
        grids.karras(processes.EDM(), 10, rho=0.0)
    with pytest.raises(ValueError, match="`ratio_max`"):
        grids.karras(processes.FlowMatching(), 10, ratio_max=1e-6)
