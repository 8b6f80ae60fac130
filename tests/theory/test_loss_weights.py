"""Weights of losses against the errors of the targets themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES

from diffmem import scores, theory
from diffmem.level import NoiseLevel

DTYPE = jnp.zeros(()).dtype


@pytest.mark.parametrize("name", PROCESSES)
def test_weights_turn_errors_of_x0_into_errors_of_every_target(name):
    """For one draw, as identities: the errors of the predictions that the score makes of z, z/sigma and the velocity."""
    process, rng = PROCESSES[name], np.random.default_rng(2)
    score = scores.GaussianMixture.two_clusters(rng.normal(size=3).astype(DTYPE), np.asarray(0.3, DTYPE))
    x0, z = rng.normal(size=(2, 3)).astype(DTYPE)
    for t in np.quantile([process.t_min, process.t_max], [0.2, 0.5, 0.9]):
        level, rate = process.level(t), process.rate(t)
        x = level.alpha * x0 + level.sigma * z
        error = float(jnp.sum((score.denoise(x, level) - x0) ** 2))
        noise = score.noise(x, level)
        velocity = rate.alpha * score.denoise(x, level) + rate.sigma * noise
        pairs = {
            "noise": (noise - z, theory.noise_loss_weight(level)),
            "score": (score.score(x, level) + z / level.sigma, theory.score_loss_weight(level)),
            "velocity": (velocity - rate.alpha * x0 - rate.sigma * z, theory.velocity_loss_weight(level, rate)),
        }
        for target, (wrong, weight) in pairs.items():
            # where the noise is small the errors of z are small beside z itself
            np.testing.assert_allclose(
                jnp.sum(wrong**2), weight * error, rtol=2e-3, atol=1e-5 * float(weight), err_msg=target
            )


def test_limits_of_the_weights():
    blind, rate = NoiseLevel(0.0, 1.0), NoiseLevel(-1.5, 1.0)
    assert theory.noise_loss_weight(blind) == theory.score_loss_weight(blind) == 0
    assert theory.velocity_loss_weight(blind, rate) == pytest.approx(2.25)
    clean = NoiseLevel(np.ones(2), np.array([0.0, 0.5]))
    assert np.isinf(theory.noise_loss_weight(clean)[0]) and theory.score_loss_weight(clean)[1] == pytest.approx(16)
    assert np.isinf(theory.velocity_loss_weight(NoiseLevel(1.0, 0.0), rate))


def test_noise_whose_square_is_no_float():
    level = NoiseLevel(DTYPE.type(0), DTYPE.type(1e-25))
    assert jax.jit(theory.score_loss_weight)(level) == 0.0
