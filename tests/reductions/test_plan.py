"""What is decided before anything is traced, by backend, device and shape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Generated, plan
from diffmem.scores import Empirical

FLOAT = np.float64 if jnp.zeros(()).dtype == jnp.float64 else np.float32


class Device:
    def __init__(self, name):
        self.device_kind = name


@pytest.fixture
def on(monkeypatch):
    """`on(backend, name)`: the plan is made for this backend and a device of this name."""

    def pretend(backend, name):
        monkeypatch.setattr(jax, "default_backend", lambda: backend)
        monkeypatch.setattr(jax, "devices", lambda *_: [Device(name)])

    return pretend


@pytest.mark.parametrize(
    ("backend", "name", "energies"),
    [
        ("gpu", "NVIDIA H100 80GB HBM3", "double"),
        ("gpu", "NVIDIA A100-SXM4-80GB", "double"),
        ("gpu", "AMD Instinct MI300X", "double"),
        ("gpu", "NVIDIA RTX A3000 Laptop GPU", "auto"),
        ("gpu", "NVIDIA GeForce RTX 4090", "auto"),
        ("tpu", "TPU v5 lite", "auto"),
        ("METAL", "Apple M3", "single"),
        ("cpu", "cpu", "auto"),
    ],
)
def test_the_precision_of_the_energies_by_device(on, backend, name, energies):
    on(backend, name)
    assert plan(50_000, 784).energies == energies


def test_an_accelerator_takes_much_at_once(on):
    assert plan(50_000, 784).rows < 5000
    on("gpu", "NVIDIA H100 80GB HBM3")
    assert plan(50_000, 784).rows == 50_000
    rows = plan(50_000, 3072).rows
    assert rows % 16 == 0 and 25_000 <= rows < 50_000 and rows * 3072 * 8 <= 2**30
    drawn = Generated(lambda key: jax.random.normal(key, (784,)), 10**6).plan(10**6, 784)
    assert 20_000 < drawn.rows < 25_000 and drawn.energies == "double"


def test_one_straight_pass_in_double_precision(on):
    """No branch and no loop, for each of which an accelerator waits for its host."""
    on("gpu", "NVIDIA H100 80GB HBM3")
    points = np.random.default_rng(0).normal(size=(5000, 32)).astype(np.float32)
    score, x = Empirical(points), points[:64]
    text = str(jax.make_jaxpr(jax.vmap(lambda x: score.posterior(x, NoiseLevel(1.0, 0.1))))(x))
    assert "custom_vmap" in text and not any(word in text for word in ("cond[", "while[", "scan["))


@pytest.mark.parametrize("sigma", [10.0, 0.3, 1e-3, 1e-9, 0.0])
def test_double_precision_throughout_is_the_formula(sigma):
    """For queries of every kind against differences in double precision; of single precision, weights to 1e-6."""
    rng = np.random.default_rng(1)
    points = rng.normal(size=(200, 6)).astype(FLOAT)
    points[50:60] = points[50]
    points[60] = points[61] + FLOAT(1e-6)
    x = np.concatenate([points[45:65], (points[:4] + points[4:8]) / 2, points[:8] + FLOAT(sigma)])
    x = np.concatenate([x, rng.normal(size=(8, 6)).astype(FLOAT) * FLOAT(30)])
    score = Empirical(points, reduction=Chunked(64, 16, "double"))
    level = NoiseLevel(jnp.asarray(1, FLOAT), jnp.asarray(sigma, FLOAT))
    found = jax.jit(jax.vmap(lambda x: score.posterior(x, level)))(x)
    squares = np.sum((x[:, None].astype(np.longdouble) - points[None]) ** 2, axis=2)
    depth = squares - squares.min(axis=1, keepdims=True)
    if sigma:
        weights = np.exp(-depth / (2 * np.longdouble(FLOAT(sigma)) ** 2))
    else:
        weights = (depth <= 1e-6 * np.sqrt(squares.min(axis=1, keepdims=True)) * 1e-6).astype(np.longdouble)
    weights /= weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.mean, weights @ points, atol=2e-6)
    np.testing.assert_allclose(found.leader_weight, weights.max(axis=1), atol=2e-6)
    np.testing.assert_allclose(found.participation, 1 / np.sum(weights**2, axis=1), rtol=1e-5)
