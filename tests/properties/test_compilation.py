"""Nothing compiles twice: not for another level, and not for a number of another kind."""

import examples
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from inputs import FLOAT, built

from diffmem.level import NoiseLevel

# one row of each kind by default, all of them in the slow suite
KINDS = ("Empirical, Chunked", "Gaussian, full", "GaussianMixture, full", "FromVelocity", "Guided")
some_scores = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in KINDS)) for name in examples.SCORES]
)


@pytest.mark.slow
@some_scores
def test_one_compilation_for_all_levels(name, caplog):
    """Fifty Python numbers after three, then JAX and NumPy scalars: nothing compiles again (jax#2521, jax#15412)."""
    score, x = built(name), np.zeros(examples.SCORES[name].shape, FLOAT)
    call = lambda sigma: [score.denoise(x, NoiseLevel(1.0, sigma)), score.score(x, NoiseLevel(1.0, sigma))]  # noqa: E731
    # much and little noise may take two ways
    jax.block_until_ready([call(kind(sigma)) for sigma in (0.01, 0.9, 10.0) for kind in (float, FLOAT, jnp.asarray)])
    with jax.log_compiles():
        caplog.clear()
        jax.block_until_ready([call(float(sigma)) for sigma in np.geomspace(0.01, 10, 50)])
        jax.block_until_ready([call(jnp.asarray(0.3, FLOAT)), call(FLOAT(0.4))])
    assert not sum(record.getMessage().startswith("Compiling") for record in caplog.records)


@pytest.mark.parametrize("name", ["Empirical, Chunked", "Empirical, products", "GaussianMixture, full"])
def test_a_traced_level_compiles_once(name):
    score = built(name)
    traces = []

    @jax.jit
    def scored(x, alpha, sigma):
        traces.append(sigma)
        return score.score(x, NoiseLevel(alpha, sigma))

    x = jnp.zeros(examples.SCORES[name].shape, FLOAT)
    for sigma in np.geomspace(0.01, 10, 50):
        scored(x, jnp.asarray(1.0, FLOAT), jnp.asarray(sigma, FLOAT))
    assert len(traces) == 1
