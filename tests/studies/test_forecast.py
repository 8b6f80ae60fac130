"""Predictions of collapse on real data from some of the points, and what the study refuses."""

import numpy as np
import pytest

from diffmem import data, studies, theory
from diffmem.data import Dataset

RNG = np.random.default_rng(3)


@pytest.mark.slow
def test_sets_of_gaussian_points():
    """The spectrum is then the law, but for the finite n and d."""
    points = 3 * RNG.normal(size=(800, 16))
    found = studies.forecast(Dataset(points.astype(np.float32)), [100, 600], known=300, queries=300, seed=1)
    np.testing.assert_allclose(found.extrapolated / found.measured, 1, atol=0.08)
    np.testing.assert_allclose(found.spectrum / found.measured, 1, atol=0.12)
    known, n = found.attrs["known"], found.n.values
    assert known == 300 and list(n) == [100, 600]
    assert (found.measured_error > 0).all() and (found.extrapolated_error > 0).all()


def test_what_is_out_of_reach_is_nan():
    points = np.exp(5 * RNG.normal(size=(3000, 1))) * RNG.normal(size=(3000, 2))
    found = studies.forecast(Dataset(points.astype(np.float32)), [30, 3000], known=64, queries=64)
    assert np.isfinite(found.measured).all() and np.isfinite(found.extrapolated[0])
    assert np.isnan(found.extrapolated[1]) and np.isnan(found.extrapolated_error[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 5])
def test_extrapolation_of_digits(seed):
    """Half of the digits: within 4 % and three errors, where the spectrum is 10 to 20 % high at all of them."""
    found = studies.forecast(data.digits(), [100, 300, 800, 1797], seed=seed)
    assert (np.abs(found.extrapolated / found.measured - 1) <= 0.04).all()
    assert (
        np.abs(found.extrapolated - found.measured) < 3 * np.hypot(found.extrapolated_error, found.measured_error)
    ).all()
    assert 0.1 < float((found.spectrum / found.measured - 1)[-1]) < 0.2


@pytest.mark.parametrize(
    "points, n, known, sentence",
    [
        (100, [10], None, "`dataset` must have at least 128 points"),
        (200, [], None, "`n` must be numbers between 3 and 200"),
        (200, [2, 50], None, "`n` must be numbers between 3 and 200"),
        (200, [201], None, "`n` must be numbers between 3 and 200"),
        (200, [50], 63, "`known` must be between 64 and 200, but is 63"),
        (200, [50], 201, "`known` must be between 64 and 200, but is 201"),
    ],
)
def test_bad_input_is_one_sentence(points, n, known, sentence):
    with pytest.raises(ValueError, match=sentence):
        studies.forecast(Dataset(RNG.normal(size=(points, 4)).astype(np.float32)), n, known=known)


def test_the_spectrum_is_that_of_the_known_points():
    points = RNG.normal(size=(400, 3)).astype(np.float32)
    found = studies.forecast(Dataset(points), [50], known=400, queries=50)
    assert float(found.spectrum[0]) == pytest.approx(theory.collapse_ratio(50, theory.spectrum(points)), rel=1e-6)
