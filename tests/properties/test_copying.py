"""The exact empirical score copies: who is copied, how often, how closely, and under which symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES
from scipy import stats

from diffmem import NoiseLevel, processes, sample
from diffmem.integrators import (
    DDIM,
    Ancestral,
    DPMSolverPP,
    EulerMaruyama,
    ExponentialAdamsBashforth,
    Heun,
    ReverseSDE,
    grids,
)
from diffmem.scores import Empirical

pytestmark = pytest.mark.slow

DETERMINISTIC = (DDIM(), Heun(), DPMSolverPP(2), DPMSolverPP(3), ExponentialAdamsBashforth(4))
names = [type(i).__name__ + str(k) for k, i in enumerate(DETERMINISTIC)]
slow = lambda value: pytest.param(value, marks=pytest.mark.slow)  # noqa: E731
double = pytest.mark.skipif(jnp.zeros(()).dtype == jnp.float32, reason="roundoff of double precision")


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


# every scheme on one process and every process with one scheme by default; all pairs in the slow suite
PAIRS = [
    pytest.param(way, process, marks=[pytest.mark.slow] * (k == 4 or (k > 0 and name != "OrnsteinUhlenbeck")))
    for k, way in enumerate(DETERMINISTIC)
    for name, process in PROCESSES.items()
]


@double
@pytest.mark.parametrize(("integrator", "process"), PAIRS, ids=[f"{way}-{name}" for way in names for name in PROCESSES])
def test_one_point_is_exact(integrator, process):
    """n = 1: D is the point, and every exponential scheme follows `x(s) = a y + (s/s_T)(x_T - a_T y)` to roundoff."""
    point, x = np.array([0.3, -2.0]), np.array([[5.0, 1.0]])
    times = grids.karras(process, 10)
    out = sample(
        Empirical(point[None]), process, integrator, times, (2,), 1, key=jax.random.key(0), start=x, finish="state"
    )
    (a0, s0), (a1, s1) = (map(float, process.level(t)) for t in (times[0], times[-1]))
    np.testing.assert_allclose(out.points[0], a1 * point + s1 / s0 * (x[0] - a0 * point), rtol=1e-11)


@pytest.mark.parametrize("integrator", [Ancestral(), EulerMaruyama(), slow(ReverseSDE()), Heun(churn=8)], ids=str)
def test_one_point_is_reached_by_noisy_paths(integrator):
    point = np.array([0.3, -2.0])
    process = processes.EDM()
    out = sample(
        Empirical(point[None]), process, integrator, grids.karras(process, 30), (2,), 20, key=jax.random.key(0)
    )
    np.testing.assert_allclose(out.points, np.broadcast_to(point, (20, 2)), rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_clones_agree_with_the_sum_of_squared_weights(sigma):
    """Two reverse SDEs from one x_t end on the same training point with probability E sum w^2."""
    n, d, pairs = 200, 16, 3000
    points = normal(0, n, d)
    score = Empirical(points)
    process = processes.VarianceExploding(sigma_min=0.05, sigma_max=sigma)
    times = grids.uniform(process, 200)
    x = points[jnp.arange(pairs) % n] + sigma * normal(1, pairs, d)
    ends = [
        sample(score, process, EulerMaruyama(), times, (d,), pairs, key=jax.random.key(seed), start=x).points
        for seed in (2, 3)
    ]
    first, second = (
        np.argmin(((end[:, None] - np.asarray(points)[None]) ** 2).sum(-1), axis=1) for end in map(np.asarray, ends)
    )
    level = NoiseLevel(1.0, sigma)
    expected = 1 / np.asarray(jax.vmap(lambda x: score.posterior(x, level).participation)(x))
    difference = (first == second) - expected
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(pairs)


@pytest.fixture(scope="module")
def flow_ends():
    """Ends of the probability flow started in its exact law: state and training points."""
    n, d, count = 40, 8, 8000
    points = np.asarray(normal(0, n, d))
    process = processes.EDM(sigma_min=0.01, sigma_max=40.0)
    times = grids.karras(process, 120)
    out = sample(Empirical(points), process, DPMSolverPP(2), times, (d,), count, key=jax.random.key(5), finish="state")
    squares = ((np.asarray(out.points)[:, None] - points[None]) ** 2).sum(-1)
    return squares.argmin(1), squares.min(1), n, d


def test_basins_of_the_flow_are_uniform(flow_ends):
    owner, _, n, _ = flow_ends
    assert stats.chisquare(np.bincount(owner, minlength=n)).pvalue > 1e-3


def test_terminal_noise_is_chi_square(flow_ends):
    _, squares, _, d = flow_ends
    assert stats.kstest(squares / 0.01**2, stats.chi2(d).cdf).pvalue > 1e-3


def test_half_way_the_sde_has_the_law_of_the_forward_process():
    """The distances to the training points at an intermediate level, against forward samples."""
    n, d, count, sigma = 30, 4, 3000, 0.5
    points = normal(0, n, d)
    process = processes.VarianceExploding(sigma_min=sigma, sigma_max=20.0)
    reverse = sample(
        Empirical(points),
        process,
        EulerMaruyama(),
        grids.uniform(process, 400),
        (d,),
        count,
        key=jax.random.key(1),
        finish="state",
    ).points
    forward = points[jnp.arange(count) % n] + sigma * normal(2, count, d)
    nearest = lambda x: np.sqrt(((np.asarray(x)[:, None] - np.asarray(points)[None]) ** 2).sum(-1).min(1))  # noqa: E731
    assert stats.ks_2samp(nearest(reverse), nearest(forward)).pvalue > 1e-3


@double
@pytest.mark.parametrize("integrator", [i if isinstance(i, Heun) else slow(i) for i in DETERMINISTIC], ids=names)
def test_symmetries(integrator):
    """Reflection, rotation with translation, order of the points, and duplicates as weights."""
    points = np.asarray(normal(0, 7, 3))
    x = 20 * np.asarray(normal(1, 5, 3))
    process = processes.EDM(sigma_max=20.0)
    times = grids.karras(process, 12)
    run = lambda score, x: np.asarray(  # noqa: E731
        sample(score, process, integrator, times, (3,), 5, key=jax.random.key(0), start=x, finish="state").points
    )
    ends = run(Empirical(points), x)
    rotation, shift = np.linalg.qr(np.asarray(normal(2, 3, 3)))[0], np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(run(Empirical(-points), -x), -ends, rtol=1e-9)
    moved = run(Empirical(points @ rotation + shift), x @ rotation + shift)
    np.testing.assert_allclose(moved, ends @ rotation + shift, rtol=1e-8)
    np.testing.assert_allclose(run(Empirical(points[::-1]), x), ends, rtol=1e-9)
    doubled = run(Empirical(np.concatenate([points, points[:2]])), x)
    weighted = run(Empirical(points, np.array([2.0, 2, 1, 1, 1, 1, 1]) / 9), x)
    np.testing.assert_allclose(doubled, weighted, rtol=1e-9)
