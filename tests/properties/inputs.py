"""The levels, queries and scores at which the contracts are checked."""

import functools

import examples
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
needs_double = pytest.mark.skipif(not DOUBLE, reason="compares to double precision")
OU = examples.PROCESSES["OrnsteinUhlenbeck"]
MIDDLE = NoiseLevel(0.8, 0.6)


def level_of(alpha, sigma):
    """A level in the suite's precision, as arrays: numbers of Python would be compiled as constants."""
    return NoiseLevel(np.asarray(alpha, FLOAT), np.asarray(sigma, FLOAT))


# from far below the resolution of the data to no signal at all; alpha = 1 is what exploding processes have throughout
LEVELS = [
    level_of(alpha, sigma)
    for alpha, sigma in (
        (1.0, 1e-4),
        (1.0, 0.05),
        (0.95, 0.3),
        (0.8, 0.6),
        (0.2, 0.8),
        (1.0, 80.0),
        (5e-5, 1.0),
        (0.0, 1.0),
    )
]


def levels_of(process):
    """A small ratio of noise to signal, a large one, and both ends of a process."""
    times = [process.time_at(np.asarray(ratio, FLOAT)) for ratio in (1e-4, 0.05, 0.7, 4.0)]
    return [level_of(*process.level(t)) for t in (*times, process.t_min, process.t_max)]


@functools.cache
def built(name, process=OU, dtype=FLOAT):
    """A score of the table of examples."""
    return examples.SCORES[name].make(dtype, process)


def query(example, level, seed=0):
    """A draw of the forward process, away from its points at every level with noise."""
    rng = np.random.default_rng(seed)
    law = example.law or examples.SCORES["FromFunction"].law
    i = rng.choice(len(law.weights), p=law.weights)
    data = rng.multivariate_normal(law.means[i], law.covariances[i], method="svd")
    noise = rng.normal(size=data.shape)
    return (level.alpha * data + level.sigma * noise).reshape(example.shape).astype(FLOAT)
