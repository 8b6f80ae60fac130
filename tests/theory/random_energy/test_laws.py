"""The laws of the energies against drawn points: quantiles, the mean Boltzmann factors above one, the geometry."""

import numpy as np
import pytest
from scipy.stats import norm

from diffmem import theory
from diffmem.theory.random_energy import laws

GAUSSIAN, SPHERE = theory.IsotropicGaussian, theory.UniformSphere


@pytest.mark.parametrize("law", [GAUSSIAN(6, variance=2.5), SPHERE(6, radius=0.3), GAUSSIAN(1), SPHERE(2)])
@pytest.mark.parametrize("s", [0.4, 3.0])
def test_energies_of_drawn_points(law, s):
    """Everything in standard deviations of the law, in which a sphere has the radius sqrt(d)."""
    rng, count, scores = np.random.default_rng(0), 200_000, np.array([[-2.5, -1.0, 0.3, 2.0]])
    points, z = rng.normal(size=(count + 1, law.d)), rng.normal(size=law.d)
    along = points[0] @ z / np.linalg.norm(z)
    own = laws.Own(*np.array([[np.linalg.norm(z)], [along], [points[0] @ points[0] - along**2]]))
    if isinstance(law, SPHERE):
        points *= np.sqrt(law.d) / np.linalg.norm(points, axis=1, keepdims=True)
    queries = laws.queries_at(law.own(own), s)
    u = points[0] + np.sqrt(s) * z
    drawn = (((u - points[1:]) ** 2).sum(1) - s * z @ z) / (2 * s)
    coordinates = law.coordinates(queries, scores)
    for gap, score in zip(law.gaps(queries, coordinates)[0], scores[0]):
        expected = norm.cdf(score)
        assert (drawn < gap).mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / count) ** 0.5)
    bulk = law.bulk(queries, coordinates[:, 1:2])
    assert bulk.gap[0] == law.gaps(queries, coordinates)[0, 1]
    for power, found in ((1, bulk.first[0]), (2, bulk.second[0])):
        factors = np.where(drawn > bulk.gap[0], np.exp(-power * drawn), 0)
        assert np.exp(found) == pytest.approx(factors.mean(), abs=4 * factors.std() / count**0.5)


def test_deviation_and_freedom():
    """The standard deviation of a coordinate in data units; the exponent of the probability of a small distance."""
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(50_000, 5))
    directions *= 3 / np.linalg.norm(directions, axis=1, keepdims=True)
    assert SPHERE(5, radius=3.0).deviation() == pytest.approx(directions.std(), rel=0.01)
    assert GAUSSIAN(5, variance=4.0).deviation() == 2
    assert GAUSSIAN(5).freedom() == 5 and SPHERE(5).freedom() == 4


def test_queries_are_the_geometry():
    own = laws.Own(np.array([2.0]), np.array([0.6]), np.array([0.25]))
    z, y = np.array([2.0, 0.0]), np.array([0.6, 0.5])
    queries = laws.queries_at(own, 9.0)
    np.testing.assert_allclose(queries.square, ((y + 3 * z) ** 2).sum())
    np.testing.assert_allclose(queries.own_square + queries.overlap + 9 * queries.noise_square, queries.square)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GAUSSIAN(0), "`d` must be at least 1, but is 0"),
        (lambda: GAUSSIAN(2, variance=0.0), "`variance` must be positive and finite, but is 0"),
        (lambda: SPHERE(1), "`d` must be at least 2, but is 1"),
        (lambda: SPHERE(2, radius=-1.0), "`radius` must be positive and finite, but is -1"),
    ],
)
def test_bad_laws_are_one_sentence(call, message):
    with pytest.raises(ValueError, match=f"^{message}.*$"):
        call()
