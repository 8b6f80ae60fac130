"""Eigenvalues against rank."""

import jax.numpy as jnp
import numpy as np
from figures import labelled

from diffmem import plots


def test_spectra_are_sorted_and_zeros_are_counted():
    values = np.array([0.5, 0.0, 4.0, 1e-18, 2.0, -1e-17])
    lines = labelled(plots.spectra({"data": values}, jnp.asarray(0.25)).axes[0])
    np.testing.assert_array_equal(lines["data, zero: 3"].get_xydata(), [[1, 4.0], [2, 2.0], [3, 0.5]])
    np.testing.assert_array_equal(lines[r"$\lambda = 0.25$"].get_ydata(), 0.25)
