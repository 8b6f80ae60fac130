"""What every score promises on every process, and every integrator, grid, process and reduction of the table of examples."""

import functools
import itertools
import pickle

import equinox as eqx
import examples
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

import diffmem as dm
from diffmem import integrators, processes, reductions, scores
from diffmem.level import NoiseLevel

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
needs_double = pytest.mark.skipif(not DOUBLE, reason="compares to double precision")
weighed = lambda name: pytest.param(name, marks=[pytest.mark.slow] * (name in examples.HEAVY))  # noqa: E731
every_score = pytest.mark.parametrize("name", [weighed(name) for name in examples.SCORES])
# compiled many times over: one row of each kind by default, all of them in the slow suite
KINDS = (
    "Empirical, Chunked",
    "Gaussian, full",
    "GaussianMixture, full",
    "FromVelocity",
    "Guided",
)
some_scores = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in KINDS)) for name in examples.SCORES]
)
every_process = pytest.mark.parametrize("process", examples.PROCESSES.values(), ids=examples.PROCESSES.keys())
DENSITIES = [name for name, example in examples.SCORES.items() if example.density]
MIDDLE = NoiseLevel(0.8, 0.6)
OU = examples.PROCESSES["OrnsteinUhlenbeck"]


@functools.cache
def built(name, process=OU, dtype=FLOAT):
    return examples.SCORES[name].make(dtype, process)


def levels(process, smallest=1e-4):
    """From far below the data's resolution to the last time, alpha = 0 where the process has it."""
    times = [process.time_at(np.asarray(ratio, FLOAT)) for ratio in (smallest, 0.05, 0.7, 4.0)]
    found = [process.level(t) for t in (*times, process.t_min, process.t_max)]
    return [NoiseLevel(*(np.asarray(part, FLOAT) for part in level)) for level in found]


def query(example, level, seed=0):
    """A draw of the forward process, away from its points at every level."""
    rng = np.random.default_rng(seed)
    law = example.law or examples.SCORES["FromFunction"].law
    i = rng.choice(len(law.weights), p=law.weights)
    data = rng.multivariate_normal(law.means[i], law.covariances[i], method="svd")
    noise = rng.normal(size=data.shape)
    return (level.alpha * data + level.sigma * noise).reshape(example.shape).astype(FLOAT)


def small(error, truth, tolerance):
    return np.linalg.norm(np.ravel(error)) <= tolerance * np.linalg.norm(np.ravel(truth)) + 1e-12 * (not np.any(truth))


@eqx.filter_jit
def everything(score, x, level):
    found = score.evaluate(x, level)
    return {"denoise": found.mean, "score": score.score(x, level), "noise": found.noise}


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


@every_process
@every_score
def test_tweedie_and_noise(name, process):
    """`sigma^2 score = alpha D - x` and `noise = -sigma score`, from sigma/alpha = .05 up, alpha = 0 included."""
    example, score = examples.SCORES[name], built(name, process)
    for level in levels(process)[1:]:
        if example.noise_only and level.alpha == 0:
            continue
        x = query(example, level)
        found = everything(score, x, level)
        assert {part.shape for part in found.values()} == {example.shape}
        displacement = level.sigma**2 * np.asarray(found["score"])
        error = displacement - (level.alpha * np.asarray(found["denoise"]) - x)
        scale = np.linalg.norm(x) + np.linalg.norm(level.alpha * found["denoise"])
        assert np.linalg.norm(error) <= 50 * np.finfo(FLOAT).eps * scale
        assert small(found["noise"] + level.sigma * np.asarray(found["score"]), found["noise"], 4 * np.finfo(FLOAT).eps)


@every_score
def test_one_evaluation_says_everything(name):
    """Mean, noise and score are those of the three methods; the info of a mixture is its posterior."""
    example, score = examples.SCORES[name], built(name)
    for level in levels(OU)[1:4]:
        x, tolerance = query(example, level), 100 * np.finfo(FLOAT).eps
        found = eqx.filter_jit(lambda score, x, level: score.evaluate(x, level))(score, x, level)
        assert isinstance(found, scores.Evaluation) and found.mean.shape == found.noise.shape == example.shape
        assert oracles.off(found.mean, score.denoise(x, level)) < tolerance
        # by Tweedie's identity noise is a difference of numbers of the size of x/sigma
        near = tolerance * (np.linalg.norm(found.noise) + np.linalg.norm(x) / level.sigma)
        assert np.linalg.norm(np.asarray(found.noise - score.noise(x, level))) < near
        assert np.linalg.norm(np.asarray(found.noise) + level.sigma * np.asarray(score.score(x, level))) < near
        assert isinstance(score, scores.AbstractMixture) == example.density
        if not example.density:
            continue
        assert isinstance(found.info, reductions.Posterior)
        truth = score.posterior(x, level)
        assert found.info.leader == truth.leader
        np.testing.assert_array_equal(found.info.mean, found.mean)
        for field, one, other in zip(truth._fields, found.info, truth):
            near = tolerance * max(1, np.linalg.norm(other))
            assert np.linalg.norm(np.asarray(one) - np.asarray(other)) <= near, field


@needs_double
@every_process
@every_score
def test_law(name, process):
    """Denoiser, score and divergence to 1e-6 of the law's, at every level, and the score of the dense log-sum-exp."""
    example, score = examples.SCORES[name], built(name, process)
    if example.law is None:
        pytest.skip("stands for no law")
    for level in levels(process):
        if example.noise_only and level.alpha == 0:
            continue
        x = query(example, level)
        truth, found = oracles.answer(example.law, x, *level), everything(score, x, level)
        gradient = oracles.density_gradient(example.law, x.ravel(), *level)
        assert small(np.ravel(found["denoise"]) - truth.mean, truth.mean, 1e-6)
        assert small(np.ravel(found["score"]) - truth.score, truth.score, 1e-6)
        assert small(np.ravel(found["score"]) - gradient, gradient, 1e-6)
        if example.differentiable and not example.density:
            assert divergence(score, x, level) == pytest.approx(truth.divergence, rel=1e-6)


@needs_double
@every_process
@pytest.mark.parametrize("name", [weighed(name) for name in DENSITIES])
def test_density(name, process):
    """`grad log_prob`, covariance, Jacobian product, divergence and the posterior, to 1e-6 of the law's."""
    example, score = examples.SCORES[name], built(name, process)
    v = np.random.default_rng(1).normal(size=example.shape)
    for level in levels(process):
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
        assert posterior.spread == pytest.approx(np.trace(truth.covariance), rel=1e-6, abs=1e-15)
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
    tolerance = 100 * np.finfo(FLOAT).eps
    for part in looped[0]:
        for i, one in enumerate(looped):
            assert oracles.off(batched[part][i], one[part]) < tolerance
        np.testing.assert_array_equal(copy[part], looped[0][part])
        eager = getattr(score, part)(xs[0], NoiseLevel(0.95, 0.3))  # denoise, score, noise
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


@some_scores
def test_one_compilation_for_all_levels(name, caplog):
    """Fifty Python numbers after the first, then JAX and NumPy scalars: nothing compiles again (jax#2521, jax#15412)."""
    score, x = built(name), np.zeros(examples.SCORES[name].shape, FLOAT)
    call = lambda sigma: [score.denoise(x, NoiseLevel(1.0, sigma)), score.score(x, NoiseLevel(1.0, sigma))]  # noqa: E731
    jax.block_until_ready([call(0.9), call(jnp.asarray(0.9, FLOAT)), call(FLOAT(0.9))])
    with jax.log_compiles():
        caplog.clear()
        jax.block_until_ready([call(float(sigma)) for sigma in np.geomspace(0.01, 10, 50)])
        jax.block_until_ready([call(jnp.asarray(0.3, FLOAT)), call(FLOAT(0.4))])
    assert not sum(record.getMessage().startswith("Compiling") for record in caplog.records)


@pytest.mark.parametrize("name", ["Empirical, Chunked", "Empirical, products", "GaussianMixture, full"])
def test_a_traced_level_compiles_once(name):
    score = built(name)
    traces = []

    @jax.jit
    def scored(x, alpha, sigma):
        traces.append(sigma)
        return score.score(x, NoiseLevel(alpha, sigma))

    x = jnp.zeros(examples.SCORES[name].shape, FLOAT)
    for sigma in np.geomspace(0.01, 10, 50):
        scored(x, jnp.asarray(1.0, FLOAT), jnp.asarray(sigma, FLOAT))
    assert len(traces) == 1


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
    np.testing.assert_allclose(few, more[:2], rtol=100 * np.finfo(FLOAT).eps, atol=10 * np.finfo(FLOAT).eps)


FOR_ALL = list(examples.INTEGRATORS)
# the first round has every integrator; the scores after it are integrated in the slow suite, with the heavy ones
ORDERED = sorted(examples.SCORES, key=lambda name: name in examples.HEAVY)
PAIRS = [
    *[
        pytest.param(name, integrator, marks=[pytest.mark.slow] * (round >= len(FOR_ALL)))
        for round, (name, integrator) in enumerate(zip(ORDERED, itertools.cycle(FOR_ALL)))
    ],
]


@pytest.mark.parametrize(("name", "integrator"), PAIRS)
def test_every_score_is_integrated_and_every_integrator_integrates(name, integrator):
    """Finite samples of the right shape and type; the integrator pickled, the same numbers."""
    example, score = examples.SCORES[name], built(name, dtype=np.float32)
    integrator, times = examples.INTEGRATORS[integrator], integrators.grids.karras(OU, 6)
    start = np.random.default_rng(0).normal(size=(3, *example.shape)).astype(np.float32)

    def draw(integrator):
        arguments = score, OU, integrator, times, example.shape, 3
        return dm.sample(*arguments, key=jax.random.key(0), start=None if example.density else start).points

    points = draw(integrator)
    assert points.shape == (3, *example.shape) and points.dtype == np.float32 and np.all(np.isfinite(points))
    np.testing.assert_array_equal(points, draw(pickle.loads(pickle.dumps(integrator))))


@every_process
@pytest.mark.parametrize("grid", examples.GRIDS.values(), ids=examples.GRIDS.keys())
def test_every_grid_falls_from_end_to_end(grid, process):
    times = np.asarray(grid(process, steps=9))
    assert times.shape == (10,) and np.all(np.diff(times) < 0)
    assert times[0] == FLOAT(process.t_max) and times[-1] == FLOAT(process.t_min)


def test_the_table_is_complete():
    """Every public final class of the packages has a row."""
    listed = {
        processes: {type(process).__name__ for process in examples.PROCESSES.values()},
        scores: {type(built(name)).__name__ for name in examples.SCORES},
        integrators: {type(integrator).__name__ for integrator in examples.INTEGRATORS.values()},
        reductions: {type(reduction).__name__ for reduction in examples.REDUCTIONS.values()},
    }
    for package, names in listed.items():
        public = {
            name
            for name, value in vars(package).items()
            if isinstance(value, type) and issubclass(value, eqx.Module) and not name.startswith("Abstract")
        }
        assert public == names
    grids = {
        name for name, value in vars(integrators.grids).items() if getattr(value, "__module__", "").endswith("grids")
    }
    assert {name for name in grids if not name.startswith("_")} == set(examples.GRIDS)
