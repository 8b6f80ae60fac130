"""Falling rates at their ends, the penalty in the gradient, and one object for equal arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.papers.optimisers import cosine_adam, linear_adam


@pytest.fixture(autouse=True)
def standard_promotion():
    """Optimisers mix integers and numbers, which the strict rules of this suite refuse."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def first_steps(optimiser, steps: int) -> list[float]:
    """How far each step of Adam moves a weight with gradient 1: the rate of the step."""
    weight, moments, moved = jnp.ones(()), optimiser.init(jnp.ones(())), []
    for _ in range(steps):
        update, moments = optimiser.update(jnp.ones(()), moments, weight)
        moved.append(-float(update))
    return moved


def test_rates_fall_to_their_ends():
    cosine = first_steps(cosine_adam(0.1, 10, last=0.01), 11)
    np.testing.assert_allclose([cosine[0], cosine[5], cosine[10]], [0.1, 0.0505, 0.001], rtol=1e-4)
    linear = first_steps(linear_adam(0.1, 20, 0.01, 0.25), 21)
    np.testing.assert_allclose([linear[0], linear[5], linear[20]], [0.0, 0.1, 0.01], rtol=1e-4, atol=1e-9)


def test_the_penalty_joins_the_gradient():
    """A gradient of -2 penalty w leaves a weight where it is."""
    optimiser, weight = cosine_adam(0.1, 10, penalty=0.3), jnp.asarray(2.0)
    update, _ = optimiser.update(jnp.asarray(-1.2), optimiser.init(weight), weight)
    assert float(update) == pytest.approx(0, abs=1e-6)


def test_equal_arguments_give_one_object():
    assert cosine_adam(0.1, 10) is cosine_adam(0.1, 10) and linear_adam(0.1, 9, 0.0, 0.5) is linear_adam(
        0.1, 9, 0.0, 0.5
    )
