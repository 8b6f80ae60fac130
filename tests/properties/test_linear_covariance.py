"""On a Gaussian every one-step scheme is x_b = A x_a + B z: the sampled law is known exactly, by published formulas."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes
from diffmem.integrators import Ancestral, EulerMaruyama, Heun, PredictorCorrector, grids

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(jnp.zeros(()).dtype == jnp.float32, reason="roundoff of double precision"),
]
VARIANCES = np.array([0.01, 1.0, 10.0, 100.0])
EXPLODING = processes.EDM(sigma_min=0.02, sigma_max=80.0)


def denoiser_gain(a, s):
    return a * VARIANCES / (a**2 * VARIANCES + s**2)


def euler_maruyama(process, now, after):
    """x_b = x - (f x - g^2 score) |dt| + g sqrt|dt| z, with f and g of the process."""
    (a, s), f = map(np.asarray, process.level(now)), np.asarray(process.drift_coefficient(now))
    g2 = np.asarray(process.diffusion_coefficient(now)) ** 2
    dt = float(now - after)
    return 1 - (f + g2 / (a**2 * VARIANCES + s**2)) * dt, [np.sqrt(g2 * dt)]


def ancestral(process, now, after, eta=1.0):
    """DDPM's posterior, from the transition x_a = (a_a/a_b) x_b + sqrt(s_a^2 - (a_a s_b/a_b)^2) z."""
    (a, s), (b, r) = (np.asarray(process.level(t)) for t in (now, after))
    variance = eta**2 * r**2 * (s**2 - (a * r / b) ** 2) / s**2
    gain = denoiser_gain(a, s)
    return b * gain + np.sqrt(r**2 - variance) * (1 - a * gain) / s, [np.sqrt(variance)]


def churned_heun(process, now, after, steps, churn):
    """EDM's algorithm 2 in u = x/alpha and rho = sigma/alpha, then back to x."""
    (a, s), (b, r) = (np.asarray(process.level(t)) for t in (now, after))
    rho, end = s / a, r / b
    raised = rho * (1 + min(churn / steps, np.sqrt(2) - 1))
    slope = lambda level: level / (VARIANCES + level**2)  # noqa: E731
    euler = 1 + (end - raised) * slope(raised)
    heun = 1 + (end - raised) / 2 * (slope(raised) + slope(end) * euler)
    return b * heun / a, [b * heun * np.sqrt(raised**2 - rho**2)]


def corrected(process, now, after, snr):
    """DDPM, then one Langevin step of size 2 (snr sigma)^2."""
    b, r = np.asarray(process.level(after))
    gain, (spread,) = ancestral(process, now, after)
    epsilon = 2 * (snr * r) ** 2
    langevin = 1 - epsilon / (b**2 * VARIANCES + r**2)
    return langevin * gain, [langevin * spread, np.sqrt(2 * epsilon)]


SCHEMES = {
    "EulerMaruyama": (EulerMaruyama(), euler_maruyama),
    "Ancestral": (Ancestral(), ancestral),
    "Ancestral(.5)": (Ancestral(0.5), lambda p, now, after: ancestral(p, now, after, 0.5)),
    "Heun with churn": (Heun(churn=3.0), lambda p, now, after: churned_heun(p, now, after, 8, 3.0)),
    "PredictorCorrector": (PredictorCorrector(), lambda p, now, after: corrected(p, now, after, 0.16)),
}


def draws(name, keys, steps):
    """The standard normals of each step, by the documented keys."""
    step = lambda key, i: jax.random.fold_in(key, i)  # noqa: E731
    kinds = [lambda k: k]
    if name == "PredictorCorrector":
        kinds = [lambda k: step(k, 0), lambda k: step(k, 1)]
    one = lambda key: [[jax.random.normal(kind(step(key, i)), (4,)) for kind in kinds] for i in range(steps)]  # noqa: E731
    return np.asarray(jax.vmap(lambda key: jnp.asarray(one(key)))(keys))


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("process", [EXPLODING, processes.VariancePreserving()], ids=["EDM", "VP"])
def test_sampled_covariance(name, process, gaussian):
    """The response of a run to its start and to each of its draws, read off from runs, against C <- A^2 C + B^2."""
    integrator, formula = SCHEMES[name]
    # no long step from noise, which samplers take by a rule of its own
    times = grids.karras(process, 8, ratio_max=1e3)
    start = np.asarray(process.level(times[0]))
    covariance = start[0] ** 2 * VARIANCES + start[1] ** 2
    for now, after in itertools.pairwise(times):
        gain, spreads = formula(process, now, after)
        covariance = gain**2 * covariance + sum(spread**2 for spread in spreads)

    draw = draws(name, keys := jax.random.split(jax.random.key(3), 40), 8).reshape(40, -1, 4)
    run = jax.jit(lambda x, key: integrator(gaussian, process, x, times, key=key)[0])
    ends = np.asarray(jax.vmap(run, in_axes=(None, 0))(jnp.zeros(4), keys))
    gain = np.asarray(run(jnp.ones(4), keys[0]) - run(jnp.zeros(4), keys[0]))
    sampled = (start[0] ** 2 * VARIANCES + start[1] ** 2) * gain**2
    for k in range(4):
        response, residual, *_ = np.linalg.lstsq(draw[:, :, k], ends[:, k])
        assert residual < 1e-18 * np.sum(ends[:, k] ** 2)
        sampled[k] += np.sum(response**2)
    np.testing.assert_allclose(sampled, covariance, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EulerMaruyama", "Ancestral"])
def test_weak_order_one(name, gaussian):
    """The error of the sampled covariance halves with the step: measured on the library's own response."""
    integrator, _ = SCHEMES[name]
    exact = VARIANCES + 0.02**2
    errors = []
    for steps in (160, 320):
        times = grids.log_snr(EXPLODING, steps)
        nodes = zip(np.asarray(times[:-1]), np.asarray(times[1:]))
        gains, spreads = responses(integrator, gaussian, times)
        covariance = VARIANCES + 80.0**2
        for _, gain, spread in zip(nodes, gains, spreads):
            covariance = gain**2 * covariance + spread**2
        errors.append(np.max(np.abs(covariance / exact - 1)))
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.15, errors


def responses(integrator, score, times):
    """A and B of every step, by running each step alone."""
    key = jax.random.key(7)
    z = jax.random.normal(jax.random.fold_in(key, 0), (4,))
    pairs = jnp.stack([times[:-1], times[1:]], axis=1)
    run = jax.vmap(lambda x, pair: integrator(score, EXPLODING, x, pair, key=key)[0], in_axes=(None, 0))
    rest, moved = run(jnp.zeros(4), pairs), run(jnp.ones(4), pairs)
    return np.asarray(moved - rest), np.asarray(rest / z[None])
