"""Clone probabilities against quadrature of their definition and simulated clones; two-delta oracles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from diffmem import theory
from diffmem.level import NoiseLevel
from diffmem.theory.collapse import from_points as empirical

X64 = jax.config.jax_enable_x64


@pytest.mark.parametrize("d", [256, 1024, 16384])
def test_speciation_value(d):
    at = theory.asymptotic_speciation_ratio(np.array([float(d)]))
    np.testing.assert_allclose(theory.clone_probability(at, d**0.5, 1.0), 0.7752, atol=5e-5)


@pytest.mark.parametrize(("ratio", "separation", "variance"), [(1.0, 1.0, 0.0), (0.3, 2.0, 0.5), (5.0, 1.0, 1.0)])
def test_definition(ratio, separation, variance):
    width = (variance + ratio**2) ** 0.5

    def integrand(q):
        plus, minus = norm.pdf(q, separation, width), norm.pdf(q, -separation, width)
        return (plus**2 + minus**2) / (plus + minus) / 2

    reach = separation + 8 * width
    exact = quad(integrand, -reach, reach, points=[-separation, 0, separation], epsabs=1e-12, limit=200)[0]
    accuracy = 1e-9 if jax.config.jax_enable_x64 else 1e-6
    np.testing.assert_allclose(theory.clone_probability(ratio, separation, variance), exact, atol=accuracy)


CORRELATED = np.array([[1.0, 0.95], [0.95, 1.0]])


@pytest.mark.parametrize(("mean", "covariance"), [((1.1, 0.0), CORRELATED), ((0.6, -0.8), CORRELATED / 2)])
def test_correlated_clusters(mean, covariance):
    """Bayes' rule for drawn states of two clusters, whose means are not along an eigenvector in the first case."""
    rng, m, ratio = np.random.default_rng(7), 400_000, 0.3
    mean = np.asarray(mean)
    total = covariance + ratio**2 * np.eye(2)
    x = rng.choice([-1.0, 1.0], size=(m, 1)) * mean + rng.multivariate_normal(np.zeros(2), total, size=m)
    plus = 1 / (1 + np.exp(-2 * x @ np.linalg.solve(total, mean)))
    agree = plus**2 + (1 - plus) ** 2
    found = theory.clone_probability(np.array([ratio, np.inf]), mean, covariance)
    assert float(found[0]) == pytest.approx(agree.mean(), abs=4 * agree.std() / m**0.5)
    assert float(found[1]) == pytest.approx(0.5, abs=1e-6)


def test_clusters_along_an_eigenvector_need_two_numbers():
    mean, value = np.array([1.0, 1.0]) / 2**0.5 * 1.1, 1.95
    pair = theory.clone_probability(np.array([0.3, 2.0]), mean, CORRELATED)
    np.testing.assert_allclose(pair, theory.clone_probability(np.array([0.3, 2.0]), 1.1, value), rtol=2e-6)
    assert float(theory.clone_probability(0.3, np.array([1.1, 0.0]), CORRELATED)) == pytest.approx(0.976, abs=2e-4)
    for mean, variance in ((np.ones(2), 1.0), (1.0, np.eye(2)), (np.ones(2), np.eye(3))):
        with pytest.raises(ValueError, match="`separation` and `variance` must be numbers or have the shapes"):
            theory.clone_probability(0.3, mean, variance)


def test_single_cloud_along_no_principal_axis():
    """Sides along u of a correlated Gaussian: the argument of asin in the docstring, against drawn clones."""
    rng, m, ratio, u = np.random.default_rng(8), 200_000, 0.3, np.array([1.0, 0.0])
    noisy = CORRELATED + ratio**2 * np.eye(2)
    gain = CORRELATED @ np.linalg.inv(noisy)
    spread = np.linalg.cholesky(CORRELATED - gain @ CORRELATED)
    x = rng.multivariate_normal(np.zeros(2), noisy, size=m)
    sides = [((x @ gain.T + rng.normal(size=(m, 2)) @ spread.T) @ u) > 0 for _ in range(2)]
    same = sides[0] == sides[1]
    exact = 0.5 + np.arcsin(u @ gain @ CORRELATED @ u / (u @ CORRELATED @ u)) / np.pi
    assert abs(same.mean() - exact) < 4 * same.std() / m**0.5
    assert abs(exact - float(theory.gaussian_clone_probability(ratio, 1.0))) > 0.02


def test_simulated_clones_in_256_dimensions():
    d, m, rng = 256, 4000, np.random.default_rng(0)
    alpha = d**-0.5
    side = rng.choice([-1.0, 1.0], size=(m, 1))
    x = alpha * (side + rng.normal(size=(m, d))) + (1 - alpha**2) ** 0.5 * rng.normal(size=(m, d))
    # one posterior draw of the side for each clone; alpha^2 + sigma^2 = 1
    probability = 1 / (1 + np.exp(-2 * alpha * x.sum(1)))
    first, second = rng.random((2, m)) < probability
    agree = (first == second).mean()
    predicted = float(theory.clone_probability((1 - alpha**2) ** 0.5 / alpha, d**0.5, 1.0))
    assert abs(agree - predicted) < 3 * (predicted * (1 - predicted) / m) ** 0.5
    assert abs(agree - 0.775) < 0.03


def test_limits_of_the_clone_probability():
    ratios = jnp.asarray([0.0, 1e-6, 1.0, 1e6, jnp.inf], jnp.zeros(()).dtype)
    np.testing.assert_allclose(
        theory.clone_probability(ratios, 1.0, 0.0)[jnp.array([0, 1, 3, 4])], [1, 1, 0.5, 0.5], atol=1e-6
    )
    assert (jnp.diff(theory.clone_probability(ratios, 1.0, 0.3)) <= 1e-6).all()


def test_same_point_probability_of_drawn_pairs():
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(5), size=20)
    exact = theory.same_point_probability(weights)
    assert exact.shape == (20,)
    pairs = np.array([[rng.choice(5, p=w) == rng.choice(5, p=w) for _ in range(400)] for w in weights])
    assert abs(pairs.mean() - exact.mean()) < 3 * pairs.std() / pairs.size**0.5
    assert theory.same_point_probability(np.array([0.0, 1.0])) == 1


@pytest.mark.parametrize(("sigma", "effective"), [(2.0, 1.9944), (1.0, 1.9157), (0.5, 1.3317), (0.1, 1.0000)])
def test_two_deltas(sigma, effective):
    level = NoiseLevel(1.0, sigma)
    p = float(theory.two_delta_probability(0.3, level))
    assert 2 * p - 1 == pytest.approx(np.tanh(0.3 / sigma**2), rel=1e-6)
    entropy = -sum(q * np.log(q) for q in (p, 1 - p) if q > 0)
    assert np.exp(entropy) == pytest.approx(effective, abs=6e-5)


def test_two_deltas_clone_probability_is_that_of_clusters_without_width():
    rng, level = np.random.default_rng(2), NoiseLevel(0.6, 0.7)
    x = 0.6 * rng.choice([-1, 1], 50_000) + 0.7 * rng.normal(size=50_000)
    p = np.asarray(theory.two_delta_probability(x, level))
    agree = theory.same_point_probability(np.stack([p, 1 - p], axis=-1))
    exact = theory.clone_probability(0.7 / 0.6, 1.0, 0.0)
    assert abs(agree.mean() - exact) < 3 * agree.std() / 50_000**0.5


def test_two_deltas_without_noise():
    x = np.array([-0.2, 0.0, 3.0])
    np.testing.assert_array_equal(theory.two_delta_probability(x, NoiseLevel(1.0, 0.0)), [0, 0.5, 1])
    np.testing.assert_array_equal(theory.two_delta_probability(x, NoiseLevel(0.0, 0.0)), [0.5, 0.5, 0.5])
    slope = jax.grad(lambda y: theory.two_delta_probability(y, NoiseLevel(1.0, 1e-9)))(
        jnp.asarray(-0.2, jnp.zeros(()).dtype)
    )
    assert slope == 0


def test_single_cloud_by_simulation_and_in_closed_form():
    rng, m = np.random.default_rng(5), 200_000
    variance, ratio = 2.0, 1.3
    x = rng.normal(size=m) * np.sqrt(variance + ratio**2)
    mean, spread = variance / (variance + ratio**2) * x, np.sqrt(variance * ratio**2 / (variance + ratio**2))
    clones = mean + spread * rng.normal(size=(2, m))
    same = (clones[0] > 0) == (clones[1] > 0)
    found = float(theory.gaussian_clone_probability(ratio, variance))
    assert abs(same.mean() - found) < 4 * same.std() / m**0.5
    assert float(theory.gaussian_clone_probability(np.sqrt(2 / 3.174), 2.0)) == pytest.approx(0.775, abs=1e-4)
    np.testing.assert_allclose(theory.gaussian_clone_probability(np.array([0.0, 1e9]), 1.0), [1, 0.5], atol=1e-6)


def test_labels_of_the_empirical_law():
    """Against the posterior weights of the score at the same noisy points, and in the two limits."""
    rng = np.random.default_rng(6)
    points, labels = rng.normal(size=(30, 5)), rng.integers(0, 3, size=30) * 7
    ratios = np.array([1e-3, 0.8, 2.0, 1e4])
    found = theory.empirical_clone_probability(points, labels, ratios, key=jax.random.key(0), queries=30)
    gaps = empirical.pair_gaps(points, key=jax.random.key(0), queries=30)
    energy = gaps.square / (2 * 0.8**2) + gaps.projection / 0.8
    weights = np.exp(-energy) / np.exp(-energy).sum(1, keepdims=True)
    classes = np.stack([weights[:, labels == label].sum(1) for label in np.unique(labels)], axis=1)
    np.testing.assert_allclose(found.value[1], (classes**2).sum(1).mean(), rtol=1e-10)
    shares = np.unique(labels, return_counts=True)[1] / 30
    np.testing.assert_allclose(found.value[[0, 3]], [1, (shares**2).sum()], rtol=1e-3)
    own = theory.empirical_clone_probability(points, np.arange(30), ratios, key=jax.random.key(0), queries=30)
    np.testing.assert_allclose(own.value[1], (weights**2).sum(1).mean(), rtol=1e-10)
    with pytest.raises(ValueError, match="`labels` must be one for each of 30 points, but are 4"):
        theory.empirical_clone_probability(points, labels[:4], ratios, key=jax.random.key(0))


def test_one_gaussian_at_little_noise():
    """1 - phi = acos(1 - x)/pi with x = r^2/(1 + r^2), which is r sqrt(2)/pi to first order, as is the slope."""
    ratios = np.array([1e-3, 1e-4, 0.0])
    missing = np.sqrt(2) * ratios / np.pi * (1 - 5 * ratios**2 / 12)
    found = np.asarray([theory.gaussian_clone_probability(ratio, 1.0) for ratio in ratios], np.float64)
    np.testing.assert_allclose(1 - found, missing, rtol=1e-9, atol=1e-12 if X64 else 6e-8)
    slope = jax.grad(lambda ratio: theory.gaussian_clone_probability(ratio, 1.0))
    for ratio in (1e-4, 0.0):
        assert float(slope(ratio)) == pytest.approx(-np.sqrt(2) / np.pi, rel=1e-5)
    assert float(theory.gaussian_clone_probability(jnp.inf, 1.0)) == 0.5


def test_two_clusters_at_the_ends_of_noise():
    """A ratio whose square is no float, with vectors as with numbers, compiled or not."""
    m, none = jnp.ones(2), jnp.zeros((2, 2))
    for probability in (theory.clone_probability, jax.jit(theory.clone_probability)):
        assert probability(jnp.asarray(1e20), m, jnp.eye(2)) == pytest.approx(0.5)
        assert probability(jnp.asarray(1e-25), m, none) == 1.0
    assert jax.jit(theory.two_delta_probability)(jnp.zeros(()), NoiseLevel(1.0, 1e-25)) == 0.5
