"""Caps of spheres against the beta law and adaptive quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaln, log_ndtr
from scipy.stats import beta

from diffmem.theory.random_energy import spherical_cap

SCORES = np.array([-6.0, -3, -1, -0.2, 0, 0.2, 1, 3, 6])


@pytest.mark.parametrize("d", [2, 3, 4, 8, 100, 1000])
def test_caps_are_beta_laws(d):
    y = spherical_cap.cap_quantile(SCORES, float(d))
    # by the smaller cap: for d = 2 the beta law's argument near 1 has lost the digits that matter
    smaller = beta((d - 1) / 2, (d - 1) / 2).cdf(1 / (np.exp(2 * np.abs(y)) + 1))
    exact = np.where(y > 0, smaller, 1 - smaller)
    np.testing.assert_allclose(np.exp(spherical_cap.log_cap(y, d)), exact, rtol=1e-10)


@pytest.mark.parametrize("d", [3, 10, 1000, 10**12])
def test_quantiles_return_far_in_the_tail(d):
    scores = np.array([-45.0, -21.3, -8, -1, 0, 1, 8]) if d > 3 else np.array([-21.3, -8, -1, 0, 1, 8])
    y = spherical_cap.cap_quantile(scores, float(d))
    np.testing.assert_allclose(spherical_cap.log_cap(y, float(d)), log_ndtr(scores), rtol=1e-10, atol=1e-10)


def test_three_dimensions_are_uniform_in_the_cosine():
    y = np.array([-30.0, -1, 0, 2, 30, 300])
    exact = np.where(y > 0, -np.log1p(np.exp(np.minimum(2 * y, 700))), -np.log1p(np.exp(2 * y)))
    np.testing.assert_allclose(spherical_cap.log_cap(y, 3.0), exact, rtol=1e-12, atol=1e-13)
    # E e^(k (c - c0)); c > c0 for a uniform cosine
    k, cosine = 7.0, 0.3
    exact = np.log(np.expm1(k * (1 - cosine)) / (2 * k))
    np.testing.assert_allclose(spherical_cap.log_cap(np.arctanh(cosine), 3.0, k), exact, rtol=1e-12)


@pytest.mark.parametrize(
    ("d", "tilt", "cosine"),
    [
        (8, 5.0, 0.3),
        (8, 5.0, 0.97),
        (8, -5.0, 0.3),
        (8, 60.0, -0.7),
        (8, -60.0, -0.7),
        (100, 300.0, 0.5),
        (100, -300.0, -0.5),
    ],
)
def test_tilted_caps_by_quadrature(d, tilt, cosine):
    power = (d - 3) / 2
    integral, _ = quad(
        lambda c: np.exp(tilt * (c - cosine) + power * np.log1p(-c * c)), cosine, 1, epsabs=0, epsrel=1e-12, limit=500
    )
    exact = np.log(integral) - (d - 2) * np.log(2) - betaln((d - 1) / 2, (d - 1) / 2)
    np.testing.assert_allclose(spherical_cap.log_cap(np.arctanh(cosine), d, tilt), exact, rtol=1e-10, atol=1e-10)
