"""Levels have the law they say, weights turn one loss into another, and the minimum of an objective is the closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from diffmem import networks, processes, scores, training
from diffmem.level import NoiseLevel

FLOAT = jnp.zeros(()).dtype
DOUBLE = jnp.float64 == FLOAT
RNG = np.random.default_rng(0)
POINTS = jnp.asarray(RNG.normal(size=(5, 2)), FLOAT)
LEVEL = NoiseLevel(jnp.asarray(0.8, FLOAT), jnp.asarray(0.7, FLOAT))
OU = processes.OrnsteinUhlenbeck()

LAWS = {
    "LogUniform": (training.LogUniform(0.1, 3.0), lambda u: 0.1 * 30**u),
    "LogNormal": (training.LogNormal(-1.2, 1.2), lambda u: np.exp(-1.2 + 1.2 * norm.ppf(u))),
    "UniformTime": (training.UniformTime(OU, 0.1, 2.0), lambda u: np.sqrt(np.expm1(2 * (0.1 + 1.9 * u)))),
}


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_and_draws(name):
    levels, ratio = LAWS[name]
    for u in (0.01, 0.3, 0.9):
        level = levels.at(jnp.asarray(u, FLOAT))
        assert level.sigma / level.alpha == pytest.approx(ratio(u), rel=1e-10 if DOUBLE else 1e-4)
    drawn = jax.vmap(lambda key: levels(key=key))(jax.random.split(jax.random.key(0), 4000))
    share = np.mean(np.asarray(drawn.sigma / drawn.alpha) < ratio(0.3))
    assert share == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / 4000))


def test_fixed_levels_are_equally_likely():
    levels = training.Fixed(jnp.ones(3), jnp.asarray([0.1, 1.0, 4.0]))
    drawn = jax.vmap(lambda key: levels(key=key))(jax.random.split(jax.random.key(0), 3000)).sigma
    shares = np.mean(np.asarray(drawn)[:, None] == np.asarray(levels.sigmas), axis=0)
    np.testing.assert_allclose(shares, 1 / 3, atol=5 * np.sqrt(2 / 9 / 3000))


def test_weights_are_those_of_the_other_losses():
    """Of the noise, and of the answer of a preconditioned network."""
    x0, z = POINTS[0], POINTS[1]
    alpha, sigma = LEVEL
    x, d = alpha * x0 + sigma * z, POINTS[2]
    error = jnp.mean((d - x0) ** 2)
    predicted = (x - alpha * d) / sigma
    assert training.weights.noise(LEVEL) * error == pytest.approx(float(jnp.mean((predicted - z) ** 2)), rel=1e-5)
    std = 0.6
    s2 = alpha**2 * std**2 + sigma**2
    answer = lambda mean: (mean - alpha * std**2 / s2 * x) / (sigma * std / jnp.sqrt(s2))  # noqa: E731
    plain = jnp.mean((answer(d) - answer(x0)) ** 2)
    assert training.weights.EDM(std)(LEVEL) * error == pytest.approx(float(plain), rel=1e-5)
    assert training.weights.flat(LEVEL) == 1


def mean_loss(objective, score, data, draws=300):
    key = jax.random.key(1)
    one = lambda datum, k: objective(score, datum, key=k)  # noqa: E731
    keys = jax.vmap(lambda i: jax.random.split(jax.random.fold_in(key, i), draws))(jnp.arange(5))
    every = jax.jit(jax.vmap(lambda datum, own: jax.vmap(lambda k: one(datum, k))(own)))
    return float(every(data, keys).mean())


@pytest.mark.slow
def test_the_empirical_score_is_the_minimum():
    """Any other denoiser has a larger loss on the points, by its mean squared distance from the empirical one."""
    objective = training.ScoreMatching(training.Fixed(*LEVEL))
    best = scores.Empirical(POINTS)
    least = mean_loss(objective, best, POINTS)
    for other in (scores.Widened(best, 0.8), scores.Gaussian(POINTS.mean(0), 1.0)):
        assert mean_loss(objective, other, POINTS) > least + 0.05


@pytest.mark.slow
def test_the_ambient_score_is_the_minimum_of_the_ambient_objective():
    noise = 0.5
    data = training.noisy_copies(POINTS, noise, key=jax.random.key(2))
    objective = training.AmbientScoreMatching(training.Fixed(*LEVEL))
    best = scores.Ambient(data[1], noise)
    least = mean_loss(objective, best, data)
    for other in (scores.Empirical(POINTS), scores.Empirical(data[1]), scores.Ambient(data[1], 0.4)):
        assert mean_loss(objective, other, data) > least + 0.003


def test_below_the_noise_of_the_copies_the_ambient_objective_is_the_plain_one():
    data = training.noisy_copies(POINTS, 2.0, key=jax.random.key(2))
    score, key = scores.Gaussian(POINTS.mean(0), 1.0), jax.random.key(3)
    plain = training.ScoreMatching(training.Fixed(*LEVEL), training.weights.noise)
    ambient = training.AmbientScoreMatching(training.Fixed(*LEVEL), training.weights.noise)
    datum = tuple(part[0] for part in data)
    assert ambient(score, datum, key=key) == pytest.approx(float(plain(score, POINTS[0], key=key)), rel=1e-5)


def test_without_noise_in_the_data_the_ambient_objective_is_the_plain_one():
    data = training.noisy_copies(POINTS, 0.0, key=jax.random.key(2))
    score, key = scores.Gaussian(POINTS.mean(0), 1.0), jax.random.key(3)
    plain, ambient = (make(training.Fixed(*LEVEL)) for make in (training.ScoreMatching, training.AmbientScoreMatching))
    datum = tuple(part[0] for part in data)
    assert ambient(score, datum, key=key) == pytest.approx(float(plain(score, POINTS[0], key=key)), rel=1e-5)


def test_copies_are_drawn_once_with_the_stated_noise():
    points = jnp.zeros((2000, 3), FLOAT)
    clean, copies, noises = training.noisy_copies(points, 0.4, key=jax.random.key(0))
    assert np.std(copies) == pytest.approx(0.4, rel=5 / np.sqrt(2 * 6000))
    np.testing.assert_array_equal(clean, points)
    np.testing.assert_array_equal(noises, np.full(2000, 0.4, FLOAT))
    few = training.noisy_copies(points[:3], 0.4, key=jax.random.key(0))[1]
    np.testing.assert_array_equal(few, copies[:3])


def test_antithetic_draws_cancel_what_is_odd():
    """For D = x the error is sigma z: its square is even, so both give the same; for D = x + c the cross term goes."""
    shift = scores.FromFunction(lambda x, level: x + 10)
    one = training.ScoreMatching(training.Fixed(1.0, 0.5))
    pair = training.ScoreMatching(training.Fixed(1.0, 0.5), antithetic=True)
    keys = jax.random.split(jax.random.key(0), 300)
    spread = [np.std(jax.vmap(lambda k, o=o: o(shift, POINTS[0], key=k))(keys)) for o in (one, pair)]
    assert spread[1] < 0.1 * spread[0]


@pytest.mark.slow
def test_draws_are_averaged():
    """Eight draws have an eighth of the variance."""
    score, keys = scores.Gaussian(POINTS.mean(0), 1.0), jax.random.split(jax.random.key(0), 2000)
    losses = [
        jax.vmap(lambda k, m=m: training.ScoreMatching(LAWS["LogUniform"][0], draws=m)(score, POINTS[0], key=k))(keys)
        for m in (1, 8)
    ]
    assert np.mean(losses[0]) == pytest.approx(float(np.mean(losses[1])), rel=0.1)
    assert np.var(losses[0]) / np.var(losses[1]) == pytest.approx(8, rel=0.4)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: training.LogUniform(0.0, 1.0), "must be positive and rising, but are 0.0 and 1.0"),
        (lambda: training.LogNormal(0.0, 0.0), "`std` must be positive, but is 0.0"),
        (lambda: training.UniformTime(OU, 3.0, 2.0), r"must rise within \[0.001, 10.0\], but are 3.0 and 2.0"),
        (
            lambda: training.noisy_copies(POINTS, -1.0, key=jax.random.key(0)),
            "`noise` must be at least 0, but holds -1.0",
        ),
        (lambda: training.log_spaced(10, 0), "`count` must be at least 1, but is 0"),
        (lambda: training.log_spaced(10, 3, first=11), "`first` must be from 1 to the number of steps, 10, but is 11"),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_log_spaced_steps():
    np.testing.assert_array_equal(training.log_spaced(1000, 4), [1, 10, 100, 1000])
    np.testing.assert_array_equal(training.log_spaced(3, 50), [1, 2, 3])


def test_levels_from_one_end_of_the_floats_to_the_other():
    level = training.LogUniform(1e-20, 1e20).at(jnp.float32(0.5))
    assert float(level.sigma) == pytest.approx(1, rel=1e-4) and float(level.alpha) == 1
    assert training.weights.flat(NoiseLevel(jnp.float32(0), jnp.float32(jnp.inf))) == 1


@pytest.mark.parametrize("label", [jnp.asarray(2), jnp.arange(32, dtype=FLOAT) - 9])
def test_a_label_that_is_left_out_is_no_condition(label):
    """Whole numbers and vectors alike train what `conditioned(None)` answers."""
    network = networks.ResidualMLP(2, 8, labels=4, key=jax.random.key(5))
    learned, key = scores.Learned(network, scores.predictions.Signal(1.0)), jax.random.key(6)
    levels = training.LogUniform(0.1, 3.0)
    plain = training.ScoreMatching(levels)
    left_out = training.ScoreMatching(levels, label_dropout=1.0)
    found = left_out(learned, POINTS[0], label, key=key)
    assert float(found) == float(plain(learned.conditioned(None), POINTS[0], key=key))
    assert float(found) != float(plain(learned, POINTS[0], label, key=key))
