"""The quadrature over a standard normal variable: moments, a characteristic function, a function with a pole."""

import numpy as np
import pytest

from diffmem.theory.normal_rule import normal_rule


@pytest.mark.parametrize("count", [100, 257, 361])
def test_moments_and_the_characteristic_function(count):
    z, w = normal_rule(count)
    assert z.shape == w.shape == (count,)
    np.testing.assert_allclose([w @ z**k for k in (0, 1, 2, 3, 4, 6)], [1, 0, 1, 0, 3, 15], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(w @ np.cos(1.7 * z), np.exp(-(1.7**2) / 2), rtol=1e-12)


def test_a_function_with_poles():
    """E 1/(1 + z^2) = sqrt(pi/2) e^(1/2) erfc(1/sqrt 2), poles at +-i: the error falls like e^(-2 pi/h), h the spacing."""
    from scipy.special import erfc

    exact = np.sqrt(np.pi / 2) * np.exp(0.5) * erfc(np.sqrt(0.5))
    for count, accuracy in ((61, 1e-8), (181, 1e-14)):
        z, w = normal_rule(count)
        assert w @ (1 / (1 + z**2)) == pytest.approx(exact, rel=accuracy)
