"""The flow of a Gaussian is known exactly: orders, limits and invariances of every deterministic integrator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes
from diffmem.integrators import (
    DDIM,
    DPMSolverPP,
    ExponentialAdamsBashforth,
    Heun,
    ProbabilityFlow,
    grids,
    invert,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(jnp.zeros(()).dtype == jnp.float32, reason="orders need double precision"),
]

EXPLODING = processes.EDM(sigma_min=0.02, sigma_max=80.0)
ORDERS = (
    (DDIM(), 1),
    (Heun(), 2),
    (DPMSolverPP(order=2), 2),
    (DPMSolverPP(order=3), 3),
    (ExponentialAdamsBashforth(order=1), 1),
    (ExponentialAdamsBashforth(order=2), 2),
    (ExponentialAdamsBashforth(order=3), 3),
    (ExponentialAdamsBashforth(order=4), 4),
)
names = [f"{type(integrator).__name__}{order}" for integrator, order in ORDERS]


def relative_error(integrate, integrator, score, flow, process, times):
    x = jnp.ones(4)
    exact = flow(process, x, times[0], times[-1])
    return np.max(np.abs(np.asarray(integrate(integrator, score, process, x, times)) / exact - 1))


@pytest.mark.parametrize("integrator, order", ORDERS, ids=names)
def test_order_of_convergence(integrator, order, integrate, gaussian, gaussian_flow):
    for grid in (grids.log_snr, grids.karras):
        errors = [
            relative_error(integrate, integrator, gaussian, gaussian_flow, EXPLODING, grid(EXPLODING, steps))
            for steps in (320, 640)
        ]
        assert abs(np.log2(errors[0] / errors[1]) - order) < 0.15, (grid, errors)


@pytest.mark.parametrize("integrator, bound", [(DPMSolverPP(order=3), 1e-7), (ExponentialAdamsBashforth(4), 3e-9)])
def test_error_of_the_high_orders(integrator, bound, integrate, gaussian, gaussian_flow):
    times = grids.log_snr(EXPLODING, 640)
    assert relative_error(integrate, integrator, gaussian, gaussian_flow, EXPLODING, times) < bound


@pytest.mark.slow
@pytest.mark.parametrize("integrator", [i for i, _ in ORDERS], ids=names)
def test_same_nodes_through_two_schedules(integrator, integrate, gaussian):
    """Matched ratios sigma/alpha give the same x/alpha, whatever the schedule."""
    edm = processes.EDM(sigma_min=0.01, sigma_max=50.0)
    times = grids.karras(edm, 20)
    x = 50 * jnp.asarray([1.0, -0.3, 0.7, 2.0])
    reference = np.asarray(integrate(integrator, gaussian, edm, x, times))
    for other in (processes.VariancePreserving(), processes.OrnsteinUhlenbeck()):
        clock = other.time_at(times)
        (a0, _), (a1, _) = other.level(clock[0]), other.level(clock[-1])
        moved = np.asarray(integrate(integrator, gaussian, other, a0 * x, clock) / a1)
        np.testing.assert_allclose(moved, reference, rtol=1e-10)


def test_third_order_multistep_is_third_order_adams_bashforth(integrate, gaussian):
    """Two formulas, Newton's and Lagrange's, for one polynomial."""
    times = grids.karras(EXPLODING, 12)
    two = [
        integrate(i, gaussian, EXPLODING, 80 * jnp.ones(4), times)
        for i in (DPMSolverPP(3), ExponentialAdamsBashforth(3))
    ]
    np.testing.assert_allclose(*map(np.asarray, two), rtol=1e-11)


def test_adaptive_flow_is_the_gaussian_flow_map(process, integrate, gaussian, gaussian_flow):
    times = grids.karras(process, 4)
    sharp = ProbabilityFlow(rtol=1e-9, atol=1e-10)
    assert relative_error(integrate, sharp, gaussian, gaussian_flow, process, times) < 1e-6


@pytest.mark.parametrize("integrator, bound", [(Heun(), 2e-2), (DPMSolverPP(3), 1e-2), (ProbabilityFlow(), 1e-2)])
def test_from_pure_noise_to_the_flow_map(integrator, bound, integrate, gaussian, gaussian_flow):
    """One first-order step leaves alpha = 0; the rest keeps its accuracy."""
    for process in (processes.FlowMatching(), processes.CosineVariancePreserving()):
        # standard deviations up to 10 want more than the default, which suits those around 1
        times = grids.karras(process, 64, ratio_max=1e3)
        assert relative_error(integrate, integrator, gaussian, gaussian_flow, process, times) < bound


@pytest.mark.slow
@pytest.mark.parametrize(
    "integrator, bound",
    [
        (DDIM(), 5e-2),
        (Heun(), 1e-3),
        (DPMSolverPP(2), 1e-3),
        (ExponentialAdamsBashforth(4), 1e-5),
        (ProbabilityFlow(), 1e-3),
    ],
)
def test_inversion_and_sampling_return_to_the_point(integrator, bound, integrate, gaussian, gaussian_flow):
    times = grids.log_snr(EXPLODING, 200)
    x = jnp.asarray([0.1, 1.0, -3.0, 10.0])
    noise = invert(gaussian, EXPLODING, integrator, x, times, key=jax.random.key(0))
    np.testing.assert_allclose(noise, gaussian_flow(EXPLODING, x, times[-1], times[0]), rtol=bound)
    np.testing.assert_allclose(integrate(integrator, gaussian, EXPLODING, noise, times), x, rtol=bound)


def test_inversion_up_to_pure_noise(gaussian, gaussian_flow):
    process = processes.FlowMatching()
    times = grids.log_snr(process, 400)
    x = jnp.asarray([0.1, 1.0, -3.0, 10.0])
    noise = invert(gaussian, process, DPMSolverPP(3), x, times, key=jax.random.key(0))
    np.testing.assert_allclose(noise, gaussian_flow(process, x, times[-1], times[0]), rtol=1e-3)
