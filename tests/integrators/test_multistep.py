import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from diffmem.integrators import DPMSolverPP
from diffmem.integrators.multistep import interpolated
from diffmem.processes import OrnsteinUhlenbeck
from diffmem.scores import Empirical, FromFunction

DOUBLE = jnp.zeros(()).dtype == jnp.float64
PROCESS = OrnsteinUhlenbeck()
POINTS = np.random.default_rng(0).normal(size=(6, 4))
X = np.array([0.7, -1.2, 0.4, 1.9])
GRIDS = {
    "rough": np.array([2.0, 1.5, 0.9, 0.55, 0.3, 0.08]),
    "even": np.linspace(2.0, 0.1, 17),
    "to no noise": np.append(np.geomspace(2.0, 0.05, 7), 0.0),
    "one step": np.array([1.0, 0.5]),
    "two steps": np.array([1.0, 0.5, 0.3]),
}


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("h", [-3.0, -1e-3, 1e-6, 0.1, 1.4, 8.0, 40.0])
def test_the_integral_of_a_polynomial(h, count):
    """D = c_0 + c_1 u + ..., of which `count` values beside the one at u = 0 know everything."""
    unit = float(jnp.finfo(jnp.asarray(h).dtype).eps)
    offsets = -abs(h) * np.array([0.7, 1.9, 3.2])[:count]
    D = np.polynomial.Polynomial([0.3, -1.1, 0.4, 0.25][: count + 1])
    found = interpolated(jnp.asarray(h), jnp.asarray(offsets), jnp.asarray([D(0.0)]), jnp.asarray(D(offsets))[:, None])
    integral = lambda f: h * quad(lambda v: np.exp(-h * (1 - v)) * f(h * v), 0, 1, epsabs=0, limit=200)[0]  # noqa: E731
    # rounded are exponents up to |h| and the values of D, of which up to 13.5 times the largest cancels
    lost = unit * (16 + 2 * abs(h)) * 13.5 * abs(integral(np.ones_like)) * max(abs(D(offsets)))
    np.testing.assert_allclose(found[0], integral(D) - integral(lambda u: D(0.0)), rtol=0, atol=lost)


def published(denoise, x, times, lower_order_final):
    """DPM-Solver++ 2M as algorithm 2 of arXiv:2211.01095 is written, step by step in NumPy."""
    alpha, sigma = np.exp(-times), np.sqrt(-np.expm1(-2 * times))
    log_ratio = np.log(alpha) - np.log(np.where(sigma > 0, sigma, 1))
    earlier = None
    for i in range(len(times) - 1):
        D, h = denoise(x, alpha[i], sigma[i]), log_ratio[i + 1] - log_ratio[i]
        lowered = earlier is None or sigma[i + 1] == 0 or (lower_order_final and i == len(times) - 2)
        if not lowered:
            r = (log_ratio[i] - log_ratio[i - 1]) / h
            D, earlier = (1 + 1 / (2 * r)) * D - earlier / (2 * r), D
        else:
            earlier = D
        shrink = alpha[i + 1] if sigma[i + 1] == 0 else -alpha[i + 1] * np.expm1(-h)
        x = sigma[i + 1] / sigma[i] * x + shrink * D
    return x


def denoise(x, alpha, sigma):
    logits = -((x - alpha * POINTS) ** 2).sum(axis=1) / (2 * sigma**2)
    weights = np.exp(logits - logits.max())
    return weights @ POINTS / weights.sum()


@pytest.mark.parametrize("lower_order_final", [False, True])
@pytest.mark.parametrize("grid", GRIDS)
def test_the_published_second_order_method(grid, lower_order_final):
    """The start by one step of first order, which other libraries make too."""
    solver = DPMSolverPP(start="first order", lower_order_final=lower_order_final)
    found, _ = solver(Empirical(POINTS), PROCESS, jnp.asarray(X), jnp.asarray(GRIDS[grid]), key=jax.random.key(0))
    truth = published(denoise, X, GRIDS[grid], lower_order_final)
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-12 if DOUBLE else 1e-5)


@pytest.mark.parametrize("lower_order_final", [False, True])
@pytest.mark.parametrize("grid", ["one step", "two steps"])
def test_the_first_steps_of_third_order_are_those_of_second(grid, lower_order_final):
    solver = DPMSolverPP(3, start="first order", lower_order_final=lower_order_final)
    found, _ = solver(Empirical(POINTS), PROCESS, jnp.asarray(X), jnp.asarray(GRIDS[grid]), key=jax.random.key(0))
    truth = published(denoise, X, GRIDS[grid], lower_order_final)
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-12 if DOUBLE else 1e-5)


def error(solver, steps):
    """Relative error for N(0, .2), whose flow keeps x in units of its own standard deviation."""
    score = FromFunction(lambda x, level: 0.2 * level.alpha * x / (0.2 * level.alpha**2 + level.sigma**2))
    times = jnp.linspace(2.0, 0.2, steps + 1)
    spread = lambda t: np.sqrt(0.2 * np.exp(-2 * t) - np.expm1(-2 * t))  # noqa: E731
    found, _ = solver(score, PROCESS, jnp.ones(1), times, key=jax.random.key(0))
    return abs(float(found[0]) * spread(2.0) / spread(0.2) - 1)


@pytest.mark.slow
@pytest.mark.skipif(not DOUBLE, reason="orders in double precision")
@pytest.mark.parametrize("order", [2, 3])
def test_a_gathered_history_keeps_the_order(order):
    """Second order: one step of first order has an error of second order, also before steps of third."""
    errors = np.array([error(DPMSolverPP(order, start="first order"), steps) for steps in (20, 40, 80)])
    assert (errors[:-1] / errors[1:] > 3.5).all()


def test_settings_that_do_not_go_together():
    with pytest.raises(ValueError, match="`start` must be 'fitted' or 'first order', but is 'euler'"):
        DPMSolverPP(start="euler")
    with pytest.raises(ValueError, match="`lower_order_final` must go with"):
        DPMSolverPP(lower_order_final=True)
