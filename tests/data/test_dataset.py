import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from diffmem.data import Dataset

CUBE = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


def test_events_are_flattened_and_come_back():
    dataset = Dataset(CUBE, np.arange(4), name="cube")
    assert (dataset.n, dataset.d, dataset.event_shape, dataset.value_range) == (4, 6, (3, 2), (0.0, 23.0))
    np.testing.assert_array_equal(dataset.points, CUBE.reshape(4, 6))
    np.testing.assert_array_equal(dataset.events, CUBE)
    assert dataset.labels.tolist() == [0, 1, 2, 3]


def test_event_shape_of_flat_points():
    assert Dataset(CUBE.reshape(4, 6), event_shape=(2, 3)).events.shape == (4, 2, 3)
    with pytest.raises(ValueError, match=r"`event_shape` must hold 6 entries, as one point does, but is \(4, 4\)"):
        Dataset(CUBE, event_shape=(4, 4))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.float16, np.float32, jnp.bfloat16, ">f4"])
def test_narrow_numbers_become_float32_unscaled(dtype):
    points = np.array([[0, 1], [1, 1]]).astype(dtype)
    dataset = Dataset(points)
    assert dataset.points.dtype == np.float32
    np.testing.assert_array_equal(dataset.points, [[0, 1], [1, 1]])


def test_double_precision_follows_jax():
    points = np.array([[1 / 3, 2 / 3]])
    for enabled in (True, False):
        with jax.enable_x64(enabled):
            assert Dataset(points).points.dtype == jnp.asarray(points).dtype == (np.float64 if enabled else np.float32)


def test_jax_arrays_are_points():
    np.testing.assert_array_equal(Dataset(jnp.asarray(CUBE)).points, CUBE.reshape(4, 6))


def test_points_are_read_only_and_the_callers_array_is_not():
    mine = CUBE.reshape(4, 6).copy()
    dataset = Dataset(mine)
    with pytest.raises(ValueError, match="read-only"):
        dataset.points[0, 0] = 7
    mine[0, 0] = 1
    assert mine.flags.writeable


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (np.zeros(3), r"must have shape \(n, d\) or \(n, \*event\) and hold at least one, but have \(3,\)"),
        (np.zeros(()), r"but have \(\)"),
        (np.zeros((0, 3)), r"but have \(0, 3\)"),
        (np.zeros((3, 0)), r"but have \(3, 0\)"),
        (np.zeros((2, 2), complex), "must hold real numbers, but is an array of dtype complex128"),
        (np.array([[0.0, 1.0], [np.nan, 0.0]]), "must be finite in float.., but point 1 has NaN"),
        (np.array([[0.0, -np.inf], [0.0, 0.0]]), "point 0 has NaN, infinite or too large entries"),
    ],
)
def test_bad_points(points, said):
    with pytest.raises(ValueError, match=said):
        Dataset(points)


def test_numbers_beyond_single_precision_are_not_turned_into_infinity():
    with jax.enable_x64(False), pytest.raises(ValueError, match="finite in float32, but point 0"):
        Dataset(np.array([[1e300]]))


@pytest.mark.parametrize("labels", [np.arange(3), np.zeros((4, 1), int), np.zeros(4)])
def test_bad_labels(labels):
    with pytest.raises(ValueError, match="`labels` must be 4 integers, one for each point"):
        Dataset(CUBE, labels)


def test_fingerprint_sees_points_shape_and_type_only():
    whole = Dataset(CUBE)
    assert len(whole.fingerprint) == 16
    assert int(whole.fingerprint, 16) >= 0
    assert Dataset(CUBE.copy(order="F"), np.arange(4), name="other").fingerprint == whole.fingerprint
    assert Dataset(CUBE.astype(">f4")).fingerprint == whole.fingerprint
    different = CUBE.copy()
    different[3, 2, 1] += 1e-5
    others = [Dataset(different), Dataset(CUBE.reshape(8, 3)), Dataset(CUBE[::-1])]
    assert len({whole.fingerprint, *(other.fingerprint for other in others)}) == 4


@pytest.mark.parametrize(
    "index", [slice(1, 3), np.array([1, 2]), np.array([False, True, True, False]), jnp.array([-3, -2])]
)
def test_subset(index):
    part = Dataset(CUBE, np.arange(4), name="cube").subset(index)
    np.testing.assert_array_equal(part.events, CUBE[1:3])
    assert part.labels.tolist() == [1, 2]
    assert (part.value_range, part.name) == ((0.0, 23.0), "cube")


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (slice(0, 5), "`n` must be at most 4, the number of points in cube, but is 5"),
        (slice(2, 2), "must select at least one of the 4 points in cube, but selects none"),
        (np.zeros(0, int), "must select at least one"),
        (np.zeros(4, bool), "must select at least one"),
        (np.array([0, 4]), "must lie between -4 and 3, but runs from 0 to 4"),
        (np.array([-5]), "must lie between -4 and 3, but runs from -5 to -5"),
        (np.ones(3, bool), r"mask `index` must have shape \(4,\), but has \(3,\)"),
    ],
)
def test_bad_subset(index, said):
    with pytest.raises(ValueError, match=said):
        Dataset(CUBE, name="cube").subset(index)


def test_take_draws_without_replacement_and_nests():
    dataset = Dataset(np.arange(200.0).reshape(100, 2), np.arange(100))
    some, more, all_ = (dataset.take(n, key=jr.key(3)) for n in (20, 50, 100))
    np.testing.assert_array_equal(more.points[:20], some.points)
    assert sorted(all_.labels.tolist()) == list(range(100))
    np.testing.assert_array_equal(dataset.points[some.labels], some.points)
    assert dataset.take(20, key=jr.key(4)).labels.tolist() != some.labels.tolist()


def test_take_is_uniform():
    dataset = Dataset(np.arange(10.0)[:, None], np.arange(10))
    counts = np.bincount(np.concatenate([dataset.take(3, key=jr.key(s)).labels for s in range(300)]), minlength=10)
    # each point is in a draw with probability .3: counts are 90 with standard deviation sqrt(300 * .21) = 7.9
    assert np.abs(counts - 90).max() < 4 * 7.9


@pytest.mark.parametrize(
    ("n", "said"), [(5, "at most 4, the number of points in cube, but is 5"), (0, "at least 1"), (-1, "at least 1")]
)
def test_bad_take(n, said):
    with pytest.raises(ValueError, match=f"`n` must be {said}"):
        Dataset(CUBE, name="cube").take(n, key=jr.key(0))


def test_labels_beyond_32_bits_and_shapes_below_one_are_refused():
    points = np.zeros((3, 4))
    with pytest.raises(ValueError, match="`labels` must lie within 32 bits, but run from 1 to 1099511627776"):
        Dataset(points, labels=np.array([1, 2, 2**40]))
    with pytest.raises(ValueError, match="`event_shape` must be at least 1, but is -2"):
        Dataset(points, event_shape=(-2, -2))
