"""Networks answer in the shape they are asked in, see the level, and do what their formulas say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks

NOISE = jnp.zeros(())
KEY = jax.random.key(0)
MAKERS = {
    "mlp": lambda labels: networks.ResidualMLP(64, 12, labels=labels, key=KEY),
    "unet": lambda labels: networks.UNet((8, 8), (4, 8), labels=labels, key=KEY),
}
X = jnp.asarray(np.random.default_rng(0).normal(size=(8, 8)))


def changed(network, *arguments):
    return not np.allclose(network(*arguments[:3]), network(*arguments[3:]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", pytest.param("unet", marks=pytest.mark.slow)])
def test_shape_level_and_label(name):
    network = MAKERS[name](0)
    answer = network(X, NOISE)
    assert answer.shape == (8, 8) and np.any(answer)
    np.testing.assert_array_equal(network(X.ravel(), NOISE), answer.ravel())
    assert not np.allclose(answer, network(X, NOISE + 0.3))
    labelled = MAKERS[name](5)
    one, other, none = (labelled(X, NOISE, label) for label in (jnp.asarray(1), jnp.asarray(4), None))
    assert not np.allclose(one, other) and not np.allclose(one, none)
    with pytest.raises(ValueError, match="`labels` must be the number of classes"):
        network(X, NOISE, jnp.asarray(1))


def test_plain_mlp_formula():
    """Two hidden layers by hand; the label is an input of the first one only."""
    network = networks.PlainMLP(3, 6, labels=4, label_width=2, key=KEY)
    x, label = X[0, :3], jnp.asarray(2)
    h = np.concatenate([x, network.context(NOISE, label)])
    for layer in network.hidden:
        h = np.asarray(jax.nn.silu(layer.weight @ h + layer.bias))
    np.testing.assert_allclose(network(x, NOISE, label), network.last.weight @ h + network.last.bias, rtol=1e-6)
    assert [layer.in_features for layer in network.hidden] == [3 + networks.embedding.SIZE + 2, 6]


def test_mlp_formula():
    """Two hidden layers by hand, with unused units left out altogether."""
    network = networks.ResidualMLP(3, 6, active=4, key=KEY)
    x, noise = jnp.asarray([0.3, -1.0, 2.0]), jnp.asarray(0.7)
    context = np.asarray(networks.fourier_features(noise))
    silu = lambda h: h / (1 + np.exp(-h))  # noqa: E731
    (w1, b1), (w2, b2), (w3, b3) = [(np.asarray(p.weight), np.asarray(p.bias)) for p in (*network.hidden, network.last)]
    h = silu(w1[:4] @ np.concatenate([x, context]) + b1[:4])
    h = h + silu(w2[:4, [0, 1, 2, 3, *range(6, 15)]] @ np.concatenate([h, context]) + b2[:4])
    np.testing.assert_allclose(network(x, noise), w3[:, :4] @ h + b3, rtol=1e-4)


def test_features_of_the_level():
    noise = 0.37
    expected = [
        noise / 4,
        *np.sin([noise / 4, noise / 2, noise, 2 * noise]),
        *np.cos([noise / 4, noise / 2, noise, 2 * noise]),
    ]
    np.testing.assert_allclose(networks.fourier_features(jnp.asarray(noise)), expected, rtol=1e-5)


@pytest.mark.slow
def test_unet_sees_the_whole_image():
    """Halved twice, a corner depends on the opposite one."""
    network = networks.UNet((16, 16), (4, 4, 4), key=KEY)
    image = jnp.zeros((16, 16))
    far = image.at[0, 0].set(3.0)
    assert network(far, NOISE)[15, 15] != network(image, NOISE)[15, 15]


@pytest.mark.slow
def test_unet_of_colour_images_under_vmap():
    network = networks.UNet((3, 8, 8), (4,), key=KEY)
    many = jnp.ones((2, 3, 8, 8))
    found = jax.vmap(network)(many, jnp.zeros(2))
    assert found.shape == many.shape
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: networks.ResidualMLP(3, 0, key=KEY), "`width` must be at least 1, but is 0"),
        (lambda: networks.ResidualMLP(3, 4, active=5, key=KEY), "`active` must be from 1 to the width 4, but is 5"),
        (lambda: networks.ResidualMLP(3, 4, labels=-1, key=KEY), "`labels` must be at least 0, but is -1"),
        (lambda: networks.UNet((8,), key=KEY), r"`shape` must be \(rows, columns\) or"),
        (lambda: networks.UNet((10, 10), (4, 4, 4), key=KEY), "rows and columns divisible by 4"),
        (lambda: networks.UNet((8, 8), (), key=KEY), "`channels` must hold at least one number"),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
