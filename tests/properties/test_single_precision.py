"""float32 weights and displacements against double precision on the very same float32 numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem import processes
from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical

N, D = 300, 3072
RATIOS = (80.0, 20.0, 14.0, 5.0, 1.0, 0.1, 0.01, 0.002)
PROCESSES = {"EDM": processes.EDM(), "VariancePreserving": processes.VariancePreserving()}


@eqx.filter_jit
def one(score, x, level):
    """Weights in the order of the points, and the posterior."""
    index, weight = score.weights(x, level, score.n)
    return jnp.zeros(score.n, weight.dtype).at[index].add(weight), score.posterior(x, level)


@eqx.filter_jit
def many(score, xs, level):
    """The same for a batch at one level."""
    return jax.vmap(lambda x: one.__wrapped__(score, x, level))(xs)


def single(level):
    """The level as the score will read it."""
    return NoiseLevel(*(np.float32(part) for part in level))


def forward(points, level, count, seed):
    """`alpha y_i + sigma z`, rounded to float32, for the first points."""
    rng = np.random.default_rng(seed)
    data = points[:count].astype(np.float64)
    return (float(level.alpha) * data + float(level.sigma) * rng.normal(size=data.shape)).astype(np.float32)


def worst(points, xs, level, found, weights=None):
    """The largest total variation and displacement error over a batch."""
    truths = [oracles.points_answer(points, x, *level, weights) for x in xs]
    return (
        max(oracles.total_variation(w, truth[0]) for w, truth in zip(found[0], truths)),
        max(oracles.off(step, truth[2]) for step, truth in zip(found[1].displacement, truths)),
        max(oracles.off(mean, truth[1]) for mean, truth in zip(found[1].mean, truths)),
    )


@pytest.fixture(scope="module")
def unit_variance():
    return np.random.default_rng(0).normal(size=(N, D))


@pytest.mark.parametrize("shift", [0.0, 1000.0])
@pytest.mark.parametrize("name", PROCESSES)
def test_weights_of_forward_samples(name, shift, unit_variance):
    """Total variation below 1e-5 and displacement within 1e-5 at every ratio sigma/alpha."""
    points = (unit_variance + shift).astype(np.float32)
    score = Empirical(points)
    for seed, ratio in enumerate(RATIOS):
        process = PROCESSES[name]
        level = single(process.level(process.time_at(np.float32(ratio))))
        xs = forward(points, level, 4, seed)
        variation, displacement, mean = worst(points, xs, level, many(score, xs, level))
        assert variation < 1e-5 and displacement < 1e-5 and mean < 1e-5, (ratio, variation, displacement, mean)


@pytest.mark.parametrize("sigma", [pytest.param(14.0, marks=pytest.mark.slow), 0.5, 0.01])
def test_five_hundred_near_copies(sigma, unit_variance):
    """Copies of one point at spacing .15 sigma, among other points."""
    rng = np.random.default_rng(1)
    direction = rng.normal(size=(500, D)) / np.sqrt(D)
    points = np.concatenate([unit_variance[:1] + 0.15 * sigma * direction, unit_variance]).astype(np.float32)
    level = single((1.0, sigma))
    xs = forward(points, level, 3, 2)
    score = Empirical(points)
    variation, displacement, mean = worst(points, xs, level, many(score, xs, level))
    assert variation < 1e-5 and displacement < 1e-5 and mean < 1e-5, (variation, displacement, mean)


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [20.0, 1.0, 0.01])
def test_sixty_four_exact_copies(sigma, unit_variance):
    """Their weights are equal to the last bit, and the law is that of one point with their weight."""
    copied = np.concatenate([np.repeat(unit_variance[:1], 64, axis=0), unit_variance[1:]]).astype(np.float32)
    merged = unit_variance.astype(np.float32)
    weights = np.r_[64.0, np.ones(N - 1)].astype(np.float32)
    level = single((1.0, sigma))
    xs = forward(merged, level, 3, 3)
    apart, together = many(Empirical(copied), xs, level), many(Empirical(merged, weights), xs, level)
    variation, displacement, _ = worst(copied, xs, level, apart)
    assert variation < 1e-5 and displacement < 1e-5
    assert np.all(np.ptp(np.asarray(apart[0])[:, :64], axis=1) == 0)
    np.testing.assert_allclose(apart[0][:, :64].sum(1), together[0][:, 0], rtol=1e-5)
    for i in range(3):
        assert oracles.off(apart[1].displacement[i], together[1].displacement[i]) < 1e-5
    merging = Empirical(copied).merged()
    assert merging.n == N
    assert oracles.off(merging.denoise(xs[0], level), apart[1].mean[0]) < 1e-5


@pytest.mark.slow
def test_a_hundred_thousand_points_in_the_plane():
    """sigma = .01: hundreds of points share the weight."""
    points = np.random.default_rng(4).normal(size=(100_000, 2)).astype(np.float32)
    level = single((1.0, 0.01))
    xs = forward(points, level, 5, 5)
    found = jax.vmap(lambda x: Empirical(points).posterior(x, level))(xs)
    for i, x in enumerate(xs):
        w, mean, displacement = oracles.points_answer(points, x, *level)
        assert oracles.off(found.displacement[i], displacement) < 1e-5 and oracles.off(found.mean[i], mean) < 1e-5
        assert found.participation[i] == pytest.approx(1 / np.sum(w**2), rel=1e-5)
        assert found.leader_weight[i] == pytest.approx(w.max(), rel=1e-5)
        index, weight = Empirical(points).weights(x, level, 1000)
        assert w[np.asarray(index)] == pytest.approx(np.asarray(weight, np.float64), rel=1e-4)
        assert oracles.total_variation(weight, w[np.asarray(index)]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("d", "dtype"), [(2, np.float32), (65, np.float32), (65, np.float64)])
def test_how_the_sum_is_taken_changes_nothing(d, dtype):
    """Chunk, batch, points without weight and order: total variation 1e-6, D and displacement 1e-5 (1e-12 in float64)."""
    if dtype == np.float64 and jnp.zeros(()).dtype != jnp.float64:
        pytest.skip("double precision is off")
    rng = np.random.default_rng(6)
    n = 90
    points = rng.normal(size=(n, d)).astype(dtype)
    weights = rng.uniform(0.5, 1, size=n).astype(dtype)
    order = rng.permutation(n)
    padded = np.concatenate([points, rng.normal(size=(31, d)).astype(dtype)])
    variants = {
        "chunk of 7": (Empirical(points, weights, Chunked(7)), slice(None)),
        "dense": (Empirical(points, weights, Dense()), slice(None)),
        "padded, chunk of 64": (Empirical(padded, np.r_[weights, np.zeros(31, dtype)], Chunked(64)), slice(n)),
        "other order": (Empirical(points[order], weights[order]), np.argsort(order)),
    }
    near, far = (1e-6, 1e-5) if dtype == np.float32 else (1e-12, 1e-12)
    score = Empirical(points, weights)
    for sigma in (30.0, 1.0, 0.05):
        level = NoiseLevel(dtype(1), dtype(sigma))
        xs = (points[:5] + sigma * rng.normal(size=(5, d))).astype(dtype)
        truth = many(score, xs, level)
        alone = [one(score, x, level) for x in xs]
        alone = jax.tree.map(lambda *leaves: np.stack(leaves), *alone)
        for name, (found, index) in {
            "one by one": (alone, slice(None)),
            **{name: (many(other, xs, level), index) for name, (other, index) in variants.items()},
        }.items():
            for i in range(5):
                assert oracles.total_variation(found[0][i][index], truth[0][i]) < near, name
                assert oracles.off(found[1].displacement[i], truth[1].displacement[i]) < far, name
                assert oracles.off(found[1].mean[i], truth[1].mean[i]) < far, name
        assert max(worst(points, xs, level, truth, weights)) < far
