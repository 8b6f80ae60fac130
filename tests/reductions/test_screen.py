"""The certificate of the screen: no energy lies outside its bound, against extended precision, for every point and query."""

import clouds
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.reductions import Screened, prepare
from diffmem.reductions.screen import bounds
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
DTYPES = [np.float32] + [np.float64] * DOUBLE
LEVELS = ((1.0, 20.0), (1.0, 0.3), (0.9, 0.3), (1.0, 0.002))
checked = jax.jit(bounds, static_argnums=1)


def exact_values(centres, x, alpha, sigma):
    """`<x, o> - alpha |o|^2 / 2 + sigma^2 / alpha log w` of every offset o and query, in extended precision."""
    wide = np.longdouble
    offsets, x = np.asarray(centres.offsets).astype(wide), np.asarray(x).astype(wide)
    alpha, sigma = wide(alpha), wide(sigma)
    away = x - alpha * np.asarray(centres.centre).astype(wide)
    log_weights = np.asarray(centres.log_weights).astype(wide)
    return away @ offsets.T - alpha * np.sum(offsets**2, axis=1) / 2 + sigma**2 / alpha * log_weights


def assert_bounded(centres, x, alpha, sigma):
    """Every bound of every shadow, and those of the blocks."""
    dtype, n = centres.dtype, centres.n
    x = np.asarray(x).astype(dtype)
    level = np.full(len(x), alpha, dtype), np.full(len(x), sigma, dtype)
    value = exact_values(centres, x, level[0][0], level[1][0])
    for number in range(len(centres.index.shadows)):
        found = checked(centres, number, x, *level)
        upper = np.asarray(found.upper).reshape(len(x), -1)[:, :n].astype(np.longdouble)
        best = np.asarray(found.best)
        slack = upper - (value - np.take_along_axis(value, best[:, None], axis=1))
        assert np.all(slack >= 0), (number, sigma, float(slack.min()))
        assert np.all(np.asarray(found.largest) >= np.asarray(found.upper).max(2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d"), [(300, 100), pytest.param(500, 800, marks=pytest.mark.slow)])
def test_no_energy_lies_outside_its_bound(n, d, dtype):
    """Every cloud, level, process and query of the table."""
    for name in (*clouds.CLOUDS, *clouds.WEIGHTED):
        points, weights = clouds.cloud(name, n, d, dtype)
        centres = Empirical(points, weights, Screened()).centres
        for level in LEVELS:
            asked = clouds.queries(points, *level)
            assert_bounded(centres, np.concatenate(list(asked.values())), *level)


@pytest.mark.parametrize("dtype", DTYPES)
def test_queries_along_what_the_screen_does_not_show(dtype, monkeypatch):
    """x along a point's part in one band, or outside the axes: Cauchy and Schwarz leave nothing but rounding."""
    monkeypatch.setattr(prepare, "MOST_AXES", 90)
    n, d = 200, 200
    points, weights = clouds.cloud("clustered", n, d, dtype)
    centres = Empirical(points, weights, Screened()).centres
    axes, offsets = np.asarray(centres.index.axes, np.float64), np.asarray(centres.offsets, np.float64)
    assert axes.shape == (d, 90)
    inside = offsets @ axes
    parts = {
        "outside": offsets - inside @ axes.T,
        "first band": inside[:, 64:80] @ axes[:, 64:80].T,
        "second band": inside[:, 80:90] @ axes[:, 80:90].T,
        "a coordinate": inside[:, 63:64] @ axes[:, 63:64].T,
    }
    for part in parts.values():
        for scale in (1.0, 30.0, -30.0):
            x = np.asarray(centres.centre) + scale * part[:28] / np.linalg.norm(part[:28], axis=1, keepdims=True)
            assert_bounded(centres, x, 1.0, 0.002)


@pytest.mark.parametrize("d", [1, 2, 8, 17, 155, 192])
def test_every_dimension_lays_its_shadow_out_alike(d):
    """Numbers of coordinates and bands trade places between neighbouring ranks: 155 has as many columns from 63."""
    points, weights = clouds.cloud("image-like", 70, d, np.float32)
    centres = Empirical(points, weights, Screened()).centres
    for sigma in (0.5, 0.01):
        assert_bounded(centres, points[:28] + sigma * np.random.default_rng(1).normal(size=(28, d)), 1.0, sigma)


@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e16])
def test_extreme_units(scale):
    """Bounds far beyond those of padding, and far below."""
    points, weights = clouds.cloud("weighted", 70, 100, np.float32)
    points = (points * np.float32(scale)).astype(np.float32)
    centres = Empirical(points, weights, Screened()).centres
    rng = np.random.default_rng(1)
    for ratio in (1.0, 0.01):
        assert_bounded(centres, points[:28] + ratio * scale * rng.normal(size=(28, 100)), 1.0, ratio * scale)


def test_tempered_weights_keep_their_bounds():
    points, weights = clouds.cloud("weighted", 300, 100, np.float32)
    centres = Empirical(points, weights, Screened()).centres
    for beta in (0.1, 0.5, 3.0):
        x = np.concatenate(list(clouds.queries(points, 1.0, 0.3).values()))
        assert_bounded(centres.tempered(jnp.asarray(beta, jnp.float32)), x, 1.0, 0.3)
