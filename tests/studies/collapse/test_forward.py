import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from diffmem import data, processes
from diffmem.studies.collapse import forward
from diffmem.studies.collapse.cell import padded_score

PROCESS = processes.OrnsteinUhlenbeck()
TIMES = np.array([0.05, 0.3, 1.0])
KEY = jax.random.key(4)


@pytest.mark.parametrize("d", [3, 64])
def test_statistics_agree_with_a_dense_softmax(d):
    train = np.random.default_rng(d).normal(size=(20, d)).astype(np.float32)
    watched = forward.watch_forward(padded_score(train, 50), train, PROCESS, TIMES, 30, key=KEY)
    draw = jax.vmap(lambda q: jax.random.normal(jax.random.fold_in(KEY, q), (d,), jnp.float32))
    z, own = np.asarray(draw(jnp.arange(30)), float), np.arange(30) % 20
    for k, t in enumerate(TIMES):
        alpha, sigma = np.exp(-t), np.sqrt(1 - np.exp(-2 * t))
        x = alpha * train[own] + sigma * z
        energy = ((x[:, None] - alpha * train[None]) ** 2).sum(-1) / (2 * sigma**2)
        w = softmax(-energy, axis=1)
        np.testing.assert_allclose(watched.own_weight[k], w[np.arange(30), own], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(watched.leader_weight[k], w.max(1), rtol=1e-4)
        np.testing.assert_allclose(watched.participation[k], 1 / (w**2).sum(1), rtol=1e-4)
        np.testing.assert_allclose(watched.entropy[k], -(w * np.log(w + 1e-300)).sum(1), rtol=1e-3, atol=1e-5)
        distance = np.sort(np.linalg.norm((w @ train)[:, None] - train[None], axis=-1), axis=1)
        np.testing.assert_array_equal(watched.memorized[k], distance[:, 0] < distance[:, 1] / 3)


def test_queries_do_not_depend_on_their_number_or_batch(monkeypatch):
    train = data.gaussian(12, 2, key=jax.random.key(0)).points
    score = padded_score(train, 12)
    whole = forward.watch_forward(score, train, PROCESS, TIMES, 20, key=KEY)
    monkeypatch.setattr(forward, "BATCH", 8)
    parts = forward.watch_forward(score, train, PROCESS, TIMES, 19, key=KEY)
    for one, other in zip(whole, parts):
        np.testing.assert_allclose(other, one[:, :19], rtol=1e-5)


@pytest.mark.slow
def test_points_without_weight_change_nothing():
    train = data.gaussian(12, 40, key=jax.random.key(0)).points
    plain, padded = (
        forward.watch_forward(padded_score(train, most), train, PROCESS, TIMES, 20, key=KEY) for most in (12, 90)
    )
    for one, other in zip(plain, padded):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
