"""Likelihood by the probability flow against closed-form densities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES

from diffmem import log_likelihood, processes
from diffmem.integrators import grids
from diffmem.scores import Empirical, FromFunction, Gaussian, GaussianMixture

DOUBLE = jnp.zeros(()).dtype == jnp.float64
TOLERANCE = 1e-5 if DOUBLE else 5e-3
X = np.array([0.4, -0.9, 0.1])


@pytest.fixture(scope="module")
def mixture():
    means = np.array([[1.0, 0, 0], [-1.0, 0.5, 0], [0, -1.0, 1.0]])
    return GaussianMixture(np.array([0.5, 0.3, 0.2]), means, np.array([0.3, 0.1, 0.2]))


# one that ends in noise of unit size and one that reaches alpha = 0; the others run in the slow suite
FAST = ("OrnsteinUhlenbeck", "FlowMatching")
# a process from a table is left out: its rate jumps at the nodes, where adaptive steps lose digits (it says so)
PROCESSES = {name: process for name, process in PROCESSES.items() if name != "Discrete"}
ROWS = [pytest.param(process, marks=[pytest.mark.slow] * (name not in FAST)) for name, process in PROCESSES.items()]


@pytest.mark.slow
@pytest.mark.parametrize("process", ROWS, ids=PROCESSES)
def test_mixture(process, mixture):
    exact = mixture.log_prob(X, process.level(process.t_min))
    assert abs(log_likelihood(mixture, process, X) - exact) < TOLERANCE


def test_empirical_points():
    process = processes.EDM(sigma_min=0.3, sigma_max=30.0)
    score = Empirical(np.asarray(jax.random.normal(jax.random.key(0), (12, 3))))
    assert abs(log_likelihood(score, process, X) - score.log_prob(X, process.level(0.3))) < TOLERANCE


@pytest.mark.slow
def test_a_score_that_is_no_density_ends_in_the_wide_gaussian(mixture):
    """N(0, .25) known by its denoiser alone: log p(.3) = -.40579135 up to sigma_min^2."""
    process = processes.EDM(sigma_max=2000.0)
    score = FromFunction(lambda x, level: 0.25 / (0.25 + level.sigma**2) * x)
    assert abs(log_likelihood(score, process, np.array([0.3])) + 0.40579135) < 1e-5 + TOLERANCE
    batch = jax.vmap(lambda x: log_likelihood(score, process, x))(jnp.asarray([[0.3], [-0.3]]))
    np.testing.assert_allclose(batch, -0.40579135, atol=1e-5 + TOLERANCE)


@pytest.mark.slow
def test_along_a_grid_the_error_falls_with_the_steps():
    process, score = processes.VariancePreserving(), Gaussian(np.zeros(3), np.array([0.5, 1.0, 2.0]))
    exact = score.log_prob(X, process.level(process.t_min))
    errors = [abs(float(log_likelihood(score, process, X, grids.karras(process, n)) - exact)) for n in (4, 40)]
    assert errors[1] < TOLERANCE and errors[1] < errors[0]


@pytest.mark.slow
def test_one_probe_is_unbiased(mixture):
    """Rademacher probes over keys average to the exact divergence."""
    process = processes.EDM(sigma_min=0.1, sigma_max=20.0)
    keys = jax.random.split(jax.random.key(1), 200)
    times = grids.karras(process, 40)
    values = np.asarray(jax.vmap(lambda key: log_likelihood(mixture, process, X, times, key=key))(keys))
    exact = float(log_likelihood(mixture, process, X, times))
    assert values.std() > 0
    assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(len(values))


def test_wrong_shape_is_one_sentence(mixture):
    with pytest.raises(ValueError, match="`x` must have the event shape"):
        log_likelihood(mixture, processes.EDM(), np.zeros(4))
