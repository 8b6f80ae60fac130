"""Points that are never stored: the same answers as those drawn and stored, whatever the chunk, and no array of them all."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import oracles
import pytest
from test_memory import PLANNED, QUERIES, equations

from diffmem import processes, sample
from diffmem.integrators import Heun, grids
from diffmem.level import NoiseLevel
from diffmem.reductions import Dense, Generated, generated
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
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
def usual(score, xs, level):
    """Posteriors of a batch, and a tempered partition."""
    beta = jnp.asarray(0.5, xs.dtype)
    return jax.vmap(lambda x: score.posterior(x, level))(xs), score.log_partition(xs[0], level, beta)


@eqx.filter_jit
def rest(score, xs, level):
    """What else an empirical score answers."""

    def one(x):
        return {
            "gradient": jax.grad(score.log_prob)(x, level),
            "jacobian_vector": score.jacobian_vector(x, level, x),
            "weights": score.weights(x, level, 9),
            "weight": score.weight(x, level, jnp.asarray(7)),
        }

    return jax.vmap(one)(xs), score.covariance(xs[0], level)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64][: 1 + DOUBLE])
@pytest.mark.parametrize("asked", [usual, rest])
def test_the_answers_are_those_of_the_stored_points(dtype, asked, monkeypatch):
    """At three levels, in chunks of 13 of which the last one overlaps."""
    monkeypatch.setattr(generated, "ENTRIES", 13 * 40)
    draw, n = (image if dtype == np.float32 else precise), 150
    points = stored(draw, n)
    score, truth = Empirical(KEY, reduction=Generated(draw, n)), Empirical(points, reduction=Dense())
    assert score.n == n and score.shape == SHAPE and score.centres.dtype == dtype
    assert score.reduction.rows(n, 40) == 13
    rng = np.random.default_rng(0)
    near = 1e-12 if dtype == np.float64 else 1e-5
    for sigma in dtype([20.0, 0.9, 0.02]):
        xs = (points[:3] + sigma * rng.normal(size=(3, *SHAPE))).astype(dtype)
        level = NoiseLevel(dtype(1), sigma)
        found, expected = asked(score, xs, level), asked(truth, xs, level)
        if asked is usual:  # of one the bound on what rounding does, of the other none
            assert np.all(found[0].discarded < near)
            # the spread is known to some roundings of E[|x_0|^2 | x]
            spread, second = expected[0].spread, expected[0].spread + np.sum(expected[0].mean ** 2, axis=(1, 2))
            assert np.all(np.abs(found[0].spread - spread) <= near * spread + 8 * np.finfo(dtype).eps / 2 * second)
            found = (found[0]._replace(discarded=expected[0].discarded, spread=spread), found[1])
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
            # what is nothing but rounding in one may be exactly nothing in the other
            assert np.linalg.norm(a - b) <= near * np.linalg.norm(b) + near**2, (sigma, a, b)


@pytest.mark.slow
def test_a_point_does_not_depend_on_the_chunk():
    score = Empirical(KEY, reduction=Generated(image, 150))
    np.testing.assert_array_equal(score.points, stored(image, 150))
    for start, size in ((0, 13), (40, 13), (149, 1)):
        found = score.centres.span(jnp.asarray(start), size)
        rows = np.float64(found.offsets) * np.float64(score.centres.unit)
        np.testing.assert_array_equal(rows, stored(image, 150).reshape(150, 40)[start : start + size])
        squares = np.float64(found.squares) + np.float64(found.squares_low)
        np.testing.assert_allclose(squares, np.sum(np.float64(found.offsets) ** 2, axis=1), rtol=1e-13)


@pytest.mark.slow
def test_one_point_and_two_kinds_of_keys():
    alone = Empirical(jr.PRNGKey(0), reduction=Generated(image, 1))
    point = image(jr.fold_in(jr.PRNGKey(0), 0))
    found = alone.posterior(jnp.ones(SHAPE, jnp.float32), NoiseLevel(1.0, 2.0))
    assert oracles.off(found.mean, point) < 1e-6 and found.leader_weight == 1 and found.entropy == 0
    np.testing.assert_array_equal(alone.points[0], point)
    drawn_by = [Empirical(key, reduction=Generated(image, 4)).points for key in (jr.key(0), jr.PRNGKey(0))]
    np.testing.assert_array_equal(*drawn_by)


@pytest.mark.slow
def test_few_large_points(monkeypatch):
    """More coordinates than may be drawn at once, in fewer points than tell their size."""
    monkeypatch.setattr(generated, "MOST", 90)
    monkeypatch.setattr(generated, "ENTRIES", 40)
    score = Empirical(KEY, reduction=Generated(image, 3))
    points = stored(image, 3)
    found = score.posterior(points[1], NoiseLevel(1.0, 0.1))
    assert found.leader == 1 and oracles.off(found.mean, points[1]) < 1e-5
    with pytest.raises(ValueError, match="must not be asked for at once"):
        _ = score.points


@pytest.mark.slow
def test_the_same_trajectories():
    points = stored(image, 60)
    process = processes.EDM(sigma_max=10.0)
    start = 10 * np.random.default_rng(1).normal(size=(5, *SHAPE)).astype(np.float32)
    ends = [
        sample(score, process, Heun(), grids.karras(process, 12), SHAPE, 5, key=jr.key(0), start=start).points
        for score in (Empirical(KEY, reduction=Generated(image, 60)), Empirical(points))
    ]
    assert oracles.off(*ends) < 1e-4


@pytest.mark.slow
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
    for wrong in (np.ones((3, 40)), 3):
        with pytest.raises(ValueError, match="`key` must be one key of JAX"):
            Empirical(wrong, reduction=Generated(image, 3))
    with pytest.raises(ValueError, match="must return floating points"):
        Empirical(KEY, reduction=Generated(whole, 3))
    with pytest.raises(ValueError, match="`draw` must be finite"):
        Empirical(KEY, reduction=Generated(infinite, 3))


@pytest.mark.slow
@pytest.mark.parametrize("what", ["posterior", "gradient"])
def test_nothing_of_all_points_is_ever_made(what):
    """A million points: no array of their number, let alone of their coordinates; the program is that of a thousand."""
    sizes, programs = [], []
    for n in (50_000, 1_000_000):
        score = Empirical(KEY, reduction=Generated(image, n))
        ask = {"posterior": score.posterior, "gradient": jax.grad(score.log_prob)}[what]
        xs = jax.ShapeDtypeStruct((QUERIES, *SHAPE), jnp.float32)
        batch = jax.vmap(lambda x: ask(x, NoiseLevel(1.0, 0.5)))
        programs.append(len(list(equations(jax.make_jaxpr(batch)(xs).jaxpr))))
        sizes.append(jax.jit(batch).lower(xs).compile(compiler_options=PLANNED).memory_analysis().temp_size_in_bytes)
        # drawn and in double precision, with their logits
        rows = Generated(image, n).rows(n, 40)
        assert sizes[-1] <= 8 * (6 * rows * 48 + 6 * QUERIES * rows)
    assert programs[0] == programs[1] and sizes[1] < 1.01 * sizes[0]
