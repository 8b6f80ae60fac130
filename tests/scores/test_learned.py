"""A network's answer as a score: every prediction of a Gaussian's exact network is the Gaussian's score."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores
from diffmem.level import NoiseLevel
from diffmem.scores import parametrisation as predictions

FLOAT = jnp.zeros(()).dtype
EPS = float(jnp.finfo(FLOAT).eps)
VARIANCE, STD = 0.5, 1.3  # of the data, and what the prediction takes it for
LEVELS = [(1.0, 0.01), (1.0, 0.3), (1.0, 5.0), (0.8, 0.6), (0.1, 0.99), (0.6, 0.2)]


class Exact(eqx.Module):
    """The answer that makes a prediction the score of N(0, VARIANCE I), in the variables that a network sees."""

    answer: object = eqx.field(static=True)

    def __call__(self, u, noise):
        ratio = jnp.exp(noise)
        clean = u * jnp.sqrt(STD**2 + ratio**2)  # x / alpha
        total = VARIANCE + ratio**2
        return self.answer(clean, VARIANCE / total, ratio**2 / total, ratio)


def preconditioned(x, gain, rest, ratio):
    s = jnp.hypot(STD, ratio)
    return (gain - STD**2 / s**2) * x * s / (ratio * STD)


def signal(x, gain, rest, ratio):
    return gain * x


def noise(x, gain, rest, ratio):
    return rest * x / ratio


def velocity(x, gain, rest, ratio):
    return (rest / ratio - ratio * gain) * x / jnp.hypot(jnp.ones_like(ratio), ratio)


CASES = {
    "preconditioned": (predictions.Preconditioned(STD), preconditioned),
    "signal": (predictions.Signal(STD), signal),
    "noise": (predictions.Noise(STD), noise),
    "velocity": (predictions.Velocity(STD), velocity),
}
X = np.random.default_rng(0).normal(size=(3, 2)).astype(FLOAT)


@eqx.filter_jit
def everything(score, level):
    return score.denoise(X, level), score.score(X, level), score.divergence(X, level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", CASES)
def test_predictions_of_a_gaussian(name, level):
    prediction, answer = CASES[name]
    score, (alpha, sigma) = scores.Learned(Exact(answer), prediction), level
    mean, slope, divergence = everything(score, NoiseLevel(*(jnp.asarray(part, FLOAT) for part in level)))
    total = alpha**2 * VARIANCE + sigma**2
    ratio = sigma / alpha
    # the answer's own rounding counts 1 / sigma in the score of those that predict something else than the noise
    amplified = 1 + (VARIANCE + ratio**2) / ratio**2 * (name != "noise")
    np.testing.assert_allclose(mean, alpha * VARIANCE / total * X, rtol=20 * EPS * (1 + ratio**2))
    np.testing.assert_allclose(slope, -X / total, rtol=20 * EPS * amplified)
    np.testing.assert_allclose(divergence, -X.size / total, rtol=20 * EPS * amplified)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_ends(name):
    """Without signal only a noise prediction has no D; without noise D = x / alpha unless D itself is predicted."""
    network = networks.ResidualMLP(6, 8, key=jax.random.key(0))
    prediction, _ = CASES[name]
    score = scores.Learned(network, prediction)
    nothing, clean = NoiseLevel(0.0, 1.0), NoiseLevel(0.5, 0.0)
    assert np.all(np.isfinite(score.score(X, nothing)))
    if name == "noise":
        for ask in (score.denoise, eqx.filter_jit(score.denoise)):
            with pytest.raises(Exception, match="`alpha` must be positive"):
                jax.block_until_ready(ask(X, nothing))
    else:
        assert np.all(np.isfinite(score.denoise(X, nothing)))
    if name in ("preconditioned", "velocity"):
        np.testing.assert_allclose(score.score(X, nothing), -X, rtol=4 * EPS)
    if name != "signal":
        np.testing.assert_allclose(score.denoise(X, clean), X / 0.5, rtol=4 * EPS)
    assert not np.any(np.isnan(score.score(X, clean)))
    slopes = jax.grad(lambda a, s: jnp.sum(score.score(X, NoiseLevel(a, s))), argnums=(0, 1))
    assert np.all(np.isfinite(slopes(jnp.asarray(0.0, FLOAT), jnp.asarray(1.0, FLOAT))))


def test_the_network_sees_levels_within_its_range():
    seen = lambda x, noise: x * 0 + noise  # noqa: E731
    score = scores.Learned(seen, predictions.Signal(1.0), ratios=(0.1, 10.0))
    for level, told in [
        ((1.0, 0.0), 0.1),
        ((1.0, 0.01), 0.1),
        ((0.5, 1.0), 2.0),
        ((0.01, 1.0), 10.0),
        ((0.0, 1.0), 10),
    ]:
        np.testing.assert_allclose(score.denoise(X, NoiseLevel(*level)), np.log(told), rtol=4 * EPS)


def test_conditioned_asks_for_another_label():
    network = networks.ResidualMLP(6, 8, labels=3, key=jax.random.key(0))
    score = scores.Learned(network, predictions.Signal(1.0))
    level = NoiseLevel(1.0, 1.0)
    answers = [score.conditioned(label).denoise(X, level) for label in (None, 0, 2)]
    np.testing.assert_array_equal(answers[0], score.denoise(X, level))
    assert not np.allclose(answers[0], answers[1]) and not np.allclose(answers[1], answers[2])


def test_a_single_precision_network_answers_in_the_precision_of_x():
    network = networks.ResidualMLP(6, 8, key=jax.random.key(0))
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, network)
    found = scores.Learned(network, predictions.Preconditioned(1.0)).score(X, NoiseLevel(1.0, 0.5))
    assert found.dtype == FLOAT


def test_bad_input():
    network = networks.ResidualMLP(6, 8, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"`ratios` must be two rising positive numbers, but is \(1.0, 0.5\)"):
        scores.Learned(network, predictions.Signal(1.0), ratios=(1.0, 0.5))
    for kind in (predictions.Preconditioned, predictions.Signal, predictions.Noise, predictions.Velocity):
        with pytest.raises(ValueError, match=r"`data_std` must be positive, but is 0\.0"):
            kind(0)
    short = scores.Learned(lambda x, noise: x[0], predictions.Signal(1.0))
    with pytest.raises(ValueError, match=r"`network` must answer with the shape \(3, 2\)"):
        short.denoise(X, NoiseLevel(1.0, 1.0))
    with pytest.raises(ValueError, match="`labels` must be the number of classes"):
        scores.Learned(network, predictions.Signal(1.0), label=1).denoise(X, NoiseLevel(1.0, 1.0))
