"""The finite-size curve against quadrature, simulation of the channel, and brute-force training sets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import chi2, norm

from diffmem import theory

STEPS = np.array([0.25, 0.5, 0.7, 1, 1.4, 2, 4])


@pytest.mark.parametrize(
    ("variances", "formula"),
    [
        (np.ones(64), (0.016, 0.124, 0.273, 0.500, 0.726, 0.900, 0.996)),
        (np.arange(1, 257.0) ** -1.5, (0.030, 0.153, 0.295, 0.500, 0.704, 0.869, 0.990)),
    ],
)
def test_published_curves(variances, formula):
    snr = STEPS / theory.collapse_ratio(4000, variances) ** 2
    # the published numbers are a simulation, good to a few in the third digit
    np.testing.assert_allclose(theory.gaussian_own_weight(snr, variances, 4000), formula, atol=4e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "snr", "n"), [(1, 0.5, 3), (1, 1e6, 200), (3, 4.0, 10), (40, 0.3, 100)])
def test_isotropic_by_quadrature(d, snr, n):
    share, information = snr / (1 + snr), d * np.log1p(snr) / 2

    def given(h):  # i - I = sqrt(c) g.h is normal with variance c |h|^2 given h
        width = np.sqrt(share * h)
        weight = lambda g: norm.pdf(g) * expit(information - np.log(n - 1) + width * g)  # noqa: E731
        return quad(weight, -12, 12, epsabs=1e-11, limit=400)[0]

    # h = r^2 removes the singularity of the density of |h|^2 for d = 1
    exact = quad(lambda r: 2 * r * chi2.pdf(r * r, d) * given(r * r), 1e-12, 12 + d**0.5, epsabs=1e-10, limit=400)[0]
    accuracy = 1e-8 if jax.config.jax_enable_x64 else 1e-5
    np.testing.assert_allclose(theory.gaussian_own_weight(snr, np.ones(d), n), exact, atol=accuracy)


def test_anisotropic_by_simulation():
    rng, variances, snr, n, m = np.random.default_rng(0), np.array([9.0, 2.0, 0.1]), 2.0, 15, 100_000
    x0, z = rng.normal(size=(m, 3)) * np.sqrt(variances), rng.normal(size=(m, 3))
    total = snr * variances + 1
    densities = (((np.sqrt(snr) * x0 + z) ** 2 / total - z**2 + np.log(total)) / 2).sum(1)
    sampled = theory.own_weight(densities, n)
    assert abs(sampled.value - theory.gaussian_own_weight(snr, variances, n)) < 3 * sampled.error
    direct = 1 / (1 + (n - 1) * np.exp(-densities))
    assert float(sampled.value) == pytest.approx(direct.mean(), rel=1e-5)
    assert float(sampled.error) == pytest.approx(direct.std() / m**0.5, rel=1e-4)


def test_half_where_information_is_log_of_the_others():
    variances = np.array([3.0, 1.0, 0.1])
    snr = theory.collapse_ratio(99, variances) ** -2
    np.testing.assert_allclose(theory.gaussian_own_weight(snr, variances, 100), 0.5, atol=1e-6)


@pytest.mark.slow
def test_limits_and_derivative():
    dtype = jnp.zeros(()).dtype
    variances = np.ones(400)
    snr = jnp.asarray([0.0, 1e-8, 1.0, 1e8, jnp.inf], dtype)
    # sd(i) is 14 nats and I - log n = .5 nats at snr = 1; at the ends I is 0 and 3,700 nats
    weights = theory.gaussian_own_weight(snr, variances, 10**60)
    np.testing.assert_allclose(weights[jnp.array([0, 1, 3, 4])], [0, 0, 1, 1], atol=1e-6)
    normal = norm.cdf((200 * np.log(2) - 60 * np.log(10)) / 200**0.5)
    np.testing.assert_allclose(weights[2], normal, atol=2e-3)
    np.testing.assert_allclose(theory.gaussian_own_weight(0.0, variances, 4), 0.25, atol=1e-6)
    np.testing.assert_allclose(theory.gaussian_own_weight(snr, variances, 1), 1.0, atol=1e-6)
    np.testing.assert_allclose(theory.gaussian_own_weight(1.0, np.zeros(2), 4), 0.25, atol=1e-6)
    slope = jax.jit(jax.vmap(jax.grad(lambda s: theory.gaussian_own_weight(s, np.ones(8), 50))))(snr[:4])
    assert jnp.isfinite(slope).all() and (slope >= -1e-6).all()
    assert float(theory.own_weight(np.zeros(3), 1).value) == 1
    with pytest.raises(ValueError, match="`n` must be finite and at least 1, but is 0"):
        theory.gaussian_own_weight(1.0, np.ones(2), 0)


def measured_own_weight(n, d, ratio, rng, sets=3, queries=1000):
    """Mean weight of the own point over several training sets, straight from the definition."""
    found = []
    for _ in range(sets):
        points = rng.normal(size=(n, d))
        own = rng.integers(n, size=queries)
        noisy = points[own] + ratio * rng.normal(size=(queries, d))
        energy = ((noisy**2).sum(1)[:, None] + (points**2).sum(1) - 2 * noisy @ points.T) / (2 * ratio**2)
        mine = energy[np.arange(queries), own]
        found.append(1 / np.exp(mine[:, None] - energy).sum(1))
    found = np.concatenate(found)
    return found.mean(), found.std() / len(found) ** 0.5


@pytest.mark.parametrize(
    ("d", "published"), [(32, (0.88, 0.74, 0.57, 0.41, 0.29, 0.12)), (64, (0.94, 0.78, 0.56, 0.35, 0.20, 0.05))]
)
def test_brute_force_collapse(d, published):
    n, rng = 1000, np.random.default_rng(d)
    fractions = np.array([0.7, 0.85, 1.0, 1.15, 1.3, 1.6])
    ratios = np.sqrt(np.expm1(2 * fractions * np.log1p(theory.collapse_ratio(n, np.ones(d)) ** 2) / 2))
    measured, errors = np.array([measured_own_weight(n, d, ratio, rng) for ratio in ratios]).T
    np.testing.assert_allclose(measured, published, atol=0.03)
    crossing = np.interp(-0.5, -measured, fractions)
    assert 0.95 <= crossing <= 1.15
    bound = np.asarray(theory.gaussian_own_weight(ratios**-2, np.ones(d), n))
    assert (measured > bound - 3 * errors).all()
