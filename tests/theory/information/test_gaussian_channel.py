"""Gaussian information: quadrature, the I-MMSE relation, the variance by simulation, the limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from diffmem import theory

SPECTRUM = np.array([5.0, 1.0, 0.3, 0.0])


def test_information_is_half_the_integral_of_the_error():
    exact = quad(lambda s: float(np.sum(SPECTRUM / (1 + SPECTRUM * s))) / 2, 0, 2.5, epsabs=1e-12)[0]
    np.testing.assert_allclose(theory.gaussian_information(2.5, SPECTRUM), exact, rtol=1e-6)


def test_derivatives():
    dtype = jnp.zeros(()).dtype
    snr = jnp.asarray([0.0, 0.2, 1.0, 40.0], dtype)
    slope = jax.vmap(jax.grad(lambda s: theory.gaussian_information(s, SPECTRUM)))(snr)
    np.testing.assert_allclose(slope, theory.gaussian_mmse(snr, SPECTRUM) / 2, rtol=1e-6)
    # dI/d log(sigma/alpha) = -2 snr dI/dsnr = -V
    np.testing.assert_allclose(2 * snr * slope, theory.gaussian_information_variance(snr, SPECTRUM), rtol=1e-6)
    by_variance = jax.grad(lambda v: theory.gaussian_information(jnp.asarray(2.0, dtype), v))(
        jnp.asarray(SPECTRUM, dtype)
    )
    np.testing.assert_allclose(by_variance, 1 / (1 + 2 * SPECTRUM), rtol=1e-6)
    # at L snr = 1, where the formula changes branch
    share = jax.grad(lambda s: theory.gaussian_information_variance(s, np.ones(1)))(jnp.asarray(1.0, dtype))
    np.testing.assert_allclose(share, 0.25, rtol=1e-6)


def test_mean_and_variance_of_the_information_density():
    rng, m, snr = np.random.default_rng(0), 200_000, 1.7
    x0 = rng.normal(size=(m, 4)) * np.sqrt(SPECTRUM)
    z = rng.normal(size=(m, 4))
    total = snr * SPECTRUM + 1
    density = (((np.sqrt(snr) * x0 + z) ** 2 / total - z**2 + np.log(total)) / 2).sum(1)
    assert abs(density.mean() - theory.gaussian_information(snr, SPECTRUM)) < 3 * density.std() / m**0.5
    squares = (density - density.mean()) ** 2
    assert abs(squares.mean() - theory.gaussian_information_variance(snr, SPECTRUM)) < 3 * squares.std() / m**0.5


def test_limits():
    none, everything = 0.0, np.inf
    assert theory.gaussian_information(none, SPECTRUM) == 0
    assert theory.gaussian_information(everything, SPECTRUM) == np.inf
    assert theory.gaussian_information(everything, np.zeros(3)) == 0
    assert theory.gaussian_information_variance(everything, SPECTRUM) == 3
    assert theory.gaussian_mmse(everything, SPECTRUM) == 0
    np.testing.assert_allclose(theory.gaussian_mmse(none, SPECTRUM), SPECTRUM.sum(), rtol=1e-6)


@pytest.mark.parametrize("function", [theory.gaussian_information, theory.gaussian_information_variance])
def test_any_shape_and_float32(function):
    snr = np.linspace(0.1, 2, 6, dtype=np.float32).reshape(2, 3)
    out = jax.jit(function)(snr, SPECTRUM)
    assert out.shape == (2, 3) and out.dtype == jnp.float32
    np.testing.assert_allclose(out[1, 2], function(float(snr[1, 2]), SPECTRUM), rtol=1e-6)
