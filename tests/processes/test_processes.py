"""Levels, rates, coefficients and the inverse of sigma/alpha against closed forms in double precision."""

import pickle

import examples
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes
from diffmem.processes import AbstractProcess

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
EPS = float(np.finfo(FLOAT).eps)
NAMES = list(examples.PROCESSES)
every = pytest.mark.parametrize("name", NAMES)


def cosine(t, o=0.008):
    return np.cos(np.pi / 2 * (t + o) / (1 + o)) / np.cos(np.pi / 2 * o / (1 + o))


def table(t):
    return np.interp(t, np.arange(13.0), np.append(0.0, np.cumsum(np.log1p(-examples.BETAS)))) / 2


def table_rate(t):
    """-log(1 - beta_k) for t in the k-th interval."""
    return -np.log1p(-examples.BETAS)[np.floor(t).astype(int)]


LEVELS = {
    "OrnsteinUhlenbeck": lambda t: (np.exp(-t), np.sqrt(-np.expm1(-2 * t))),
    "VariancePreserving": lambda t: (np.exp(-0.05 * t - 4.975 * t**2), np.sqrt(-np.expm1(-0.1 * t - 9.95 * t**2))),
    "CosineVariancePreserving": lambda t: (cosine(t), np.sqrt(1 - cosine(np.longdouble(t)) ** 2).astype(float)),
    "VarianceExploding": lambda t: (np.ones_like(t), 0.01 * 5000**t),
    "EDM": lambda t: (np.ones_like(t), t),
    "FlowMatching": lambda t: (1 - t, t),
    "Discrete": lambda t: (np.exp(table(t)), np.sqrt(-np.expm1(2 * table(t)))),
}
# g^2 by hand from each schedule
DIFFUSION = {
    "OrnsteinUhlenbeck": lambda t: np.full_like(t, np.sqrt(2)),
    "VariancePreserving": lambda t: np.sqrt(0.1 + 19.9 * t),
    "CosineVariancePreserving": lambda t: np.sqrt(np.pi / 1.008 * np.tan(np.pi / 2 * (t + 0.008) / 1.008)),
    "VarianceExploding": lambda t: 0.01 * 5000**t * np.sqrt(2 * np.log(5000)),
    "EDM": lambda t: np.sqrt(2 * t),
    "FlowMatching": lambda t: np.sqrt(2 * t / (1 - t)),
    "Discrete": lambda t: np.sqrt(table_rate(t)),
}
DRIFT = {
    "OrnsteinUhlenbeck": lambda t: np.full_like(t, -1.0),
    "VariancePreserving": lambda t: -(0.1 + 19.9 * t) / 2,
    "CosineVariancePreserving": lambda t: -np.pi / 2.016 * np.tan(np.pi / 2 * (t + 0.008) / 1.008),
    "VarianceExploding": np.zeros_like,
    "EDM": np.zeros_like,
    "FlowMatching": lambda t: -1 / (1 - t),
    "Discrete": lambda t: -table_rate(t) / 2,
}


def inner_times(process, count=41):
    """Strictly inside the range, as the process' dtype holds them, in double precision."""
    times = np.linspace(process.t_min, process.t_max, count + 2)[1:-1]
    return times.astype(FLOAT).astype(np.float64)


@every
def test_level(name):
    process = examples.PROCESSES[name]
    t = inner_times(process)
    for one, other in zip(process.level(t.astype(FLOAT)), LEVELS[name](t)):
        # an exponent of up to 10 costs as many units
        np.testing.assert_allclose(one, other, rtol=40 * EPS, atol=4 * EPS)


@every
def test_rate_is_the_derivative_of_the_level(name):
    process = examples.PROCESSES[name]
    t, h = inner_times(process), 1e-6
    differences = [(after - before) / (2 * h) for before, after in zip(LEVELS[name](t - h), LEVELS[name](t + h))]
    for one, other in zip(process.rate(t.astype(FLOAT)), differences):
        np.testing.assert_allclose(one, other, rtol=1e-6 if DOUBLE else 1e-4, atol=1e-7 if DOUBLE else 1e-5)


@every
def test_coefficients(name):
    process = examples.PROCESSES[name]
    t = inner_times(process)
    tolerance = 1e-9 if DOUBLE else 1e-4
    np.testing.assert_allclose(process.diffusion_coefficient(t.astype(FLOAT)), DIFFUSION[name](t), rtol=tolerance)
    np.testing.assert_allclose(process.drift_coefficient(t.astype(FLOAT)), DRIFT[name](t), rtol=tolerance)


@every
def test_forward_equation_reproduces_the_level(name):
    """d(sigma^2)/dt = 2 f sigma^2 + g^2 and d alpha/dt = f alpha, stepped by Runge-Kutta from the middle of the range."""
    process = examples.PROCESSES[name]
    start, end = np.quantile([process.t_min, process.t_max], [0.4, 0.6])
    steps = 40
    dt = (end - start) / steps
    times = np.linspace(start, end, 2 * steps + 1).astype(FLOAT)  # both ends and the middle of every step
    drift = np.asarray(process.drift_coefficient(times), np.float64)
    diffusion = np.asarray(process.diffusion_coefficient(times), np.float64)

    def slope(i, state):
        f, g = drift[i], diffusion[i]
        return np.array([f * state[0], 2 * f * state[1] + g**2])

    alpha, sigma = LEVELS[name](np.float64(start))
    state = np.array([alpha, sigma**2])
    for i in range(steps):
        k1 = slope(2 * i, state)
        k2 = slope(2 * i + 1, state + dt / 2 * k1)
        k3 = slope(2 * i + 1, state + dt / 2 * k2)
        k4 = slope(2 * i + 2, state + dt * k3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    alpha, sigma = LEVELS[name](np.float64(end))
    np.testing.assert_allclose(state, [alpha, sigma**2], rtol=1e-6 if DOUBLE else 1e-3)


@every
def test_time_at_is_the_inverse(name):
    process = examples.PROCESSES[name]
    t = np.concatenate([[process.t_min], inner_times(process)]).astype(FLOAT)
    alpha, sigma = process.level(t)
    found = process.time_at(np.asarray(sigma) / np.asarray(alpha))
    # an error of one unit in the ratio moves t by ratio / (dratio/dt) units
    (a, s), (da, ds) = process.level(t), process.rate(t)
    sensitivity = 1 / np.maximum(np.asarray(ds / s - da / a), 1e-300)
    np.testing.assert_array_less(np.abs(np.asarray(found) - t), 20 * EPS * (sensitivity + t) + 1e-30)


@every
@pytest.mark.parametrize("ratio", [1e-6, 1e-3, 1.0, 40.0, 1e4])
def test_level_at_the_time_of_a_ratio(name, ratio):
    """Also far outside the range that a process samples in, wherever it has such a level."""
    process = examples.PROCESSES[name]
    alpha, sigma = process.level(process.time_at(FLOAT(ratio)))
    # time near an end where the ratio diverges cannot be told apart better than its own spacing
    slack = 1e3 * EPS * max(1.0, ratio if name in ("CosineVariancePreserving", "FlowMatching") else 1.0)
    assert float(sigma) / float(alpha) == pytest.approx(ratio, rel=slack * 10)


def test_where_there_is_no_signal_the_ratio_is_infinite():
    for process in (processes.CosineVariancePreserving(), processes.FlowMatching()):
        alpha, sigma = process.level(1.0)
        assert alpha == 0 and sigma == 1
        assert process.time_at(jnp.inf) == 1
        assert np.isfinite(process.rate(1.0)).all()
        assert process.drift_coefficient(1.0) == -jnp.inf and process.diffusion_coefficient(1.0) == jnp.inf


@pytest.mark.parametrize("name", [name for name in NAMES if name != "VarianceExploding"])
def test_time_zero_is_the_data(name):
    process = examples.PROCESSES[name]
    alpha, sigma = process.level(0.0)
    assert alpha == pytest.approx(1, abs=2 * EPS) and sigma == 0 and process.time_at(0.0) == 0
    assert process.diffusion_coefficient(0.0) == pytest.approx(float(DIFFUSION[name](np.float64(0.0))), rel=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_times_keep_their_digits(dtype):
    """sigma^2 of the Ornstein-Uhlenbeck clock at t = 1e-8 is 1.99999998e-8; `1 - exp` gives 0 in float32."""
    if dtype == np.float64 and not DOUBLE:
        pytest.skip("double precision is off")
    unit = float(np.finfo(dtype).eps)
    sigma = processes.OrnsteinUhlenbeck().sigma(dtype(1e-8))
    assert sigma.dtype == dtype
    assert float(sigma) ** 2 == pytest.approx(1.99999998e-8, rel=4 * unit + 1e-10)
    sigma = processes.VariancePreserving().sigma(dtype(1e-8))
    assert float(sigma) ** 2 == pytest.approx(-np.expm1(-0.1e-8 - 9.95e-16), rel=8 * unit)
    # derived: sin(a - b) sin(a + b) / cos^2 b to first order in t, 1 - alpha^2 = pi t tan(pi o / (2 (1 + o))) / (1 + o)
    sigma = processes.CosineVariancePreserving().sigma(dtype(1e-8))
    slope = np.pi / 1.008 * np.tan(np.pi / 2 * 0.008 / 1.008)
    assert float(sigma) ** 2 == pytest.approx(slope * 1e-8, rel=8 * unit + 1e-5)


@every
def test_types_and_shapes(name):
    process = examples.PROCESSES[name]
    t = np.full((2, 3), 0.3, np.float32)
    for part in (*process.level(t), *process.rate(t), process.time_at(t), process.diffusion_coefficient(t)):
        assert part.shape == (2, 3) and part.dtype == np.float32
    assert process.level(1).sigma.dtype == FLOAT
    compiled = jax.jit(process.level)(t)
    np.testing.assert_allclose(compiled.sigma, process.level(t).sigma, rtol=1e-6)


def test_a_table_is_exact_at_its_nodes():
    """Step number t of a discrete model is time t + 1; between two nodes log alpha is halfway."""
    bars = np.cumprod(1 - examples.BETAS)
    process = processes.Discrete(bars)
    alpha, sigma = process.level(np.arange(1, 13, dtype=FLOAT))
    np.testing.assert_allclose(alpha, np.sqrt(bars), rtol=8 * EPS)
    np.testing.assert_allclose(sigma, np.sqrt(1 - bars), rtol=40 * EPS)
    assert process.level(3.5).alpha == pytest.approx((bars[2] * bars[3]) ** 0.25, rel=8 * EPS)
    assert (process.t_min, process.t_max) == (1, 12)


@every
def test_pickle(name):
    process = examples.PROCESSES[name]
    copy = pickle.loads(pickle.dumps(process))
    assert copy == process and copy.t_max == process.t_max
    assert copy.level(0.5) == process.level(0.5)


class Quadratic(AbstractProcess):
    """alpha = 1 - t^2, sigma = t + t^2: a process of one's own in two lines."""

    t_min: float = 1e-3
    t_max: float = 1.0

    def alpha(self, t):
        return 1 - t**2

    def sigma(self, t):
        return t + t**2


def test_a_process_of_ones_own():
    """Time by bisection: (t + t^2)/(1 - t^2) = t/(1 - t), so t = r/(1 + r)."""
    process = Quadratic()
    ratio = np.array([0.0, 1e-6, 0.3, 1.0, 50.0], FLOAT)
    np.testing.assert_allclose(process.time_at(ratio), ratio / (1 + ratio), rtol=8 * EPS)
    assert process.time_at(FLOAT(np.inf)) == 1
    np.testing.assert_allclose(jax.jit(process.time_at)(ratio), ratio / (1 + ratio), rtol=8 * EPS)
    rate = process.rate(0.5)
    assert (float(rate.alpha), float(rate.sigma)) == (-1.0, 2.0)
    # g^2 = 2 sigma (sigma' - sigma alpha'/alpha) = 2 * .75 * (2 + .75 / .75)
    assert process.diffusion_coefficient(0.5) == pytest.approx(4.5**0.5, rel=8 * EPS)
    assert process.drift_coefficient(0.5) == pytest.approx(-1 / 0.75, rel=8 * EPS)


@every
def test_the_bisection_agrees_with_the_closed_form(name):
    process = examples.PROCESSES[name]
    t = inner_times(process, 9).astype(FLOAT)
    alpha, sigma = process.level(t)
    ratio = sigma / alpha
    np.testing.assert_allclose(AbstractProcess.time_at(process, ratio), process.time_at(ratio), rtol=1e3 * EPS)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: processes.EDM(sigma_min=0.0), "`sigma_min` and `sigma_max` must satisfy 0 < sigma_min < sigma_max"),
        (lambda: processes.EDM(sigma_min=2.0, sigma_max=1.0), "but are 2.0 and 1.0."),
        (lambda: processes.VarianceExploding(sigma_min=-1.0), "0 < sigma_min < sigma_max, but are -1.0 and 50.0."),
        (lambda: processes.OrnsteinUhlenbeck(t_min=-1.0), "0 <= t_min < t_max, but are -1.0 and 10.0."),
        (lambda: processes.OrnsteinUhlenbeck(t_max=float("nan")), "but are 0.001 and nan."),
        (lambda: processes.VariancePreserving(beta_min=0.0), "0 < beta_min <= beta_max, but are 0.0 and 20.0."),
        (lambda: processes.VariancePreserving(beta_max=0.01), "but are 0.1 and 0.01."),
        (lambda: processes.CosineVariancePreserving(offset=-0.1), "`offset` must be at least 0, but is -0.1."),
        (
            lambda: processes.CosineVariancePreserving(t_max=1.5),
            "`t_max` must be at most 1, where alpha is 0, but is 1.5.",
        ),
        (
            lambda: processes.Discrete(np.array([0.5, 0.5])),
            "`alpha_bars` must be two or more decreasing numbers between 1 and 0",
        ),
        (lambda: processes.Discrete(np.array([0.5, 0.0])), "but is [0.5 0. ]."),
        (lambda: processes.FlowMatching(t_max=2.0), "`t_max` must be at most 1, where alpha is 0, but is 2.0."),
    ],
)
def test_bad_arguments(make, sentence):
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as error:
        make()
    assert sentence in str(error.value)


@pytest.mark.parametrize("name", ["OrnsteinUhlenbeck", "VariancePreserving"])
def test_the_rate_of_the_noise_towards_noise(name):
    """sigma sigma' = -alpha alpha' where sigma^2 = 1 - alpha^2, with all digits although sigma hardly moves."""
    process = getattr(processes, name)()
    for t in np.linspace(process.t_min, process.t_max, 7):
        (alpha, sigma), (alpha_rate, sigma_rate) = process.level(t), process.rate(t)
        assert float(sigma_rate) == pytest.approx(float(-alpha * alpha_rate / sigma), rel=8 * EPS)


def test_the_cosine_without_offset_is_a_sine():
    process = processes.CosineVariancePreserving(offset=0.0, t_min=0.0)
    times = np.array([0.0, 1e-6, 0.3, 1.0], FLOAT)
    expected = np.pi / 2 * np.cos(np.pi / 2 * times.astype(np.float64))
    np.testing.assert_allclose(process.rate(times).sigma, expected, rtol=1e-5, atol=1e-6)
    assert np.isinf(processes.CosineVariancePreserving(t_min=0.0).rate(0.0).sigma)


def test_coefficients_where_no_float_holds_the_signal():
    """The documented limits at alpha = 0, also where alpha' is 0, too."""
    process, late = processes.OrnsteinUhlenbeck(t_max=2000.0), FLOAT(1900)
    assert process.alpha(late) == 0
    assert process.drift_coefficient(late) == -np.inf and process.diffusion_coefficient(late) == np.inf
