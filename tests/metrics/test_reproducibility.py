"""Agreement of two models: cases counted by hand, laws with known cosines, limits."""

import sys

import numpy as np
import pytest

from diffmem import metrics

A = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])
B = np.array([[2.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])


def test_counted_by_hand():
    """Angles of 0, 90, 0 and 180 degrees; the twelve other pairs are written out by rows."""
    found = metrics.reproducibility(A, B, 0.5)
    np.testing.assert_allclose(found.similarity, [1, 0, 1, -1], atol=1e-15)
    assert found.fraction == 0.5 and found.interval == metrics.wilson(2, 4)
    assert found.mean == pytest.approx(0.25)
    half = 0.5**0.5
    others = [1, half, 1, 0, half, 0, half, half, half, -1, -1, -half]
    assert found.shuffled_mean == pytest.approx(sum(others) / 12)
    assert found.shuffled_fraction == pytest.approx(sum(c > 0.5 for c in others) / 12)
    apart = 1 + 5 + 8 + 4
    assert found.relative_error == pytest.approx(apart / ((1 + 4 + 18 + 1 + 4 + 1 + 2 + 1) / 2))


def test_the_threshold_is_strict():
    assert metrics.reproducibility(A[:1], B[:1], 1.0).fraction == 0
    assert metrics.generalization(A[:1], B[:1], 1.0).fraction == 1
    assert metrics.reproducibility(A[:1], B[:1], 0.999).fraction == 1


def test_equal_models_agree_and_opposite_ones_do_not():
    x = np.random.default_rng(0).normal(size=(300, 4, 2))
    same, opposite = metrics.reproducibility(x, x), metrics.reproducibility(x, -x)
    assert (same.fraction, opposite.fraction) == (1, 0)
    assert (same.relative_error, opposite.relative_error) == (0, pytest.approx(4))
    assert (same.mean, opposite.mean) == (pytest.approx(1), pytest.approx(-1))
    assert same.shuffled_mean == pytest.approx(-opposite.shuffled_mean)


def test_independent_samples_of_one_gaussian():
    """In d dimensions a cosine has mean 0 and variance 1/d; the relative error is 2."""
    d, count = 16, 400
    a, b = np.random.default_rng(1).normal(size=(2, count, d))
    found = metrics.reproducibility(a, b, 0.0)
    assert abs(found.mean) < 4 / (d * count) ** 0.5
    assert np.std(found.similarity) == pytest.approx(d**-0.5, rel=0.15)
    assert found.relative_error == pytest.approx(2, rel=0.1)
    # 159,600 pairs; as the samples are shared, their mean scatters like that of d independent numbers over count
    assert abs(found.shuffled_mean) < 5 / (count * d**0.5)
    assert found.shuffled_fraction == pytest.approx(0.5, abs=0.02)


def test_scale_rotation_and_centre_change_nothing():
    rng = np.random.default_rng(2)
    a, b, centre = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), rng.normal(size=3)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    plain = metrics.reproducibility(a, b, 0.3)
    moved = metrics.reproducibility(7 * a @ turn + centre, 7 * b @ turn + centre, 0.3, centre=centre)
    for one, other in zip(plain, moved):
        np.testing.assert_allclose(one, other, atol=1e-12)
    near = metrics.generalization(a, b, 0.3)
    far = metrics.generalization(a @ turn + centre, b @ turn + centre, 0.3, centre=centre)
    np.testing.assert_array_equal(near.index, far.index)
    assert near.fraction == far.fraction


def test_shuffled_pairs_are_all_the_others(monkeypatch):
    """The sums over blocks against the whole matrix."""
    a, b = np.random.default_rng(3).normal(size=(2, 37, 2))
    monkeypatch.setattr(sys.modules["diffmem.metrics.reproducibility"], "BLOCK", 100)
    found = metrics.reproducibility(a, b, 0.7)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    off = (unit[0] @ unit[1].T)[~np.eye(37, dtype=bool)]
    assert found.shuffled_mean == pytest.approx(off.mean())
    assert found.shuffled_fraction == pytest.approx((off > 0.7).mean())


def test_generalization_finds_the_point_of_largest_cosine():
    train = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 5.0]])
    samples = np.array([[2.0, 0.1], [1.0, 8.0], [-1.0, 0.2], [1.0, 1.0]])
    found = metrics.generalization(samples, train, 0.95)
    np.testing.assert_array_equal(found.index, [0, 1, 1, 0])
    np.testing.assert_allclose(found.similarity, [2 / 4.01**0.5, 8 / 65**0.5, 0.2 / 1.04**0.5, 0.5**0.5])
    assert found.fraction == 0.5 and found.interval == metrics.wilson(2, 4)


def test_limits():
    """No direction, one pair, all on the centre, squares beyond the range of floats."""
    alone = metrics.reproducibility(np.ones((1, 2)), np.ones((1, 2)))
    assert alone.fraction == 1 and np.isnan(alone.shuffled_mean) and np.isnan(alone.shuffled_fraction)
    still = metrics.reproducibility(np.ones((2, 3)), np.ones((2, 3)), centre=1.0)
    assert (still.fraction, still.mean, still.relative_error) == (0, 0, 0)
    huge = metrics.reproducibility(1e200 * A, 1e-200 * B, 0.5)
    np.testing.assert_allclose(huge.similarity, [1, 0, 1, -1], atol=1e-15)


@pytest.mark.parametrize(
    ("a", "b", "settings", "message"),
    [
        (A, B[:3], {}, "one sample for each start, but hold 4 and 3"),
        (A, B[:, :1], {}, "one event shape"),
        (A, np.full((4, 2), np.nan), {}, "`b` must be finite"),
        (A, B, {"threshold": 1.5}, r"`threshold` must lie in \[-1, 1\], but is 1.5"),
        (A, B, {"centre": np.zeros(3)}, r"`centre` must have the event shape \(2,\), but has \(3,\)"),
    ],
)
def test_bad_arguments_are_one_sentence(a, b, settings, message):
    with pytest.raises(ValueError, match=message):
        metrics.reproducibility(a, b, **settings)


def test_pairs_on_the_threshold_are_not_above_it():
    """Rows of signs that differ in one of d places have the cosine 1 - 2/d, whatever d and the order of the sum."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(2, 200))
        a = rng.choice([-1.0, 1.0], size=(5, d))
        b = a.copy()
        b[:, 0] *= -1
        found = metrics.reproducibility(a, b, 1 - 2 / d)
        others = (a @ b.T > d - 2 + 0.5) & ~np.eye(5, dtype=bool)
        assert found.fraction == 0 and found.shuffled_fraction == others.sum() / 20
        near = (b @ a.T > d - 2 + 0.5).any(axis=1)
        assert metrics.generalization(b, a, 1 - 2 / d).fraction == np.mean(~near)


def test_the_index_is_the_first_of_equal_points():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(1, 33))
    for n in (5, 9, 17, 33, 201):
        assert not metrics.generalization(rng.normal(size=(3, 33)), np.tile(base, (n, 1))).index.any()
