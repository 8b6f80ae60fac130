"""Exactly solvable flows that the tests of integrators share."""

import equinox as eqx
import examples
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.scores import Gaussian

VARIANCES = np.array([0.01, 1.0, 10.0, 100.0])


@pytest.fixture(params=examples.PROCESSES.values(), ids=examples.PROCESSES)
def process(request):
    return request.param


@pytest.fixture(scope="session")
def gaussian():
    return Gaussian(jnp.zeros(4), jnp.asarray(VARIANCES))


@pytest.fixture(scope="session")
def gaussian_flow():
    """The flow map of N(0, diag(VARIANCES)): every coordinate keeps its quantile."""

    def flow(process, x, before, after):
        (a0, s0), (a1, s1) = process.level(before), process.level(after)
        spread = lambda a, s: np.sqrt(np.asarray(a) ** 2 * VARIANCES + np.asarray(s) ** 2)  # noqa: E731
        return np.asarray(x) * spread(a1, s1) / spread(a0, s0)

    return flow


@pytest.fixture(scope="session")
def integrate():
    """One compiled path: `(integrator, score, process, x, times, key) -> x`."""
    return eqx.filter_jit(lambda integrator, *args, key=None: integrator(*args, key=_key(key))[0])


def _key(key):
    return jax.random.key(0) if key is None else key
