import numpy as np
import pytest
from sklearn.decomposition import PCA

from diffmem import data
from diffmem.data import Dataset, reduce_dimension

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(("side", "sides"), [(8, (4, 2, 1)), (28, (14, 7, 4, 2, 1))])
def test_pooling_is_the_mean_of_each_block(side, sides):
    events = RNG.normal(size=(3, side, side)).astype(np.float32)
    dataset = Dataset(events, np.arange(3), value_range=(-9.0, 9.0), name="noise")
    for small in sides:
        pooled = reduce_dimension(dataset, small**2)
        block = side // small
        for i, row, column in np.ndindex(3, small, small):
            patch = events[i, row * block : (row + 1) * block, column * block : (column + 1) * block]
            assert pooled.events[i, row, column] == pytest.approx(patch.astype(np.float64).mean(), rel=1e-6, abs=1e-7)
        assert (pooled.event_shape, pooled.value_range) == ((small, small), (-9.0, 9.0))
        assert pooled.name == f"noise, pooled to {small} x {small}"
        assert pooled.labels.tolist() == [0, 1, 2]
        assert pooled.points.dtype == np.float32


def test_pooling_keeps_colours_apart():
    events = RNG.normal(size=(2, 4, 4, 3)).astype(np.float32)
    pooled = reduce_dimension(Dataset(events), 12)
    assert pooled.event_shape == (2, 2, 3)
    np.testing.assert_allclose(pooled.events[:, 1, 0], events[:, 2:, :2].mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_pooling_twice_is_pooling_once():
    digits = data.digits()
    twice = reduce_dimension(reduce_dimension(digits, 16), 4)
    np.testing.assert_array_equal(twice.points, reduce_dimension(digits, 4).points)  # sixteenths and 64ths are exact


@pytest.mark.parametrize("d", [9, 25, 63, 3])
def test_projection_agrees_with_scikit_learn(d):
    digits = data.digits()
    projected = reduce_dimension(digits, d)
    rival = PCA(d, svd_solver="full").fit(digits.points.astype(np.float64))
    expected = rival.transform(digits.points.astype(np.float64))
    varying = rival.explained_variance_ > 1e-9
    signs = np.sign((projected.points * expected).sum(axis=0))
    np.testing.assert_allclose((projected.points * signs)[:, varying], expected[:, varying], atol=2e-5)
    assert (projected.event_shape, projected.name) == ((d,), f"digits, {d} principal components")
    np.testing.assert_array_equal(projected.labels, digits.labels)
    np.testing.assert_allclose(projected.points.mean(axis=0), 0, atol=1e-6)


def test_projection_diagonalises_the_covariance():
    mixing = RNG.normal(size=(10, 10))
    points = (RNG.normal(size=(400, 10)) @ mixing + 5).astype(np.float32)
    projected = reduce_dimension(Dataset(points), 4).points.astype(np.float64)
    spectrum = np.linalg.eigvalsh(np.cov(points.astype(np.float64).T))[::-1]
    np.testing.assert_allclose(np.cov(projected.T), np.diag(spectrum[:4]), atol=1e-5 * spectrum[0])


def test_projection_of_few_points_keeps_their_distances():
    points = RNG.normal(size=(6, 50)).astype(np.float32)
    projected = reduce_dimension(Dataset(points), 5).points
    before, after = (np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (points, projected))
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_signs_do_not_depend_on_the_order_of_the_points():
    points = RNG.normal(size=(40, 7)) * np.arange(1, 8)
    there, back = (reduce_dimension(Dataset(p), 3).points for p in (points, points[::-1]))
    np.testing.assert_allclose(there, back[::-1], atol=1e-5)


@pytest.mark.parametrize("shape", [(20, 8), (20, 2, 8), (20, 3, 4, 4), (20, 8, 8)])
def test_what_cannot_be_pooled_is_projected(shape):
    reduced = reduce_dimension(Dataset(RNG.normal(size=shape)), 5)
    assert "5 principal components" in reduced.name


def test_the_full_dimension_changes_nothing():
    digits = data.digits()
    assert reduce_dimension(digits, 64) is digits


@pytest.mark.parametrize(
    ("n", "d", "said"),
    [
        (9, 65, "`d` must be at most 64, the dimension of noise, but is 65"),
        (9, 0, "`d` must be at least 1, but is 0"),
        (9, 9, "`d` must be below 9, the number of points in noise, to project on principal components, but is 9"),
        (1, 2, "`d` must be below 1"),
    ],
)
def test_bad_dimension(n, d, said):
    with pytest.raises(ValueError, match=said):
        reduce_dimension(Dataset(RNG.normal(size=(n, 64)), name="noise"), d)
