"""The Marchenko-Pastur spectrum: its density by quadrature, drawn matrices, the orthonormal limit."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from diffmem import theory


@pytest.mark.parametrize(("d", "latent"), [(64, 16), (40, 40), (12, 60), (1000, 3)])
def test_sums_against_the_density(d, latent):
    few, more = min(d, latent), max(d, latent)
    q = few / more
    low, high = (1 - math.sqrt(q)) ** 2, (1 + math.sqrt(q)) ** 2

    def mean_log(snr):
        def term(x):
            density = math.sqrt(max((high - x) * (x - low), 0)) / (2 * math.pi * q * x)
            return math.log1p(snr * x * more / latent) * density

        return quad(term, low, high, limit=200)[0]

    spectrum = theory.hidden_manifold_spectrum(d, latent)
    assert spectrum.shape == (d,) and (np.diff(spectrum) <= 0).all() and (spectrum > 0).sum() == few
    assert spectrum.sum() == pytest.approx(d, rel=1e-9)
    assert low * more / latent < spectrum[few - 1] and spectrum[0] < high * more / latent
    for snr in (0.1, 2.0):
        # bins of equal probability lose the spread inside them
        assert np.log1p(snr * spectrum).sum() / few == pytest.approx(mean_log(snr), rel=0.2 / few**1.5 + 1e-4)


def test_drawn_matrices():
    d, latent, rng = 120, 40, np.random.default_rng(0)
    drawn = [np.linalg.eigvalsh(f.T @ f / latent)[::-1] for f in rng.normal(size=(200, d, latent))]
    np.testing.assert_allclose(np.mean(drawn, 0), theory.hidden_manifold_spectrum(d, latent)[:latent], rtol=0.03)


def test_orthonormal_limit_and_one_direction():
    d, latent = 10**7, 4
    nonzero = theory.hidden_manifold_spectrum(d, latent)[:latent]
    np.testing.assert_allclose(nonzero, d / latent, rtol=3e-3)
    ratio = theory.collapse_ratio(500, nonzero * latent / d)
    assert ratio == pytest.approx(theory.collapse_ratio(500, np.ones(latent)), rel=1e-5)
    np.testing.assert_allclose(theory.hidden_manifold_spectrum(5, 1), [5, 0, 0, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(theory.hidden_manifold_spectrum(1, 5), [1], rtol=1e-12)


def test_bad_input():
    with pytest.raises(ValueError, match="`d` and `latent` must be at least 1, but are 0 and 2"):
        theory.hidden_manifold_spectrum(0, 2)
