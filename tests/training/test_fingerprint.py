"""Programs of other constants are told apart, wherever these stand; equal ones are equal in every process."""

import functools
import os
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores, training
from diffmem.training.fingerprint import program_of

X = jnp.ones(2)


def around(steps, table):
    """A function of x with a table inside a loop or a branch."""
    return {
        "jit": lambda x: jax.jit(lambda y: y * table)(x),
        "jit in jit": lambda x: jax.jit(lambda y: jax.jit(lambda z: z * table)(y) + 1)(x),
        "scan": lambda x: jax.lax.scan(lambda c, _: (jax.jit(lambda y: y * table)(c), None), x, None, length=3)[0],
        "cond": lambda x: jax.lax.cond(x[0] > 0, jax.jit(lambda y: y * table), lambda y: y, x),
        "while": lambda x: jax.lax.while_loop(lambda y: y[0] < 9, jax.jit(lambda y: y * table + 1), x),
        "custom": lambda x: _custom(table)(x),
        "gradient": lambda x: jax.grad(lambda y: jax.jit(lambda z: (z * z * table).sum())(y))(x),
        "vmap": lambda x: jax.vmap(jax.jit(lambda y: y * table))(x[None]),
        "remat": lambda x: jax.checkpoint(jax.jit(lambda y: y * table))(x),
    }[steps]


def _custom(table):
    made = jax.custom_jvp(jax.jit(lambda y: y * table))
    made.defjvp(lambda p, t: (made(*p), t[0] * table))
    return made


PLACES = "jit", "jit in jit", "scan", "cond", "while", "custom", "gradient", "vmap", "remat"


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
@pytest.mark.parametrize("place", PLACES)
def test_a_constant_is_seen_wherever_it_stands(place, kind):
    first, again, other = (program_of(around(place, kind([1.0, last])), X) for last in (2.0, 2.0, 3.0))
    assert first == again != other


class Scaled:
    """A function of the host that is an object."""

    def __init__(self, table):
        self.table = table

    def __call__(self, x):
        return x * self.table

    def method(self, x):
        return x * self.table


def _scaled(x, table):
    return x * table


def host(kind, table):
    """A function on the host with a table."""
    settings = {"table": [table]}
    return {
        "a closure": lambda x: x * table,
        "a function in a closure": lambda x, inner=(lambda x: x * table): inner(x),
        "a dictionary": lambda x: x * settings["table"][0],
        "a partial": functools.partial(_scaled, table=table),
        "an object": Scaled(table),
        "a method": Scaled(table).method,
    }[kind]


CALLS = {
    "pure": lambda function, x: jax.pure_callback(function, x, x),
    "io": lambda function, x: jax.experimental.io_callback(function, x, x),
    "equinox": lambda function, x: eqx.filter_pure_callback(function, x, result_shape_dtypes=x),
}
HOSTS = "a closure", "a function in a closure", "a dictionary", "a partial", "an object", "a method"


@pytest.mark.parametrize("call", [CALLS["pure"], CALLS["io"], CALLS["equinox"]], ids=["pure", "io", "equinox"])
@pytest.mark.parametrize("kind", HOSTS)
def test_what_a_function_of_the_host_refers_to_is_seen(kind, call):
    tables = [np.asarray([1.0, last], X.dtype) for last in (2.0, 2.0, 3.0)]
    first, again, other = (program_of(functools.partial(call, host(kind, table)), X) for table in tables)
    assert first == again != other


def test_another_text_of_a_function_of_the_host_is_seen():
    one, other = (lambda x: x * 2), (lambda x: x * 3)
    assert program_of(lambda x: jax.pure_callback(one, x, x), X) != program_of(
        lambda x: jax.pure_callback(other, x, x), X
    )


def test_a_function_of_the_host_that_cannot_be_read_equals_nothing():
    """Such as one with a generator of random numbers: a training that was interrupted does not go on from it."""
    generator = np.random.default_rng(0)
    unread = lambda x: jax.pure_callback(lambda y: y * y.dtype.type(generator.random()), x, x)  # noqa: E731
    assert program_of(unread, X) != program_of(unread, X)


class Closed:
    """An object that lets nobody look inside."""

    def __getattribute__(self, name):
        raise OSError(name)


def test_an_object_that_cannot_be_looked_at_stops_no_training():
    closed = Closed()
    unread = lambda x: jax.pure_callback(lambda y: y if closed is not None else 0, x, x)  # noqa: E731
    assert program_of(unread, X) != program_of(unread, X)


def test_the_same_object_twice_is_not_two_others():
    one, other = Scaled(1.0), Scaled(1.0)

    def called(*parts):
        return program_of(lambda x: jax.pure_callback(lambda y: y if parts else 0, x, x), X)

    assert called(one, other, one) == called(one, other, one) != called(one, other, other)


def test_weights_of_a_network_of_pytorch_are_seen():
    torch = pytest.importorskip("torch")
    network = torch.nn.Linear(2, 2)

    def program():
        call = lambda x: network(torch.as_tensor(np.array(x, np.float32))).detach().numpy()  # noqa: E731
        return program_of(lambda x: jax.pure_callback(call, x, x), jnp.ones(2, jnp.float32))

    first, again = program(), program()
    with torch.no_grad():
        network.weight[0, 0] += 1
    assert first == again != program()


def test_what_is_only_shown_or_refused_is_no_part_of_the_numbers():
    """Checks of values and prints are the same in every process."""
    shown = []

    def checked(x):
        jax.debug.callback(lambda y: shown.append(y), x)
        return eqx.error_if(x, x[0] < 0, "x must not be negative")

    assert program_of(checked, X) == program_of(checked, X)


PROGRAM = """
import numpy as np, jax, jax.numpy as jnp, functools, equinox as eqx
from diffmem.training.fingerprint import program_of
table, words = np.asarray([1.0, 2.0], "f4"), {"b", "c", "d"}
def function(y): return y * table * np.float32(2 if "b" in {"b", "c", "d", "e"} and words else 3) * np.float32(1)
def whole(x): return jax.pure_callback(function, x, eqx.error_if(jax.jit(lambda y: y * table)(x), x[0] < 0, "no"))
print(program_of(whole, jnp.ones(2, "float32")))
"""


@pytest.mark.slow
def test_a_program_is_the_same_in_every_process():
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1 and len(said.pop().strip()) == 64


def test_a_training_does_not_go_on_with_another_table_inside_jit(tmp_path):
    def fit(table):
        inner = jax.jit(lambda r: jnp.interp(r, jnp.asarray([0.1, 3.0]), jnp.asarray(table)))
        objective = training.ScoreMatching(
            training.LogUniform(0.1, 3.0), lambda level: inner(level.sigma / level.alpha)
        )
        network = networks.ResidualMLP(3, 8, key=jax.random.key(0))
        score = scores.Learned(network, scores.predictions.Preconditioned(1.0), ratios=(0.1, 3.0))
        options = {"key": jax.random.key(1), "steps": 2, "batch": 4, "snapshots": [2]}
        points = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))
        return training.fit(score, points, objective, **options, checkpoint=tmp_path / "run.eqx").loss

    first = fit([1.0, 1.0])
    np.testing.assert_array_equal(fit([1.0, 1.0]), first)
    with pytest.raises(ValueError, match="differs in program"):
        fit([100.0, 0.0])
