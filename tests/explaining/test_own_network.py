"""What counts as a network, and which shape of the points it takes."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, scores
from diffmem.explaining.own_network import OwnNetwork, as_network, network_called, shaped_for
from diffmem.level import NoiseLevel

MODULE = """
import numpy as np
from diffmem import processes, scores

EXACT = scores.Empirical(np.zeros((3, 4), np.float32))
TIMES = np.array([1.0, 0.1])

def host(x, alpha, sigma):
    return 0.5 * x

def score():
    return EXACT

def pair():
    return EXACT, processes.OrnsteinUhlenbeck()

def triple():
    return EXACT, processes.OrnsteinUhlenbeck(), TIMES

def maker():
    return host

def broken():
    raise RuntimeError("no weights here")

def nothing():
    return 7

def of_time(x, t):
    return x
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "networks_of_a_user.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("networks_of_a_user", None)


@pytest.mark.parametrize("name", ["EXACT", "score", "pair", "triple", "host", "maker"])
def test_a_network_is_found_by_its_name(name):
    found = network_called(f"networks_of_a_user:{name}")
    assert isinstance(found.score, scores.AbstractScore)
    assert (found.process is not None) == (name in ("pair", "triple"))
    assert (found.times is not None) == (name == "triple")
    expected = 0.5 if name in ("host", "maker") else 0.0
    np.testing.assert_allclose(found.score.denoise(jnp.ones(4), NoiseLevel(1.0, 1.0)), np.full(4, expected))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("networks_of_a_user", "module:function"),
        ("no_such_module:load", "No module named 'no_such_module'"),
        ("networks_of_a_user:absent", "has no absent"),
        ("networks_of_a_user:broken", "no weights here. For a PyTorch module"),
        ("networks_of_a_user:nothing", "is of type int"),
        ("networks_of_a_user:of_time", r"takes \(x, t\): diffmem.from_torch"),
        ("networks_of_a_user:TIMES", "is of type ndarray"),
    ],
)
def test_what_is_no_network_is_one_sentence(name, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        network_called(name)
    assert "\n" not in str(raised.value)


def only(*shape):
    """A network that takes points of one shape."""

    def function(x, alpha, sigma):
        if x.shape[1:] != shape:
            raise TypeError(f"points of shape {shape} only")
        return x

    return as_network(function)


def test_a_batch_of_grey_images_is_not_taken_for_the_channels_of_one():
    """As convolutions of PyTorch do, which take (channels, h, w) for one image and (b, channels, h, w) for several."""

    def function(x, alpha, sigma):
        if (x.shape[1] if x.ndim == 4 else x.shape[0]) != 1:
            raise TypeError("expected 1 channel")
        return x

    assert shaped_for(as_network(function), np.zeros((3, 4, 4), np.float32)).shape == (3, 1, 4, 4)


@pytest.mark.parametrize("shape", [(4, 4), (16,), (1, 4, 4)])
def test_grey_images_come_in_the_shape_that_the_network_takes(shape):
    events = np.arange(48, dtype=np.float32).reshape(3, 4, 4)
    found = shaped_for(only(*shape), events)
    np.testing.assert_array_equal(found, events.reshape(3, *shape))


def test_channels_go_first_where_the_network_wants_them_there():
    events = np.arange(96, dtype=np.float32).reshape(2, 4, 4, 3)
    found = shaped_for(only(3, 4, 4), events)
    np.testing.assert_array_equal(found[:, 1], events[..., 1])


def test_a_network_that_takes_no_shape_says_why():
    with pytest.raises(
        ValueError, match=r"fails with 5 of shape \(4, 4\), \(16,\) or \(1, 4, 4\): TypeError: .* only\.$"
    ):
        shaped_for(only(5), np.zeros((3, 4, 4), np.float32))


def test_a_mistake_inside_a_network_is_told_as_itself():
    """With what it was called, and not as if the shape had been the cause."""

    def mistaken(x, alpha, sigma):
        raise RuntimeError("my own bug")

    def short(x, alpha, sigma):
        return x[:, :2]

    for function, said in ((mistaken, "RuntimeError: my own bug"), (short, "returned (5, 2)")):
        with pytest.raises(ValueError, match=r"^[^\n]*\.$") as raised:
            shaped_for(as_network(function), np.zeros((9, 8), np.float32))
        assert "fails with 5 of shape (8,): " in str(raised.value) and said in str(raised.value)
        assert raised.value.__cause__ is not None


def test_a_tuple_of_other_things_is_no_network():
    with pytest.raises(ValueError, match="of type tuple"):
        as_network((processes.OrnsteinUhlenbeck(), 3))
    assert as_network(OwnNetwork(scores.Empirical(np.eye(2, dtype=np.float32)))).process is None
