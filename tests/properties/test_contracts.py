"""What every score of the table of examples promises, at every kind of level; no score knows a process."""

import pickle

import equinox as eqx
import examples
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from inputs import DOUBLE, FLOAT, LEVELS, MIDDLE, OU, built, levels_of, needs_double, query

from diffmem import reductions, scores
from diffmem.level import NoiseLevel

EPS = np.finfo(FLOAT).eps


def parametrized(names, fast=lambda name: name not in examples.HEAVY):
    """One row for each name; the slow suite has those that take long to compile."""
    return pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (not fast(n))) for n in names])


# compiled many times over: one row of each kind by default, all of them in the slow suite
KINDS = ("Empirical, Chunked", "Gaussian, full", "GaussianMixture, full", "FromVelocity", "Guided")
DENSITIES = [name for name, example in examples.SCORES.items() if example.density]
every_score = parametrized(examples.SCORES)
every_density = parametrized(DENSITIES)
some_scores = parametrized(examples.SCORES, KINDS.__contains__)


def levels(name, levels=tuple(LEVELS)):
    """Those at which a score can be asked: a noise prediction has no mean at alpha = 0, a velocity knows its process."""
    if name == "FromVelocity":
        return levels_of(OU)
    return [level for level in levels if level.alpha > 0 or not examples.SCORES[name].noise_only]


def small(error, truth, tolerance):
    return np.linalg.norm(np.ravel(error)) <= tolerance * np.linalg.norm(np.ravel(truth)) + 1e-12 * (not np.any(truth))


@eqx.filter_jit
def everything(score, x, level):
    return {
        "denoise": score.denoise(x, level),
        "score": score.score(x, level),
        "noise": score.noise(x, level),
        "evaluate": score.evaluate(x, level),
    }


@eqx.filter_jit
def divergence(score, x, level):
    return score.divergence(x, level)


@eqx.filter_jit
def density(score, x, level, v):
    return {
        "posterior": score.posterior(x, level),
        "log_prob": score.log_prob(x, level),
        "gradient": jax.grad(score.log_prob)(x, level),
        "covariance": score.covariance(x, level),
        "jacobian_vector": score.jacobian_vector(x, level, v),
        "divergence": score.divergence(x, level),
        "log_partition": score.log_partition(x, level),
    }


def check_tweedie(name, score, levels, everything=everything):
    """`sigma^2 score = alpha D - x` and `noise = -sigma score`, from sigma/alpha = .05 up, alpha = 0 included."""
    example = examples.SCORES[name]
    for level in levels:
        x = query(example, level)
        found = everything(score, x, level)
        parts = [np.asarray(found[part], np.float64) for part in ("denoise", "score", "noise")]
        assert {part.shape for part in parts} == {example.shape}
        denoised, slope, noise = parts
        scale = np.linalg.norm(x) + np.linalg.norm(level.alpha * denoised)
        assert np.linalg.norm(level.sigma**2 * slope - (level.alpha * denoised - x)) <= 50 * EPS * scale
        assert small(noise + level.sigma * slope, noise, 4 * EPS)


@every_score
def test_tweedie_and_noise(name):
    check_tweedie(name, built(name), levels(name)[1:])


@every_score
def test_one_evaluation_says_everything(name):
    """Mean, noise and score are those of the three methods; the info of a mixture is its posterior."""
    example, score = examples.SCORES[name], built(name)
    assert isinstance(score, scores.AbstractMixture) == example.density
    for level in levels(name)[1:4]:
        x, tolerance = query(example, level), 100 * EPS
        answers = everything(score, x, level)
        found = answers["evaluate"]
        assert isinstance(found, scores.Evaluation) and found.mean.shape == found.noise.shape == example.shape
        assert oracles.off(found.mean, answers["denoise"]) < tolerance
        # by Tweedie's identity noise is a difference of numbers of the size of x/sigma
        near = tolerance * (np.linalg.norm(found.noise) + np.linalg.norm(x) / level.sigma)
        assert np.linalg.norm(np.asarray(found.noise - answers["noise"])) < near
        assert np.linalg.norm(np.asarray(found.noise) + level.sigma * np.asarray(answers["score"])) < near
        if not example.density:
            continue
        assert isinstance(found.info, reductions.Posterior)
        truth = density(score, x, level, np.ones_like(x))["posterior"]
        assert found.info.leader == truth.leader
        np.testing.assert_array_equal(found.info.mean, found.mean)
        for field, one, other in zip(truth._fields, found.info, truth):
            near = tolerance * max(1, np.linalg.norm(other))
            assert np.linalg.norm(np.asarray(one) - np.asarray(other)) <= near, field


# have no value without noise, as their docstrings say
NEED_NOISE = {"LowRankMixture, no floor", "FromVelocity", "Ambient"}


@parametrized([name for name in examples.SCORES if name not in NEED_NOISE])
def test_without_noise_a_datum_is_its_own_mean(name):
    """`D(y) = y` at alpha = 1 and sigma = 0 for the scores of a law, and no score is NaN there."""
    example, level = examples.SCORES[name], NoiseLevel(FLOAT(1), FLOAT(0))
    x = query(example, level)
    found = everything(built(name), x, level)
    for part in ("denoise", "score", "noise"):
        assert not np.any(np.isnan(found[part])), part
    if example.law is not None:
        assert small(np.ravel(found["denoise"]) - x.ravel(), x, 1e-6)


def check_law(name, score, levels):
    """Denoiser, score and divergence to 1e-6 of the law's, and the score of the dense log-sum-exp."""
    example = examples.SCORES[name]
    for level in levels:
        x = query(example, level)
        truth, found = oracles.answer(example.law, x, *level), everything(score, x, level)
        gradient = oracles.density_gradient(example.law, x.ravel(), *level)
        assert small(np.ravel(found["denoise"]) - truth.mean, truth.mean, 1e-6)
        assert small(np.ravel(found["score"]) - truth.score, truth.score, 1e-6)
        assert small(np.ravel(found["score"]) - gradient, gradient, 1e-6)
        if example.differentiable and not example.density:
            assert divergence(score, x, level) == pytest.approx(truth.divergence, rel=1e-6)


@needs_double
@parametrized([name for name, example in examples.SCORES.items() if example.law is not None])
def test_law(name):
    check_law(name, built(name), levels(name))


@pytest.mark.parametrize("process", examples.PROCESSES.values(), ids=examples.PROCESSES)
def test_a_velocity_on_every_process(process):
    """The only score that knows a process: it finds its time by the level, at both ends too."""
    score, levels = built("FromVelocity", process), levels_of(process)
    # one operation at a time: a program may round the velocity in one way for the noise and in another for the score
    check_tweedie("FromVelocity", score, levels[1:], everything.__wrapped__)
    if DOUBLE:
        check_law("FromVelocity", score, levels)


@needs_double
@every_density
def test_density(name):
    """`grad log_prob`, covariance, Jacobian product, divergence and the posterior, to 1e-6 of the law's."""
    example, score = examples.SCORES[name], built(name)
    v = np.random.default_rng(1).normal(size=example.shape)
    for level in LEVELS:
        x = query(example, level)
        truth, found = oracles.answer(example.law, x, *level), density(score, x, level, v)
        flat = {part: np.ravel(value) for part, value in found.items() if part != "posterior"}
        ratio = level.alpha / level.sigma**2
        assert found["log_prob"] == pytest.approx(truth.log_prob, rel=1e-6)
        assert small(flat["gradient"] - truth.score, truth.score, 1e-6)
        assert found["covariance"].shape == example.shape * 2
        # no closer than the square of the rounding of D
        error = np.linalg.norm(flat["covariance"] - truth.covariance.ravel())
        assert error <= 1e-6 * np.linalg.norm(truth.covariance) + np.sum((1e-15 * truth.mean) ** 2)
        along = ratio * truth.covariance @ v.ravel()
        assert small(flat["jacobian_vector"] - along, along, 1e-6)
        assert found["divergence"] == pytest.approx(truth.divergence, rel=1e-6)
        partition = truth.log_prob + x.size / 2 * np.log(2 * np.pi * level.sigma**2)
        assert found["log_partition"] == pytest.approx(partition, rel=1e-6, abs=1e-6)
        posterior = found["posterior"]
        assert small(np.ravel(posterior.displacement) - truth.displacement, truth.displacement, 1e-6)
        assert posterior.entropy == pytest.approx(truth.entropy, rel=1e-6, abs=1e-12)
        assert posterior.participation == pytest.approx(truth.participation, rel=1e-6)
        assert posterior.leader_weight == pytest.approx(truth.weights.max(), rel=1e-6)
        assert truth.weights[posterior.leader] == pytest.approx(truth.weights.max(), rel=1e-9)
        # a difference of second moments: known to some roundings of E[|x_0|^2 | x]
        second = np.sum(truth.mean**2) + np.trace(truth.covariance)
        assert posterior.spread == pytest.approx(np.trace(truth.covariance), rel=1e-6, abs=8 * 2**-53 * second)
        assert 0 <= posterior.discarded <= 1e-9


@some_scores
def test_compiled_is_eager_and_batched_is_looped(name):
    """Also for NumPy arrays and Python numbers, and after pickling."""
    example, score = examples.SCORES[name], built(name)
    many = [NoiseLevel(FLOAT(a), FLOAT(s)) for a, s in ((0.95, 0.3), (0.8, 0.6), (0.3, 0.95))]
    xs = np.stack([query(example, level, seed) for seed, level in enumerate(many)])
    looped = [everything(score, x, level) for x, level in zip(xs, many)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *many)
    batched = eqx.filter_jit(jax.vmap(lambda x, level: everything.__wrapped__(score, x, level)))(xs, stacked)
    copy = everything(pickle.loads(pickle.dumps(score)), xs[0], many[0])
    tolerance = 100 * EPS
    for part in ("denoise", "score", "noise"):
        for i, one in enumerate(looped):
            assert oracles.off(batched[part][i], one[part]) < tolerance
        np.testing.assert_array_equal(copy[part], looped[0][part])
        eager = getattr(score, part)(xs[0], NoiseLevel(0.95, 0.3))
        assert oracles.off(eager, looped[0][part]) < tolerance


@some_scores
def test_derivatives_are_finite(name):
    example, score = examples.SCORES[name], built(name)
    x = jnp.asarray(query(example, MIDDLE))
    pulled = lambda x, a, s: jnp.sum(jnp.sin(x) * score.score(x, NoiseLevel(a, s)))  # noqa: E731
    slopes = eqx.filter_jit(jax.grad(pulled, argnums=(0, 1, 2)))
    level = [jnp.asarray(part, FLOAT) for part in MIDDLE]
    if not example.differentiable:
        with pytest.raises(TypeError, match="no derivative"):
            slopes(x, *level)
        return
    if isinstance(score, scores.FromHost):  # `vjp` is the derivative in x
        slope = jax.grad(lambda x: pulled(x, *level))(x)
        assert np.all(np.isfinite(slope)) and np.any(slope)
        return
    assert all(np.all(np.isfinite(slope)) and np.any(slope) for slope in slopes(x, *level))


@every_score
def test_single_precision_is_kept(name):
    """Whatever the level's type."""
    example, score = examples.SCORES[name], built(name, dtype=np.float32)
    x = jnp.zeros(example.shape, np.float32)
    for level in (MIDDLE, NoiseLevel(np.float64(0.8), jnp.asarray(0.6))):
        shapes = jax.eval_shape(lambda level=level: everything.__wrapped__(score, x, level))
        if example.density:
            shapes["density"] = jax.eval_shape(lambda level=level: density.__wrapped__(score, x, level, x))
            shapes["sample"] = jax.eval_shape(lambda level=level: score.sample(level, key=jax.random.key(0)))
        if example.differentiable:
            shapes["divergence"] = jax.eval_shape(lambda level=level: score.divergence(x, level))
        floats = [s.dtype for s in jax.tree.leaves(shapes) if jnp.issubdtype(s.dtype, jnp.floating)]
        assert set(floats) == {np.dtype(np.float32)}


@every_score
def test_negative_levels_are_refused(name):
    score, x = built(name), np.zeros(examples.SCORES[name].shape, FLOAT)
    for level, sentence in (
        (NoiseLevel(1.0, -0.5), "`sigma` must be at least 0, but is -0.5."),
        (NoiseLevel(-1.0, 0.5), "`alpha` must be at least 0, but is -1.0."),
        (NoiseLevel(1.0, float("nan")), "`sigma` must be at least 0, but is nan."),
    ):
        for method in (score.denoise, score.score, score.noise):
            with pytest.raises(ValueError) as error:
                method(x, level)
            assert str(error.value) == sentence


@pytest.mark.parametrize("name", DENSITIES)
def test_wrong_event_shape_is_refused(name):
    with pytest.raises(ValueError, match="`x` must have the event shape"):
        built(name).posterior(np.zeros(5), MIDDLE)


DRAWN = ("Empirical, Dense", "Gaussian, full", "GaussianMixture, diagonal", "LowRankMixture, no floor")


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_draws_have_the_moments_of_the_law(name):
    """4,000 draws at a level, mean and covariance within 5 standard errors; draw i depends on its key only."""
    example, score = examples.SCORES[name], built(name)
    law, level = example.law, NoiseLevel(*(jnp.asarray(part, FLOAT) for part in MIDDLE))
    keys = jax.random.split(jax.random.key(3), 4_000)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: score.sample(level, key=key)))(keys), np.float64)
    flat = drawn.reshape(len(keys), -1)
    mean = law.weights @ law.means
    spread = law.means - mean
    covariance = np.einsum("k,kij->ij", law.weights, law.covariances) + spread.T @ (law.weights[:, None] * spread)
    covariance = 0.8**2 * covariance + 0.6**2 * np.eye(flat.shape[1])
    error = np.sqrt(np.diag(covariance) / len(flat))
    assert np.all(np.abs(flat.mean(0) - 0.8 * mean) < 5 * error)
    products = (flat - 0.8 * mean)[:, :, None] * (flat - 0.8 * mean)[:, None]
    assert np.all(np.abs(products.mean(0) - covariance) < 5 * products.std(0) / np.sqrt(len(flat)))
    few, more = score.draw(2, key=jax.random.key(0)), score.draw(4, key=jax.random.key(0))
    assert few.shape == (2, *example.shape)
    np.testing.assert_allclose(few, more[:2], rtol=100 * EPS, atol=10 * EPS)
