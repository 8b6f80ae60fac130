"""Samplers on atoms and Gaussians where the answer of each published scheme is a number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from diffmem import NoiseLevel, processes, sample
from diffmem.integrators import DDIM, DPMSolverPP, EulerMaruyama, Heun, ProbabilityFlow, grids, reverse_drift, velocity
from diffmem.integrators.dynamics import nodes_at
from diffmem.scores import AbstractDenoiser, Empirical, Gaussian

pytestmark = pytest.mark.slow

double = pytest.mark.skipif(jnp.zeros(()).dtype == jnp.float32, reason="numbers in double precision")
TWO = Empirical(np.array([[-1.0], [1.0]]))
KEY = jax.random.key(0)


@double
@pytest.mark.parametrize("sigma_min, expected", [(0.002, 0.99888502), (0.001, 0.99944251)])
def test_stop_above_zero_then_denoise(sigma_min, expected):
    """The flow of two atoms from x = 29.6 at sigma = 80, against an eighth-order method in log sigma."""
    flow = solve_ivp(
        lambda log, x: x - np.tanh(x / np.exp(2 * log)),
        np.log([80, sigma_min]),
        [29.6],
        "DOP853",
        rtol=1e-12,
        atol=1e-13,
    )
    assert abs(flow.y[0, -1] - expected) < 1e-8
    process = processes.EDM(sigma_min=sigma_min)
    draw = lambda finish: sample(  # noqa: E731
        TWO,
        process,
        ProbabilityFlow(1e-8, 1e-10),
        grids.karras(process, 2),
        (1,),
        1,
        key=KEY,
        start=np.array([[29.6]]),
        finish=finish,
    ).points.item()
    assert abs(draw("state") - expected) < 1e-7
    assert draw("denoise") == 1.0


@double
def test_last_state_and_its_denoised_point():
    times = grids.karras(processes.EDM(), 17)
    draw = lambda finish: sample(  # noqa: E731
        TWO, processes.EDM(), DDIM(), times, (1,), 1, key=KEY, start=np.array([[29.6]]), finish=finish
    ).points.item()
    assert abs(draw("state") - 0.9978625) < 1e-7
    assert draw("denoise") == 1.0


@double
@pytest.mark.parametrize(
    "integrator, expected", [(Heun(), (0.8969619, 0.8512245, 0.8499886)), (DDIM(), (0.7191534, 0.8259249, 0.8475621))]
)
def test_edm_heun_and_euler_on_a_gaussian(integrator, expected):
    """N(0, .25) from x = 136 at sigma = 80 down to .002 and then 0; exactly .84998340."""
    for points, value in zip((18, 100, 1000), expected):
        times = jnp.append(grids.karras(processes.EDM(), points - 1), 0.0)
        out = sample(
            Gaussian(jnp.zeros(1), jnp.asarray(0.25)), processes.EDM(), integrator, times, (1,), 1,
            key=KEY, start=np.array([[136.0]]), finish="state",
        )  # fmt: skip
        assert abs(out.points.item() - value) < 1e-7


def test_number_of_evaluations():
    """One evaluation a step for DDIM, two for Heun, and 2 N - 1 where the last sigma is 0."""
    calls = []

    class Counted(AbstractDenoiser):
        def denoise(self, x, level):
            jax.debug.callback(lambda sigma: calls.append(float(sigma)), level.sigma)
            return 0 * x

    def evaluations(integrator, times):
        calls.clear()
        jax.block_until_ready(integrator(Counted(), processes.EDM(), jnp.ones(1), times, key=KEY)[0])
        jax.effects_barrier()
        return calls

    times = grids.karras(processes.EDM(), 9)
    to_zero = jnp.append(times, 0.0)
    assert len(evaluations(DDIM(), to_zero)) == 10
    assert 0.0 not in evaluations(Heun(), to_zero)
    # D and the noise at one point and level are one evaluation
    assert len(evaluations(Heun(), times)) == 2 * 9
    assert len(evaluations(Heun(), to_zero)) == 2 * 10 - 1
    assert len(evaluations(DPMSolverPP(3), times)) == 9 + 1 + (3 - 1) ** 2


@pytest.mark.parametrize("integrator, expected", [(Heun(), 0.0499), (EulerMaruyama(), 0.0516)])
def test_ode_and_sde_share_marginals(integrator, expected):
    """Root-mean-square distance to the nearest of {-1, .2, 1} at sigma = .05; half the drift would give .195."""
    process = processes.EDM(sigma_min=0.05)
    atoms = np.array([[-1.0], [0.2], [1.0]])
    out = sample(
        Empirical(atoms), process, integrator, grids.karras(process, 400), (1,), 20_000, key=KEY, finish="state"
    )
    distance = np.abs(np.asarray(out.points) - atoms[None, :, 0]).min(1)
    assert abs(np.sqrt(np.mean(distance**2)) - expected) < 4 * 0.05 / np.sqrt(2 * 20_000)


def test_velocity_and_drift(process):
    """Against `f x - g^2/2 score` and `f x - g^2 score`."""
    t = 0.5 * (process.t_min + process.t_max)
    x = jnp.asarray([0.3])
    node = nodes_at(process, t, x.dtype)
    f, g = process.drift_coefficient(t), process.diffusion_coefficient(t)
    score = TWO.score(x, process.level(t))
    found = TWO.evaluate(x, node.level)
    np.testing.assert_allclose(velocity(found, node), f * x - g**2 / 2 * score, rtol=1e-4)
    np.testing.assert_allclose(reverse_drift(found, node), f * x - g**2 * score, rtol=1e-4)
    np.testing.assert_allclose(reverse_drift(found, node, noise=0.0), velocity(found, node), rtol=1e-6)


def test_velocity_of_flow_matching():
    """x_t = (1 - t) x_0 + t z, atoms {-1, 1}, t = .5, x = .15: v = z - D = -.28262523; at alpha = 0 it is x - mean."""
    process, x = processes.FlowMatching(), jnp.asarray([0.15])
    middle, end = (nodes_at(process, t, x.dtype) for t in (0.5, 1.0))
    assert abs(velocity(TWO.evaluate(x, middle.level), middle).item() + 0.28262523) < 1e-6
    np.testing.assert_allclose(velocity(TWO.evaluate(x, end.level), end), x, rtol=1e-6)
    assert TWO.denoise(x, NoiseLevel(0.0, 1.0)).item() == 0
