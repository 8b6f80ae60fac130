"""How a noise level enters: as strongly typed scalars of the points' precision."""

import warnings

import examples
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes
from diffmem.level import NoiseLevel, ProcessLike, cast_level, float_dtype, strong

DOUBLE = jnp.zeros(()).dtype == jnp.float64


@pytest.mark.parametrize(
    "value", [0.5, np.float64(0.5), np.float32(0.5), jnp.float32(0.5), jnp.asarray(0.5), np.array(0.5)]
)
def test_any_scalar_becomes_the_same(value):
    level = cast_level(NoiseLevel(value, value), jnp.float32)
    for part in level:
        assert part.dtype == jnp.float32 and part.shape == () and not part.weak_type and part == 0.5


def test_integers_are_levels_too():
    assert cast_level(NoiseLevel(1, 0), jnp.float32) == (1, 0)


@pytest.mark.parametrize(
    ("level", "sentence"),
    [
        (NoiseLevel(1.0, -1.0), "`sigma` must be at least 0, but is -1.0."),
        (NoiseLevel(-0.5, 1.0), "`alpha` must be at least 0, but is -0.5."),
        (NoiseLevel(float("nan"), 1.0), "`alpha` must be at least 0, but is nan."),
    ],
)
def test_impossible_levels_are_refused(level, sentence):
    with pytest.raises(ValueError) as error:
        cast_level(level, jnp.float32)
    assert str(error.value) == sentence


def test_traced_levels_pass():
    out = jax.jit(lambda s: cast_level(NoiseLevel(1.0, s), jnp.float32).sigma)(0.25)
    assert out == 0.25 and out.dtype == jnp.float32


def test_weak_types_are_gone():
    assert not strong(0.5, jnp.float32).weak_type
    assert jax.jit(lambda: strong(0.5, jnp.float32))().dtype == jnp.float32


def test_the_dtype_of_values():
    default = jnp.zeros(()).dtype
    assert float_dtype(1) == float_dtype(0.5) == float_dtype(np.arange(3)) == default
    assert float_dtype(np.zeros(2, np.float32)) == float_dtype(np.zeros(2, np.float32), 0.5) == np.float32
    assert float_dtype(np.zeros(2)) == (np.float64 if DOUBLE else np.float32)


@pytest.mark.parametrize("process", examples.PROCESSES.values(), ids=examples.PROCESSES.keys())
def test_processes_have_the_shape_that_scores_ask_for(process):
    assert isinstance(process, ProcessLike)


def test_doubles_of_numpy_are_taken_without_a_warning_in_either_precision():
    values = np.linspace(0.5, 2.0, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float_dtype(values) == jnp.zeros(0).dtype
        found = processes.VariancePreserving().time_at(values)
    assert found.dtype == jnp.zeros(0).dtype
