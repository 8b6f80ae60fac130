"""What a layer inside a network receives, under vmap and jit, and which layers cannot be read."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores
from diffmem.level import NoiseLevel

NETWORK = networks.ResidualMLP(3, 6, labels=4, label_width=2, key=jax.random.key(0))
SCORE = scores.Learned(NETWORK, scores.predictions.Signal(1.0), 2)
X = jnp.asarray(np.random.default_rng(1).normal(size=(5, 3)))


def last_input(score, x):
    return networks.layer_input(score, lambda s: s.network.last, lambda s: s.evaluate(x, NoiseLevel(0.6, 0.8)))


def test_the_answer_follows_from_the_activations():
    units = eqx.filter_jit(jax.vmap(last_input, (None, 0)))(SCORE, X)
    answer = jax.vmap(lambda x: SCORE.denoise(x, NoiseLevel(0.6, 0.8)))(X)
    np.testing.assert_allclose(jax.vmap(NETWORK.last)(units), answer, atol=1e-6)


def test_a_layer_that_is_not_called_once_is_refused():
    with pytest.raises(ValueError, match="called 0 times"):
        networks.layer_input(NETWORK, lambda n: n.last, lambda n: n.hidden[0](jnp.ones(3 + n.context.size)))
    with pytest.raises(ValueError, match="called 2 times"):
        networks.layer_input(NETWORK, lambda n: n.last, lambda n: (n.last(jnp.ones(6)), n.last(jnp.ones(6))))


def test_a_network_keeps_its_attributes_while_it_is_read():
    network = networks.ResidualMLP(3, 6, key=jax.random.key(1))
    units = networks.layer_input(network, lambda n: n.last, lambda n: n(X[0], jnp.zeros((), X.dtype)))
    assert units.shape == (network.last.in_features,)


def test_layers_that_are_handed_a_key_are_read():
    """As in `equinox.nn.Sequential` and `equinox.nn.MLP`, which call every layer with `key=`."""
    first, drop, last = (
        eqx.nn.Linear(3, 2, key=jax.random.key(2)),
        eqx.nn.Dropout(0.5),
        eqx.nn.Linear(2, 1, key=jax.random.key(3)),
    )
    network = eqx.nn.Sequential([first, drop, last])
    for key in (None, jax.random.key(4)):
        still = eqx.nn.inference_mode(network) if key is None else network
        units = networks.layer_input(still, lambda n: n.layers[1], lambda n, key=key: n(X[0], key=key))
        np.testing.assert_allclose(units, first(X[0]), rtol=1e-6)
    mlp = eqx.nn.MLP(3, 1, 4, 1, key=jax.random.key(5))
    units = networks.layer_input(mlp, lambda n: n.layers[1], lambda n: n(X[0]))
    np.testing.assert_allclose(units, jax.nn.relu(mlp.layers[0](X[0])), rtol=1e-6)
