"""The spread of hidden units by hand, and along the path of a guided network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, networks, processes, scores
from diffmem.metrics import detection

CODES = np.array([[0.0, 3.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0, 3.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
SPREAD = [3**0.5 / 4, 0, (1 / 4 - (7 / 20) ** 2) ** 0.5, 0]
PROCESS = processes.OrnsteinUhlenbeck(1e-3, 5.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=4)


def test_the_spread_by_hand_and_at_any_size():
    np.testing.assert_allclose(detection.unit_spread(CODES), SPREAD, atol=1e-15)
    np.testing.assert_allclose(detection.unit_spread(1e-200 * CODES), SPREAD, atol=1e-15)
    np.testing.assert_allclose(detection.unit_spread(jnp.asarray(CODES)), SPREAD, atol=1e-6)


def where(score):
    return score.conditional.network.last


@pytest.mark.slow
def test_it_is_the_mean_over_the_states_of_the_path():
    network = networks.ResidualMLP(3, 6, labels=2, key=jax.random.key(0))
    learned = scores.Learned(network, scores.predictions.Signal(1.0), ratios=(0.01, 100.0))
    guided = scores.Guided(learned.conditioned(1), learned, 2.0)
    starts, key = jax.random.normal(jax.random.key(1), (5, 3)), jax.random.key(2)
    run = lambda steps: detection.spikiness(guided, starts, PROCESS, TIMES, key, where=where, steps=steps)  # noqa: E731
    level = PROCESS.level(TIMES[0])
    units = jax.vmap(lambda x: networks.layer_input(guided, where, lambda s: s.evaluate(x, level)))(starts)
    np.testing.assert_allclose(run(1), detection.unit_spread(units), rtol=1e-5)
    assert run(None).shape == (5,) and not np.allclose(run(None), run(1))
    with pytest.raises(ValueError, match="`steps` must be from 1 to 4"):
        run(5)


@pytest.mark.parametrize("kind", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_computed_in_single(kind):
    codes = jnp.asarray([[100.0, 301.0, 7.0, 0.5]], kind)
    found = detection.unit_spread(codes)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, detection.unit_spread(np.asarray(codes, np.float64)), rtol=1e-5)
