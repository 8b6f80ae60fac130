import numpy as np
import pytest
from scipy.stats import binomtest

from diffmem.auditing.shares import excess, share, share_of


@pytest.mark.parametrize(("count", "of"), [(0, 10), (1, 10), (10, 10), (7, 1000), (500, 1000)])
def test_the_interval_is_that_of_an_exact_binomial_test(count, of):
    expected = binomtest(count, of).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose(share_of(count, of).interval, (expected.low, expected.high), rtol=1e-9)


def test_a_share_of_flags():
    found = share(np.array([True, False, False, True]))
    assert (found.count, found.of, found.fraction) == (2, 4, 0.5)


def test_newcombes_example():
    """56 of 70 against 48 of 80, Newcombe 1998, table II, method 10: .0524 to .3339."""
    found = excess(share_of(56, 70), share_of(48, 80))
    np.testing.assert_allclose(found.interval, (0.0524, 0.3339), atol=5e-5)
    assert found.difference == pytest.approx(0.2)


def test_fishers_tea():
    """3 of 4 cups against 1 of 4: 17/70."""
    found = excess(share_of(3, 4), share_of(1, 4))
    assert found.p_value == pytest.approx(17 / 70) and not found.significant
    assert excess(share_of(30, 100), share_of(0, 100)).significant


def test_the_difference_of_equal_shares_covers_zero():
    low, high = excess(share_of(0, 50), share_of(0, 50)).interval
    assert low < 0 < high


def test_impossible_counts():
    for count, of in ((1, 0), (-1, 4), (5, 4)):
        with pytest.raises(ValueError, match=r"`count` must be between 0 and `of` >= 1, but"):
            share_of(count, of)
