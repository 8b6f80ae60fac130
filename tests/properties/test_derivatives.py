"""grad, jacrev, hessian and vmap(grad) through each reduction, compiled, against autodiff of the dense log-sum-exp."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical

pytestmark = pytest.mark.slow

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
TOLERANCE = 1e-10 if DOUBLE else 1e-4
ALPHA, SIGMA = 0.8, 0.9
CASES = {
    "dense": (Dense(), 4),
    "chunked differences": (Chunked(4), 4),
    "chunked products": (Chunked(4), 35),
}


@pytest.fixture(
    params=["dense", "chunked differences", pytest.param("chunked products", marks=pytest.mark.slow)], ids=str
)
def case(request):
    reduction, d = CASES[request.param]
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(9, d)).astype(FLOAT), rng.uniform(0.2, 1, size=9).astype(FLOAT)
    points *= FLOAT(2 / np.sqrt(d))
    x = (0.3 * rng.normal(size=d)).astype(FLOAT)
    law = oracles.points_law(points, weights)._replace(covariances=np.zeros(()))
    return points, weights, reduction, x, law


def log_prob(points, weights, reduction, x, alpha, sigma):
    return Empirical(points, weights, reduction).log_prob(x, NoiseLevel(alpha, sigma))


def test_first_and_second_derivatives_in_the_point(case):
    points, weights, reduction, x, law = case
    score, level = Empirical(points, weights, reduction), NoiseLevel(FLOAT(ALPHA), FLOAT(SIGMA))
    dense = lambda x: oracles.log_weighted_distances(law, x, ALPHA, SIGMA)  # noqa: E731
    gradient, hessian = oracles.double(jax.grad(dense))(x), oracles.double(jax.hessian(dense))(x)
    xs = np.stack([x, -x, 2 * x])
    found = jax.jit(
        lambda xs: {
            "grad": jax.grad(score.log_prob)(xs[0], level),
            "hessian": jax.hessian(score.log_prob)(xs[0], level),
            "jacrev of the score": jax.jacrev(score.score)(xs[0], level),
            "jacfwd of D": jax.jacfwd(score.denoise)(xs[0], level),
            "jacrev of D": jax.jacrev(score.denoise)(xs[0], level),
            "many": jax.vmap(jax.grad(score.log_prob), (0, None))(xs, level),
        }
    )(xs)
    jacobian = (np.eye(x.size) + SIGMA**2 * hessian) / ALPHA
    assert oracles.off(found["grad"], gradient) < TOLERANCE
    assert oracles.off(found["hessian"], hessian) < TOLERANCE
    assert oracles.off(found["jacrev of the score"], hessian) < TOLERANCE
    assert oracles.off(found["jacfwd of D"], jacobian) < TOLERANCE
    assert oracles.off(found["jacrev of D"], jacobian) < TOLERANCE
    for one, point in zip(found["many"], xs):
        assert oracles.off(one, oracles.double(jax.grad(dense))(point)) < TOLERANCE


def test_third_derivative(case):
    """The gradient of |score|^2 + the divergence of the score: what implicit score matching differentiates."""
    points, weights, reduction, x, law = case
    score, level = Empirical(points, weights, reduction), NoiseLevel(FLOAT(ALPHA), FLOAT(SIGMA))

    def matching(gradient, x):
        return jnp.sum(gradient(x) ** 2) / 2 + jnp.trace(jax.jacfwd(gradient)(x))

    dense = jax.grad(lambda x: oracles.log_weighted_distances(law, x, ALPHA, SIGMA))
    truth = oracles.double(jax.grad(lambda x: matching(dense, x)))(x)
    found = jax.jit(jax.grad(lambda x: matching(lambda x: score.score(x, level), x)))(x)
    assert oracles.off(found, truth) < TOLERANCE


def test_derivatives_in_the_level_and_the_points(case):
    points, weights, reduction, x, law = case
    level = FLOAT(ALPHA), FLOAT(SIGMA)
    dense = lambda means, x, a, s: oracles.log_weighted_distances(law._replace(means=means), x, a, s)  # noqa: E731
    truth = oracles.double(jax.grad(dense, argnums=(0, 2, 3)))(points, x, *level)
    mixed = oracles.double(jax.jacfwd(jax.grad(dense, argnums=1), argnums=(2, 3)))(points, x, *level)
    found = jax.jit(jax.grad(log_prob, argnums=(0, 4, 5)), static_argnums=2)(points, weights, reduction, x, *level)
    score = Empirical(points, weights, reduction)
    slopes = jax.jit(jax.jacfwd(lambda a, s: score.score(x, NoiseLevel(a, s)), argnums=(0, 1)))(*level)
    for one, other in zip((*found, *slopes), (*truth, *mixed)):
        assert oracles.off(one, other) < TOLERANCE


def test_derivatives_of_the_statistics(case):
    """Entropy and participation in the point, against the same formulas from dense weights."""
    points, weights, reduction, x, law = case
    score, level = Empirical(points, weights, reduction), NoiseLevel(FLOAT(ALPHA), FLOAT(SIGMA))

    def statistics(x):
        w = jax.nn.softmax(jnp.log(law.weights) - jnp.sum((x - ALPHA * law.means) ** 2, axis=1) / (2 * SIGMA**2))
        return jnp.stack([-jnp.sum(w * jnp.log(w)), 1 / jnp.sum(w**2)])

    truth = oracles.double(jax.jacrev(statistics))(x)

    def ours(x):
        found = score.posterior(x, level)
        return jnp.stack([found.entropy, found.participation])

    assert oracles.off(jax.jit(jax.jacrev(ours))(x), truth) < TOLERANCE


def test_gradients_at_the_ends_are_zero_or_finite(case):
    """sigma = 0: the denoiser jumps, its slope is 0; a query on a point; alpha = 0."""
    points, weights, reduction, x, _ = case
    score = Empirical(points, weights, reduction)
    slope = jax.jit(jax.jacrev(lambda x, a, s: score.denoise(x, NoiseLevel(a, s)), argnums=(0, 1, 2)))
    for query in (x, points[2]):
        assert all(np.all(np.isfinite(part)) for part in slope(query, FLOAT(1), FLOAT(0)))
        np.testing.assert_array_equal(slope(query, FLOAT(1), FLOAT(0))[0], 0)
        assert all(np.all(np.isfinite(part)) for part in slope(query, FLOAT(0), FLOAT(1)))
        np.testing.assert_array_equal(slope(query, FLOAT(0), FLOAT(1))[0], 0)
        assert all(np.all(np.isfinite(part)) for part in slope(query, FLOAT(1), FLOAT(1e-3)))
