"""The certificate of collapse: where it is certain, the exact flow ends on the leader, along the line it names."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
slow = lambda *values: pytest.param(*values, marks=pytest.mark.slow)  # noqa: E731
DTYPES = [np.float32] + [np.float64] * DOUBLE


@eqx.filter_jit
def committed(score, xs, alphas, sigmas):
    """The certificates of a batch."""
    return jax.vmap(lambda x, alpha, sigma: score.commitment(x, NoiseLevel(alpha, sigma)))(xs, alphas, sigmas)


def asked(score, us, rhos, alpha=1.0):
    """At u = x/alpha and rho = sigma/alpha."""
    dtype = score.centres.dtype
    alphas = np.full(len(us), alpha, dtype)
    found = committed(score, (alpha * us).astype(dtype), alphas, (alpha * rhos).astype(dtype))
    return jax.tree.map(np.asarray, found)


def clustered(seed, n, d, light=0.0, dtype=np.float64):
    """Points in pairs and clusters; weights down to 10^-light."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(max(2, n // 4), d))[rng.integers(max(2, n // 4), size=n)] + 0.2 * rng.normal(size=(n, d))
    points[1] = points[0] + 0.02 * rng.normal(size=d)
    return points.astype(dtype), (10 ** -rng.uniform(0, light, size=n)).astype(dtype)


def starts(seed, points, count):
    """Forward samples at many levels, points far off the process, and places near the middle of two points."""
    rng = np.random.default_rng(seed)
    n, d = points.shape
    rhos = 10 ** rng.uniform(-3, 0.7, size=count)
    us = points[rng.integers(n, size=count)] + rhos[:, None] * rng.normal(size=(count, d))
    far = count // 4
    us[:far] = points[rng.integers(n, size=far)] + (10 ** rng.uniform(-1, 3, size=(far, 1))) * rng.normal(size=(far, d))
    pairs = points[rng.integers(n, size=(far, 2))]
    share = 0.5 + rng.uniform(-0.2, 0.2, size=(far, 1))
    us[far : 2 * far] = (
        share * pairs[:, 0] + (1 - share) * pairs[:, 1] + rhos[far : 2 * far, None] * rng.normal(size=(far, d)) / d
    )
    return us, rhos


def margins(points, weights, u, rho, j):
    """min G_i, S and min Delta_i of one query, in double precision from differences."""
    points, u, rho = np.float64(points), np.float64(u), np.float64(rho)
    log_weights = np.log(np.float64(weights))
    delta = np.delete(points - points[j], j, axis=0)
    gaps = np.sum(delta * (delta / 2 - (u - points[j])), axis=1) / rho**2
    length = np.linalg.norm(delta, axis=1)
    with np.errstate(over="ignore"):
        pull = np.sum(length * np.exp(np.delete(log_weights, j) - log_weights[j] - gaps))
    return gaps.min(), pull, length.min()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("d", "light"), [(2, 9.0), slow(2, 0.0), slow(100, 2.0), slow(800, 0.0)])
def test_what_is_certain_has_the_margins_of_the_theorem(d, light, dtype):
    """All G_i > 0, S <= min Delta / 2, S / min G below the deviation: for every query, on the flow or not."""
    certain = 0
    for seed in range(3):
        points, weights = clustered(seed, 30, d, light, dtype)
        us, rhos = starts(seed, points, 400)
        us, rhos = us.astype(dtype), rhos.astype(dtype)
        found = asked(Empirical(points, weights, Chunked()), us, rhos)
        assert np.all(np.isinf(found.deviation[~found.certain]))
        for i in np.flatnonzero(found.certain):
            least, pull, nearest = margins(points, weights, us[i], rhos[i], found.leader[i])
            assert least > 0 and 2 * pull <= nearest and pull <= least * found.deviation[i], (seed, i, rhos[i])
        certain += found.certain.sum()
    assert certain > (20 if dtype == np.float32 and light > 5 else 150)


@pytest.mark.slow
@pytest.mark.parametrize("reduction", [Chunked(100), Dense()], ids=str)
def test_margins_of_every_reduction(reduction):
    for light in (0.0, 3.0):
        points, weights = clustered(0, 1100, 100, light, np.float32)
        us, rhos = starts(1, points, 400)
        us, rhos = us.astype(np.float32), rhos.astype(np.float32)
        found = asked(Empirical(points, weights, reduction), us, rhos)
        assert found.certain.sum() > 50
        for i in np.flatnonzero(found.certain):
            least, pull, nearest = margins(points, weights, us[i], rhos[i], found.leader[i])
            assert least > 0 and 2 * pull <= nearest and pull <= least * found.deviation[i]


@pytest.mark.parametrize("d", [slow(100), 3072])
def test_far_queries_whose_rounding_decides(d):
    """Single precision cannot tell which of two points is nearer to a query far along their bisector."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2, d)).astype(np.float32)
    delta = np.float64(points[1]) - points[0]
    sideways = rng.normal(size=(300, d))
    sideways -= (sideways @ delta)[:, None] * delta / (delta @ delta)
    length = 10 ** rng.uniform(0, 4, size=(300, 1))
    tilt = rng.normal(size=(300, 1)) * 10 ** rng.uniform(-8, -2, size=(300, 1))
    us = (
        points.mean(0, dtype=np.float64)
        + length * (sideways / np.linalg.norm(sideways, axis=1, keepdims=True) + tilt * delta / np.linalg.norm(delta))
    ).astype(np.float32)
    checked = 0
    for rho in np.float32([0.003, 0.03, 0.3, 1.0]):
        found = asked(Empirical(points), us, np.full(300, rho))
        for i in np.flatnonzero(found.certain):
            least, pull, nearest = margins(points, np.ones(2), us[i], rho, found.leader[i])
            assert least > 0 and 2 * pull <= nearest
        checked += found.certain.sum()
    assert checked > 10


def flow(points, weights, us, rhos, steps=1500, last=1e-5):
    """The exact flow du/dtau = D - u by Runge and Kutta's fourth order in tau = -log rho, from each start to `last`."""
    log_weights = np.log(weights)
    h = np.log(rhos / last) / steps

    def direction(u, tau):
        rho = jnp.exp(-tau)[:, None]
        # squares less those of u: what all points share cancels first
        energy = (jnp.sum(points**2, axis=1)[None] / 2 - u @ points.T) / rho**2
        return jax.nn.softmax(log_weights[None] - energy, axis=1) @ points - u

    def step(carry, _):
        u, tau = carry
        a = direction(u, tau)
        b = direction(u + h[:, None] / 2 * a, tau + h / 2)
        c = direction(u + h[:, None] / 2 * b, tau + h / 2)
        e = direction(u + h[:, None] * c, tau + h)
        after = u + h[:, None] / 6 * (a + 2 * b + 2 * c + e), tau + h
        return after, (u, jnp.exp(-tau))

    end, path = jax.jit(lambda carry: jax.lax.scan(step, carry, None, length=steps))((us, -np.log(rhos)))
    return np.asarray(end[0]), np.asarray(path[0]), np.asarray(path[1])


@pytest.mark.skipif(not DOUBLE, reason="the flow needs double precision")
@pytest.mark.parametrize(("n", "d", "light"), [(4, 2, 8.0), slow(40, 8, 2.0), slow(40, 100, 0.0)])
def test_the_exact_flow_ends_on_the_leader_along_the_line(n, d, light):
    """From every state of 200 paths at which it is certain: the end, and the distance from the line at every later state.

    The bound holds at lower levels in proportion to them. The integrator is right to 1e-6 of the scale: 1500 steps.
    """
    points, weights = clustered(3, n, d, light)
    us, rhos = starts(4, points, 200)
    us = np.where(np.abs(us) > 30, points[0], us)
    end, path, levels = flow(points, weights, us, rhos)
    squares = np.sum((end[:, None] - points[None]) ** 2, axis=2)
    owner = squares.argmin(axis=1)
    score = Empirical(points, weights)
    chosen = np.arange(0, len(path), 125)
    found = [asked(score, path[k], levels[k]) for k in chosen]
    certain = np.stack([one.certain for one in found])
    assert certain[-1].mean() > 0.9 and 0.1 < certain[0].mean() < 0.9
    assert np.all(np.diff(certain.astype(int), axis=0) >= 0) or light > 0
    for k, one in zip(chosen, found):
        sure = np.flatnonzero(one.certain)
        np.testing.assert_array_equal(one.leader[sure], owner[sure])
        y = points[one.leader[sure]]
        shrink = levels[k:, sure] / levels[k, sure]
        line = y + shrink[:, :, None] * (path[k, sure] - y)
        off = np.linalg.norm(path[k:, sure] - line, axis=2)
        assert np.all(off <= shrink * one.deviation[sure] + 1e-6 * shrink)


def test_never_certain():
    """At equal distances whatever the weights, for a point stored twice, at alpha = 0; nor for the sign of a tie at 0."""
    points = np.array([[0.0, 0.0], [2.0, 0.0], [9.0, 1.0]])
    us, rhos = np.array([[1.0, 5.0], [1.0, 0.0], [1.0, -300.0]]), np.full(3, 1e-3)
    for weights in ([1.0, 1.0, 1.0], [1.0, 1e-4, 1.0], [1e-4, 1.0, 1.0], [1.0, 1e-9, 1.0]):
        weights = np.asarray(weights)
        for rho in (3.0, 0.1, 1e-3, 0.0):
            assert not asked(Empirical(points, weights), us, 0 * rhos + rho).certain.any()
        twice = Empirical(np.concatenate([points, points[:1]]), np.concatenate([weights, 1e-3 * weights[:1]]))
        for rho in (0.1, 1e-3, 0.0):
            assert not asked(twice, points[:1] + np.array([[0.01, 0.0]]), np.array([rho])).certain.any()
    everything = asked(Empirical(points), us, rhos, alpha=0.0)
    assert not everything.certain.any() and np.all(np.isinf(everything.deviation))


def test_a_light_point_that_is_nearer_forbids_certainty():
    """Weight 1e-6 at distance 0: at rho = .3 the heavy point at distance 1 has weight .9998, and the flow ends elsewhere."""
    points, weights = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([1e-6, 1.0])
    score = Empirical(points, weights)
    us, rhos = np.array([[0.0, 0.1]]), np.array([0.3])
    assert score.posterior(us[0], NoiseLevel(1.0, 0.3)).leader_weight > 0.999
    assert not asked(score, us, rhos).certain[0]


def test_without_noise_the_nearest_point_is_certain():
    points, weights = clustered(0, 20, 3, 1.0)
    found = asked(Empirical(points, weights), points + 1e-3, np.zeros(20))
    assert found.certain.all() and np.all(found.deviation == 0)
    np.testing.assert_array_equal(found.leader, np.arange(20))
    alone = asked(Empirical(points[:1]), 50 + 0 * points, np.full(20, 10.0))
    assert alone.certain.all() and np.all(alone.leader == 0) and np.all(alone.deviation < 1e-3)


@pytest.mark.parametrize("unit", [2.0**-62, 2.0**-40, 2.0**40, 2.0**62])
def test_units_change_nothing(unit):
    """In a compiled function, too, where XLA makes one quotient of two. At 2^-62 squares underflow: less is certain."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 4)).astype(np.float32)
    us, rhos = points + 0.1 * rng.normal(size=points.shape), np.full(12, 0.7)
    plain, scaled = (asked(Empirical(np.float32(u) * points), u * us, u * rhos, 0.8) for u in (1.0, unit))
    assert plain.certain.any()
    if unit == 2.0**-62:
        assert not np.any(scaled.certain & ~plain.certain)
        assert np.all(scaled.deviation / unit >= plain.deviation * (1 - 1e-5))
        return
    np.testing.assert_array_equal(scaled.certain, plain.certain)
    np.testing.assert_allclose(scaled.deviation / unit, plain.deviation, rtol=1e-5)


def test_every_process_agrees():
    """x/alpha and sigma/alpha are all that matters."""
    points, weights = clustered(1, 40, 8, 1.0)
    us, rhos = starts(2, points, 400)
    score = Empirical(points, weights)
    truth = asked(score, us, rhos)
    for alpha in (0.5, 0.01):
        found = asked(score, us, rhos, alpha)
        assert np.mean(found.certain != truth.certain) < 0.01
        both = found.certain & truth.certain
        np.testing.assert_array_equal(found.leader[both], truth.leader[both])
        np.testing.assert_allclose(found.deviation[both], truth.deviation[both], rtol=1e-2)
