"""Single-precision points that are hard on sums of exponentials, at every noise level, on the process and off it.

Against double precision on the very same numbers; each reduction, and the way that looks for the few centres that matter.
"""

import equinox as eqx
import jax
import numpy as np
import oracles
import pytest
from clouds import CLOUDS, WEIGHTED, cloud, queries
from jax.sharding import Mesh

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense, Sharded, sparse
from diffmem.scores import Empirical

pytestmark = pytest.mark.slow

N, D = 650, 48
LEVELS = [(1, 30), (0.7, 3), (1, 0.3), (1, 0.03), (0.5, 0.003)]
REDUCTIONS = {
    "dense": Dense(),
    "chunked": Chunked(80, 16),
    # as "chunked", but of another size, which is compiled anew
    "few centres": Chunked(64),
    "sharded": Sharded(Mesh(jax.devices()[:1], "points"), size=100),
}
slow = pytest.mark.slow
rows = [pytest.param(name, marks=[slow] * (name in ("dense", "sharded"))) for name in REDUCTIONS]


@eqx.filter_jit
def posteriors(score, xs, level):
    return jax.vmap(lambda x: score.posterior(x, level))(xs)


@pytest.fixture
def looking_for_few(monkeypatch):
    """Training sets of any size are large enough to look for the few centres that matter."""
    monkeypatch.setattr(sparse, "LARGE", 1)


@pytest.mark.parametrize("kind", [*CLOUDS, *WEIGHTED])
@pytest.mark.parametrize("name", rows)
def test_the_posterior_of_hard_clouds(name, kind, request):
    """D within 1e-5 of its size, alpha D - x within 1e-5 of its size and of sigma's; weights to 1e-5."""
    if name == "few centres":
        request.getfixturevalue("looking_for_few")
    points, weights = cloud(kind, N, D, np.float32)
    score = Empirical(points, weights, REDUCTIONS[name])
    for alpha, sigma in LEVELS:
        level = NoiseLevel(np.float32(alpha), np.float32(sigma))
        for query, xs in queries(points, alpha, sigma).items():
            xs = xs.astype(np.float32)
            found = posteriors(score, xs, level)
            for i, x in enumerate(xs):
                what = alpha, sigma, query, i
                w, mean, displacement = oracles.points_answer(points, x, *level, weights)
                assert oracles.off(found.mean[i], mean) < 1e-5, what
                error = np.linalg.norm(np.asarray(found.displacement[i], np.float64) - displacement)
                assert error < 1e-5 * (np.linalg.norm(displacement) + sigma * np.sqrt(D)), what
                assert found.leader_weight[i] == pytest.approx(w.max(), abs=1e-5), what
                assert w[found.leader[i]] == pytest.approx(w.max(), rel=1e-5), what
                assert found.participation[i] == pytest.approx(1 / np.sum(w**2), rel=4e-5), what
                entropy = -w[w > 0] @ np.log(w[w > 0])
                assert found.entropy[i] == pytest.approx(entropy, abs=1e-5 * np.log(N)), what
                spread = w @ np.sum((points - mean) ** 2, axis=1)
                assert found.spread[i] == pytest.approx(spread, rel=1e-4, abs=1e-4 * D * (sigma / alpha) ** 2), what
                assert found.discarded[i] < 1e-4 and found.entropy[i] >= 0 and found.spread[i] >= 0, what


@pytest.mark.parametrize("sigma", [1e-6, 1e-9, 1e-13, 1e-17, 1e-19, 1e-22, 1e-30, 0.0])
def test_few_centres_at_vanishing_noise(sigma, looking_for_few):
    """The nearest point whatever the noise, with a divergence of -d/sigma^2 as far as numbers go."""
    points = cloud("image-like", N, D, np.float32)[0]
    score, level = Empirical(points, reduction=Chunked(64)), NoiseLevel(np.float32(1), np.float32(sigma))
    xs = points[[0, 300, 649]] + np.float32(0.01)
    found = posteriors(score, xs, level)
    np.testing.assert_array_equal(found.leader, [0, 300, 649])
    np.testing.assert_array_equal(found.leader_weight, 1)
    np.testing.assert_allclose(found.mean, points[[0, 300, 649]], rtol=1e-6)
    np.testing.assert_allclose(found.displacement, np.float64(points[[0, 300, 649]]) - xs, rtol=1e-5, atol=1e-12)
    if sigma > 1e-17:
        divergence = jax.vmap(lambda x: score.divergence(x, level))(xs)
        np.testing.assert_allclose(divergence * np.float32(sigma) ** 2, -D, rtol=1e-4)
