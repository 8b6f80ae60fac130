"""Distances between samples against SciPy in one dimension, Gaussian closed forms, and their own sampling error."""

import jax
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import hyp1f1

from diffmem.metrics import energy_distance, sliced_wasserstein

KEY = jax.random.key(0)


def draws(seed, n, d, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 31), (7, 90)])
def test_sliced_wasserstein_in_one_dimension_is_scipys(n, m):
    a, b = draws(0, n, 1), draws(1, m, 1, 0.3)
    found = sliced_wasserstein(a, b, key=KEY, p=1, projections=3)
    assert found.value == pytest.approx(stats.wasserstein_distance(a[:, 0], b[:, 0]), rel=1e-12)


def test_transport_of_unequal_sizes_for_any_power():
    """Repeating the points until the sizes agree changes no law, and makes the coupling a sort."""
    a, b = draws(0, 6, 1), draws(1, 10, 1, 0.5)
    for p in (1, 2, 3.5):
        long_a, long_b = np.sort(np.repeat(a, 5)), np.sort(np.repeat(b, 3))
        expected = (np.abs(long_a - long_b) ** p).mean() ** (1 / p)
        found = sliced_wasserstein(a, b, key=KEY, p=p, projections=2)
        assert found.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("p", [2, 32])
@pytest.mark.parametrize(
    ("offset", "scale"), [(1.0, 1e-9), (1.0, 1e-11), (-1e6, 1e-6), (0.0, 1e-200), (0.0, 1e200), (0.0, 2e307)]
)
def test_no_power_is_lost_however_small_the_points_beside_their_offset(offset, scale, p):
    a, b = offset + scale * draws(0, 50, 1), offset + scale * draws(1, 50, 1, 3.0)
    gaps = np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)) / scale
    found = sliced_wasserstein(a, b, key=KEY, p=p, projections=2)
    assert found.value / scale == pytest.approx((gaps**p).mean() ** (1 / p), rel=1e-4)
    assert 0 < found.error < found.value


def test_a_small_difference_between_wide_laws_keeps_its_power():
    a = np.round(1024 * draws(0, 50, 1)) / 1024
    found = sliced_wasserstein(a, a + 2.0**-37, key=KEY, p=32, projections=3)
    assert found.value == pytest.approx(2.0**-37, rel=1e-4)


def test_sliced_wasserstein_of_shifted_points():
    """For b = a + m every direction gives |theta.m|, whose mean square is |m|^2/d."""
    a, m = draws(2, 50, 5), np.array([1.0, -2.0, 0.0, 0.5, 3.0])
    found = sliced_wasserstein(a, a + m, key=KEY, projections=4000)
    exact = np.linalg.norm(m) / np.sqrt(5)
    # only the directions are random here, and E (theta.m)^4 = 3 |m|^4 / (d (d + 2))
    spread = np.sqrt(3 / 35 - 1 / 25) * 14.25 / np.sqrt(4000)
    assert abs(found.value - exact) < 3 * spread / (2 * exact)


def test_sliced_wasserstein_of_gaussians():
    a, b = draws(3, 1500, 4), draws(4, 2000, 4, 1.0)
    found = sliced_wasserstein(a, b, key=KEY, projections=150)
    assert abs(found.value - 1.0) < 3 * found.error
    assert found.error < 0.1


@pytest.mark.parametrize(("n", "m"), [(50, 50), (33, 80)])
def test_energy_distance_in_one_dimension_is_scipys_without_its_bias(n, m):
    a, b = draws(5, n, 1), draws(6, m, 1, 0.5)
    within_a, within_b = cdist(a, a).sum() / n**2, cdist(b, b).sum() / m**2
    biased = stats.energy_distance(a[:, 0], b[:, 0]) ** 2
    expected = biased - within_a / (n - 1) - within_b / (m - 1)
    assert energy_distance(a, b, key=KEY).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("d", [1, 3, 20])
def test_energy_distance_of_gaussians(d):
    """E|X - Y| for N(0, I) and N(m, I): sqrt 2 times the mean of a noncentral chi variable."""
    shift = np.full(d, 0.8)

    def mean_norm(square):
        return np.sqrt(2) * stats.chi(d).mean() * hyp1f1(-0.5, d / 2, -square / 4)

    exact = 2 * (mean_norm(shift @ shift) - mean_norm(0.0))
    found = energy_distance(draws(7, 1500, d), draws(8, 1100, d, shift), key=KEY)
    assert abs(found.value - exact) < 3 * found.error
    assert found.error < 0.2 * exact  # small enough for the line above to say something


def test_energy_distance_by_blocks_is_the_plain_sum():
    a, b = draws(9, 700, 6), draws(10, 900, 6, 0.1)
    plain = 2 * cdist(a, b).mean() - cdist(a, a).sum() / (700 * 699) - cdist(b, b).sum() / (900 * 899)
    assert energy_distance(a, b, key=KEY).value == pytest.approx(plain, rel=1e-8)


@pytest.mark.parametrize("distance", [sliced_wasserstein, energy_distance])
def test_errors_are_the_spread_of_repeated_experiments(distance):
    options = {"projections": 40} if distance is sliced_wasserstein else {}
    pairs = [(draws(100 + i, 60, 2), draws(900 + i, 90, 2, 0.7)) for i in range(80)]
    found = [distance(a, b, key=jax.random.fold_in(KEY, i), **options) for i, (a, b) in enumerate(pairs)]
    spread = np.std([f.value for f in found])
    # the spread of 80 values is known to 8 %, and each error to 16 %: .75 to 1.3 is three standard deviations
    assert 0.75 < np.sqrt(np.mean([f.error**2 for f in found])) / spread < 1.3


def test_the_energy_distance_of_equal_laws_is_zero_on_average():
    pairs = [(draws(2000 + i, 30, 2), draws(3000 + i, 50, 2)) for i in range(100)]
    values = np.array([energy_distance(a, b, key=KEY).value for a, b in pairs])
    assert abs(values.mean()) < 3.5 * values.std(ddof=1) / 10
    assert values.min() < 0 < values.max()


def test_the_order_of_the_points_and_of_the_arguments_does_not_matter():
    a, b = draws(11, 30, 3), draws(12, 45, 3, 0.4)
    for distance in (sliced_wasserstein, energy_distance):
        values = [distance(x, y, key=KEY).value for x, y in ((a, b), (b, a), (a[::-1], b[::-1]))]
        np.testing.assert_allclose(values, values[0], rtol=1e-10)


def test_a_sample_is_at_distance_zero_of_itself():
    a = draws(13, 40, 3)
    found = sliced_wasserstein(a, a, key=KEY)
    assert found.value == 0 and np.isfinite(found.error)


def test_event_shapes_and_float32():
    a, b = draws(14, 20, 6).astype(np.float32), draws(15, 25, 6, 1.0).astype(np.float32)
    for distance in (sliced_wasserstein, energy_distance):
        flat = distance(a, b, key=KEY)
        assert distance(jax.numpy.asarray(a.reshape(20, 2, 3)), b.reshape(25, 2, 3), key=KEY) == flat


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((3, 2)), np.zeros((9, 2)), "at least 4 points each, but hold 3 and 9."),
        (np.zeros((9, 3)), np.zeros((9, 2)), "one event shape"),
        (np.full((9, 2), np.nan), np.zeros((9, 2)), "`a` must be finite"),
    ],
)
def test_bad_input_is_one_sentence(a, b, message):
    for distance in (sliced_wasserstein, energy_distance):
        with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
            distance(a, b, key=KEY)
        assert message in str(error.value)


def test_bad_orders_of_the_sliced_distance():
    with pytest.raises(ValueError, match=r"`p` must be between 1 and 32, but is 0[.]5"):
        sliced_wasserstein(np.zeros((9, 2)), np.ones((9, 2)), key=KEY, p=0.5)
    with pytest.raises(ValueError, match="`projections` must be at least 1, but is 0"):
        sliced_wasserstein(np.zeros((9, 2)), np.ones((9, 2)), key=KEY, projections=0)
