import itertools
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from diffmem import data, integrators, metrics, processes, reductions, scores
from diffmem.level import NoiseLevel

RNG = np.random.default_rng(5)
PLAIN = RNG.standard_normal((30, 700))
DOUBLE = pytest.mark.skipif(not jax.config.jax_enable_x64, reason="a comparison in double precision")


def graded(n, d, lowest):
    """Points whose singular values fall from 1 to `lowest`."""
    rng = np.random.default_rng(6)
    left, _ = np.linalg.qr(rng.standard_normal((n, n)))
    right, _ = np.linalg.qr(rng.standard_normal((d, n)))
    return (left * np.geomspace(1, lowest, n)) @ right.T


def scaled(row, factor):
    points = PLAIN.copy()
    points[row] *= factor
    return points


# points, rank
CASES = {
    "plain": (PLAIN, 30),
    "shifted by 1000": (PLAIN + 1000, 30),
    "repeated": (PLAIN[np.arange(30) % 11], 11),
    "low rank": (RNG.standard_normal((40, 6)) @ RNG.standard_normal((6, 500)), 6),
    "one": (PLAIN[:1], 1),
    "n > d": (RNG.standard_normal((90, 8)) + 3, 8),
    "n > d, low rank": (RNG.standard_normal((90, 3)) @ RNG.standard_normal((3, 8)), 3),
    "n > d, repeated": (np.repeat(RNG.standard_normal((3, 8)), 7, axis=0), 3),
    "n = d": (RNG.standard_normal((12, 12)), 12),
    "one dimension": (RNG.standard_normal((5, 1)), 1),
    "ill conditioned": (graded(20, 400, 1e-10), 20),
    "a far outlier": (scaled(4, 1e12), 30),
    "a zero point among others": (scaled(7, 0), 29),
    "images": (RNG.standard_normal((9, 5, 4, 3)), 9),
    "squares that overflow": (PLAIN * 1e160, 30),
    "zero": (np.zeros((4, 50)), 1),
    "zero, n > d": (np.zeros((4, 2)), 1),
}
CASES32 = {name: case for name, case in CASES.items() if "overflow" not in name and "low rank" not in name}


def flat(points):
    """Rows in double precision, scaled so that squares do not overflow."""
    rows = np.asarray(points, np.float64).reshape(len(points), -1)
    return rows / (np.abs(rows).max() or 1)


def assert_isometry(points, coordinates, rtol, of_norm):
    """Norms within rtol, distances within `of_norm` of the larger of the two norms."""
    rows, found = flat(points), np.asarray(coordinates, np.float64)
    found = found / (np.abs(np.asarray(points, np.float64)).max() or 1)
    norms = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), norms, rtol=rtol)
    first, second = np.triu_indices(len(rows), 1)
    assert (np.abs(pdist(found) - pdist(rows)) <= of_norm * np.maximum(norms[first], norms[second])).all()


@pytest.mark.parametrize("case", CASES)
def test_an_isometry_in_double_precision(case):
    points, rank = CASES[case]
    span = data.span_coordinates(points)
    assert span.points.dtype == np.float64
    assert span.points.shape == (len(points), span.rank)
    assert (span.rank, span.d, span.event_shape) == (rank, math.prod(points.shape[1:]), points.shape[1:])
    assert_isometry(points, span.points, 2e-14, 2e-14)


@pytest.mark.parametrize("case", ["plain", "shifted by 1000", "low rank", "n > d", "a far outlier", "images"])
def test_distances_are_right_to_twelve_digits(case):
    points, _ = CASES[case]
    np.testing.assert_allclose(
        pdist(data.span_coordinates(points).points), pdist(flat(points)) * np.abs(points).max(), rtol=1e-12
    )


@pytest.mark.parametrize("case", CASES32)
def test_single_precision_rounds_last(case):
    points = np.asarray(CASES32[case][0], np.float32)
    span = data.span_coordinates(points)
    assert span.points.dtype == np.float32
    assert_isometry(points, span.points, 2e-7, 3e-7)
    lifted = span.lift(span.points)
    assert lifted.dtype == np.float32
    assert (
        np.abs(lifted - points).max()
        <= 3e-7 * np.linalg.norm(points.reshape(len(points), -1).astype(np.float64), axis=1).max()
    )


@pytest.mark.parametrize("case", CASES)
def test_lift_and_project_are_inverse_isometries(case):
    points, _ = CASES[case]
    span = data.span_coordinates(points)
    lifted = span.lift(span.points)
    assert lifted.shape == points.shape
    norms = np.linalg.norm(flat(points), axis=1)
    error = np.linalg.norm(lifted.reshape(len(points), -1) - points.reshape(len(points), -1), axis=1)
    assert (error <= 1e-14 * norms * (np.abs(points).max() or 1)).all()
    c = np.random.default_rng(0).standard_normal((2, 3, span.rank))
    x = span.lift(c)
    assert x.shape == (2, 3, *points.shape[1:])
    np.testing.assert_allclose(np.linalg.norm(x.reshape(2, 3, -1), axis=2), np.linalg.norm(c, axis=2), rtol=1e-10)
    np.testing.assert_allclose(span.project(x), c, atol=1e-10)
    np.testing.assert_allclose(span.project(x[0, 0]), c[0, 0], atol=1e-10)


def test_a_gram_matrix_would_lose_what_triangular_factors_keep():
    """Singular values 1 to 1e-10, which squares bury under rounding below 1e-8."""
    points = graded(20, 400, 1e-10)
    values = np.linalg.svd(data.span_coordinates(points).points, compute_uv=False)
    np.testing.assert_allclose(values, np.geomspace(1, 1e-10, 20), rtol=0, atol=1e-15)
    squares = np.linalg.eigvalsh(points @ points.T)[::-1]
    assert np.abs(np.sqrt(np.maximum(squares, 0)) - np.geomspace(1, 1e-10, 20)).max() > 1e-10


@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 64, 500, 1999])
@pytest.mark.parametrize("case", ["plain", "n > d, low rank", "ill conditioned"])
def test_blocks_of_any_size_give_one_answer(case, size, monkeypatch):
    points, rank = CASES[case]
    whole = data.span_coordinates(points)
    monkeypatch.setattr("diffmem.data.isometry.BLOCK", size)
    span = data.span_coordinates(points)
    assert span.rank == rank
    assert_isometry(points, span.points, 1e-13, 1e-13)
    np.testing.assert_allclose(span.lift(span.points), whole.lift(whole.points), atol=1e-13)
    np.testing.assert_allclose(span.project(points), span.points, atol=1e-13)


def test_nothing_of_size_d_is_stored_where_points_combine_well():
    array = PLAIN.astype(np.float32)
    stored = [leaf for leaf in jax.tree.leaves(data.span_coordinates(array)) if not np.shares_memory(leaf, array)]
    assert max(leaf.size for leaf in stored) == 30 * 30
    weak = data.span_coordinates(CASES["ill conditioned"][0])
    assert max(leaf.size for leaf in jax.tree.leaves(weak)) == 20 * 400


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [3, 900])
def test_equal_points_stay_equal_to_the_last_bit(dtype, d):
    rows = np.random.default_rng(1).standard_normal((40, 2)) @ np.random.default_rng(2).standard_normal((2, d))
    copies = np.concatenate([rows, rows[:25], rows[10:30]]).astype(dtype)
    coordinates = data.span_coordinates(copies).points
    assert len(np.unique(coordinates, axis=0)) == 40
    np.testing.assert_array_equal(coordinates[40:65], coordinates[:25])
    np.testing.assert_array_equal(coordinates[65:], coordinates[10:30])


def test_arrays_of_any_kind():
    ints = np.random.default_rng(0).integers(-3, 4, (6, 40))
    for points in (
        ints,
        jnp.asarray(ints),
        jnp.asarray(ints, jnp.bfloat16),
        ints.astype(np.float16),
        ints.astype(np.float32).T.copy().T,
    ):
        span = data.span_coordinates(points)
        assert span.points.dtype == np.float32
        assert_isometry(ints, span.points, 2e-7, 3e-7)
    with pytest.raises(ValueError, match="read-only"):
        span.points[0, 0] = 1


@DOUBLE
@pytest.mark.slow
def test_paths_of_the_coordinates_are_the_coordinates_of_the_paths():
    process = processes.OrnsteinUhlenbeck()
    points = PLAIN[:12, :90].reshape(12, 9, 10) + 2
    span = data.span_coordinates(points)
    full, short = scores.Empirical(points, reduction=reductions.Dense()), scores.Empirical(span.points)
    times = integrators.grids.karras(process, steps=12)
    start = float(process.level(times[0]).sigma) * np.random.default_rng(2).standard_normal((5, 9, 10))

    def run(score, start):
        def observe(x, level, found):
            return found.info

        heun, shape = integrators.Heun(), start.shape[1:]
        return integrators.sample(
            score, process, heun, times, shape, 5, key=jr.key(0), start=start, observe=observe, finish="state"
        )

    out, seen = run(full, start), run(short, span.project(start))
    np.testing.assert_allclose(span.project(out.points), seen.points, atol=1e-10)
    for name in ("entropy", "participation", "leader", "leader_weight"):
        np.testing.assert_allclose(getattr(seen.observed, name), getattr(out.observed, name), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(span.project(out.observed.mean), seen.observed.mean, atol=1e-10)


@DOUBLE
def test_a_stochastic_path_with_the_turned_noise():
    """Euler steps of the reverse SDE in rho = sigma, whose noise is that of R^d seen in the span."""
    points = PLAIN[:8, :60]
    span = data.span_coordinates(points)
    sigmas = np.geomspace(8, 0.05, 20)
    rng = np.random.default_rng(3)
    x = sigmas[0] * rng.standard_normal(60)
    c = span.project(x)
    full, short = (scores.Empirical(values, reduction=reductions.Dense()) for values in (points, span.points))
    for now, after in itertools.pairwise(sigmas):
        gone, z = now**2 - after**2, rng.standard_normal(60)
        x = x + gone * np.asarray(full.score(x, NoiseLevel(1.0, now))) + gone**0.5 * z
        c = c + gone * np.asarray(short.score(c, NoiseLevel(1.0, now))) + gone**0.5 * span.project(z)
    np.testing.assert_allclose(span.project(x), c, atol=1e-10)


@DOUBLE
def test_what_knows_of_the_dropped_dimensions():
    points = PLAIN[:8, :60]
    span = data.span_coordinates(points)
    x, level = np.random.default_rng(4).standard_normal(60), NoiseLevel(0.8, 0.7)
    full, short = (scores.Empirical(values, reduction=reductions.Dense()) for values in (points, span.points))
    c = span.project(x)
    outside = x - span.lift(c)
    missing = stats.norm.logpdf(np.linalg.norm(outside), scale=0.7) - 51 * np.log(0.7 * (2 * np.pi) ** 0.5)
    np.testing.assert_allclose(
        full.posterior(x, level).log_prob, short.posterior(c, level).log_prob + missing, rtol=1e-12
    )
    np.testing.assert_allclose(full.divergence(x, level), short.divergence(c, level) - 52 / 0.7**2, rtol=1e-10)


def test_distances_of_noisy_states_have_one_law():
    """A noisy training point in R^d against one in coordinates with its orthogonal noise: two samples of one law."""
    points, sigma, count = PLAIN[:5, :40], 0.6, 3000
    span = data.span_coordinates(points)
    z = np.random.default_rng(8).standard_normal((count, 40))
    whole = metrics.nearest(points[0] + sigma * z, points, k=2).distance ** 2
    states = span.points[0] + sigma * np.random.default_rng(9).standard_normal((count, 5))
    inside = metrics.nearest(states, span.points, k=2).distance ** 2
    found = inside + span.orthogonal_noise(sigma, count, key=jr.key(4))[:, None]
    for k in (0, 1):
        assert stats.ks_2samp(whole[:, k], found[:, k]).pvalue > 1e-3
        assert stats.ks_2samp(whole[:, k], inside[:, k]).pvalue < 1e-30


@pytest.mark.parametrize("dimensions", [1, 7, 10**4, 10**12])
def test_orthogonal_noise_is_chi_squared(dimensions):
    draws = data.orthogonal_noise(dimensions, 0.3, 4000, key=jr.key(1))
    assert draws.dtype == np.float64
    assert stats.kstest(draws / 0.3**2, stats.chi2(dimensions).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(data.orthogonal_noise(dimensions, 0.3, 10, key=jr.key(1)), draws[:10])
    assert not np.isin(data.orthogonal_noise(dimensions, 0.3, 10, key=jr.key(2)), draws).any()


def test_no_orthogonal_noise_without_dropped_dimensions_or_noise():
    assert not data.span_coordinates(CASES["n > d"][0]).orthogonal_noise(2.0, 3, key=jr.key(0)).any()
    assert not data.orthogonal_noise(5, jnp.zeros(()), 3, key=jr.key(0)).any()


@pytest.mark.parametrize(("n", "d"), [(4, 9), (4, 4), (5, 2), (3, 1)])
def test_gaussian_inner_products_are_wishart(n, d):
    """E G = d I, Var G_ij = d (1 + delta_ij)."""
    count = 1000
    rows = np.stack([data.gaussian_span(n, d, jr.key(seed)).points for seed in range(count)]).astype(np.float64)
    assert rows.shape == (count, n, min(n, d))
    gram = rows @ rows.swapaxes(1, 2)
    mean, variance = d * np.eye(n), d * (1 + np.eye(n))
    squares = (gram - mean) ** 2
    assert (np.abs(gram.mean(axis=0) - mean) < 5 * np.sqrt(variance / count)).all()
    assert (np.abs(squares.mean(axis=0) - variance) < 5 * squares.std(axis=0) / count**0.5).all()
    for i in range(n):
        assert stats.kstest(gram[:, i, i], stats.chi2(d).cdf).pvalue > 1e-3


def test_distances_in_a_million_million_dimensions():
    d, count = 10**12, 2000
    pairs = np.stack([data.gaussian_span(2, d, jr.key(seed)).points for seed in range(count)]).astype(np.float64)
    squared = ((pairs[:, 0] - pairs[:, 1]) ** 2).sum(axis=1)
    sd = (8 * d) ** 0.5
    assert abs(squared.mean() - 2 * d) < 4 * sd / count**0.5
    assert squared.std() == pytest.approx(sd, rel=5 / (2 * count) ** 0.5)
    assert stats.kstest((squared - 2 * d) / sd, stats.norm.cdf).pvalue > 1e-3


def test_the_diagonal_keeps_its_fluctuation():
    """chi_k is sqrt(k - 1/2) + N(0, 1/2) up to 1/k: float64 holds every digit of it, float32 that of a number near 1e6."""
    with jax.enable_x64(True):
        entries = data.gaussian_span(1500, 10**12, jr.key(0)).points.diagonal()
    expected = np.sqrt(1e12 - 0.5 - np.arange(1500))
    assert stats.kstest((entries - expected) * 2**0.5, stats.norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize("d", [3, 50, 10**15])
def test_a_gaussian_point_depends_on_key_and_index_alone(d):
    short, long = data.gaussian_span(4, d, jr.key(1)), data.gaussian_span(60, d, key=jr.key(1))
    width = min(4, d)
    np.testing.assert_array_equal(long.points[:4, :width], short.points)
    assert (long.points[:4, width:] == 0).all()
    assert not np.isin(data.gaussian_span(4, d, jr.key(2)).points[1:, 0], short.points).any()
    assert (short.name, short.n, short.labels, short.points.dtype) == ("gaussian_span", 4, None, jnp.zeros(()).dtype)
    other = data.gaussian_span(3, 10**6, jr.key(1)).points
    np.testing.assert_array_equal(other[2, :2], long.points[2, :2])


def test_coordinates_are_lower_triangular_with_a_positive_diagonal():
    points = data.gaussian_span(20, 10**20, jr.key(3)).points
    assert (np.triu(points, 1) == 0).all()
    np.testing.assert_allclose(points.diagonal(), 1e10, rtol=1e-6)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (np.ones(3), r"must have shape \(n, d\) or \(n, \*event\) .* but have \(3,\)"),
        (np.ones((0, 3)), r".* but have \(0, 3\)"),
        (np.ones((3, 0)), r".* but have \(3, 0\)"),
        (np.array([[1.0, 2.0], [np.nan, 0.0]]), "must be finite, but point 1 has NaN"),
        (np.array([[np.inf, 2.0], [1.0, 0.0]], np.float32), "must be finite, but point 0 has"),
        (np.full((2, 3), 3e38, np.float32), "must be finite, but point 0 has NaN, infinite or too large entries"),
    ],
)
def test_bad_points(points, said):
    with pytest.raises(ValueError, match=f"`points` {said}"):
        data.span_coordinates(points)


def test_bad_arguments():
    span = data.span_coordinates(np.eye(2, 6).reshape(2, 3, 2))
    with pytest.raises(ValueError, match=r"`coordinates` must end in 2 entries, the rank, but have shape \(4, 3\)"):
        span.lift(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"`x` must have shape .* but has \(4, 6\)"):
        span.project(np.ones((4, 6)))
    with pytest.raises(ValueError, match="`count` must be at least 1, but is 0"):
        span.orthogonal_noise(1.0, 0, key=jr.key(0))
    for sigma in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"`sigma` must be finite and at least 0, but is {sigma}"):
            span.orthogonal_noise(sigma, 3, key=jr.key(0))
    with pytest.raises(ValueError, match="`dimensions` must be at least 0, but is -2"):
        data.orthogonal_noise(-2, 1.0, 3, key=jr.key(0))
    with pytest.raises(ValueError, match="`n` must be at least 1, but is 0"):
        data.gaussian_span(0, 3, jr.key(0))
    with pytest.raises(ValueError, match="`d` must be at least 1, but is -1"):
        data.gaussian_span(3, -1, jr.key(0))
