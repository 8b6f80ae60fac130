"""Dimensions of a posterior: Gaussian data in closed form, one training point, scale."""

import jax.numpy as jnp
import numpy as np

from diffmem import theory


def test_gaussian_data_retain_the_components_above_the_noise():
    """The posterior covariance of N(0, S) is (S^-1 + 1/ratio^2)^-1."""
    rng, spectrum = np.random.default_rng(0), np.array([4.0, 1.0, 0.25, 0.01])
    frame = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    precision = frame @ np.diag(1 / spectrum) @ frame.T
    for ratio, above in ((3.0, 0), (1.5, 1), (0.7, 2), (0.2, 3), (0.05, 4)):
        eigenvalues = np.linalg.eigvalsh(np.linalg.inv(precision + np.eye(4) / ratio**2)) / ratio**2
        assert theory.retained_dimension(eigenvalues) == above
        shares = spectrum / (spectrum + ratio**2)
        expected = shares.sum() ** 2 / (shares**2).sum()
        np.testing.assert_allclose(theory.participation_dimension(eigenvalues), expected, rtol=1e-5)


def test_shapes_and_limits():
    values = np.array([[0.6, 0.6, 0.0], [0.0, 0.0, 0.0], [1e-30, 0.0, 0.0]], np.float32)
    assert theory.retained_dimension(values).dtype == jnp.float32
    np.testing.assert_array_equal(theory.retained_dimension(values), [2, 0, 0])
    np.testing.assert_allclose(theory.participation_dimension(values), [2, 0, 1], rtol=1e-6)
