"""Draws by weight, powers of distances, losses over levels, and log axes with zeros."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import metrics, plots, processes, scores
from diffmem.level import NoiseLevel

FLOAT = jnp.zeros(()).dtype


def test_no_draw_has_weight_zero_and_every_other_has_its_own():
    """Single-precision cumulative sums lose light points and draw points of no weight."""
    rng = np.random.default_rng(0)
    weights = 10.0 ** rng.uniform(-6, 0, 100_003)
    weights[rng.permutation(len(weights))[: len(weights) // 2]] = 0
    score = scores.Empirical(np.arange(len(weights), dtype=FLOAT)[:, None], weights=weights)
    keys = jax.random.split(jax.random.key(1), 300_000)
    drawn = np.asarray(jax.jit(jax.vmap(score.centres.drawn))(keys))
    assert (weights[drawn] > 0).all()
    # by decades of weight, each a fifth of 300,000 or less
    share = weights / weights.sum()
    decade = np.where(weights > 0, np.floor(np.log10(np.where(weights > 0, weights, 1))), 0).astype(int)
    for which in range(-6, 0):
        p = share[(decade == which) & (weights > 0)].sum()
        found = np.mean(decade[drawn] == which)
        assert abs(found - p) < 5 * (p * (1 - p) / len(drawn)) ** 0.5


@pytest.mark.slow
def test_equal_weights_of_ten_million():
    """The places of equal weights are equal parts of (0, 1), whose ends a float32 could not tell apart."""
    score = scores.Empirical(np.zeros((10_000_000, 1), np.float32))
    keys = jax.random.split(jax.random.key(2), 400_000)
    drawn = np.asarray(jax.jit(jax.vmap(score.centres.drawn))(keys), np.int64)
    odd = np.mean(drawn % 2)
    assert abs(odd - 0.5) < 5 * 0.5 / len(drawn) ** 0.5
    # birthday problem: so many pairs that agree are expected among m draws of n
    pairs = len(drawn) - len(np.unique(drawn))
    expected = len(drawn) ** 2 / 2 / 1e7
    assert abs(pairs - expected) < 6 * expected**0.5


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("p", [1, 4, 32])
def test_powers_of_distances_stay_in_range(scale, p):
    """Two points of mass a distance of 5 apart in one dimension: the distance of every order is 5."""
    a, b = np.zeros((8, 1)), np.full((8, 1), 5 * scale)
    found = metrics.sliced_wasserstein(a, b, key=jax.random.key(0), p=p)
    assert float(found.value) == pytest.approx(5 * scale, rel=1e-9)
    # E|X - Y| = 5 between them, 0 within
    assert float(metrics.energy_distance(a, b, key=jax.random.key(0)).value) == pytest.approx(10 * scale, rel=1e-9)


def test_the_largest_distance_is_refused():
    with pytest.raises(ValueError, match="`p` must be between 1 and 32, but is inf"):
        metrics.sliced_wasserstein(np.zeros((8, 1)), np.ones((8, 1)), key=jax.random.key(0), p=float("inf"))


def test_losses_over_levels_are_those_of_each():
    """The loss of `D = x/2` at points y of unit variance: |(alpha y + sigma z)/2 - y|^2, on equal noise."""
    points = np.random.default_rng(0).standard_normal((50, 3)).astype(FLOAT)
    score, key = scores.FromFunction(lambda x, level: x / 2), jax.random.key(0)
    levels = processes.OrnsteinUhlenbeck().level(jnp.asarray([2.0, 0.5, 0.1], FLOAT))
    found = metrics.denoising_loss(score, points, levels, key=key, draws=2)
    assert found.value.shape == found.error.shape == (3,)
    for i in range(3):
        one = metrics.denoising_loss(score, points, NoiseLevel(levels.alpha[i], levels.sigma[i]), key=key, draws=2)
        np.testing.assert_allclose(found.value[i], one.value, rtol=1e-5)
        np.testing.assert_allclose(found.error[i], one.error, rtol=1e-5)
    with pytest.raises(ValueError, match=r"`level` must hold numbers or arrays \(levels,\)"):
        metrics.denoising_loss(score, points, NoiseLevel(jnp.ones((2, 2), FLOAT), jnp.ones((2, 2), FLOAT)), key=key)


def test_a_grid_that_ends_without_noise_is_drawn_on_a_log_axis():
    """k-diffusion grids end at sigma = 0, which has no logarithm: the last node is seen, and the axis names sigma."""
    times, values = np.array([80.0, 1.0, 0.01, 0.0]), np.array([0.0, 1e-3, 1.0, 2.0])
    figure = plots.against_time(
        times, values, time_label=plots.style.SIGMA_LABEL, log_time=True, log_values=True, label="A (1)"
    )
    (ax,) = figure.axes
    figure.canvas.draw()
    low, high = ax.get_xlim()
    assert low <= 0 < 80 <= high
    places = ax.transData.transform(np.stack([times, values], axis=1))
    assert np.isfinite(places).all() and (np.diff(places[:, 0]) < 0).all() and (np.diff(places[:, 1]) > 0).all()
    assert "sigma" in ax.get_xlabel()
    with pytest.raises(ValueError, match="`times` must not be negative on a log axis"):
        plots.against_time(-times, values, log_time=True)
