"""Consistency functions against the exact flow of a Gaussian, whose map from any noise to any other is a factor."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores, training
from diffmem.level import NoiseLevel

FLOAT = jnp.zeros(()).dtype
STD, LOW = 0.8, 0.1
TEACHER = scores.Gaussian(jnp.zeros(3), jnp.asarray(STD**2, FLOAT))
LEVELS = training.LogUniform(0.2, 4.0)
POINTS = STD * jax.random.normal(jax.random.key(0), (400, 3), FLOAT)


def level(sigma):
    return NoiseLevel(jnp.ones((), FLOAT), jnp.asarray(sigma, FLOAT))


def flow_map(x, at):
    """x keeps its place in the law: its ratio to the standard deviation."""
    return x * jnp.sqrt((STD**2 + LOW**2) / (STD**2 + at.sigma**2))


class Scaled(eqx.Module):
    """f = factor x at every level."""

    factor: jax.Array

    def __call__(self, x, at):
        return self.factor * x


def mean_loss(objective, function):
    score, keys = scores.FromFunction(function), jax.random.split(jax.random.key(1), len(POINTS))
    return float(jax.vmap(lambda x, key: objective(score, x, key=key))(POINTS, keys).mean())


def test_a_consistency_function_is_the_identity_at_the_lowest_noise():
    network = networks.ResidualMLP(3, 8, key=jax.random.key(0))
    function = training.ConsistencyFunction(network, STD, LOW)
    x = jnp.asarray([0.3, -2.0, 5.0], FLOAT)
    np.testing.assert_allclose(function(x, level(LOW)), x, rtol=1e-6)
    assert np.abs(function(x, level(2.0)) - x).max() > 0.1
    scaled = NoiseLevel(jnp.asarray(0.5, FLOAT), jnp.asarray(1.0, FLOAT))
    np.testing.assert_allclose(function(x / 2, scaled), function(x, level(2.0)), rtol=1e-5)


@pytest.mark.slow
def test_the_flow_of_the_teacher_is_the_minimum():
    """Its loss is that of one Heun step, of third order in the step; other maps have more."""
    coarse, fine = (training.ConsistencyDistillation(TEACHER, LEVELS, ratio, LOW) for ratio in (0.8, 0.9))
    least = mean_loss(fine, flow_map)
    assert mean_loss(coarse, flow_map) / least == pytest.approx(2**6, rel=0.5)
    assert least < 1e-2 * mean_loss(fine, lambda x, at: 0.9 * x)
    assert mean_loss(fine, lambda x, at: TEACHER.denoise(x, at)) > 10 * least


def test_the_target_is_not_differentiated():
    """f = theta x, sigma' = lowest: the slope is 2 theta (x - x') x, not 2 theta (x - x')^2."""
    at = level(0.15)
    objective = training.ConsistencyDistillation(TEACHER, training.Fixed(1.0, 0.15), 0.1, LOW)
    x0, z = POINTS[0], POINTS[1]
    loss = lambda theta: objective.at(scores.FromFunction(Scaled(theta)), x0, at, z)  # noqa: E731
    x = np.asarray(x0 + 0.15 * z, np.float64)
    moved = np.asarray(flow_map(x, at))  # to a per cent of the step, Heun's error
    slope = jax.grad(loss)(jnp.asarray(0.7, FLOAT))
    assert slope == pytest.approx(float(np.mean(2 * 0.7 * (x - moved) * x)), rel=0.03)


def test_pairs_are_regressed_on():
    objective = training.EndPointRegression(training.Fixed(1.0, 4.0))
    score = scores.FromFunction(Scaled(jnp.asarray(0.5, FLOAT)))
    start = POINTS[0]
    loss = objective(score, (start, 2 * start), key=jax.random.key(0))
    assert loss == pytest.approx(float(np.mean((1.5 * np.asarray(start)) ** 2)), rel=1e-5)


@pytest.mark.parametrize("sigmas", [(4.0,), (4.0, 1.0), (4.0, 1.0, 0.3)])
def test_few_steps_of_the_exact_map_give_the_law(sigmas):
    start = jnp.sqrt(STD**2 + 16.0) * jax.random.normal(jax.random.key(2), (4000, 3), FLOAT)
    start = start.astype(FLOAT)
    found = training.few_steps(scores.FromFunction(flow_map), start, sigmas, LOW, key=jax.random.key(3))
    assert np.std(found) == pytest.approx(np.hypot(STD, LOW), rel=5 / np.sqrt(2 * 12000))
    few = training.few_steps(scores.FromFunction(flow_map), start[:5], sigmas, LOW, key=jax.random.key(3))
    np.testing.assert_allclose(few, found[:5], rtol=1e-5)


@pytest.mark.slow
def test_distillation_learns_the_flow():
    network = networks.ResidualMLP(3, 32, key=jax.random.key(4))
    start = scores.FromFunction(training.ConsistencyFunction(network, STD, LOW))
    ratio = 0.8
    levels = training.Fixed(1.0, LOW / ratio ** jnp.arange(1, 17, dtype=FLOAT))
    objective = training.ConsistencyDistillation(TEACHER, levels, ratio, LOW)
    run = training.fit(start, POINTS, objective, key=jax.random.key(5), steps=4000, snapshots=1)
    high = level(LOW / ratio**16)
    x = 3 * jax.random.normal(jax.random.key(6), (200, 3), FLOAT)
    found, exact = (jax.vmap(lambda x, one=one: one(x, high))(x) for one in (run.score.denoise, flow_map))
    assert np.sqrt(np.mean((found - exact) ** 2)) < 0.15 * np.std(exact)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: training.ConsistencyFunction(jnp.sin, 0.0, LOW), "`data_std` must be positive, but is 0.0"),
        (lambda: training.ConsistencyFunction(jnp.sin, 1.0, -1.0), "`lowest` must be positive, but is -1.0"),
        (lambda: training.ConsistencyDistillation(TEACHER, LEVELS, 1.0, LOW), "`ratio` must lie between 0 and 1"),
        (lambda: training.ConsistencyDistillation(TEACHER, LEVELS, 0.5, 0.0), "`lowest` must be positive, but is 0.0"),
        (
            lambda: training.few_steps(scores.FromFunction(flow_map), POINTS, (1.0, 0.05), LOW, key=jax.random.key(0)),
            "`sigmas` must be at least `lowest`, 0.1",
        ),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
