"""The optimum of ambient training: its density, its population limit, its ends, and the flow in tau."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from diffmem import processes, sample
from diffmem.integrators import Heun, grids
from diffmem.level import NoiseLevel
from diffmem.reductions import Dense
from diffmem.scores import Ambient, Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RNG = np.random.default_rng(8)
NOISY, X, NOISE = RNG.normal(size=(5, 3)), RNG.normal(size=3), 0.4
LEVELS = [NoiseLevel(1.0, 0.41), NoiseLevel(1.0, 0.9), NoiseLevel(0.6, 0.8), NoiseLevel(0.0, 1.0)]


def test_closed_form():
    """Softmax over the noisy copies at tau, D = (sigma^2 yhat - alpha noise^2 x)/tau^2, and the density in full."""
    score, x = Ambient(NOISY.astype(FLOAT), NOISE, reduction=Dense()), X.astype(FLOAT)

    @jax.jit
    def everything(x, alpha, sigma):
        level = NoiseLevel(alpha, sigma)
        slope, trace = jax.grad(score.log_prob)(x, level), jnp.trace(jax.jacfwd(lambda x: score.score(x, level))(x))
        denoised, log_p = score.denoise(x, level), score.log_prob(x, level)
        return denoised, score.score(x, level), log_p, slope, trace, score.divergence(x, level)

    loose = 1e-10 if DOUBLE else 2e-4
    for alpha, sigma in LEVELS:
        tau2 = sigma**2 - alpha**2 * NOISE**2
        energy = np.sum((np.float64(x) - alpha * NOISY) ** 2, axis=1) / (2 * tau2)
        weights = np.exp(-energy) / np.exp(-energy).sum()
        mean = weights @ NOISY
        denoised, found, log_p, slope, trace, divergence = everything(x, FLOAT(alpha), FLOAT(sigma))
        np.testing.assert_allclose(denoised, (sigma**2 * mean - alpha * NOISE**2 * x) / tau2, rtol=loose, atol=loose)
        np.testing.assert_allclose(found, (alpha * mean - x) / tau2, rtol=loose, atol=loose)
        density = np.log(np.mean(np.exp(-energy))) - 1.5 * np.log(2 * np.pi * tau2)
        assert log_p == pytest.approx(density, rel=loose, abs=loose)
        np.testing.assert_allclose(slope, found, rtol=loose, atol=loose)
        np.testing.assert_allclose(divergence, trace, rtol=loose)
        # what the network is trained on: its combination with x estimates the noisy copy
        combined = (tau2 * np.float64(denoised) + alpha * NOISE**2 * x) / sigma**2
        np.testing.assert_allclose(combined, mean, rtol=loose, atol=loose)


@pytest.mark.parametrize("level", [NoiseLevel(1.0, 0.8), NoiseLevel(0.7, 0.7)])
def test_many_copies_give_the_denoiser_of_the_clean_law(level):
    """Copies of N(0, 1) data are N(0, 1 + noise^2): their even quantiles give D = alpha x / (alpha^2 + sigma^2)."""
    copies = norm.ppf((np.arange(4000) + 0.5) / 4000) * np.sqrt(1 + NOISE**2)
    score, x = Ambient(copies[:, None].astype(FLOAT), NOISE), np.array([0.9], FLOAT)
    truth = level.alpha * x / (level.alpha**2 + level.sigma**2)
    np.testing.assert_allclose(score.denoise(x, level), truth, rtol=1e-3)


def test_draws_are_copies_with_the_rest_of_the_noise():
    score, level = Ambient(NOISY[:1].astype(FLOAT), NOISE), NoiseLevel(0.8, 0.6)
    drawn = jax.vmap(lambda key: score.sample(level, key=key))(jax.random.split(jax.random.key(0), 4000))
    spread = np.sqrt(0.36 - 0.64 * NOISE**2)
    np.testing.assert_allclose(np.mean(drawn, axis=0), 0.8 * NOISY[0], atol=5 * spread / np.sqrt(4000))
    np.testing.assert_allclose(np.std(drawn, axis=0), spread, rtol=5 / np.sqrt(2 * 4000))


def test_at_the_noise_of_the_points():
    """On a noisy copy D is that copy, elsewhere infinite; never NaN."""
    score = Ambient(NOISY.astype(FLOAT), FLOAT(0.5))
    level = NoiseLevel(FLOAT(0.5), FLOAT(0.25))
    on = (0.5 * NOISY[2]).astype(FLOAT)
    np.testing.assert_allclose(score.denoise(on, level), NOISY[2], rtol=1e-6)
    off = score.denoise(on + FLOAT(0.1), level)
    np.testing.assert_array_equal(off, -np.inf)
    assert score.noisy.points.shape == NOISY.shape
    plain, clean = Ambient(NOISY.astype(FLOAT), 0.0), NoiseLevel(1.0, 0.0)
    np.testing.assert_array_equal(plain.denoise(X, clean), Empirical(NOISY.astype(FLOAT)).denoise(X, clean))


def test_below_it_is_an_error():
    score = Ambient(NOISY.astype(FLOAT), NOISE, reduction=Dense())
    with pytest.raises(
        ValueError, match=r"`sigma` must be at least alpha times the noise of the points, 0.4, but is 0.3"
    ):
        score.score(X, NoiseLevel(1.0, 0.3))
    with pytest.raises(ValueError, match="`sigma` must be at least alpha times the noise"):
        score.draw(2, key=jax.random.key(0))
    with pytest.raises((eqx.EquinoxRuntimeError, ValueError), match="`sigma` must be at least alpha times the noise"):
        jax.block_until_ready(eqx.filter_jit(lambda s: score.score(X, NoiseLevel(1.0, s)))(jnp.asarray(0.3)))
    with pytest.raises(ValueError, match="`noise` must be at least 0"):
        Ambient(NOISY, -0.1)


@pytest.mark.slow
def test_the_flow_in_tau_is_the_flow():
    """The ambient flow in sigma and that of the noisy copies in tau meet at the same state, and end on noisy copies."""
    score, low, high = Ambient(NOISY.astype(FLOAT), NOISE, reduction=Dense()), 0.5, 20.0
    start = (high * RNG.normal(size=(4, 3))).astype(FLOAT)

    def flow(score, low, high, steps):
        process = processes.EDM(sigma_min=low, sigma_max=high)
        times = grids.log_snr(process, steps)
        key = jax.random.key(0)
        return sample(score, process, Heun(), times, (3,), 4, key=key, start=start, finish="state").points

    tau = lambda sigma: float(np.sqrt(sigma**2 - NOISE**2))  # noqa: E731
    in_tau = flow(score.noisy, tau(low), tau(high), 150)
    np.testing.assert_allclose(flow(score, low, high, 150), in_tau, atol=2e-3)
    ends = flow(score.noisy, 1e-4, tau(high), 150)
    assert np.all(np.min(np.linalg.norm(np.asarray(ends)[:, None] - NOISY, axis=2), axis=1) < 1e-3)
