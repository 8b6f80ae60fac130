import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from diffmem import data

N = 20_000
COVARIANCE = np.array([[2.0, 0.9, 0.0], [0.9, 1.0, -0.3], [0.0, -0.3, 0.5]])
LAWS = {
    "gaussian": lambda n, key: data.gaussian(n, 3, key=key),
    "correlated": lambda n, key: data.gaussian(n, 3, key=key, covariance=COVARIANCE),
    "clusters": lambda n, key: data.clusters(n, 3, key=key, mu=0.7),
    "spheres": lambda n, key: data.spheres(n, 3, key=key, radius=np.array([1.0, 2.0])),
    "manifold": lambda n, key: data.hidden_manifold(n, 30, 5, key=key),
}


@pytest.mark.parametrize("law", LAWS)
def test_a_point_depends_on_key_and_index_alone(law):
    short, long = LAWS[law](10, jr.key(1)), LAWS[law](600, jr.key(1))
    np.testing.assert_array_equal(long.points[:10], short.points)
    np.testing.assert_array_equal(LAWS[law](600, jr.key(1)).points, long.points)
    assert (long.n, len(np.unique(long.points, axis=0))) == (600, 600)
    assert not np.isin(LAWS[law](10, jr.key(2)).points, short.points).any()
    if short.labels is not None:
        np.testing.assert_array_equal(long.labels[:10], short.labels)


@pytest.mark.parametrize("law", LAWS)
def test_precision_is_the_default_of_jax(law):
    for enabled, dtype in ((True, np.float64), (False, np.float32)):
        with jax.enable_x64(enabled):
            assert LAWS[law](3, jr.key(0)).points.dtype == dtype


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [0, -3])
def test_no_points(law, n):
    with pytest.raises(ValueError, match=f"`n` must be at least 1, but is {n}"):
        LAWS[law](n, jr.key(0))


def assert_moments(points, mean, covariance):
    """Sample mean and covariance of Gaussian points within five standard errors of the exact ones."""
    n, variances = len(points), np.diag(covariance)
    assert (np.abs(points.mean(axis=0) - mean) < 5 * np.sqrt(variances / n)).all()
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    assert (np.abs(np.cov(points.T) - covariance) < 5 * error).all()


@pytest.mark.parametrize("covariance", [2.5, np.array([4.0, 1.0, 0.25]), COVARIANCE, COVARIANCE.astype(np.float32)])
def test_gaussian_moments(covariance):
    points = data.gaussian(N, 3, key=jr.key(3), covariance=covariance).points
    full = np.asarray(covariance, np.float64) * (1.0 if np.ndim(covariance) == 2 else np.eye(3))
    assert_moments(points, 0, full)


def test_a_singular_covariance_stays_in_its_subspace():
    direction = np.array([1.0, 2.0, -2.0]) / 3
    points = data.gaussian(50, 3, key=jr.key(0), covariance=9 * np.outer(direction, direction)).points
    np.testing.assert_allclose(points, np.outer(points @ direction, direction), atol=2e-6)
    flat = data.gaussian(50, 2, key=jr.key(0), covariance=np.array([1.0, 0.0])).points
    assert (flat[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("covariance", "said"),
    [
        (-1.0, "must be positive semidefinite, but has the eigenvalue -1"),
        (np.array([1.0, -0.5, 1.0]), "the eigenvalue -0.5"),
        (np.diag([1.0, 1.0, -2.0]), "must hold no negative variance, but holds -2"),
        (np.triu(np.ones((3, 3))), "must be symmetric"),
        (np.ones(4), r"must have shape \(\), \(3,\) or \(3, 3\), but has \(4,\)"),
        (np.nan, "must be finite"),
    ],
)
def test_bad_covariance(covariance, said):
    with pytest.raises(ValueError, match=f"`covariance` .*{said}"):
        data.gaussian(5, 3, key=jr.key(0), covariance=covariance)


def test_two_clusters_are_opposite_and_equally_likely():
    d, mu, variance = 6, 0.8, 0.5
    dataset = data.clusters(N, d, key=jr.key(4), mu=mu, variance=variance)
    assert abs(dataset.labels.mean() - 0.5) < 4 * 0.5 / N**0.5
    for label, sign in ((0, 1), (1, -1)):
        assert_moments(dataset.points[dataset.labels == label], sign * mu, variance * np.eye(d))
    expected = d * mu**2 + variance  # |m|^2 = d mu^2 along the axis between the clusters
    along = np.linalg.eigvalsh(np.cov(dataset.points.T))[-1]
    assert along == pytest.approx(expected, rel=5 * (2 / N) ** 0.5)


def test_clusters_of_given_means_spreads_and_weights():
    means = data.spheres(4, 3, key=jr.key(8), radius=3.0).points
    variances, weights = np.array([0.1, 0.4, 1.0, 2.0]), np.array([1.0, 2.0, 0.0, 5.0])
    dataset = data.clusters(N, 3, key=jr.key(5), means=means, variance=variances, weights=weights)
    shares = np.bincount(dataset.labels, minlength=4) / N
    assert shares[2] == 0
    np.testing.assert_allclose(shares, weights / 8, atol=4 * 0.5 / N**0.5)
    for k in (0, 1, 3):
        assert_moments(dataset.points[dataset.labels == k], means[k], variances[k] * np.eye(3))


def test_clusters_without_spread_are_their_means():
    dataset = data.clusters(20, 2, key=jr.key(0), variance=0.0)
    np.testing.assert_array_equal(dataset.points, np.where(dataset.labels == 0, 1, -1)[:, None] * np.ones((1, 2)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"means": np.zeros((2, 3))}, "must be finite and have 4 columns, but have 3"),
        ({"mu": np.inf}, "The means, `means` or .*`mu`, must be finite"),
        ({"variance": -1.0}, "`variance` must be 2 finite numbers that are not negative"),
        ({"variance": np.ones(3)}, "`variance` must be 2 finite numbers"),
        ({"weights": np.array([1.0, -1.0])}, "`weights` must be 2 finite numbers that are not negative"),
        ({"weights": np.array([1.0, np.nan])}, "`weights` must be 2 finite numbers"),
        ({"weights": np.zeros(2)}, "`weights` must not all be zero"),
    ],
)
def test_bad_clusters(arguments, said):
    with pytest.raises(ValueError, match=said):
        data.clusters(5, 4, key=jr.key(0), **arguments)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_points_on_concentric_spheres(d):
    radii = np.array([0.5, 2.0, 3.0])
    dataset = data.spheres(N, d, key=jr.key(6), radius=radii)
    np.testing.assert_allclose(np.linalg.norm(dataset.points, axis=1), radii[dataset.labels], rtol=1e-6)
    np.testing.assert_allclose(np.bincount(dataset.labels) / N, 1 / 3, atol=4 * 0.5 / N**0.5)
    directions = dataset.points / radii[dataset.labels][:, None]
    assert (np.abs(directions.mean(axis=0)) < 5 / (d * N) ** 0.5).all()
    # fourth moment of a coordinate of a uniform direction: 3 / (d (d + 2))
    assert np.mean(directions[:, 0] ** 4) == pytest.approx(3 / (d * (d + 2)), rel=0.06)


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.array([1.0, 0.0]), np.array([[1.0]]), np.zeros(0)])
def test_bad_radius(radius):
    with pytest.raises(ValueError, match="`radius` must be positive and finite"):
        data.spheres(5, 3, key=jr.key(0), radius=radius)


def test_hidden_manifold_is_its_formula():
    features = jr.normal(jr.key(1), (40, 6))
    plain = data.hidden_manifold(300, 40, 6, key=jr.key(2), features=features, g=lambda u: u).points
    curved = data.hidden_manifold(300, 40, 6, key=jr.key(2), features=np.asarray(features)).points
    np.testing.assert_allclose(curved, np.tanh(1.5 * plain), atol=2e-6)
    latents, residual, rank, _ = np.linalg.lstsq(np.asarray(features) / 6**0.5, plain.T)
    assert rank == 6
    assert np.sqrt(residual.max()) < 1e-4
    # 1,800 standard normal coordinates behind the points
    assert abs(latents.mean()) < 5 / 1800**0.5
    assert abs(latents.var() - 1) < 5 * (2 / 1800) ** 0.5


def test_two_draws_from_one_manifold():
    features = jr.normal(jr.key(1), (40, 6))
    one, two = (
        data.hidden_manifold(50, 40, 6, key=key, features=features, g=lambda u: u).points for key in jr.split(jr.key(2))
    )
    assert np.linalg.matrix_rank(np.concatenate([one, two]), tol=1e-3) == 6
    alone = [data.hidden_manifold(50, 40, 6, key=key, g=lambda u: u).points for key in jr.split(jr.key(2))]
    assert np.linalg.matrix_rank(np.concatenate(alone), tol=1e-3) == 12


def test_features_have_unit_variance():
    points = data.hidden_manifold(2000, 400, 8, key=jr.key(3), g=lambda u: u).points
    # 3,200 features: E y^2 = |F_row|^2 / D averages to 1, over rows and points
    assert np.mean(points**2) == pytest.approx(1, abs=5 * ((2 / 3200) ** 0.5 + (2 / 16000) ** 0.5))


def test_bad_manifold():
    with pytest.raises(ValueError, match=r"`features` must have shape \(4, 2\), but has \(4, 3\)"):
        data.hidden_manifold(5, 4, 2, key=jr.key(0), features=jnp.ones((4, 3)))
    with pytest.raises(ValueError, match="`latent` must be at least 1, but is 0"):
        data.hidden_manifold(5, 4, 0, key=jr.key(0))
    with pytest.raises(ValueError, match="`d` must be at least 1, but is 0"):
        data.hidden_manifold(5, 0, 2, key=jr.key(0))


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (np.diag([1e6, -0.05]), "must hold no negative variance, but holds -0.05"),
        (np.array([[1e6, 0.2], [0.0, 1.0]]), "must be symmetric"),
        (np.array([[1.0, 0.2], [0.0, 1.0]]), "must be symmetric"),
        (np.array([[1e6, 300.0], [-300.0, 1.0]]), "must be symmetric"),
    ],
)
def test_covariances_of_coordinates_of_very_different_sizes(covariance, message):
    with pytest.raises(ValueError, match=message):
        data.gaussian(10, 2, covariance=covariance, key=jax.random.key(0))
