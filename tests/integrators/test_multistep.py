import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from diffmem.integrators.multistep import exponential_moments


@pytest.mark.parametrize("h", [-3.0, -0.999, -1e-3, 1e-6, 0.1, 0.999, 1.001, 8.0])
def test_moments_against_quadrature(h):
    values = [float(moment) for moment in exponential_moments(jnp.asarray(h), 4)]
    expected = [h ** (j + 1) * quad(lambda v, j=j: np.exp(-h * (1 - v)) * v**j, 0, 1, epsabs=0)[0] for j in range(4)]
    np.testing.assert_allclose(values, expected, rtol=1e-5 if jnp.asarray(h).dtype == jnp.float32 else 2e-14)
