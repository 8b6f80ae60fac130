"""Networks of a user's own train and are studied by the same three calls: a score, a fit, a course."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from diffmem import processes, scores, studies, training

FLOAT = jnp.zeros(()).dtype
POINTS = jnp.asarray([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 2.0, 2.0]], FLOAT)
ADAM = optax.adam(1e-2)


class Equinox(eqx.Module):
    """Two layers."""

    layers: list

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.layers = [eqx.nn.Linear(4, 32, key=a), eqx.nn.Linear(32, 3, key=b)]

    def __call__(self, x, noise):
        return self.layers[1](jax.nn.tanh(self.layers[0](jnp.append(x, noise))))


class Flax(eqx.Module):
    """A Flax module with its variables."""

    variables: Any
    module: Any = eqx.field(static=True)

    def __call__(self, x, noise):
        return self.module.apply(self.variables, x, noise)


def flax_network(key):
    linen = pytest.importorskip("flax.linen")

    class Layers(linen.Module):
        @linen.compact
        def __call__(self, x, noise):
            h = linen.tanh(linen.Dense(32, param_dtype=FLOAT)(jnp.append(x, noise)))
            return linen.Dense(3, param_dtype=FLOAT)(h)

    module = Layers()
    return Flax(module.init(key, POINTS[0], jnp.zeros((), FLOAT)), module)


@pytest.mark.slow
@pytest.mark.parametrize("make", [Equinox, flax_network])
def test_it_learns_three_points_by_heart(make):
    score = scores.Learned(make(jax.random.key(0)), scores.predictions.Preconditioned(1.5), ratios=(0.1, 6.0))
    objective = training.ScoreMatching(training.LogUniform(0.1, 6.0), training.weights.EDM(1.5))
    run = training.fit(score, POINTS, objective, key=jax.random.key(1), steps=3000, optimiser=ADAM, snapshots=[1, 3000])
    process = processes.EDM(sigma_min=0.1, sigma_max=6.0)
    course = studies.training_course(run, POINTS, process, key=jax.random.key(2), samples=100)
    assert course.copied[0] < 0.3 and course.copied[1] > 0.8
    assert np.all(run.train_loss[1] < 0.3 * run.train_loss[0])
