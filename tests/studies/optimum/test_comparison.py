"""Scores whose truth is known: the exact one, the Gaussian, and those that are the one above a noise and the other below."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, scores, studies, theory
from diffmem.integrators import grids

FLOAT = np.zeros((), jnp.zeros(()).dtype).dtype
RNG = np.random.default_rng(0)
SPREAD = np.array([1.0, 0.7, 0.5, 0.4, 0.3, 0.2])
TRAIN, HELD_OUT = (np.asarray(RNG.normal(size=(n, 6)) * SPREAD, FLOAT) for n in (40, 60))
EXACT, GAUSSIAN = scores.Empirical(TRAIN), scores.Gaussian.fit(TRAIN)
RATIOS = np.geomspace(0.02, 8, 14)
KEY = jax.random.key(0)
TINY = 1e-9 if np.float64 == FLOAT else 1e-5


def compared(score, **settings):
    return studies.against_optimum(score, TRAIN, HELD_OUT, key=KEY, ratios=RATIOS, draws=2, **settings)


@pytest.fixture(scope="module")
def exact():
    return compared(EXACT)


@pytest.fixture(scope="module")
def gaussian():
    return compared(GAUSSIAN)


@pytest.mark.slow
def test_the_exact_score_has_no_excess(exact):
    found = exact.to_dataset()
    for name in ("excess_exact", "excess_exact_error", "distance_exact"):
        np.testing.assert_allclose(found[name], 0, atol=TINY)
    assert exact.followed == [(RATIOS[0], RATIOS[-1])] and exact.stops == 0
    assert "copies are to be expected" in exact.summary() and "at all levels" in exact.summary()
    np.testing.assert_allclose(found.distance_gaussian, found.distance_apart, atol=TINY)


@pytest.mark.slow
def test_the_gaussian(gaussian, exact):
    """Its losses are Monte-Carlo means of `sum_k L_k/(1 + L_k snr)/d`, on the training points exactly its own law's."""
    found, spectrum = gaussian.to_dataset(), theory.spectrum(TRAIN)
    np.testing.assert_allclose(found.excess_gaussian, 0, atol=TINY)
    truth = [np.mean(spectrum / (1 + spectrum / ratio**2)) for ratio in RATIOS]
    error = np.hypot(found.excess_exact_error.sel(set="train"), 0.1 * np.array(truth))
    assert (np.abs(found.loss.sel(set="train") - truth) < 4 * error).all()
    assert "does not exclude copies" in gaussian.summary()
    # the excess over the optimum is the square of the distance in the mean, and the other way round for the exact score
    square = found.distance_exact.sel(set="train") ** 2
    excess = found.excess_exact.sel(set="train")
    assert (np.abs(excess - square) < 5 * found.excess_exact_error.sel(set="train") + 1e-6).all()
    np.testing.assert_allclose(excess, -exact.to_dataset().excess_gaussian.sel(set="train"), atol=TINY)
    # on held-out points the exact score is worse where it collapses
    assert float(found.excess_exact.sel(set="held_out")[2]) < 0


@pytest.mark.slow
@pytest.mark.parametrize("edge", [0.09, 0.3])
def test_a_score_that_is_exact_above_a_noise_and_gaussian_below_is_located(edge):
    found = compared(scores.Switched(EXACT, GAUSSIAN, edge))
    below, above = RATIOS[edge > RATIOS].max(), RATIOS[edge < RATIOS].min()
    assert below <= found.stops <= above
    ((low, high),) = found.followed
    assert low == found.stops and high == RATIOS[-1]
    assert f"down to {found.stops:.3g}" in found.summary()


@pytest.mark.slow
def test_a_score_that_is_gaussian_above_a_noise_and_exact_below_is_located(gaussian):
    edge = 0.09
    found = compared(scores.Switched(GAUSSIAN, EXACT, edge))
    (first, _), (low, back) = found.followed
    assert first == pytest.approx(gaussian.stops, rel=1e-6) and low == RATIOS[0]
    assert RATIOS[edge > RATIOS].max() <= back <= RATIOS[edge < RATIOS].min()
    assert f"returns at {back:.3g}" in found.summary()


@pytest.mark.slow
def test_halfway_between_both():
    """D = (E + G)/2: both distances are half of that between them."""
    found = compared(scores.Guided(EXACT, GAUSSIAN, 0.5)).to_dataset()
    for other in ("exact", "gaussian"):
        np.testing.assert_allclose(found[f"distance_{other}"], found.distance_apart / 2, rtol=1e-4, atol=TINY)


def test_marks_levels_and_a_schedule():
    """Without levels of one's own they lie about collapse and speciation; steps of another process are marked."""
    process = processes.FlowMatching()
    times = grids.karras(process, 12)
    result = studies.against_optimum(GAUSSIAN, TRAIN, HELD_OUT, process, key=KEY, times=times, draws=1, queries=20)
    found, spectrum = result.to_dataset(), theory.spectrum(TRAIN)
    assert float(found.collapse) == pytest.approx(theory.collapse_ratio(40, spectrum))
    assert float(found.speciation) == pytest.approx(np.sqrt(spectrum[0]))
    assert float(found.ratio[0]) < float(found.collapse) < float(found.ratio[-1])
    times = np.asarray(times, np.float64)
    np.testing.assert_allclose(found.step[1:], (times / (1 - times + (times == 1)))[1:], rtol=1e-4)
    assert np.isinf(found.step[0]) and "Of the 13 nodes of the schedule" in result.summary()
    assert repr(result).startswith("AgainstOptimum(sigma/alpha from") and "\n" not in repr(result)
    assert all(found[name].attrs["long_name"] for name in found.variables)


def test_a_measured_collapse_leads_and_the_predicted_one_keeps_its_name():
    ratios = np.array([0.1, 0.5, 2.0])
    settings = {"key": KEY, "ratios": ratios, "draws": 1, "queries": 10}
    predicted = theory.collapse_ratio(40, theory.spectrum(TRAIN))
    for known, value, words in ((None, predicted, "predicted by the spectrum"), (0.3, 0.3, "measured")):
        result = studies.against_optimum(EXACT, TRAIN, collapse=known, **settings)
        found = result.to_dataset()
        assert float(found.collapse) == pytest.approx(value, rel=1e-6) and found.attrs["collapse_is"] == words
        assert float(found.collapse_by_spectrum) == pytest.approx(predicted, rel=1e-6)
        assert f"the collapse ({words} at {value:.3g})" in result.summary()
    beyond = studies.against_optimum(EXACT, TRAIN, collapse=5.0, **settings)
    assert "The collapse (measured at 5) lies beyond these levels" in beyond.summary()


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"collapse": 0.0}, "`collapse` must be a positive sigma/alpha"),
        ({"held_out": HELD_OUT[:, :2]}, "`held_out` must hold points of shape"),
        ({"train": TRAIN[:1]}, "`train` must hold at least 2 points"),
        ({"ratios": np.array([0.0, 1.0])}, "`ratios` must hold positive finite numbers"),
        ({"times": np.array([1.0, 0.5])}, "`times` must come with the `process`"),
        ({"train": np.full_like(TRAIN, np.nan)}, "`train` must be finite"),
    ],
)
def test_what_is_refused(change, sentence):
    given = {"train": TRAIN, "held_out": HELD_OUT} | change
    with pytest.raises(ValueError, match=sentence):
        studies.against_optimum(GAUSSIAN, key=KEY, **given)


def test_a_network_of_pytorch():
    """A linear network with the weights of the fitted Gaussian's denoiser at one level is found to be that Gaussian."""
    torch = pytest.importorskip("torch")
    ratio = 0.5
    mean, covariance = TRAIN.mean(0), np.cov(TRAIN.T, bias=True)
    gain = covariance @ np.linalg.inv(covariance + ratio**2 * np.eye(6))
    linear = torch.nn.Linear(6, 6, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(gain))
        linear.bias.copy_(torch.from_numpy(mean - gain @ mean))

    def function(x, alpha, sigma):
        with torch.no_grad():
            return linear(torch.from_numpy(np.array(x, np.float64))).numpy()

    found = studies.against_optimum(
        scores.FromHost(function),
        torch.from_numpy(TRAIN),
        torch.from_numpy(HELD_OUT).requires_grad_(),
        key=KEY,
        ratios=np.array([ratio]),
    )
    np.testing.assert_allclose(found.to_dataset().distance_gaussian, 0, atol=max(TINY, 1e-6))
    np.testing.assert_allclose(found.to_dataset().excess_gaussian, 0, atol=max(TINY, 1e-6))
