"""Nearest neighbours against rational arithmetic, direct differences, and the cases where expanded squares fail."""

import tracemalloc
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from diffmem.metrics import nearest
from diffmem.metrics.neighbours import accelerated, screening
from diffmem.metrics.neighbours.nearest import BLOCK, expanded_squares, expansion_error


def exact_order(samples, train, k):
    """Indices of the k nearest by rational arithmetic on the stored binary values, ties by index."""
    rows = [[Fraction(float(v)) for v in row] for row in train]
    order = []
    for sample in samples:
        x = [Fraction(float(v)) for v in sample]
        squares = [sum((a - b) ** 2 for a, b in zip(x, row)) for row in rows]
        order.append(sorted(range(len(rows)), key=lambda i: (squares[i], i))[:k])
    return np.array(order)


@pytest.mark.parametrize("d", [1, 2, 7, 300])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_agrees_with_direct_differences_across_blocks(d, k):
    rng = np.random.default_rng(d)
    samples, train = rng.normal(size=(BLOCK + 7, d)), rng.normal(size=(2 * BLOCK + 30, d))
    found, distance = nearest(samples, train, k), cdist(samples, train)
    np.testing.assert_array_equal(found.index, np.argsort(distance, axis=1, kind="stable")[:, :k])
    np.testing.assert_allclose(found.distance, np.sort(distance, axis=1)[:, :k], rtol=1e-13)
    assert found.distance.shape == found.index.shape == (len(samples), k)


@pytest.mark.parametrize("shift", [0.0, 1000.0])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_float32_order_is_that_of_exact_arithmetic(shift, scale):
    rng = np.random.default_rng(0)
    train = ((rng.normal(size=(60, 5)) * 0.01 + shift) * scale).astype(np.float32)
    samples = train[:20] + (rng.normal(size=(20, 5)) * 0.01 * scale).astype(np.float32)
    np.testing.assert_array_equal(nearest(samples, train, 5).index, exact_order(samples, train, 5))


def test_two_points_a_64th_apart_at_1024():
    """A float32 matrix product returns 0 and 0 (pytorch#42479, scikit-learn#9354)."""
    train = np.array([[1024.0], [1024 + 1 / 64]], np.float32)
    found = nearest(np.array([[1024 + 1 / 256]], np.float32), train, 2)
    np.testing.assert_array_equal(found.index, [[0, 1]])
    np.testing.assert_array_equal(found.distance**2, [[2**-16, 9 * 2**-16]])


@pytest.mark.parametrize("repeats", [1, 32, 64])
def test_answer_does_not_depend_on_the_number_of_rows(repeats):
    """The same pair, whatever the rows passed with it (pytorch#37734, faiss#563)."""
    train = np.array([[1024.0], [1024 + 1 / 64]], np.float32)
    samples = np.full((repeats, 1), 1024 + 1 / 256, np.float32)
    found = nearest(samples, np.tile(train, (repeats, 1)), 1)
    np.testing.assert_array_equal(found.distance, np.full((repeats, 1), 2**-8))
    np.testing.assert_array_equal(found.index, 0)


def test_squared_distances_are_never_negative():
    """Shifted data, a query a hundredth from its point in each of 16 coordinates (faiss#297, faiss#1266)."""
    rng = np.random.default_rng(3)
    train = (100 + 0.1 * rng.normal(size=(500, 16))).astype(np.float32)
    query = train[:1] + np.float32(0.01)
    found = nearest(query, train)
    assert found.index[0, 0] == 0
    np.testing.assert_allclose(found.distance[0, 0] ** 2, 16 * 0.01**2, rtol=2e-3)  # float32 spacing at 100 is 7.6e-6
    np.testing.assert_allclose(found.distance[0, 0], np.linalg.norm(np.float64(query[0]) - train[0]), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_point_is_at_distance_zero_of_itself(dtype):
    train = (1000 + np.random.default_rng(1).normal(size=(300, 48))).astype(dtype)
    found = nearest(train, train, 2)
    np.testing.assert_array_equal(found.distance[:, 0], 0)
    np.testing.assert_array_equal(found.index[:, 0], np.arange(300))
    assert (found.distance[:, 1] > 0).all()


def test_ties_go_to_the_lowest_index_also_across_blocks():
    rng = np.random.default_rng(2)
    point, far = rng.normal(size=(1, 33)), 5 + rng.normal(size=(BLOCK, 33))
    train = np.concatenate([far, np.tile(point, (5, 1)), far, np.tile(point, (3, 1))])
    found = nearest(point + 0.1, train, 8)
    copies = [*range(BLOCK, BLOCK + 5), *range(2 * BLOCK + 5, 2 * BLOCK + 8)]
    np.testing.assert_array_equal(found.index, [copies])
    assert np.ptp(found.distance) == 0


def test_the_screen_keeps_its_bound():
    rng = np.random.default_rng(4)
    a = rng.normal(size=(40, 500)) + 30
    b = a + 1e-6 * rng.normal(size=a.shape)
    error = np.abs(expanded_squares(a, b) - cdist(a, b) ** 2)
    assert error.max() > 1e-11  # the case is one where the screen alone is wrong in its leading digits
    assert (error <= expansion_error(a, b)[:, None]).all()


@pytest.fixture(params=[0, 2**62], ids=["XLA", "NumPy"])
def product(request, monkeypatch):
    """Both ways to compute the screen, at any size."""
    monkeypatch.setattr(screening, "COMPILED", request.param)


def direct(samples, train, k):
    """Sorted distances and their indices by float64 differences of every pair, ties by index."""
    x, y = np.asarray(samples, np.float64), np.asarray(train, np.float64)
    squares = np.stack([np.square(row - y).sum(axis=1) for row in x])
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return np.sqrt(np.take_along_axis(squares, order, axis=1)), order


def cloud(count, d=17, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=(count, d)).astype(dtype)


def near_copies(scale, dtype=np.float32):
    """3000 points around one of 4 and queries among them, in an order that mixes them."""
    train = cloud(4, seed=5)[np.arange(3000) % 4] + scale * cloud(3000)
    return (train[:40] + scale * cloud(40, seed=1)).astype(dtype), train.astype(dtype)


HARD = {
    "Gaussian": lambda: (cloud(1100), cloud(2200)),
    "float64": lambda: (cloud(50, dtype=np.float64), cloud(2200, dtype=np.float64)),
    "mixed dtypes": lambda: (cloud(50, dtype=np.float64), cloud(2200)),
    "queries are training points": lambda: (cloud(2200)[::40], cloud(2200)),
    "one-dimensional": lambda: (cloud(50, 1), cloud(2200, 1)),
    "copies to a thousandth": lambda: near_copies(1e-3),
    "copies to the last places": lambda: near_copies(1e-7),
    "copies below float32": lambda: near_copies(1e-9, np.float64),
    "copies below float64 products": lambda: near_copies(1e-14, np.float64),
    "four points": lambda: near_copies(0.0),
    "all equal": lambda: (np.full((30, 17), 0.1, np.float32), np.full((2200, 17), 0.1, np.float32)),
    "all zero": lambda: (np.zeros((30, 17), np.float32), np.zeros((2200, 17), np.float32)),
    "shifted by 1e3": lambda: (cloud(50) + np.float32(1e3), cloud(2200) + np.float32(1e3)),
    "shifted by 1e6": lambda: (cloud(50) + np.float32(1e6), cloud(2200) + np.float32(1e6)),
    "shifted by 1e6 in float64": lambda: (
        1e-3 * cloud(50, dtype=np.float64) + 1e6,
        1e-3 * cloud(2200).astype(float) + 1e6,
    ),
    "far queries": lambda: (100 * cloud(50), cloud(2200)),
    "an outlier": lambda: (cloud(50), np.concatenate([cloud(2200), np.full((1, 17), 1e12, np.float32)])),
    "tiny": lambda: (cloud(50) * np.float32(1e-20), cloud(2200) * np.float32(1e-20)),
    "subnormal": lambda: (cloud(50) * np.float32(1e-42), cloud(2200) * np.float32(1e-42)),
    "tiny beside large": lambda: (
        cloud(50) * np.float32([1e-22] * 16 + [0]),
        cloud(2200) * np.float32([1e-22] * 16 + [1]),
    ),
    "huge": lambda: (cloud(50) * np.float32(1e20), cloud(2200) * np.float32(1e20)),
    "largest float32": lambda: (np.sign(cloud(20)) * np.float32(3e38), np.sign(cloud(2200)) * np.float32(3e38)),
    "tiny in float64": lambda: (1e-120 * cloud(50, dtype=np.float64), 1e-120 * cloud(2200, dtype=np.float64)),
    "huge in float64": lambda: (1e120 * cloud(50, dtype=np.float64), 1e120 * cloud(2200, dtype=np.float64)),
    "pixels": lambda: tuple(
        np.random.default_rng(i).integers(256, size=(n, 17), dtype=np.uint8) for i, n in ((0, 50), (1, 2200))
    ),
    "binary pixels": lambda: tuple(
        np.random.default_rng(i).integers(2, size=(n, 9), dtype=np.int64) for i, n in ((0, 50), (1, 2200))
    ),
    "large integers": lambda: tuple(
        2**40 + np.random.default_rng(i).integers(99, size=(n, 3)) for i, n in ((0, 50), (1, 2200))
    ),
    "half precision": lambda: (cloud(50, dtype=np.float16), cloud(2200, dtype=np.float16)),
    "bfloat16": lambda: (cloud(50, dtype=jnp.bfloat16), cloud(2200, dtype=jnp.bfloat16)),
    "one point": lambda: (cloud(50), cloud(1, seed=1)),
}


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("k", [1, 2, 100])
def test_hard_cases_are_those_of_direct_differences(case, k, product):
    samples, train = HARD[case]()
    k = min(k, len(train))
    distance, index = direct(samples, train, k)
    found = nearest(samples, train, k)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_array_equal(found.distance, distance)


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_squares_that_overflow_float64(product):
    """The distances are finite, and those of extended precision."""
    samples, train = near_copies(1e-12, np.float64)
    found = nearest(1e200 * samples, 1e200 * -train, 2)
    away = (1e200 * samples).astype(np.longdouble)[:, None] + 1e200 * train
    expected = np.sort(np.sqrt(np.square(away).sum(axis=2)), axis=1)[:, :2]
    np.testing.assert_allclose(found.distance, expected.astype(float), rtol=1e-14)
    assert found.index.max() < len(train)


@pytest.mark.parametrize("d", [1, 5, 300])
def test_all_points_in_order(d, product):
    samples, train = cloud(7, d, seed=1), cloud(2200, d)
    np.testing.assert_array_equal(nearest(samples, train, 2200).index, direct(samples, train, 2200)[1])


@pytest.mark.slow
def test_high_dimension_beyond_one_block(product):
    """Blocks of 64 by 128 points from 65,536 coordinates on."""
    samples, train, edge = cloud(66, 70_000, seed=1), cloud(130, 70_000), [0, 63, 64, 65]
    np.testing.assert_array_equal(nearest(samples, train, 2).index[edge], direct(samples[edge], train, 2)[1])


@pytest.mark.parametrize("shift", [0.0, 3.0, 1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_single_precision_screen_keeps_its_bound(shift, dtype, product):
    samples, train = cloud(40, 500, dtype, 1) + dtype(shift), cloud(300, 500, dtype) * dtype(3) + dtype(shift)
    within = screening.frame(samples, train)
    a, b = within.place(samples), within.place(train)
    exact = (cdist(samples.astype(float), train.astype(float)) ** 2 - (cdist(samples, [within.centre]) ** 2)) / 2
    error = np.abs(np.asarray(within.screened(a, b)) - exact)
    assert error.max() > 1e-6  # single precision indeed
    assert (error <= screening.screening_error(a, b)[:, None]).all()


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0])
def test_memory_does_not_grow_with_the_training_set(scale):
    """Blocks only, also where every point is a candidate: no copy of the points, no matrix of all pairs."""
    peaks = []
    for n in (6_000, 24_000):
        samples, train = np.ones((64, 128), np.float32), 1 + np.float32(scale) * cloud(n, 128)
        tracemalloc.start()
        nearest(samples, train, 2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_event_shapes_and_kinds_of_array():
    rng = np.random.default_rng(5)
    samples, train = rng.normal(size=(6, 4, 3)).astype(np.float32), rng.normal(size=(9, 4, 3)).astype(np.float32)
    flat = nearest(samples.reshape(6, 12), train.reshape(9, 12), 2)
    for found in (nearest(samples, train, 2), nearest(jnp.asarray(samples), jnp.asarray(train), 2)):
        np.testing.assert_array_equal(found.index, flat.index)
        np.testing.assert_array_equal(found.distance, flat.distance)
    pixels = np.array([[0, 255], [255, 0], [1, 254]], np.uint8)
    np.testing.assert_array_equal(nearest(pixels, pixels, 2).index[:, 0], [0, 1, 2])
    np.testing.assert_allclose(nearest(pixels, pixels, 2).distance[0], [0, 2**0.5])


@pytest.mark.parametrize(
    ("samples", "train", "k", "message"),
    [
        (np.zeros((2, 3)), np.zeros((4, 3)), 5, "`k` must be between 1 and the 4 points of `train`, but is 5."),
        (np.zeros((2, 3)), np.zeros((4, 3)), 0, "`k` must be"),
        (np.zeros((2, 3)), np.zeros((4, 2)), 1, "one event shape"),
        (np.zeros((2, 4)), np.zeros((4, 2, 2)), 1, "one event shape"),
        (np.zeros((0, 3)), np.zeros((4, 3)), 1, "`samples` must have shape"),
        (np.zeros((2, 3)), np.full((4, 3), np.nan), 1, "`train` must be finite, but 12 of its 12 values"),
        (np.array([[np.inf]]), np.zeros((4, 1)), 1, "`samples` must be finite"),
    ],
)
def test_bad_input_is_one_sentence(samples, train, k, message):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        nearest(samples, train, k)
    assert message in str(error.value)


@pytest.mark.parametrize("kind", ["plain", "copies", "offset", "tiny", "bytes"])
def test_the_search_on_a_device_is_the_search_on_the_host(kind):
    """On whatever device the tests run: the same indices where it is settled, distances to 1e-12, copies left to the host."""
    rng = np.random.default_rng(3)
    points, queries = rng.normal(size=(300, 40)).astype(np.float32), rng.normal(size=(50, 40)).astype(np.float32)
    if kind == "copies":
        points[100:] = points[7]
        queries[:5] = points[7]
    if kind == "offset":
        points, queries = points + np.float32(1000), queries + np.float32(1000)
    if kind == "tiny":
        points, queries = points * np.float32(1e-30), queries * np.float32(1e-30)
    if kind == "bytes":
        points, queries = (np.clip(64 * side + 128, 0, 255).astype(np.uint8) for side in (points, queries))
    for k in (1, 3, 12):
        squares, index, settled = accelerated.search(queries, points, k)
        truth = np.sum((queries[:, None].astype(np.float64) - points[None].astype(np.float64)) ** 2, axis=2)
        order = np.argsort(truth, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(index[settled], order[settled])
        np.testing.assert_allclose(squares[settled], np.take_along_axis(truth, order, axis=1)[settled], rtol=1e-12)
        assert settled.mean() > (0.5 if kind == "copies" else 0.95)
    if kind == "copies":
        assert not settled[:5].any()
