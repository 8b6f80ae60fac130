"""What the constructors of densities refuse, each in one sentence."""

import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked
from diffmem.scores import (
    Empirical,
    Gaussian,
    GaussianMixture,
    LowRankMixture,
)

LEVEL = NoiseLevel(0.8, 0.6)
EYE = np.eye(2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Empirical(np.zeros(3)), "`points` must have shape (n, *shape) with n >= 1 and a shape, but has shape (3,)."),
        (lambda: Empirical(np.zeros((0, 3))), "but has shape (0, 3)."),
        (lambda: Empirical(np.array([[np.nan, 0]])), "`points` must be finite, but holds NaN or infinite values."),
        (lambda: Empirical(EYE, np.ones(3)), "`weights` must have shape (2,), one for each centre, but has shape (3,)."),
        (lambda: Empirical(EYE, np.array([1.0, -1.0])), "`weights` must be at least 0, but holds -1.0."),
        (lambda: Empirical(EYE, np.zeros(2)), "`weights` must not all be 0."),
        (lambda: Empirical(EYE, np.array([1.0, np.inf])), "`weights` must be finite"),
        (lambda: Empirical(EYE, reduction=Chunked(0)), "`size` must be at least 1, but is 0."),
        (lambda: Empirical(EYE).weights(np.zeros(2), LEVEL, 3), "`k` must be between 1 and 2, the number of points, but is 3."),
        (lambda: Gaussian(np.zeros(2), -1.0), "`covariances` must be at least 0"),
        (lambda: Gaussian(np.zeros(2), np.ones(3)), "`covariances` must have shape"),
        (lambda: Gaussian(np.zeros(2), np.array([[1.0, 2.0], [0.0, 1.0]])), "`covariances` must be symmetric."),
        (lambda: Gaussian(np.array([np.nan, 0]), 1.0), "`mean` must be finite"),
        (lambda: GaussianMixture(np.ones(2), EYE, np.ones(3)), "`covariances` must have shape (2,), (2, 2) or (2, 2, 2)"),
        (lambda: GaussianMixture(np.ones(3), EYE, np.ones(2)), "`weights` must have shape (2,)"),
        (lambda: GaussianMixture.fit(EYE, 3), "`components` must be between 1 and 2, the number of points, but is 3."),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 3)), np.ones((2, 3))), "`factors` must have shape (2, 2, r)"),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 1)), np.ones((2, 2))), "`variances` must have shape (2, 1)"),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 1)), -np.ones((2, 1))), "`variances` must be at least 0"),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 1)), np.ones((2, 1)), -1.0), "`floor` must be at least 0"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as error:
        make()
    assert sentence in str(error.value)
