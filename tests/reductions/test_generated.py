"""Points that are never stored: the same answers as those drawn and stored, whatever the chunk, and no array of them all."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import oracles
import pytest
from test_memory import QUERIES, equations

from diffmem import processes, sample
from diffmem.integrators import Heun, grids
from diffmem.level import NoiseLevel
from diffmem.reductions import Dense, Generated, drawn, generated
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
DTYPES = [np.float32] + [np.float64] * DOUBLE
KEY = jr.key(5)
SHAPE = (5, 8)


def image(key):
    """A point of event shape (5, 8), single precision."""
    return jr.normal(key, SHAPE, jnp.float32)


def precise(key):
    """The same law in double precision."""
    return jr.normal(key, SHAPE, jnp.float64)


def whole(key):
    """No point: whole numbers."""
    return jr.randint(key, SHAPE, 0, 9)


def infinite(key):
    """No point either."""
    return image(key) / 0


def stored(draw, n, key=KEY):
    """All points at once."""
    return np.asarray(jax.vmap(lambda i: draw(jr.fold_in(key, i)))(jnp.arange(n)))


@eqx.filter_jit
def everything(score, xs, level):
    """What an empirical score answers."""

    def one(x):
        return {
            "posterior": score.posterior(x, level),
            "gradient": jax.grad(score.log_prob)(x, level),
            "jacobian_vector": score.jacobian_vector(x, level, x),
            "weights": score.weights(x, level, 9),
            "tempered": score.log_partition(x, level, jnp.asarray(0.5, x.dtype)),
            "weight": score.weight(x, level, jnp.asarray(7)),
        }

    return jax.vmap(one)(xs), score.covariance(xs[0], level)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_answers_are_those_of_the_stored_points(dtype):
    """Posterior, derivatives, weights, covariance and tempered partition, at three levels."""
    draw, n = (image if dtype == np.float32 else precise), 150
    points = stored(draw, n)
    score, truth = Empirical(KEY, reduction=Generated(draw, n)), Empirical(points, reduction=Dense())
    assert score.n == n and score.shape == SHAPE and score.centres.dtype == dtype
    np.testing.assert_array_equal(score.points, points)
    rng = np.random.default_rng(0)
    near = 1e-12 if dtype == np.float64 else 1e-5
    for sigma in dtype([20.0, 0.9, 0.02]):
        xs = (points[:3] + sigma * rng.normal(size=(3, *SHAPE))).astype(dtype)
        level = NoiseLevel(dtype(1), sigma)
        found, expected = everything(score, xs, level), everything(truth, xs, level)
        np.testing.assert_array_equal(found[0]["posterior"].leader, expected[0]["posterior"].leader)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
            # what is nothing but rounding in one may be exactly nothing in the other
            assert np.linalg.norm(a - b) <= near * np.linalg.norm(b) + near**2, (sigma, a, b)


def test_a_point_does_not_depend_on_the_chunk(monkeypatch):
    """Chunks of 150, 13 and 1, the last one overlapping."""
    x, level, answers = jnp.ones(SHAPE, jnp.float32), NoiseLevel(1.0, 1.0), []
    for entries in (generated.ENTRIES, 13 * 40, 40):
        monkeypatch.setattr(generated, "ENTRIES", entries)
        score = Empirical(KEY, reduction=Generated(lambda key: image(key), 150))
        answers.append(score.posterior(x, level))
    for other in answers[1:]:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6), other, answers[0])


def test_one_point_and_two_kinds_of_keys():
    x = jnp.ones(SHAPE, jnp.float32)
    for key in (jr.key(0), jr.PRNGKey(0)):
        alone = Empirical(key, reduction=Generated(image, 1))
        point = image(jr.fold_in(key, 0))
        found = alone.posterior(x, NoiseLevel(1.0, 2.0))
        assert oracles.off(found.mean, point) < 1e-6 and found.leader_weight == 1 and found.entropy == 0
        np.testing.assert_array_equal(alone.points[0], point)
    drawn_by = [Empirical(key, reduction=Generated(image, 4)).points for key in (jr.key(0), jr.PRNGKey(0))]
    np.testing.assert_array_equal(*drawn_by)


def test_few_large_points(monkeypatch):
    """More coordinates than may be drawn at once, in fewer points than tell their size."""
    monkeypatch.setattr(drawn, "MOST", 90)
    monkeypatch.setattr(generated, "ENTRIES", 40)
    score = Empirical(KEY, reduction=Generated(image, 3))
    points = stored(image, 3)
    found = score.posterior(points[1], NoiseLevel(1.0, 0.1))
    assert found.leader == 1 and oracles.off(found.mean, points[1]) < 1e-5
    with pytest.raises(ValueError, match="must not be asked for at once"):
        _ = score.points


def test_the_same_trajectories():
    points = stored(image, 60)
    process = processes.EDM(sigma_max=10.0)
    start = 10 * np.random.default_rng(1).normal(size=(5, *SHAPE)).astype(np.float32)
    ends = [
        sample(score, process, Heun(), grids.karras(process, 12), SHAPE, 5, key=jr.key(0), start=start).points
        for score in (Empirical(KEY, reduction=Generated(image, 60)), Empirical(points))
    ]
    assert oracles.off(*ends) < 1e-4


def test_draws_of_the_law_come_from_its_points():
    score = Empirical(KEY, reduction=Generated(image, 4))
    points = np.asarray(score.points).reshape(4, -1)
    found = np.asarray(score.draw(40, key=jr.key(1))).reshape(40, -1)
    nearest = np.abs(found[:, None] - points[None]).max(2)
    assert np.all(nearest.min(1) < 1e-5) and set(nearest.argmin(1)) == {0, 1, 2, 3}


def test_refusals():
    for n in (0, 2**31):
        with pytest.raises(ValueError, match="`n` must be between 1 and"):
            Generated(image, n)
    with pytest.raises(ValueError, match="`weights` must be left out"):
        Empirical(KEY, np.ones(3), Generated(image, 3))
    for wrong in (np.ones((3, 40)), jr.split(KEY), 3):
        with pytest.raises(ValueError, match="`points` must be the key"):
            Empirical(wrong, reduction=Generated(image, 3))
    with pytest.raises(ValueError, match="must return floating points"):
        Empirical(KEY, reduction=Generated(whole, 3))
    with pytest.raises(ValueError, match="must return finite points"):
        Empirical(KEY, reduction=Generated(infinite, 3))


@pytest.mark.parametrize("what", ["posterior", "gradient"])
def test_nothing_of_all_points_is_ever_made(what):
    """A million points: no array of their number, let alone of their coordinates; the program is that of a thousand."""
    programs = {}
    for n in (50_000, 1_000_000):
        score = Empirical(KEY, reduction=Generated(image, n))
        ask = {"posterior": score.posterior, "gradient": jax.grad(score.log_prob)}[what]
        xs = jax.ShapeDtypeStruct((QUERIES, *SHAPE), jnp.float32)
        program = jax.make_jaxpr(jax.vmap(lambda x: ask(x, NoiseLevel(1.0, 0.5))))(xs)
        programs[n] = list(equations(program.jaxpr))
        sizes = [var.aval.size for one in programs[n] for var in one.outvars if hasattr(var.aval, "size")]
        rows = Generated(image, n).rows(n, 40)
        assert max(sizes) <= max(rows * 40, QUERIES * rows) < 25 * n and max(sizes) < 1_000_000
    assert len({len(program) for program in programs.values()}) == 1
