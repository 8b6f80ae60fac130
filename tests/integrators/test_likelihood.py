"""Likelihoods by the probability flow against closed forms, of one point and of many; probes and errors; bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES

from diffmem import log_likelihood, processes, scores
from diffmem.integrators import bits_per_dimension, grids, log_likelihoods
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


FLOAT = np.zeros((), jnp.zeros(()).dtype).dtype.type
PROCESS = processes.EDM(sigma_min=0.1, sigma_max=30.0)
TIMES = grids.karras(PROCESS, 40)
POINTS = np.asarray(np.random.default_rng(0).normal(size=(5, 3)), FLOAT)
VARIANCE = 0.7


def answer(x, alpha, sigma):
    """D of N(0, VARIANCE I) on the host."""
    return (VARIANCE * alpha / (VARIANCE * alpha**2 + sigma**2))[:, None] * x


HOST = scores.FromHost(answer, vjp=lambda x, alpha, sigma, u: answer(u, alpha, sigma))


def exact(points, width):
    """log N(x; 0, (VARIANCE + width^2) I)."""
    variance = VARIANCE + width**2
    return -(points**2).sum(axis=1) / (2 * variance) - points.shape[1] / 2 * np.log(2 * np.pi * variance)


def test_a_host_network_has_a_likelihood():
    """By its `vjp` alone, up to the wide Gaussian it ends in, which costs d/2 VARIANCE/sigma_max^2."""
    for batch in (None, 2):
        found = log_likelihoods(HOST, PROCESS, POINTS, TIMES, batch_size=batch)
        np.testing.assert_allclose(found.value, exact(POINTS, 0.1), atol=5e-3)
        assert (found.error < 1e-3).all()
    assert repr(found).startswith("LogLikelihoods(5 points, mean -")


@pytest.mark.slow
def test_probes_and_their_errors():
    """A Jacobian that is a multiple of the identity is probed without error, a mixture's within it."""
    found = log_likelihoods(HOST, PROCESS, POINTS, TIMES, key=jax.random.key(0), probes=3)
    np.testing.assert_allclose(found.value, exact(POINTS, 0.1), atol=5e-3)
    np.testing.assert_allclose(found.error, 0, atol=1e-3)
    law = scores.Gaussian(np.zeros(3, FLOAT), np.asarray([[1, 0.8, 0], [0.8, 1, 0], [0, 0, 0.3]], FLOAT))
    truth = log_likelihoods(law, PROCESS, POINTS, TIMES)
    found = log_likelihoods(law, PROCESS, POINTS, TIMES, key=jax.random.key(1), probes=32)
    assert (found.error > 1e-3).all()
    assert (np.abs(found.value - truth.value) < 4.5 * found.error).all()
    part = log_likelihoods(law, PROCESS, POINTS[:4], TIMES, key=jax.random.key(1), probes=32, batch_size=3)
    np.testing.assert_allclose(part.value, found.value[:4], rtol=1e-4)


def laws():
    """Of each: a density, its process, points where the answer is easy and where the weights change hands."""
    rng = np.random.default_rng(3)
    stored = rng.standard_normal((50, 40)).astype(FLOAT)
    ou = processes.OrnsteinUhlenbeck(t_min=0.05)
    yield scores.Empirical(stored), ou, np.stack([*rng.standard_normal((2, 40)), 0.9 * stored[0], stored[:2].mean(0)])
    wide = np.logspace(-4, 1, 20)
    yield (
        scores.Gaussian(np.ones(20, FLOAT), wide.astype(FLOAT)),
        processes.FlowMatching(),
        1 + np.sqrt(wide) * rng.standard_normal((3, 20)),
    )
    means = rng.standard_normal((10, 60)).astype(FLOAT)
    mixture = scores.GaussianMixture(np.ones(10, FLOAT), means, np.full(10, 0.01, FLOAT))
    yield (
        mixture,
        processes.OrnsteinUhlenbeck(),
        np.stack([means[0], 0.5 * means[0] + 0.5 * means[1], means[:3].mean(0)]),
    )
    yield scores.Empirical(np.array([[-1.0], [1.0]], FLOAT)), PROCESS, np.array([[0.01], [0.3], [4.0]])
    far = np.array([[300.0], [301.0]], FLOAT)  # where coordinates are far larger than their noise
    yield scores.Empirical(far), processes.FlowMatching(), np.array([[299.701], [300.6985]])


@pytest.mark.slow
@pytest.mark.parametrize("case", range(5))
def test_the_reported_error_tells_the_true_one(case):
    """And both are as small as `log_likelihood` says."""
    score, process, points = list(laws())[case]
    points = points.astype(FLOAT)
    truth = np.array([float(score.log_prob(x, process.level(process.t_min))) for x in points])
    found = log_likelihoods(score, process, points)
    off = np.abs(found.value - truth)
    assert (off <= found.error).all()
    if case < 4 or FLOAT is np.float64:
        assert (off <= (1e-5 if FLOAT is np.float64 else 1e-3) * (np.abs(truth) + points.shape[1])).all()


def test_single_calls_compile_once():
    traced = []

    def denoise(x, level):
        traced.append(None)
        return 0.5 * x

    score = scores.FromFunction(denoise)
    log_likelihood(score, PROCESS, POINTS[0], TIMES)
    before = len(traced)
    log_likelihood(score, PROCESS, POINTS[1], TIMES)
    # the dtype of its answer is asked for, without compiling
    assert len(traced) - before <= 1


def test_bits_per_dimension():
    """Uniform bytes, whose density on [-1, 1)^d is 2^-d, are 8 bits a dimension."""
    assert bits_per_dimension(np.array([-12 * np.log(2)]), 12, 2 / 256) == pytest.approx(8)
    found = log_likelihoods(HOST, PROCESS, POINTS, TIMES).bits_per_dimension(3)
    np.testing.assert_allclose(found.value, -exact(POINTS, 0.1) / np.log(2) / 3, atol=5e-3)
    with pytest.raises(ValueError, match="`bin_width` must be positive"):
        bits_per_dimension(np.zeros(1), 2, 0.0)


def test_nan_is_one_sentence():
    lost = scores.FromHost(lambda x, a, s: np.where(x[:, :1] > 0, np.nan, x), vjp=lambda x, a, s, u: u)
    count = int((POINTS[:, 0] > 0).sum())
    with pytest.raises(ValueError, match=f"log p was not found at {count} of 5 points"):
        log_likelihoods(lost, processes.EDM(sigma_min=0.5, sigma_max=1.0), POINTS, np.array([1.0, 0.9, 0.5], FLOAT))
