"""Areas, rates and their intervals, against pairs counted by hand and repeated draws."""

import numpy as np
import pytest

from diffmem.metrics.detection import auc_interval, roc

RNG = np.random.default_rng(3)


def test_the_area_is_the_share_of_pairs_in_order():
    high, low = RNG.integers(0, 6, 40), RNG.integers(0, 5, 30)
    pairs = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    found = roc(high, low, fpr=0.1)
    assert found.auc == pytest.approx(pairs)
    assert (low > found.threshold).mean() <= 0.1 and found.tpr == (high > found.threshold).mean()
    assert roc(np.ones(3), np.ones(4)).auc == 0.5


def test_with_few_negatives_none_is_flagged():
    found = roc([1.0, 3.0, 5.0], [0.0, 2.0, 4.0])
    assert found.threshold == 4 and found.tpr == pytest.approx(1 / 3)


def test_the_interval_of_an_area_covers_it():
    """Normal scores of distance 1.2 have the area Phi(1.2 / sqrt 2) = .8019; at least 90 of 100 intervals hold it."""
    areas = [roc(RNG.normal(size=25) + 1.2, RNG.normal(size=30)).auc_interval for _ in range(200)]
    assert np.mean([low <= 0.80193 <= high for low, high in areas]) > 0.9
    low, high = auc_interval(1.0, 30, 30)
    assert 0.9 < low < 0.96 and high == 1


@pytest.mark.parametrize("groups, sentence", [(([], [1.0]), "`positives`"), (([1.0], [np.nan]), "`negatives`")])
def test_bad_groups_are_refused(groups, sentence):
    with pytest.raises(ValueError, match=sentence):
        roc(*groups)
    with pytest.raises(ValueError, match="`fpr` must be"):
        roc([1.0], [0.0], fpr=1.0)
