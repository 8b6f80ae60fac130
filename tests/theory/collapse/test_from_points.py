"""Information from points alone: both bounds around the truth, and the limit log N enforced."""

import jax
import numpy as np
import pytest

from diffmem import theory
from diffmem.theory.collapse import from_points
from diffmem.theory.collapse.from_points import contrastive_densities, leave_one_out_densities, pair_gaps

KEY = jax.random.key(0)
VARIANCES = np.array([4.0, 1.0, 1.0, 0.5, 0.2])
POINTS = np.random.default_rng(0).normal(size=(3000, 5)) * np.sqrt(VARIANCES)


def test_densities_against_direct_distances():
    points = np.random.default_rng(1).normal(size=(30, 2)) + 50
    gaps = pair_gaps(points, key=KEY, queries=8)
    for row in range(8):
        own = points[gaps.own[row]]
        z = np.linalg.lstsq(own - points, gaps.projection[row], rcond=None)[0]
        for ratio in (0.05, 0.7, 20.0):
            likelihood = np.exp(-((own + ratio * z - points) ** 2).sum(1) / (2 * ratio**2))
            mine, others = likelihood[gaps.own[row]], np.delete(likelihood, gaps.own[row])
            np.testing.assert_allclose(
                leave_one_out_densities(gaps, ratio)[row], np.log(mine / others.mean()), rtol=1e-8
            )
            exact = np.log(mine / likelihood.mean())
            np.testing.assert_allclose(contrastive_densities(gaps, ratio)[row], exact, rtol=1e-8, atol=1e-12)


def far_groups(far):
    """Forty points, the first two equal, in two groups at +far and -far: sums of short binary fractions, all exact."""
    points = np.round(1024 * np.random.default_rng(3).normal(size=(40, 3))) / 1024
    points[1] = points[0]
    return points + np.repeat([[far], [-far]], 20, axis=0)


@pytest.mark.parametrize("far", [1e4, 1e8, 1e12])
def test_points_of_far_groups_keep_the_digits_of_their_differences(far):
    points, noise_of_all = far_groups(far), pair_gaps(far_groups(0.0), key=KEY)
    gaps = pair_gaps(points, key=KEY)
    direct = ((points[gaps.own][:, None] - points) ** 2).sum(axis=2)
    np.testing.assert_allclose(gaps.square, direct, rtol=1e-12, atol=0)
    together = np.abs(points[gaps.own][:, None] - points).max(axis=2) < far / 2
    np.testing.assert_allclose(gaps.projection[together], noise_of_all.projection[together], rtol=1e-9, atol=1e-12)
    assert (gaps.projection[direct == 0] == 0).all()


def test_differences_by_pieces_are_those_at_once(monkeypatch):
    whole = pair_gaps(far_groups(1e8), key=KEY)
    monkeypatch.setattr(from_points, "ENTRIES", 100)
    for piecewise, at_once in zip(pair_gaps(far_groups(1e8), key=KEY), whole):
        np.testing.assert_array_equal(piecewise, at_once)


def test_the_information_of_far_groups_does_not_depend_on_how_far():
    near, far = (theory.empirical_information_curve(far_groups(o), [0.1, 1.0], key=KEY) for o in (1e3, 1e8))
    np.testing.assert_allclose(far.lower.value, near.lower.value, rtol=1e-6)
    np.testing.assert_allclose(far.upper.value, near.upper.value, rtol=1e-6)


@pytest.mark.slow
def test_the_bounds_hold_the_truth_between_them():
    curve = theory.empirical_information_curve(POINTS, np.geomspace(0.05, 5, 9), key=KEY)
    exact = np.asarray(theory.gaussian_information(curve.ratio**-2, VARIANCES))
    assert (curve.lower.value - 3 * curve.lower.error < exact).all()
    assert (exact < curve.upper.value + 3 * curve.upper.error).all()
    assert (curve.lower.value < np.log(3000)).all()
    np.testing.assert_array_equal(curve.valid, curve.upper.value < np.log(2999))
    assert not curve.valid[0] and curve.valid[-1]
    early = exact < 3
    assert early.any() and (abs(curve.upper.value - exact) < 3 * curve.upper.error)[early].all()


@pytest.mark.slow
def test_collapse_of_gaussian_points():
    found = theory.empirical_collapse_ratio(POINTS, 40, key=KEY)
    assert abs(found.value - theory.collapse_ratio(40, VARIANCES)) < 3 * found.error
    assert found == theory.empirical_collapse_ratio(POINTS, 40, key=KEY)
    at_it = theory.empirical_information(POINTS, found.value, key=KEY)
    assert at_it.value == pytest.approx(np.log(40), abs=1e-4)


@pytest.mark.parametrize("d, n, answered", [(4, 60, 5), (4, 400, 1), (9, 400, 5), (40, 400, 5)])
def test_the_bias_of_few_others_is_taken_out(d, n, answered):
    """600 Gaussian points: at n = 400 leave-one-out alone is 22 %, 11 % and 5 % high in 4, 9 and 40 dimensions."""
    exact, found = theory.collapse_ratio(n, np.ones(d)), []
    for seed in range(5):
        points = np.random.default_rng([seed, d]).normal(size=(600, d))
        try:
            found.append(theory.empirical_collapse_ratio(points, n, key=jax.random.key(seed)))
        except ValueError as refusal:
            assert "enough for `n`" in str(refusal) or "well below the number of points" in str(refusal)
    assert len(found) >= answered
    value, error = np.array(found).T
    assert (abs(value - exact) < 2 * error).all()
    assert (error < {4: 0.5, 9: 0.2, 40: 0.06}[d] * exact).all()


def test_too_few_points_for_n_are_refused():
    points = np.random.default_rng(2).normal(size=(200, 1))
    with pytest.raises(ValueError, match=r"`points` must be mostly distinct and enough for `n`|`n` must be well below"):
        theory.empirical_collapse_ratio(points, 190, key=KEY)
    with pytest.raises(ValueError, match="`points` must be at least 16, but are 12"):
        theory.empirical_collapse_ratio(points[:12], 5, key=KEY)


def test_the_limit_is_enforced():
    with pytest.raises(ValueError, match=r"must be below log\(N - 1\)"):
        theory.empirical_information(POINTS, 0.01, key=KEY)
    for n in (1, 2999, 5000):
        with pytest.raises(
            ValueError, match=f"`n` must be above 1 and below the number of other points, 2999, but is {n}"
        ):
            theory.empirical_collapse_ratio(POINTS, n, key=KEY)


def test_repeated_points_carry_less_information():
    twice = np.concatenate([POINTS[:300], POINTS[:300]])
    # with every point there twice, one of 599 others is a copy: i <= log 599 however small the noise
    gaps = pair_gaps(twice, key=KEY, queries=600)
    np.testing.assert_allclose(leave_one_out_densities(gaps, 1e-3), np.log(599), atol=1e-3)
    with pytest.raises(ValueError, match="`points` must be mostly distinct"):
        theory.empirical_collapse_ratio(np.ones((50, 3)), 10, key=KEY)


@pytest.mark.parametrize("points", [np.ones((1, 3)), np.array([[0.0], [np.nan]])])
def test_bad_points(points):
    with pytest.raises(ValueError, match="`points`"):
        theory.empirical_information(points, 1.0, key=KEY)


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.nan, np.inf])
def test_bad_ratio(ratio):
    with pytest.raises(ValueError, match="`ratio` must be positive and finite"):
        theory.empirical_information(POINTS, ratio, key=KEY)


def test_one_ratio_is_a_list_of_one():
    points, key = np.random.default_rng(0).normal(size=(40, 3)), jax.random.key(0)
    labels = np.arange(40) % 2
    for measured in (
        lambda ratios: theory.subset_own_weight(points, 40, ratios, key=key, queries=20),
        lambda ratios: theory.empirical_information_curve(points, ratios, key=key, queries=20).lower,
        lambda ratios: theory.empirical_clone_probability(points, labels, ratios, key=key, queries=20),
    ):
        np.testing.assert_array_equal(measured(0.3).value, measured(np.array([0.3])).value)
        with pytest.raises(ValueError, match="`ratio` must be numbers in one dimension"):
            measured(np.ones((2, 2)))
