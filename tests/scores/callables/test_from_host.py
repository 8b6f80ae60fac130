"""Derivatives of a function outside JAX, given by its products with a direction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import EDM, FlowMatching
from diffmem.scores import FromFunction, FromHost

FLOAT = np.zeros((), jnp.zeros(()).dtype).dtype.type
RTOL = 1e-12 if FLOAT is np.float64 else 2e-5
LEVEL = NoiseLevel(FLOAT(0.8), FLOAT(0.6))
X = np.array([[0.3, -0.5, 1.2], [-0.7, 0.1, 0.4]], FLOAT)
MATRIX = np.array([[0.5, 0.2, 0.0], [-0.3, 0.4, 0.1], [0.0, 0.6, -0.2]])


def denoise(x, alpha, sigma):
    return np.tanh(x @ MATRIX.T) * alpha[:, None]


def backwards(x, alpha, sigma, direction):
    return (alpha[:, None] * (1 - np.tanh(x @ MATRIX.T) ** 2) * direction) @ MATRIX


def forwards(x, alpha, sigma, direction):
    return alpha[:, None] * (1 - np.tanh(x @ MATRIX.T) ** 2) * (direction @ MATRIX.T)


def matched(x, level):
    return jnp.tanh(jnp.asarray(MATRIX, x.dtype) @ x) * level.alpha


MEASURES = {
    "divergence": lambda score: jax.vmap(lambda x: score.divergence(x, LEVEL))(X),
    "Jacobian, forwards": lambda score: jax.vmap(jax.jacfwd(lambda x: score.score(x, LEVEL)))(X),
    "Jacobian, backwards": lambda score: jax.jit(jax.jacrev(lambda x: score.score(x, LEVEL)))(X[0]),
    "gradients": lambda score: jax.vmap(jax.grad(lambda x: jnp.sum(score.noise(x, LEVEL) ** 2)))(X),
    "through two calls": lambda score: jax.grad(lambda x: score.denoise(score.denoise(x, LEVEL), LEVEL).sum())(X[0]),
}


@pytest.mark.parametrize("jvp", [None, forwards], ids=["vjp", "vjp and jvp"])
@pytest.mark.parametrize("name", MEASURES)
def test_derivatives(name, jvp):
    found = MEASURES[name](FromHost(denoise, vjp=backwards, jvp=jvp))
    np.testing.assert_allclose(found, MEASURES[name](FromFunction(matched)), rtol=RTOL, atol=RTOL)


def test_one_call_for_all_rows_of_a_batch_of_jacobians():
    seen = []

    def counted(x, alpha, sigma, direction):
        seen.append(len(x))
        return backwards(x, alpha, sigma, direction)

    jax.block_until_ready(MEASURES["divergence"](FromHost(denoise, vjp=counted)))
    assert seen == [X.size]


@pytest.mark.parametrize(
    "differentiate, sentence",
    [
        (lambda score: jax.grad(lambda x: score.divergence(x, LEVEL))(X[0]), "first derivatives only"),
        (lambda score: jax.hessian(lambda x: score.denoise(x, LEVEL).sum())(X[0]), "first derivatives only"),
        (lambda score: jax.grad(lambda a: score.denoise(X[0], NoiseLevel(a, 0.6)).sum())(0.8), "in x only"),
    ],
)
def test_what_has_no_derivative_says_so(differentiate, sentence):
    with pytest.raises(TypeError, match=sentence):
        differentiate(FromHost(denoise, vjp=backwards))


def test_no_derivative_without_one():
    with pytest.raises(TypeError, match="has no derivative without `vjp`"):
        FromHost(denoise).divergence(X[0], LEVEL)
    with pytest.raises(ValueError, match="`jvp` must come with `vjp`"):
        FromHost(denoise, jvp=forwards)
    with pytest.raises(Exception, match="the `vjp` of `FromHost` must return shape"):
        jax.block_until_ready(FromHost(denoise, vjp=lambda x, a, s, u: u[0]).divergence(X[0], LEVEL))


@pytest.mark.parametrize("process", [None, FlowMatching(), EDM()])
def test_a_velocity_has_the_divergence_of_its_law(process):
    """N(0, v I): the divergence of the score is `-d/(alpha^2 v + sigma^2)` at any level, the network's own or not."""
    v = 0.4

    def velocity(x, alpha, sigma):
        turn, total = (0, 1) if isinstance(process, EDM) else (-1, 1), alpha**2 * v + sigma**2
        return ((turn[0] * alpha * v + turn[1] * sigma) / total)[:, None] * x

    score = FromHost(velocity, "velocity", process, vjp=lambda x, a, s, u: velocity(u, a, s))
    for level in (LEVEL, NoiseLevel(1.0, 3.0), NoiseLevel(0.25, 0.75)):
        truth = -X[0].size / (level.alpha**2 * v + level.sigma**2)
        assert score.divergence(X[0], level) == pytest.approx(truth, rel=20 * RTOL)
