"""The copy criterion on its documented cases, and its interval by inverting the score test."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from diffmem.metrics import memorization, wilson


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_copy_of_a_repeated_point(dtype):
    """Without merging, the second neighbour is the repetition and the ratio 1 (scikit-learn#16512)."""
    found = memorization(np.array([[0.02]], dtype), np.array([[0.0], [0.0], [1.0]], dtype))
    np.testing.assert_allclose(found.ratio, 0.02 / 0.98, rtol=1e-6 if dtype is np.float32 else 1e-14)
    assert found.copied.all() and found.fraction == 1.0
    assert found.index[0] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("x", "train"),
    [(0.0, [0.2, 0.6]), (0.2, [0.0, 0.8]), (0.0, [-0.2, 0.6]), (0.6, [0.4, 0.0]), (1.2, [1.0, 0.6]), (0.7, [0.5, 0.1])],
)
def test_a_third_is_not_less_than_a_third(dtype, x, train):
    """Distances .2 and .6 in every rounding; with squared distances the ratio 1/9 would count (faiss#1709)."""
    found = memorization(np.array([[x]], dtype), np.array(train, dtype)[:, None])
    np.testing.assert_allclose([found.d1[0], found.d2[0]], [0.2, 0.6], rtol=1e-6)
    assert not found.copied[0]
    assert memorization(np.array([[x]], dtype), np.array(train, dtype)[:, None], ratio=0.34).copied[0]


def test_lattice_points_on_the_threshold_are_not_copies():
    a = np.random.default_rng(0).integers(1, 50, size=(200, 6)).astype(float)
    for row in a:
        assert not memorization(np.zeros((1, 6)), np.stack([row, -3 * row])).copied[0]
        assert memorization(np.zeros((1, 6)), np.stack([row, -3.0001 * row])).copied[0]


def test_a_tie_has_ratio_one_and_a_training_point_ratio_zero():
    found = memorization(np.array([0.5, 0.0, 1.0]), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(found.ratio, [1, 0, 0])
    np.testing.assert_array_equal(found.copied, [False, True, True])
    np.testing.assert_array_equal(found.index, [0, 0, 1])
    np.testing.assert_array_equal(found.d2, [0.5, 1, 1])


def test_repetitions_change_nothing_but_the_row_numbers():
    rng = np.random.default_rng(1)
    train, samples = rng.normal(size=(30, 2, 2)), rng.normal(size=(100, 2, 2))
    train[3, 0, 0] = 0.0
    order = rng.permutation(np.repeat(np.arange(30), rng.integers(1, 5, 30)))
    repeated = train[order]
    repeated[(order == 3).nonzero()[0][0], 0, 0] = -0.0  # equal to 0.0, though not bit by bit
    once, many = memorization(samples, train), memorization(samples, repeated)
    first = np.array([(order == i).argmax() for i in range(30)])
    np.testing.assert_array_equal(many.index, first[once.index])
    for field in ("d1", "d2", "ratio", "copied", "fraction", "interval"):
        np.testing.assert_array_equal(getattr(many, field), getattr(once, field))


def test_twins_in_units_of_the_data():
    train, samples = np.array([[0.0], [0.1], [0.25], [1.0]]), np.array([[0.02], [0.6]])
    exact, near, wide = (memorization(samples, train, twins=t) for t in (0, 0.1, 0.25))
    np.testing.assert_allclose(exact.d2, [0.08, 0.4])
    np.testing.assert_allclose(near.d2, [0.23, 0.4])
    np.testing.assert_allclose(wide.d2, [0.98, 0.4])
    assert [found.twins.tolist() for found in (exact, near, wide)] == [[0, 0], [1, 0], [2, 0]]
    assert near.twin_distance.tolist() == [0.1, 0.1]
    assert "1 near a point with twins" in repr(near)


def test_near_twins_of_a_point_change_nothing():
    """czkawka 425: as equal rows, of which they are the limit."""
    rng = np.random.default_rng(3)
    train, samples = rng.normal(size=(50, 20)), rng.normal(size=(80, 20))
    samples[:40] = train[:40] + 0.2 * rng.normal(size=(40, 20))
    once = memorization(samples, train)
    for size in (0.1, 1e-3, 1e-8, 0.0):
        copies = train[None] + size / 20**0.5 * rng.normal(size=(3, 50, 20))
        many = memorization(samples, np.concatenate([train, *copies]))
        np.testing.assert_array_equal(many.copied, once.copied)
        np.testing.assert_allclose(many.d2, once.d2, atol=2 * size)


def test_fraction_counts_planted_copies():
    rng = np.random.default_rng(2)
    train = rng.normal(size=(200, 50))
    copies, fresh = train[:37] + 1e-3 * rng.normal(size=(37, 50)), rng.normal(size=(63, 50))
    found = memorization(np.concatenate([copies, fresh]).astype(np.float32), train.astype(np.float32))
    assert found.fraction == 0.37
    np.testing.assert_array_equal(found.index[:37], np.arange(37))
    np.testing.assert_array_equal(found.copied, np.arange(100) < 37)


@pytest.mark.parametrize(("successes", "trials"), [(1, 10), (37, 100), (999, 1000)])
def test_interval_inverts_the_score_test(successes, trials):
    z = norm.ppf(0.975)
    share = successes / trials

    def excess(p):
        return (share - p) ** 2 * trials - z**2 * p * (1 - p)

    low, high = wilson(successes, trials)
    assert low == pytest.approx(brentq(excess, 0, share, xtol=1e-15), rel=1e-9)
    assert high == pytest.approx(brentq(excess, share, 1, xtol=1e-15), rel=1e-9)


@pytest.mark.parametrize("trials", [1, 7, 1000])
def test_interval_of_none_and_of_all(trials):
    z = norm.ppf(0.975)
    assert wilson(0, trials) == (0, pytest.approx(z**2 / (trials + z**2), rel=1e-12))
    assert wilson(trials, trials) == (pytest.approx(trials / (trials + z**2), rel=1e-12), 1)


@pytest.mark.parametrize(
    ("samples", "train", "ratio", "message"),
    [
        (np.zeros((1, 2)), np.zeros((1, 2)), 0.3, "at least 2 distinct points"),
        (np.zeros((1, 2)), np.ones((9, 2)), 0.3, "at least 2 distinct points, but holds 1 among 9."),
        (np.zeros((1, 2)), np.eye(2), 0.0, "`ratio` must be above 0 and at most 1, but is 0.0."),
        (np.zeros((1, 2)), np.eye(2), 1.5, "`ratio` must be"),
        (np.full((1, 2), np.nan), np.eye(2), 0.3, "`samples` must be finite"),
        (np.zeros((1, 3)), np.eye(2), 0.3, "one event shape"),
    ],
)
def test_bad_input_is_one_sentence(samples, train, ratio, message):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        memorization(samples, train, ratio)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("twins", "message"),
    [
        (-1.0, "`twins` must be a distance of at least 0, but is -1.0."),
        (float("nan"), "`twins` must be"),
        (9.0, "`train` must hold 2 distinct points that are no twins, but holds 1."),
    ],
)
def test_bad_twins(twins, message):
    with pytest.raises(ValueError) as error:
        memorization(np.zeros((1, 2)), np.eye(2), twins=twins)
    assert str(error.value).startswith(message)


def test_a_proportion_needs_trials():
    with pytest.raises(ValueError, match="`trials` >= 1, but they are 0 and 0"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="but they are 3 and 2"):
        wilson(3, 2)


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.int64])
def test_the_interval_of_counts_of_any_integers(kind):
    successes, trials = (100, 200) if kind is np.uint8 else (50_000, 100_000)
    assert wilson(kind(successes), kind(trials)) == wilson(successes, trials)  # pyright: ignore


def test_half_precision_has_its_own_last_places():
    """Distances near d2/3, off by the rounding of half precision: only what is more than 4 of its units below counts."""
    between = 0
    for o in np.arange(20, 200) / 640:
        sample, train = np.float16([[o + 0.104]]), np.float16([[o], [o + 4 * 0.104]])
        found = memorization(sample, train, twins=0.0, compare_ranges=False)
        d1, d2 = np.sort(np.abs(train.astype(float) - sample.astype(float))[:, 0])
        eps = float(np.finfo(np.float16).eps)
        assert found.copied[0] == (d1 / d2 < (1 - 4 * eps) / 3)
        between += (1 - 4 * eps) / 3 <= d1 / d2 < (1 - 1e-5) / 3
    assert between > 10
