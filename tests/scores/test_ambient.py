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
from diffmem.scores import Ambient, Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
DTYPES = [np.float32, pytest.param(np.float64, marks=pytest.mark.skipif(not DOUBLE, reason="double precision is off"))]
RNG = np.random.default_rng(8)
NOISY, X, NOISE = RNG.normal(size=(5, 3)), RNG.normal(size=3), 0.4
LEVELS = [NoiseLevel(1.0, 0.41), NoiseLevel(1.0, 0.9), NoiseLevel(0.6, 0.8), NoiseLevel(0.0, 1.0)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", LEVELS)
def test_closed_form(level, dtype):
    """Softmax over the noisy copies at tau, D = (sigma^2 yhat - alpha noise^2 x)/tau^2, and the density in full."""
    score, (alpha, sigma) = Ambient(NOISY.astype(dtype), NOISE), (float(part) for part in level)
    tau2 = sigma**2 - alpha**2 * NOISE**2
    x = X.astype(dtype)
    energy = np.sum((np.float64(x) - alpha * NOISY) ** 2, axis=1) / (2 * tau2)
    weights = np.exp(-energy) / np.exp(-energy).sum()
    mean = weights @ NOISY
    loose = 1e-10 if dtype == np.float64 else 2e-4
    found = jax.jit(lambda x: (score.denoise(x, level), score.score(x, level), score.log_prob(x, level)))(x)
    np.testing.assert_allclose(found[0], (sigma**2 * mean - alpha * NOISE**2 * x) / tau2, rtol=loose, atol=loose)
    np.testing.assert_allclose(found[1], (alpha * mean - x) / tau2, rtol=loose, atol=loose)
    log_p = np.log(np.mean(np.exp(-energy))) - 1.5 * np.log(2 * np.pi * tau2)
    assert found[2] == pytest.approx(log_p, rel=loose, abs=loose)
    np.testing.assert_allclose(jax.grad(score.log_prob)(x, level), found[1], rtol=loose, atol=loose)
    trace = jnp.trace(jax.jacfwd(lambda x: score.score(x, level))(x))
    np.testing.assert_allclose(score.divergence(x, level), trace, rtol=loose)
    # what the network is trained on: its combination with x estimates the noisy copy
    np.testing.assert_allclose(
        tau2 / sigma**2 * found[0] + alpha * NOISE**2 / sigma**2 * x, mean, rtol=loose, atol=loose
    )


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
    np.testing.assert_allclose(np.std(drawn), spread, rtol=5 / np.sqrt(2 * 12000))


@pytest.mark.parametrize("dtype", DTYPES)
def test_at_the_noise_of_the_points(dtype):
    """On a noisy copy D is that copy, elsewhere infinite; never NaN."""
    score = Ambient(NOISY.astype(dtype), dtype(0.5))
    level = NoiseLevel(dtype(0.5), dtype(0.25))
    on = (0.5 * NOISY[2]).astype(dtype)
    np.testing.assert_allclose(score.denoise(on, level), NOISY[2], rtol=1e-6)
    off = score.denoise(on + dtype(0.1), level)
    np.testing.assert_array_equal(off, -np.inf)
    assert score.noisy.points.shape == NOISY.shape
    plain, clean = Ambient(NOISY.astype(dtype), 0.0), NoiseLevel(1.0, 0.0)
    np.testing.assert_array_equal(plain.denoise(X, clean), Empirical(NOISY.astype(dtype)).denoise(X, clean))


def test_below_it_is_an_error():
    score = Ambient(NOISY.astype(FLOAT), NOISE)
    with pytest.raises(
        ValueError, match=r"`sigma` must be at least alpha times the noise of the points, 0.4, but is 0.3"
    ):
        score.score(X, NoiseLevel(1.0, 0.3))
    with pytest.raises(ValueError, match="`sigma` must be at least alpha times the noise"):
        score.draw(2, key=jax.random.key(0))
    with pytest.raises(eqx.EquinoxRuntimeError, match="`sigma` must be at least alpha times the noise"):
        jax.block_until_ready(eqx.filter_jit(lambda s: score.score(X, NoiseLevel(1.0, s)))(jnp.asarray(0.3)))
    with pytest.raises(ValueError, match="`noise` must be at least 0"):
        Ambient(NOISY, -0.1)


def test_the_flow_in_tau_is_the_flow():
    """The ambient flow in sigma and that of the noisy copies in tau meet at the same state, and end on noisy copies."""
    score, low, high = Ambient(NOISY.astype(FLOAT), NOISE), 0.5, 20.0
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
