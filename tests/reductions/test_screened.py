"""What `Screened` promises: the weights to its tolerance, wherever the query comes from, and a bound on what is missing."""

import pickle
from functools import partial

import clouds
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from test_memory import QUERIES, equations

from diffmem import processes, sample
from diffmem.integrators import Heun, ProbabilityFlow, grids
from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Screened, gibbs, screened
from diffmem.reductions.screen import bands, bounds, ranks
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
slow = lambda *values: pytest.param(*values, marks=pytest.mark.slow)  # noqa: E731
DTYPES = [np.float32] + [slow(np.float64)] * DOUBLE
N, D, TOLERANCE = 1100, 100, 1e-6
LEVELS = ((1.0, 80.0), (0.02, 1.0), (1.0, 0.6), (0.99, 0.1), (1.0, 0.02), (1.0, 0.002))


@eqx.filter_jit
def look(score, xs, alphas, sigmas):
    """Weights in the order of the points, and the posterior, of a batch."""

    def one(x, alpha, sigma):
        level = NoiseLevel(alpha, sigma)
        index, weight = score.weights(x, level, score.n)
        return jnp.zeros(score.n, weight.dtype).at[index].add(weight), score.posterior(x, level)

    return jax.vmap(one)(xs, alphas, sigmas)


@eqx.filter_jit
def posterior(score, xs, alphas, sigmas):
    """The posterior of a batch."""
    return jax.vmap(lambda x, alpha, sigma: score.posterior(x, NoiseLevel(alpha, sigma)))(xs, alphas, sigmas)


def at(score, xs, alpha, sigma, asked=posterior):
    """What is asked, at one level."""
    dtype = score.centres.dtype
    return asked(score, np.asarray(xs).astype(dtype), np.full(len(xs), alpha, dtype), np.full(len(xs), sigma, dtype))


def assert_same(found, truth, rtol, atol=0.0):
    """All but the leader and what is discarded."""
    for name in set(found._fields) - {"leader", "discarded"}:
        np.testing.assert_allclose(getattr(found, name), getattr(truth, name), rtol=rtol, atol=atol, err_msg=name)


def moved(score, reach):
    """The score with another prediction of where the screen is worth trying."""
    index = score.centres.index._replace(reach=jnp.full_like(score.centres.index.reach, reach))
    return eqx.tree_at(lambda score: score.centres, score, score.centres._replace(index=index))


def assert_right(points, weights, xs, level, found):
    """Within `discarded` and a few roundings of double precision; for which queries the screen was used."""
    dtype = points.dtype
    xs, level = xs.astype(dtype), [dtype.type(part) for part in level]
    variations, posterior = found[0], jax.tree.map(np.asarray, found[1])
    used = np.asarray(posterior.discarded) > 0
    for i, x in enumerate(xs):
        w, mean, displacement = oracles.points_answer(points, x, *level, weights)
        discarded = float(posterior.discarded[i])
        assert 0 <= discarded <= TOLERANCE
        if not used[i]:
            continue
        error = oracles.total_variation(variations[i], w)
        assert error <= TOLERANCE and error <= discarded + 8 * np.finfo(dtype).eps, (error, discarded)
        assert abs(float(posterior.leader_weight[i]) - w.max()) <= discarded + 8 * np.finfo(dtype).eps
        assert w[posterior.leader[i]] >= w.max() - TOLERANCE
        near = {"rel": 1e-5, "abs": 1e-5}
        assert posterior.participation[i] == pytest.approx(1 / np.sum(w**2), **near)
        assert posterior.entropy[i] == pytest.approx(-np.sum(w[w > 0] * np.log(w[w > 0])), abs=3e-5)
        assert oracles.off(posterior.mean[i], mean) < 1e-5
        # missing points pull by no more than their distance
        slack = 1e-5 * np.linalg.norm(displacement) + TOLERANCE * level[0] * np.ptp(points, axis=0).max()
        assert np.linalg.norm(posterior.displacement[i] - displacement) < slack
    return used


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [D, 800])
def test_weights_statistics_and_what_is_discarded(d, dtype):
    """Every cloud, level and query of the table, the screen tried everywhere; it is used at low noise, and on copies."""
    if dtype == np.float64 and not DOUBLE:
        pytest.skip("double precision is off")
    for name in (*clouds.CLOUDS, *clouds.WEIGHTED) if d == D else ("image-like", "weighted near copies"):
        points, weights = clouds.cloud(name, N, d, dtype)
        score = moved(Empirical(points, weights, Screened(TOLERANCE)), np.inf)
        used = {}
        for level in LEVELS:
            for kind, xs in clouds.queries(points, *level).items():
                found = at(score, xs, *level, look)
                used[kind, level] = assert_right(points, weights, xs, level, found)
        # what float32 knows of a position near 1000, and copies closer than the noise, leave too many points in doubt
        assert used["forward", LEVELS[-1]].all() or name in ("shifted", "near copies", "weighted near copies"), name
        assert not used["forward", LEVELS[0]].any(), name


@pytest.fixture(scope="module")
def pair():
    points, weights = clouds.cloud("weighted", N, D, np.float32)
    return points, weights, Empirical(points, weights, Screened()), Empirical(points, weights, Chunked())


@pytest.mark.slow
def test_a_wrong_prediction_changes_nothing_but_speed(pair):
    """Where the screen is not used, or tried in vain, the answer is that of `Chunked`."""
    points, _, score, chunked = pair
    for level in LEVELS:
        xs = clouds.queries(points, *level)["forward"]
        truth = at(chunked, xs, *level)
        never, found, always = (at(other, xs, *level) for other in (moved(score, 0.0), score, moved(score, np.inf)))
        assert not np.any(never.discarded)
        assert np.all(found.discarded) == (level[1] <= 0.1)
        for other in (never, found, always):
            assert oracles.off(other.displacement, truth.displacement) < 1e-5
            assert_same(other, truth, 2e-5, 2e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_left_out_holds_no_more_than_said(dtype):
    """The kept centres themselves, and the mass of all others in double precision."""

    @jax.jit
    def kept(centres, xs, alpha, sigma):
        found = bounds(centres, 0, xs, alpha, sigma)
        threshold = jnp.log(TOLERANCE / 2 / centres.n) / found.scale
        return screened.survivors(found, threshold, 8, centres.n)

    checked = 0
    for name in (*clouds.CLOUDS, *clouds.WEIGHTED):
        points, weights = clouds.cloud(name, N, D, dtype)
        centres = Empirical(points, weights, Screened()).centres
        for level in LEVELS[2:]:
            xs = np.concatenate(list(clouds.queries(points, *level).values())).astype(dtype)
            full = [np.full(len(xs), part, dtype) for part in level]
            index, counts, overflow = map(np.asarray, kept(centres, xs, *full))
            for i in np.flatnonzero(~overflow):
                w = oracles.points_answer(points, xs[i], full[0][i], full[1][i], weights)[0]
                inside = index[i][counts[i]]
                assert len(set(inside)) == len(inside)
                assert 1 - w[inside].sum() <= TOLERANCE / 2, (name, level)
                checked += 1
    assert checked > 100


SMALL = {"one point": (1, 2), "a line": (50, 1), "products": (130, 40)}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_small_sets_and_the_ends_of_noise(name):
    """Fewer points than a block, a block and a rest; sigma = 0 with ties, alpha = 0, a query on a point."""
    n, d = SMALL[name]
    points, weights = clouds.cloud("image-like", n, d, np.float32)
    if n > 1:
        points[1] = points[0]
        points[2:] += 9 * np.sign(points[2:])
        points[-1] = -points[2]
    score, chunked = Empirical(points, weights, Screened()), Empirical(points, weights, Chunked())
    xs = np.concatenate([points[:1], 0 * points[:1], 3 * points[-1:], 0.5 * points[:1]])
    for level in ((1.0, 0.0), (0.0, 1.0), (1.0, 1e-3), (1.0, 0.5), (1.0, 1e-30)):
        truth = at(chunked, xs, *level)
        for other in (score, moved(score, np.inf)):
            found = at(other, xs, *level)
            assert_same(found, truth, 1e-5, 2e-6)
            assert np.all(found.discarded <= TOLERANCE)
            assert not np.any(np.isnan(found.mean))


@pytest.mark.slow
def test_every_way_to_batch(pair):
    """Nested vmap; a level for each query, one above the reach: that one is computed by `Chunked`."""
    points, _, score, chunked = pair
    rng = np.random.default_rng(3)
    xs, low = (points[:4] + 0.02 * rng.normal(size=(4, D))).astype(np.float32), np.full(4, 0.02, np.float32)
    plain = at(score, xs, 1.0, 0.02)
    assert np.all(plain.discarded > 0)
    nested = eqx.filter_jit(
        lambda score, xs, s: jax.vmap(jax.vmap(lambda x, s: score.posterior(x, NoiseLevel(1.0, s))))(xs, s)
    )
    found = nested(score, xs.reshape(2, 2, D), low.reshape(2, 2))
    assert np.all(found.discarded > 0)
    assert oracles.off(found.displacement, plain.displacement) < 1e-5
    levels = np.ones(4, np.float32), np.array([0.02, 50.0, 0.05, 0.002], np.float32)
    found, truth = posterior(score, xs, *levels), posterior(chunked, xs, *levels)
    np.testing.assert_array_equal(found.discarded > 0, [True, False, True, True])
    assert_same(found, truth, 1e-5, 1e-5)


@pytest.mark.slow
def test_more_queries_than_one_piece(pair, monkeypatch):
    points, _, score, _ = pair
    xs = points[:4] + np.float32(0.01)
    whole = at(score, xs, 1.0, 0.02)
    monkeypatch.setattr(screened, "ENTRIES", 3 * N)
    level = np.ones(4, np.float32), np.full(4, 0.02, np.float32)
    pieces = jax.jit(jax.vmap(partial(gibbs, score.reduction, score.centres)))(xs, *level)
    assert np.all(pieces.discarded > 0)
    assert oracles.off(pieces.displacement, whole.displacement) < 1e-5
    np.testing.assert_allclose(pieces.participation, whole.participation, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_are_those_of_chunked(pair, order):
    """In the point, the points and the weights; of second order, and in a batch."""
    points, _, score, chunked = pair
    level = NoiseLevel(np.float32(1), np.float32(0.05))
    xs = (points[3:5] + 0.05 * np.random.default_rng(0).normal(size=(2, D))).astype(np.float32)

    @eqx.filter_jit
    def first(score, xs):
        score, x = eqx.filter_grad(lambda both: both[0].log_prob(both[1], level))((score, xs[0]))
        return x, score.centres.offsets, score.centres.log_weights

    @eqx.filter_jit
    def second(score, xs):
        slope = jax.grad(score.log_prob)
        return jax.vmap(lambda x: jax.jvp(lambda x: slope(x, level), (x,), (x,)))(xs)

    slopes = (first, second)[order - 1]
    for found, truth in zip(slopes(score, jnp.asarray(xs)), slopes(chunked, jnp.asarray(xs))):
        assert np.any(truth) and oracles.off(found, truth) < 1e-5


def test_points_and_weights_may_be_traced():
    """A score built inside jit has no screen, and the right derivatives in its points and weights."""
    points, weights = clouds.cloud("image-like", 60, 40, np.float32)
    x = points[3] + np.float32(0.02)

    def log_prob(points, weights):
        return Empirical(points, weights, Screened()).log_prob(x, NoiseLevel(1.0, 0.5))

    def dense(points, weights):
        law = oracles.Law(weights / jnp.sum(weights), points, np.zeros(()))
        return oracles.log_weighted_distances(law, x, 1.0, 0.5)

    found = jax.jit(jax.grad(log_prob, argnums=(0, 1)))(points, weights)
    for a, b in zip(found, oracles.double(jax.grad(dense, argnums=(0, 1)))(points, weights)):
        assert np.any(b) and oracles.off(a, b) < 1e-5


def test_pickled(pair):
    _, _, score, _ = pair
    copy = pickle.loads(pickle.dumps(score))
    assert copy.reduction == score.reduction
    jax.tree.map(np.testing.assert_array_equal, copy.centres, score.centres)


@pytest.mark.slow
@pytest.mark.parametrize("integrator", [Heun(), ProbabilityFlow(rtol=1e-4, atol=1e-4)], ids=["Heun", "ProbabilityFlow"])
def test_the_same_trajectories(pair, integrator):
    """With fixed steps, and with those that each trajectory chooses by itself: levels differ in a batch."""
    points, _, score, chunked = pair
    process = processes.EDM(sigma_max=1.0)
    xs = points[:3] + np.random.default_rng(0).normal(size=(3, D)).astype(np.float32)
    ends = [
        sample(one, process, integrator, grids.karras(process, 12), (D,), 3, key=jax.random.key(0), start=xs)
        for one in (score, chunked)
    ]
    assert oracles.off(ends[0].points, ends[1].points) < 1e-3


@pytest.mark.slow
def test_tempered_partition(pair):
    """A power of the weights reaches the screen: at beta < 1 light points matter that do not at 1."""
    points, _, score, _ = pair
    score = moved(score, np.inf)
    law = np.asarray(score.centres.log_weights, np.float64)
    partition = eqx.filter_jit(lambda score, x, s, beta: score.log_partition(x, NoiseLevel(1.0, s), beta))
    # as far from the lightest point as the heaviest
    heavy, light = np.argmax(law), np.argmin(np.where(np.isfinite(law), law, 0))
    for x in (points[3], (points[heavy] + points[light]) / 2, points[light]):
        for beta in (0.1, 0.6, 1.0, 3.0):
            for sigma in (0.02, 0.1):
                energy = np.sum((np.float64(x) - points) ** 2, axis=1) / (2 * np.float64(np.float32(sigma)) ** 2) - law
                truth = np.logaddexp.reduce(-np.float64(np.float32(beta)) * energy)
                assert partition(score, x, np.float32(sigma), np.float32(beta)) == pytest.approx(
                    truth, rel=2e-6, abs=2e-6
                ), (beta, sigma)


def traced(n, d):
    """The program of a batch of posteriors, for points and shadows that are arguments; and how large its arrays are."""
    struct = lambda *shape: jax.ShapeDtypeStruct(shape, jnp.float32)  # noqa: E731
    score = eqx.filter_eval_shape(lambda points: Empirical(points, reduction=Screened()), struct(n, d))
    m, padded = min(d, 512), -(-n // 64) * 64
    shadows = tuple(struct(padded, r + len(bands(r, m)) + 3) for r in ranks(d))
    screen = screened.Screen(struct(d, m), struct(), shadows, struct(len(shadows)))
    score = eqx.tree_at(lambda score: score.centres, score, score.centres._replace(index=screen))
    arrays, static = eqx.partition(score, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))

    def batch(arrays, xs, sigmas):
        score = eqx.combine(arrays, static)
        return jax.vmap(lambda x, s: score.posterior(x, NoiseLevel(1.0, s)))(xs, sigmas)

    return list(equations(jax.make_jaxpr(batch)(arrays, struct(QUERIES, d), struct(QUERIES)).jaxpr))


@pytest.mark.slow
def test_the_program_does_not_grow_with_the_points_and_copies_none():
    """Nothing of their size but the bounds themselves, batch x padded n, and some survivors' coordinates."""
    programs = {n: traced(n, 700) for n in (40_000, 400_000)}
    assert len({len(program) for program in programs.values()}) == 1
    for n, program in programs.items():
        made = [
            var.aval.shape
            for equation in program
            if equation.primitive.name not in ("jit", "pjit", "cond", "custom_jvp_call", "transpose")
            for var in equation.outvars
            if hasattr(var.aval, "shape")
        ]
        most = max(QUERIES * (n + 64), screened.GATHERED)
        assert most < n * 700 and max(int(np.prod(shape)) for shape in made) <= most, n
