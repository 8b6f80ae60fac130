"""Gaussians and mixtures where people degenerate them: equal eigenvalues, zero variances, zero weights, no noise.

Right values are closed forms computed here in float64, or central differences of them.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

import diffmem as dm
from diffmem import data, integrators, processes, scores
from diffmem.level import NoiseLevel

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RTOL = 1e-8 if DOUBLE else 1e-4
CLEAN = NoiseLevel(1.0, 0.0)
X2, X3 = np.array([0.3, -0.7], FLOAT), np.array([0.3, -0.7, 0.2], FLOAT)


def log_density(x, covariance, sigma):
    return multivariate_normal.logpdf(x, np.zeros(len(x)), covariance + sigma**2 * np.eye(len(x)))


def differences(function, at, step=1e-5):
    """Central differences of a function of an array, which moves symmetric matrices symmetrically."""
    found = np.zeros(at.shape)
    for index in np.ndindex(*at.shape):
        move = np.zeros(at.shape)
        move[index] += step
        if at.ndim == 2:
            move = (move + move.T) / 2
        found[index] = (function(at + move) - function(at - move)) / (2 * step)
    return found


# numpyro 2224 and 1870: the slope of log p in a weight that is 0


@pytest.mark.slow
@pytest.mark.parametrize("mixture", [False, True])
@pytest.mark.parametrize("slope", [jax.grad, jax.jacfwd])
def test_slope_in_a_weight_that_is_zero(mixture, slope):
    points, weights, x, sigma = np.arange(3.0), np.array([0.0, 0.5, 0.5]), 0.3, 1.0
    level = NoiseLevel(1.0, sigma)

    def score(w):
        rows = points[:, None].astype(FLOAT)
        if mixture:
            return scores.GaussianMixture(w, rows, np.full(3, 0.2, FLOAT))
        return scores.Empirical(rows, w)

    variance = sigma**2 + (0.2 if mixture else 0)
    each = np.exp(-((x - points) ** 2) / (2 * variance))
    truth = each / (weights @ each) - 1  # weights are normalised
    found = slope(lambda w: score(w).log_prob(np.array([x], FLOAT), level))(jnp.asarray(weights, FLOAT))
    np.testing.assert_allclose(found, truth, rtol=RTOL)
    # D = sum w_i e_i m_i / sum w_i e_i with the component means m_i
    means = points + (0.2 / variance) * (x - points) if mixture else points
    D = weights @ (each * means) / (weights @ each)
    found = slope(lambda w: score(w).denoise(np.array([x], FLOAT), level)[0])(jnp.asarray(weights, FLOAT))
    np.testing.assert_allclose(found, each * (means - D) / (weights @ each), rtol=RTOL)


# jax 669, 4646 and 10527: derivatives through eigenvectors of equal eigenvalues


@pytest.mark.slow
@pytest.mark.parametrize("covariance", [np.eye(2), np.diag([1, 1 + 1e-6]), np.diag([1.0, 0.4]), np.ones((2, 2))])
def test_slope_in_a_covariance(covariance):
    sigma = 0.5
    truth = differences(lambda S: log_density(X2.astype(float), S, sigma), covariance)
    for law in (
        lambda S: scores.Gaussian(np.zeros(2, FLOAT), S),
        lambda S: scores.GaussianMixture(np.ones(2, FLOAT) / 2, np.zeros((2, 2), FLOAT), jnp.stack([S, S])),
    ):
        found = jax.grad(lambda S: law(S).log_prob(X2, NoiseLevel(1.0, sigma)))(jnp.asarray(covariance, FLOAT))
        np.testing.assert_allclose(found, truth, rtol=1e-5 if DOUBLE else 1e-3, atol=1e-6)
    gain = lambda S: S @ np.linalg.inv(S + sigma**2 * np.eye(2)) @ X2.astype(float)  # noqa: E731
    truth = differences(lambda S: gain(S)[0], covariance)
    found = jax.grad(lambda S: scores.Gaussian(np.zeros(2, FLOAT), S).denoise(X2, NoiseLevel(1.0, sigma))[0])(
        jnp.asarray(covariance, FLOAT)
    )
    np.testing.assert_allclose(found, truth, rtol=1e-5 if DOUBLE else 1e-3, atol=1e-6)


# jax 8732: derivatives through singular values


@pytest.mark.parametrize("variances", [[1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [2.0, 0.3]])
def test_slope_in_variances_of_low_rank(variances):
    factors, floor, sigma = np.array([[1.0, 0.5], [0, 1], [0, 0.2]]), 0.1, 0.5

    def truth(v):
        covariance = factors @ np.diag(v) @ factors.T + floor * np.eye(3)
        return log_density(X3.astype(float), covariance, sigma)

    def found(v):
        law = scores.LowRankMixture(
            np.ones(1, FLOAT), np.zeros((1, 3), FLOAT), factors[None].astype(FLOAT), v[None], np.asarray(floor, FLOAT)
        )
        return law.log_prob(X3, NoiseLevel(1.0, sigma))

    np.testing.assert_allclose(
        jax.grad(found)(jnp.asarray(variances, FLOAT)),
        differences(truth, np.array(variances)),
        rtol=1e-6 if DOUBLE else 1e-3,
        atol=1e-6,
    )


# scipy 5286 and 15509: covariances without full rank, and MNIST's constant pixels


def test_a_subspace_without_noise():
    law = scores.Gaussian(np.zeros(2, FLOAT), np.array([1, 0], FLOAT))
    on, off = np.array([0.5, 0], FLOAT), np.array([0.5, 0.2], FLOAT)
    for x in (on, off):
        np.testing.assert_allclose(law.denoise(x, CLEAN), [0.5, 0], atol=1e-7)
        assert law.divergence(x, CLEAN) == -np.inf
    np.testing.assert_allclose(law.score(on, CLEAN), [-0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(law.noise(on, CLEAN), 0, atol=1e-7)
    assert law.log_prob(on, CLEAN) == np.inf and law.log_prob(off, CLEAN) == -np.inf
    assert law.score(off, CLEAN)[1] == -np.inf and law.noise(off, CLEAN)[1] == np.inf
    near = law.denoise(off, NoiseLevel(1.0, 1e-6))
    np.testing.assert_allclose(law.denoise(off, CLEAN), near, atol=1e-5)


def test_the_smallest_of_the_nearest_subspaces_counts():
    """At sigma = 0, as at a sigma that is as good as 0."""
    means, variances = np.array([[0.0, 0], [1, 1], [0, 0]], FLOAT), np.array([[1.0, 0], [0.5, 0.5], [0, 0]], FLOAT)
    law = scores.GaussianMixture(np.ones(3, FLOAT) / 3, means, variances)
    for x, owner in (([0.5, 0.0], 0), ([0.5, 0.1], 1), ([0.0, 0.0], 2)):
        x = np.array(x, FLOAT)
        posterior = law.posterior(x, CLEAN)
        assert posterior.leader == owner and posterior.leader_weight == 1
        np.testing.assert_allclose(law.weights(x, CLEAN, 3)[1], [1, 0, 0])
        small = NoiseLevel(1.0, 1e-9 if DOUBLE else 1e-6)
        assert law.posterior(x, small).leader == owner
        np.testing.assert_allclose(posterior.mean, law.denoise(x, small), atol=1e-4)


def test_constant_pixels_stay_what_they_are():
    pictures = data.digits().points[:200].astype(FLOAT)
    flat = pictures.reshape(200, -1)
    constant = flat.std(axis=0) == 0
    assert constant.any()
    process = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=6.0)
    times = jnp.append(integrators.grids.karras(process, steps=12), 0.0)
    law = scores.Gaussian.fit(pictures)
    out = dm.sample(law, process, integrators.Heun(), times, pictures.shape[1:], 3, key=jax.random.key(0))
    found = np.asarray(out.points).reshape(3, -1)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, constant], np.tile(flat[0, constant], (3, 1)), atol=1e-6)
