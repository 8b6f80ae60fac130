"""Random features: the network, its moments under noise, its exact fits, its Gaussian equivalent, its descent."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from diffmem import scores, theory, training
from diffmem.level import NoiseLevel
from diffmem.training.random_features.feature_moments import check_layers, hermite_terms

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RNG = np.random.default_rng(5)
P, D, N = 40, 6, 9
W, X = RNG.normal(size=(P, D)), RNG.normal(size=(N, D))
LEVEL = NoiseLevel(0.8, 0.6)
NARROW = NoiseLevel(1.2, 0.3)
FIT = training.fit_random_features(W, X, NARROW)


def draws(level, count, rng, points=X):
    """Noisy points and their noise, drawn in NumPy: `count` for each point."""
    noise = rng.normal(size=(count, *points.shape))
    return (level.alpha * points + level.sigma * noise).reshape(-1, D), noise.reshape(-1, D)


def test_the_network():
    """A f(W x/sqrt(d))/sqrt(p), by scaling at every level of the same ratio; the denoiser by Tweedie."""
    second, x = RNG.normal(size=(D, P)), RNG.normal(size=D)
    score = scores.RandomFeatures(W.astype(FLOAT), second.astype(FLOAT), jnp.tanh, LEVEL)
    truth = second @ np.tanh(W @ x / math.sqrt(D)) / math.sqrt(P)
    loose = 1e-12 if DOUBLE else 1e-5
    np.testing.assert_allclose(score.score(x.astype(FLOAT), LEVEL), truth, rtol=loose, atol=loose)
    wide = NoiseLevel(1.6, 1.2)
    np.testing.assert_allclose(score.score((2 * x).astype(FLOAT), wide), truth / 2, rtol=loose, atol=loose)
    np.testing.assert_allclose(score.denoise(x.astype(FLOAT), LEVEL), (x + 0.36 * truth) / 0.8, rtol=loose, atol=loose)
    free = scores.RandomFeatures(W.astype(FLOAT), second.astype(FLOAT))
    np.testing.assert_allclose(free.score((2 * x).astype(FLOAT), NoiseLevel(2.0, 0.0)), truth / 2, rtol=10 * loose)


def test_other_levels_are_refused():
    score, x = FIT.ridge_score(0.1), np.zeros(D, FLOAT)
    with pytest.raises(
        ValueError, match=r"`level` must have the ratio sigma/alpha of the fit, 0.25, but is \(0.8, 0.6\)"
    ):
        score.score(x, LEVEL)
    assert np.all(np.isfinite(score.denoise(x, NoiseLevel(0.4, 0.1))))
    traced = eqx.filter_jit(lambda sigma: score.score(x, NoiseLevel(1.2, sigma)))
    assert np.all(np.isfinite(traced(jnp.asarray(0.3, FLOAT))))
    # of which class, is decided by the version of JAX
    with pytest.raises((eqx.EquinoxRuntimeError, ValueError), match="`level` must have the ratio"):
        jax.block_until_ready(traced(jnp.asarray(0.31, FLOAT)))
    free = scores.RandomFeatures(W, RNG.normal(size=(D, P)))
    with pytest.raises(
        (eqx.EquinoxRuntimeError, ValueError), match="`alpha` must be positive to denoise by a noise prediction"
    ):
        jax.block_until_ready(free.denoise(np.zeros(D), NoiseLevel(0.0, 1.0)))


def test_hermite_terms_of_a_cube():
    """E (h + w u)^3 He_k(u)/sqrt(k!): h^3 + 3 h w^2, 3 w h^2 + 3 w^3, 3 h w^2 sqrt(2), w^3 sqrt(6), 0."""
    h, w = np.array([[0.3], [-1.2]]), np.array([0.7, 0.4])
    found, square = hermite_terms(lambda x: x**3, h, w, 6)
    a, b = h[:, 0], w
    truth = [a**3 + 3 * a * b**2, 3 * b * a**2 + 3 * b**3, 3 * a * b**2 * 2**0.5, b**3 * 6**0.5, 0 * a, 0 * a]
    np.testing.assert_allclose(found[:, :, 0], truth, atol=1e-11)
    np.testing.assert_allclose(square[:, 0], np.sum(np.square(truth), axis=0), rtol=1e-10)


@pytest.mark.parametrize("level", [LEVEL, NARROW, NoiseLevel(0.0, 1.5)])
def test_exact_moments_are_the_limit_of_sampled_ones(level):
    """Against 4,000 draws of NumPy for each point, within 5 standard errors; also for an activation with a mean."""
    noisy, noise = draws(level, 4000, np.random.default_rng(1))
    for activation, plain in ((jnp.tanh, np.tanh), (jax.nn.softplus, lambda x: np.logaddexp(x, 0))):
        found = training.exact_feature_moments(W, X, level, activation)
        features = plain(noisy @ W.T / math.sqrt(D))
        for exact, products in (
            (found.second[:5, :5], features[:, :5, None] * features[:, None, :5]),
            (found.cross[:5], features[:, :5, None] * noise[:, None]),
        ):
            error = products.std(0) / math.sqrt(len(noisy))
            assert np.all(np.abs(products.mean(0) - exact) < 5 * error + 1e-12)


def test_exact_moments_against_a_quadrature_in_two_dimensions():
    rows, x = np.array([[1.0, 0.3], [-0.4, 1.1]]), np.array([[0.7, -0.2]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    u, v = np.meshgrid(nodes, nodes, indexing="ij")
    seen = [np.tanh((LEVEL.alpha * (row @ x[0]) + LEVEL.sigma * (row[0] * u + row[1] * v)) / 2**0.5) for row in rows]
    found = training.exact_feature_moments(rows, x, LEVEL)
    for i in range(2):
        for j in range(2):
            assert found.second[i, j] == pytest.approx(weights @ (seen[i] * seen[j]) @ weights, rel=1e-9)
        for k, part in enumerate((u, v)):
            assert found.cross[i, k] == pytest.approx(weights @ (seen[i] * part) @ weights, rel=1e-9)


def test_limits_of_the_moments():
    """Without noise the features of the points; a linear activation in closed form; many draws are all draws."""
    clean = training.exact_feature_moments(W, X, NoiseLevel(1.0, 0.0))
    features = np.tanh(X @ W.T / math.sqrt(D))
    np.testing.assert_allclose(clean.second, features.T @ features / N, atol=1e-12)
    np.testing.assert_allclose(clean.cross, 0, atol=1e-15)
    linear = training.exact_feature_moments(W, X, LEVEL, lambda x: x)
    covariance = LEVEL.alpha**2 * X.T @ X / N + LEVEL.sigma**2 * np.eye(D)
    np.testing.assert_allclose(linear.second, W @ covariance @ W.T / D, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(linear.cross, LEVEL.sigma * W / math.sqrt(D), rtol=1e-10)
    sampled = training.sampled_feature_moments(W, X, LEVEL, 3000, key=jax.random.key(0))
    exact = training.exact_feature_moments(W, X, LEVEL)
    np.testing.assert_allclose(sampled.second, exact.second, atol=0.03)
    np.testing.assert_allclose(sampled.cross, exact.cross, atol=0.04)


@pytest.mark.parametrize("draw_count", [None, 2])
def test_the_ridge_fit_is_the_least(draw_count):
    """Its penalised loss has no slope, and its errors are those of its weights: loss, population error by sampling."""
    key = None if draw_count is None else jax.random.key(3)
    fit, penalty = training.fit_random_features(W, X, NARROW, draws=draw_count, key=key), 1e-2
    score, errors = fit.ridge_score(penalty), fit.ridge(penalty)
    second = np.asarray(score.second, np.float64)
    # d/dA of the loss and the penalty sigma^2 penalty |A|^2/(d p)
    slope = (
        NARROW.sigma * second @ fit.train.second / P
        + fit.train.cross.T / math.sqrt(P)
        + NARROW.sigma * penalty * second / P
    )
    assert np.abs(slope).max() < 1e-9 if DOUBLE else np.abs(slope).max() < 1e-5
    assert errors.train == pytest.approx(fit.train.loss(second), rel=1e-9 if DOUBLE else 1e-5)
    gamma2 = NARROW.alpha**2 + NARROW.sigma**2
    y = np.random.default_rng(4).normal(size=(200_000, D)) * math.sqrt(gamma2)
    wrong = np.tanh(y @ W.T / math.sqrt(D)) @ second.T / math.sqrt(P) + y / gamma2
    square = (wrong**2).sum(1) / D
    assert abs(errors.score - square.mean()) < 5 * square.std() / math.sqrt(len(y))
    assert errors.test == pytest.approx(NARROW.sigma**2 * errors.score + NARROW.alpha**2 / gamma2)
    assert errors.gap == errors.test - errors.train


def test_one_draw_is_a_plain_ridge_regression():
    """The features of as many noisy points, solved by NumPy; more features than points."""
    key = jax.random.key(7)
    fit = training.fit_random_features(W, X, LEVEL, draws=1, key=key)
    moments = training.sampled_feature_moments(W, X, LEVEL, 1, key=key)
    np.testing.assert_array_equal(moments.second, fit.train.second)
    assert len(fit.modes.eigenvalues) == N
    for penalty in (1e-6, 0.3):
        second = -np.linalg.solve(moments.second + penalty * np.eye(P), moments.cross).T * math.sqrt(P) / LEVEL.sigma
        assert fit.ridge(penalty).train == pytest.approx(moments.loss(second), rel=1e-6, abs=1e-9)
        found = fit.ridge_score(penalty).second
        np.testing.assert_allclose(found, second, rtol=1e-4, atol=1e-6 * np.abs(second).max())
    # as many noises as points, all of them learnt
    assert fit.flow(np.inf).train == pytest.approx(0, abs=1e-9)


def test_gradient_flow():
    """From nothing to least squares; small steps of gradient descent on the exact loss follow it."""
    times = np.array([0.0, 1.0, 10.0, 1e3, np.inf])
    errors = FIT.flow(times)
    gamma2 = NARROW.alpha**2 + NARROW.sigma**2
    assert errors.train[0] == 1 and errors.score[0] == pytest.approx(1 / gamma2)
    assert np.all(np.diff(errors.train) < 0)
    assert errors.train[-1] == pytest.approx(FIT.ridge(1e-13).train, abs=1e-6)
    assert np.min(errors.score) < errors.score[-1]  # stopping early is better
    second, step = np.zeros((D, P)), 0.01
    for _ in range(1000):
        residual = NARROW.sigma * second @ FIT.train.second / math.sqrt(P) + FIT.train.cross.T
        second -= 2 * step * (D / P) * math.sqrt(P) * NARROW.sigma * residual
    assert FIT.train.loss(second) == pytest.approx(errors.train[2], rel=1e-4)
    np.testing.assert_allclose(FIT.flow_score(10.0).second, second, atol=2e-3 * np.abs(second).max())


def test_descent_with_fresh_noise_follows_the_flow():
    found = training.descend_random_features(W, X, NARROW, (0.0, 2.0, 10.0), 0.02, key=jax.random.key(1))
    losses = [FIT.train.loss(second) for second in found]
    assert losses[0] == 1
    np.testing.assert_allclose(losses[1:], FIT.flow(np.array([2.0, 10.0])).train, atol=0.01)


@pytest.mark.parametrize("p", [12, 40])
def test_modes_of_the_equivalent_are_those_of_its_matrix(p):
    """Fewer and more features than n + d: low rank and full decomposition give the errors of plain linear algebra."""
    first, key = W[:p], jax.random.key(2)
    modes = training.equivalent_modes(first, X, LEVEL, key=key)
    moments = training.equivalent_feature_moments(first, X, LEVEL, key=key)
    split = theory.activation_moments(LEVEL)
    np.testing.assert_allclose(moments.cross, split.slope * split.sigma * first / math.sqrt(D), rtol=1e-9)
    eigenvalues = np.linalg.eigvalsh(moments.second)
    np.testing.assert_allclose(modes.eigenvalues, eigenvalues[-len(modes.eigenvalues) :], rtol=1e-8)
    assert np.sum(np.abs(eigenvalues - split.floor) < 1e-12) == max(0, p - N - D)
    for penalty in (1e-3, 0.2):
        errors = modes.ridge(penalty)
        a = -np.linalg.solve(moments.second + penalty * np.eye(p), moments.cross).T / LEVEL.sigma
        assert errors.train == pytest.approx(moments.loss(a * math.sqrt(p)), rel=1e-8)
        linear = split.slope * a @ first / math.sqrt(D) + np.eye(D)
        score = (np.sum(linear**2) + split.nonlinear * np.sum(a**2)) / D
        assert errors.score == pytest.approx(score, rel=1e-8)


def test_the_equivalent_has_the_moments_of_the_features():
    """Mean diagonal of U over rows, and the strength of V, for 2,000 features of many points."""
    d, rng = 40, np.random.default_rng(9)
    first, points = rng.normal(size=(300, d)), rng.normal(size=(300, d))
    true, equivalent = (
        training.exact_feature_moments(first, points, LEVEL),
        training.equivalent_feature_moments(first, points, LEVEL, key=jax.random.key(0)),
    )
    assert np.trace(true.second) == pytest.approx(np.trace(equivalent.second), rel=0.03)
    assert np.linalg.norm(true.cross) == pytest.approx(np.linalg.norm(equivalent.cross), rel=0.03)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scores.RandomFeatures(W, W), "`first` and `second` must have shapes"),
        (lambda: scores.RandomFeatures(W, np.full((D, P), np.nan)), "`second` must be finite"),
        (
            lambda: training.fit_random_features(W, X, NoiseLevel(1.0, 0.0)),
            "`level` must have alpha >= 0 and sigma > 0",
        ),
        (lambda: training.fit_random_features(W, X, LEVEL, draws=2), "`draws` and `key` must be given together"),
        (lambda: check_layers(W, X[:, :3]), "`first` and `points` must have shapes"),
        (lambda: training.exact_feature_moments(0 * W, X, LEVEL), "`first` must be finite with no row of zeros"),
        (lambda: training.exact_feature_moments(W, np.inf * X, LEVEL), "`points` must be finite"),
        (lambda: training.sampled_feature_moments(W, X, LEVEL, 0, key=jax.random.key(0)), "`draws` must be at least 1"),
        (lambda: FIT.ridge(np.array([1.0, -2.0])), "`penalty` must be positive, but holds -2.0"),
        (lambda: FIT.flow(-1.0), "`time` must be at least 0, but holds -1.0"),
        (
            lambda: training.equivalent_modes(W, X, LEVEL, jax.nn.relu, key=jax.random.key(0)),
            "`activation` must have mean 0 under noisy data",
        ),
        (
            lambda: training.descend_random_features(W, X, LEVEL, (1.0,), 0.0, key=jax.random.key(0)),
            "`step` must be positive",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_network_is_a_product_at_full_precision():
    """A device's default may round the factors to half precision (TF32 on a GPU): both products ask for all digits."""
    score = scores.RandomFeatures(np.ones((4, 2), np.float32), np.ones((2, 4), np.float32))
    program = jax.make_jaxpr(lambda x: score.score(x, NoiseLevel(0.6, 0.8)))(jnp.ones(2, jnp.float32))
    products = [line for line in str(program).splitlines() if "HIGHEST" in line]
    assert str(program).count("dot_general[") == 2 and len(products) == 2


@pytest.mark.parametrize("width", [1.0, 5.0, 20.0, 80.0])
def test_the_moments_of_steep_features(width):
    """E tanh(w u)^2 = 1 - E sech(w u)^2 and V = w E sech(w u)^2, by adaptive quadrature over t = w u."""
    density = lambda t: np.exp(-((t / width) ** 2) / 2) / (width * math.sqrt(2 * math.pi))  # noqa: E731
    slope = 2 * integrate.quad(lambda t: density(t) / np.cosh(t) ** 2, 0, 40, epsabs=1e-14, epsrel=1e-12)[0]
    found = training.exact_feature_moments(np.ones((1, 1)), np.zeros((1, 1)), NoiseLevel(1.0, width))
    assert found.second[0, 0] == pytest.approx(1 - slope, abs=1e-11)
    assert found.cross[0, 0] == pytest.approx(width * slope, abs=1e-11)


def test_features_beyond_the_quadrature_are_refused():
    rows, limit = np.ones((1, 4)), NoiseLevel(1.0, 2 * 250.0)
    with pytest.raises(ValueError, match=r"`level` must have sigma \|W_i\|/sqrt\(d\) of at most 250"):
        training.exact_feature_moments(rows, np.zeros((1, 4)), limit)
