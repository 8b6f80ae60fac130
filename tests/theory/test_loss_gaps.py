"""Loss gaps against exact denoisers, the crossover against its identity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2, ncx2

from diffmem import metrics, scores, theory
from diffmem.level import NoiseLevel

DTYPE = jnp.zeros(()).dtype


def test_generalization_gap_is_the_error_of_the_best_denoiser_of_one_cluster():
    snr, d, variance = np.array([0.0, 0.3, 7.0, 1e5]), 5, 0.4
    found = theory.generalization_gap(snr, d, variance)
    np.testing.assert_allclose(found, theory.gaussian_mmse(snr, np.full(d, variance)), rtol=1e-5)
    assert found[0] == pytest.approx(d * variance)


@pytest.mark.slow
def test_gaps_of_exact_denoisers():
    """One Gaussian in 30 dimensions, 60 points, low noise: the memorizing denoiser loses nothing."""
    d, n, known, variance = 30, 60, 15, 0.5
    train = np.sqrt(variance) * np.random.default_rng(0).normal(size=(n, d)).astype(DTYPE)
    level, key = NoiseLevel(0.9, 0.3), jax.random.key(1)

    def loss(score):
        return metrics.denoising_loss(score, train, level, key=key, draws=4)

    memorizing = loss(scores.Empirical(train))
    assert memorizing.value < 1e-6 * d
    gap = loss(scores.Gaussian(np.zeros(d), variance)).value - memorizing.value
    # the points themselves fluctuate by sqrt(2/(n d)), 3 %, and enter by half here
    assert gap == pytest.approx(float(theory.generalization_gap(9.0, d, variance)), rel=0.06)
    partial = loss(scores.Empirical(train, (np.arange(n) < known).astype(DTYPE))).value - memorizing.value
    low, high = (float(theory.partial_memorization_gap(known / n, d, variance, c)) for c in (1.0, 2.0))
    assert low < partial < high


def test_one_known_point_of_two_costs_twice_the_variance():
    """D is the known point whatever the noise: half of the points, at a mean square distance of 2 d v."""
    d, variance, rng = 30, 0.7, np.random.default_rng(1)
    pairs = np.sqrt(variance) * rng.normal(size=(4000, 2, d))
    losses = ((pairs[:, 0] - pairs[:, 1]) ** 2).sum(-1) / 2
    expected = float(theory.partial_memorization_gap(0.5, d, variance, 2.0))
    assert abs(losses.mean() - expected) < 3 * losses.std() / 4000**0.5
    assert theory.partial_memorization_gap(1.0, d, variance) == 0


def nearest_square(d, known, rng, queries=2000):
    """Mean square distance of Gaussian points to the nearest of `known` independent ones, over d, and its error."""
    found = []
    for _ in range(queries // 50):
        points, others = rng.normal(size=(50, d)), rng.normal(size=(known, d))
        squares = (points**2).sum(1)[:, None] + (others**2).sum(1) - 2 * points @ others.T
        found.append(squares.min(axis=1).mean() / d)
    return np.mean(found), np.std(found) / len(found) ** 0.5


@pytest.mark.parametrize(("d", "stated"), [(2, 0.045), (13, 0.69), (200, 1.58)])
def test_the_constant_of_a_hundred_known_points_is_between_1_and_2_only_in_high_dimension(d, stated):
    constant, error = nearest_square(d, 100, np.random.default_rng(4))
    assert constant == pytest.approx(stated, abs=4 * error + 0.005)
    # e^(0.1226 d) known points are the least at which the nearest may be closer than the mean of the cluster
    assert (constant > 1) == (np.log(100) < 0.1226 * d)


def test_the_constant_of_a_hundred_known_points_in_the_plane_by_quadrature():
    """`E_x int_0^inf P(|x - y|^2 > t)^100 dt / 2`; |x - y|^2 is noncentral chi-squared, |x|^2 chi-squared."""
    t = np.concatenate([np.geomspace(1e-9, 1e-4, 200), np.geomspace(1.01e-4, 60, 2000)])
    share = (np.arange(400) + 0.5) / 400
    far = [np.trapezoid(ncx2.sf(t, 2, square) ** 100, t) / 2 for square in chi2.ppf(share, 2)]
    assert np.mean(far) == pytest.approx(0.045, abs=5e-4)


def test_the_constant_approaches_its_limit_from_above():
    """C = (s + 1)/s^2 at (log m)/d = 1/2 log s - (s - 1)/(2 s^2): one ratio, three dimensions."""
    s = 1.5
    limit, rate = (s + 1) / s**2, np.log(s) / 2 - (s - 1) / (2 * s**2)
    found = [nearest_square(d, round(np.exp(rate * d)), np.random.default_rng(5), 1000)[0] for d in (20, 40, 80)]
    assert (np.diff(found) < 0).all() and (np.array(found) > limit).all()
    assert found[-1] == pytest.approx(limit, rel=0.1)


@pytest.mark.parametrize(("constant", "share"), [(5 / 3, 0.8), (1.5, 7 / 9), (1.0, 2 / 3)])
def test_flat_loss_on_the_unit_circle_clock_is_the_mean_of_t_squared(constant, share):
    t = (np.arange(2000) + 0.5) / 2000
    snr = (1 - t**2) / t**2
    assert theory.crossover_share(snr, np.ones(2000), constant=constant) == pytest.approx(share, abs=1e-6)


def test_crossover_is_where_the_mean_losses_are_equal():
    rng = np.random.default_rng(3)
    snr, weight = rng.exponential(size=(2, 50))
    share = theory.crossover_share(snr, weight, variance=0.6, constant=1.3)
    partial = float(theory.partial_memorization_gap(share, 7, 0.6, 1.3))
    assert np.average(theory.generalization_gap(snr, 7, 0.6), weights=weight) == pytest.approx(partial, rel=1e-5)


def test_the_loss_of_the_noise_moves_the_crossover_to_all_points():
    t = np.linspace(1e-3, 0.999, 500)
    snr = (1 - t**2) / t**2
    weight = theory.noise_loss_weight(NoiseLevel(np.sqrt(1 - t**2), t))
    assert theory.crossover_share(snr, weight) > 0.99


@pytest.mark.parametrize(
    ("snr", "weight", "variance", "message"),
    [
        ([1.0, 2.0], [1.0], 1.0, "must have one shape"),
        ([-1.0], [1.0], 1.0, "`snr` must be finite and nonnegative"),
        ([1.0], [np.nan], 1.0, "`weight` must be finite"),
        ([1.0], [0.0], 1.0, "`weight` must be positive somewhere"),
        ([1.0], [1.0], 0.0, "`variance` and `constant` must be positive, but are 0.0 and 1.0."),
    ],
)
def test_bad_crossovers_are_one_sentence(snr, weight, variance, message):
    with pytest.raises(ValueError, match=message):
        theory.crossover_share(np.array(snr), np.array(weight), variance)


def test_no_variance_leaves_no_gap_even_without_noise():
    assert theory.generalization_gap(jnp.inf, 3, 0.0) == 0.0 and theory.generalization_gap(jnp.inf, 3, 1.0) == 0.0
