"""The random-energy model against brute-force training sets, limits that are solvable, and itself with more points kept."""

import jax
import numpy as np
import pytest
from scipy.stats import beta, kstest

from diffmem import theory
from diffmem.theory.random_energy import noncentral
from diffmem.theory.random_energy.sampled import _draw, _lowest

GAUSSIAN, SPHERE = theory.IsotropicGaussian, theory.UniformSphere
slow = lambda *values: pytest.param(*values, marks=pytest.mark.slow)  # noqa: E731


def points_of(law, shape, rng):
    points = rng.normal(size=(*shape, law.d))
    if isinstance(law, SPHERE):
        return law.radius * points / np.linalg.norm(points, axis=-1, keepdims=True)
    return np.sqrt(law.variance) * points


def brute_force(law, n, ratios, queries, rng):
    """(queries, ratios) own weights and log-participations, a new training set for each query."""
    weights, participations = np.empty((2, queries, len(ratios)))
    for i in range(queries):
        points, z = points_of(law, (n,), rng), rng.normal(size=law.d)
        difference = points[0] - points
        for j, ratio in enumerate(ratios):
            energy = (difference**2).sum(1) / (2 * ratio**2) + difference @ z / ratio
            boltzmann = np.exp(energy.min() - energy)
            posterior = boltzmann / boltzmann.sum()
            weights[i, j], participations[i, j] = posterior[0], -np.log((posterior**2).sum())
    return weights, participations


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "n", "queries", "steps"),
    [
        (GAUSSIAN(8, variance=2.5), 1000, 400, (0.6, 1.0, 1.6)),
        (GAUSSIAN(32), 10_000, 100, (0.7, 1.0, 1.5)),
        slow(GAUSSIAN(100, variance=0.3), 2000, 150, (0.8, 1.0, 1.3)),
        (SPHERE(8), 1000, 400, (0.6, 1.0, 1.6)),
        slow(SPHERE(32, radius=7.0), 10_000, 100, (0.7, 1.0, 1.5)),
        slow(SPHERE(100, radius=0.5), 2000, 150, (0.8, 1.0, 1.3)),
    ],
)
def test_own_weight_and_participation_of_drawn_training_sets(law, n, queries, steps):
    rng = np.random.default_rng(20)
    ratios = np.array(steps) * theory.collapse_ratio(n, np.full(law.d, law.deviation() ** 2))
    found = theory.random_energy(n, law, ratios, key=jax.random.key(21), queries=1000)
    for drawn, estimate, bulk in zip(
        brute_force(law, n, ratios, queries, rng),
        (found.own_weight, found.log_participation),
        (found.own_weight_bulk, found.log_participation_bulk),
    ):
        direct = theory.mean_estimate(drawn)
        error = np.hypot(direct.error, estimate.error)
        assert (np.abs(direct.value - estimate.value) < 4 * error + bulk).all()


def test_lowest_energies_against_drawn_minima():
    """For one noisy point: the probability below each brute-force minimum is Beta(1, n - 1), and so are the sampler's."""
    rng, n, d, ratio = np.random.default_rng(22), 300, 12, 0.7
    x = rng.normal(size=d) * np.sqrt(1 + ratio**2)
    nearest = np.array([((x - rng.normal(size=(n - 1, d))) ** 2).sum(1).min() for _ in range(500)])
    square = np.full(500, x @ x)
    q = -np.log(2 * nearest / (d + np.sqrt(d**2 + 4 * square * nearest)))
    below = np.exp(noncentral.log_tails(q, float(d), square).below)
    assert kstest(below, beta(1, n - 1).cdf).pvalue > 1e-3
    _, spacings = _draw(d, np.arange(500), 20, jax.random.key(23))
    scores = _lowest(spacings, np.log(n - 1)).scores
    assert (np.diff(scores) > 0).all()
    for j in (0, 7, 19):
        x2, _ = noncentral.value_at(noncentral.quantile(scores[:, j], float(d), square), float(d), square)
        drawn = np.array([np.sort(((x - rng.normal(size=(n - 1, d))) ** 2).sum(1))[j] for _ in range(500)])
        assert kstest(x2, drawn).pvalue > 1e-3


def test_order_statistics_far_beyond_the_range_of_probabilities():
    """-log of the lowest of n - 1 uniform numbers is log(n - 1) plus a Gumbel variable; the last of all has its own law."""
    _, spacings = _draw(3, np.arange(400), 5, jax.random.key(24))
    lowest = _lowest(spacings, 1000.0)
    from scipy.special import log_ndtr

    assert kstest(-log_ndtr(lowest.scores[:, 0]) - 1000, "gumbel_r").pvalue > 1e-3
    assert lowest.log_rest == 1000
    everything = _lowest(spacings, np.log(5.0))
    assert everything.log_rest == -np.inf
    assert kstest(np.exp(log_ndtr(everything.scores[:, -1])), beta(5, 1).cdf).pvalue > 1e-3


@pytest.mark.parametrize("law", [GAUSSIAN(20), SPHERE(20)])
def test_replacing_the_bulk_is_within_its_bound(law):
    ratios, m = np.array([0.6, 0.9, 1.3]), 500
    everything = theory.random_energy(400, law, ratios, key=jax.random.key(25), queries=m, kept=399)
    few = theory.random_energy(400, law, ratios, key=jax.random.key(25), queries=m, kept=10)
    assert (everything.own_weight_bulk == 0).all() and (few.own_weight_bulk > 0).all()
    # the same spacings: the difference of one query has variance below the bound on its mean
    for name in ("own_weight", "log_participation"):
        change = getattr(everything, name).value - getattr(few, name).value
        bound = getattr(few, name + "_bulk")
        assert (np.abs(change) < bound + 4 * np.sqrt(bound / m)).all()


@pytest.mark.parametrize("n", [10**100, 1e100])
def test_any_number_of_points(n):
    d, steps = 1000, np.array([0.8, 0.95, 1.0, 1.05, 1.2])
    ratios = steps * theory.collapse_ratio(n, np.ones(d))
    found = theory.random_energy_own_weight(n, GAUSSIAN(d), ratios, key=jax.random.key(26), queries=300)
    bound = np.asarray(theory.gaussian_own_weight(ratios**-2, np.ones(d), n))
    assert (found.value - bound > -4 * found.error - 1e-3).all()
    assert (found.value - bound < 0.1 + 4 * found.error).all()
    assert found.value[0] > 0.99 and found.value[-1] < 0.01


@pytest.mark.slow
def test_any_dimension():
    """d -> inf at d alpha^2/sigma^2 = K: gaps are K + sqrt(K) (h - g_i), with h of the query and g_i normal."""
    d, n, strength = 10**12, 2000, np.array([8.0, 14.0, 20.0])
    found = theory.random_energy(n, GAUSSIAN(d), np.sqrt(d / strength), key=jax.random.key(27))
    sphere = theory.random_energy(n, SPHERE(d), 1 / np.sqrt(strength), key=jax.random.key(27))
    rng, m = np.random.default_rng(28), 1000
    h, g = rng.normal(size=(m, 1, 1)), rng.normal(size=(m, 1, n - 1))
    amplitude = strength[:, None]
    weights = 1 / (1 + np.exp(-amplitude - np.sqrt(amplitude) * (h - g)).sum(-1))
    limit = theory.mean_estimate(weights)
    assert (np.abs(limit.value - found.own_weight.value) < 4 * np.hypot(limit.error, found.own_weight.error)).all()
    # equal draws, and lengths that agree to 1e-6
    np.testing.assert_allclose(sphere.own_weight.value, found.own_weight.value, atol=1e-4)
    np.testing.assert_allclose(sphere.log_participation.value, found.log_participation.value, atol=1e-4)
    many = 20_000
    bound = np.asarray(theory.gaussian_own_weight(strength / many, np.ones(many), n))
    above = found.own_weight.value - bound
    assert (above > -4 * found.own_weight.error).all() and (above < 0.1 + 4 * found.own_weight.error).all()


@pytest.mark.parametrize("law", [GAUSSIAN(1), GAUSSIAN(2), SPHERE(2), GAUSSIAN(50), SPHERE(50), SPHERE(10**12)])
@pytest.mark.parametrize("n", [2, 200, 10**30])
def test_limits_and_monotony(law, n):
    with np.errstate(all="raise", under="ignore"):
        ratios = np.array([0.0, 1e-200, 1e-90, 1e-3, 0.1, 0.5, 2.0, 100.0, 1e9, 1e60, np.inf])
        found = theory.random_energy(n, law, ratios * law.deviation(), key=jax.random.key(29), queries=20)
    weight, log_participation = found.own_weight.value, found.log_participation.value
    np.testing.assert_array_equal(weight[:3], 1)
    np.testing.assert_array_equal(log_participation[:3], 0)
    np.testing.assert_allclose(weight[-2:], 1 / n, rtol=1e-12)
    np.testing.assert_allclose(log_participation[-2:], np.log(float(n)), rtol=1e-12)
    assert ((weight > 0) & (weight <= 1)).all()
    assert ((log_participation >= 0) & (log_participation <= np.log(float(n)) * (1 + 1e-12))).all()


def test_one_point_is_known_at_every_noise():
    found = theory.random_energy(1, GAUSSIAN(3), np.array([0.0, 1.0, np.inf]), key=jax.random.key(0), queries=2)
    np.testing.assert_array_equal(found.own_weight.value, 1)
    np.testing.assert_array_equal(found.log_participation.value, 0)


def test_a_query_depends_on_the_key_and_its_index_alone():
    own, spacings = _draw(5, np.arange(6), 4, jax.random.key(30))
    later, fewer = _draw(5, np.arange(2, 5), 3, jax.random.key(30))
    np.testing.assert_array_equal(later.noise, own.noise[2:5])
    np.testing.assert_array_equal(fewer, spacings[2:5, :3])
    assert own.noise[0] != _draw(5, np.arange(1), 4, jax.random.key(31))[0].noise[0]
    grid = theory.random_energy_own_weight(50, GAUSSIAN(4), np.full((2, 3), 0.5), key=jax.random.key(30), queries=9)
    one = theory.random_energy_own_weight(50, GAUSSIAN(4), 0.5, key=jax.random.key(30), queries=9)
    np.testing.assert_allclose(grid.value, np.full((2, 3), one.value), rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda **k: theory.random_energy(0, GAUSSIAN(2), 1.0, **k), "`n` must be finite and at least 1, but is 0"),
        (lambda **k: theory.random_energy(2.5, GAUSSIAN(2), 1.0, **k), "`n` must be a whole number, but is 2.5"),
        (lambda **k: theory.random_energy(10**400, GAUSSIAN(2), 1.0, **k), "`n` must be at most e^600 in 2 dimensions"),
        (lambda **k: theory.random_energy(9, GAUSSIAN(2), -1.0, **k), "`ratio` must be at least 0, but holds -1"),
        (lambda **k: theory.random_energy(9, GAUSSIAN(2), np.array([1.0, np.nan]), **k), "`ratio` must be at least 0"),
        (
            lambda **k: theory.random_energy(9, GAUSSIAN(2), 1.0, queries=1, **k),
            "`queries` must be at least 2, but is 1",
        ),
        (lambda **k: theory.random_energy(9, GAUSSIAN(2), 1.0, kept=0, **k), "`kept` must be at least 1, but is 0"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=f"^{message.replace('^', '.')}.*$"):
        call(key=jax.random.key(0))
