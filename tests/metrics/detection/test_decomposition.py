"""Least squares on target and start: the closed path of a lone point, exact mixtures, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.metrics import detection

DTYPE = jnp.zeros(()).dtype
POINTS = np.random.default_rng(4).normal(size=(12, 2, 3)).astype(DTYPE)
BARS = np.cumprod(1 - np.linspace(0.01, 0.2, 40))
PROCESS = processes.Discrete(BARS)
TIMES = jnp.append(jnp.arange(40.0, 0, -3), 0)
STARTS = jax.random.normal(jax.random.key(0), (5, 2, 3), DTYPE)
TOLERANCE = 1e-12 if jnp.float64 == DTYPE else 1e-4
ONE = scores.Labelled(scores.Empirical(POINTS), np.arange(12), 7)


def found(score, target=POINTS[7], starts=STARTS):
    return detection.decomposed(score, starts, PROCESS, TIMES, jax.random.key(1), target=target)


@pytest.mark.slow
def test_the_path_to_a_lone_point_is_closed():
    """w_0 = alpha - alpha_T sigma/sigma_T, w_T = sigma/sigma_T; both sums are constants of the grid."""
    alpha, sigma = (np.asarray(part) for part in PROCESS.level(TIMES))
    here = found(ONE)
    np.testing.assert_allclose(
        here.target, np.tile((alpha - alpha[0] * sigma / sigma[0])[:, None], 5), atol=10 * TOLERANCE
    )
    np.testing.assert_allclose(here.start, np.tile((sigma / sigma[0])[:, None], 5), atol=10 * TOLERANCE)
    np.testing.assert_allclose(here.excess, -(alpha[0] / sigma[0]) * sigma.sum(), rtol=100 * TOLERANCE)
    np.testing.assert_allclose(here.deficit, (1 - 1 / sigma[0]) * sigma.sum(), atol=100 * TOLERANCE)


@pytest.mark.slow
def test_the_excess_is_the_detector_and_grows_with_guidance():
    excess = []
    for weight in (1.0, 3.0, 7.5):
        guided = scores.Guided(ONE, ONE.unconditional, weight)
        excess.append(
            detection.decomposition(guided, STARTS, PROCESS, TIMES, jax.random.key(1), target=POINTS[7]).mean()
        )
        np.testing.assert_allclose(excess[-1], found(guided).excess.mean(), rtol=1e-5)
    assert excess[0] < excess[1] < excess[2]


def test_coefficients_are_those_of_least_squares():
    guided = scores.Guided(ONE, ONE.unconditional, 3.0)
    middle = integrators.sample(
        guided, PROCESS, integrators.DDIM(), TIMES[:8], (2, 3), 5, key=jax.random.key(1), start=STARTS, finish="state"
    ).points
    here = found(guided)
    for i in range(5):
        design = np.stack([POINTS[7].ravel(), np.asarray(STARTS[i]).ravel()], axis=1)
        expected = np.linalg.lstsq(design, np.asarray(middle[i]).ravel(), rcond=None)[0]
        np.testing.assert_allclose([here.target[7, i], here.start[7, i]], expected, atol=100 * TOLERANCE)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"`target` must have the shape \(2, 3\) of a start"):
        found(ONE, target=POINTS[0].ravel())


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_coefficients_do_not_depend_on_units(unit):
    """Whose fourth powers single precision does not hold: a lone point has the closed path of any units."""
    alpha, sigma = (np.asarray(part, np.float64) for part in PROCESS.level(TIMES))
    lone = scores.Empirical((unit * POINTS[7:8]).astype(np.float32))
    starts, target = (np.asarray(unit * part, np.float32) for part in (STARTS, POINTS[7]))
    here = found(lone, target, starts)
    path = np.tile((alpha - alpha[0] * sigma / sigma[0])[:, None], 5)
    np.testing.assert_allclose(here.target, path, atol=1e-4)
    np.testing.assert_allclose(here.start, np.tile((sigma / sigma[0])[:, None], 5), atol=1e-4)
