"""What an observer is handed, what it costs, and whose errors are shown."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import INTEGRATORS

from diffmem import metrics, processes, sample
from diffmem.integrators import (
    DDIM,
    Ancestral,
    DPMSolverPP,
    EulerMaruyama,
    Heun,
    PredictorCorrector,
    ProbabilityFlow,
    ReverseSDE,
    grids,
)
from diffmem.scores import AbstractScore, Empirical, FromFunction

POINTS = np.random.default_rng(9).normal(size=(20, 3)).astype(np.float32).astype(float)
PROCESS = processes.OrnsteinUhlenbeck(t_min=0.05, t_max=4.0)
TIMES = grids.karras(PROCESS, 6)
KEY = jax.random.key(4)
DIGITS = {"rtol": 1e-8, "atol": 1e-10} if jax.config.jax_enable_x64 else {"rtol": 1e-4, "atol": 1e-5}
FAST = ("DDIM", "Ancestral")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in INTEGRATORS]
)
def test_an_observer_is_handed_the_evaluation_of_its_state(name):
    """At every grid time, whichever way the path is finished: `found` is what the score says there, D of the sample is
    what it says of the last state."""
    score, integrator, start = Empirical(POINTS), INTEGRATORS[name], jnp.asarray([0.9, -0.4, 0.3])
    run = eqx.filter_jit(lambda way: way(score, PROCESS, start, TIMES, key=KEY, observe=lambda *seen: seen))
    state, (x, level, found) = run(integrator)
    mean, (x_again, _, found_again) = run(integrator.denoised)
    expected = jax.vmap(score.evaluate)(x, level)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, **DIGITS), found, expected)
    np.testing.assert_allclose(x[-1], state, **DIGITS)
    np.testing.assert_allclose(mean, score.denoise(state, PROCESS.level(TIMES[-1])), **DIGITS)
    # the same path: adaptive steps may be chosen otherwise by another compilation
    if not isinstance(integrator, ProbabilityFlow | ReverseSDE):
        np.testing.assert_allclose(x_again, x, **DIGITS)
        np.testing.assert_allclose(mean, found_again.mean[-1], **DIGITS)


@pytest.mark.parametrize(
    "integrator, calls",
    [
        (DDIM(), 6 + 1),
        (Heun(), 2 * 6 + 1),
        (DPMSolverPP(3), 1 + (3 - 1) ** 2 + 6 + 1),
        (DPMSolverPP(start="first order"), 6 + 1),
        (EulerMaruyama(), 6 + 1),
        (PredictorCorrector(), 2 * 6 + 1),
        # churn moves the state before the step, which asks again where it has moved
        (Heun(churn=1.0), 3 * 6 + 1),
    ],
    ids=str,
)
def test_a_step_its_observer_and_the_last_denoised_point_ask_once(integrator, calls):
    """With and without an observer: so many calls of the function behind the score, the last for the final state."""
    called = []

    def denoise(x, level):
        jax.debug.callback(lambda: called.append(None))
        return x / 2

    def count(observe):
        called.clear()
        way = integrator.denoised(FromFunction(denoise), PROCESS, jnp.ones(2), TIMES, key=KEY, observe=observe)
        jax.block_until_ready(way)
        jax.effects_barrier()
        return len(called)

    assert count(None) == count(lambda x, level, found: (found.mean, found.noise)) == calls


def test_posterior_observers_need_no_second_pass():
    """In the compiled loop there are no more exponentials and products for an observer of the weights than without."""
    score = Empirical(np.random.default_rng(0).normal(size=(300, 8)))

    def operations(observe):
        run = lambda score, x: DDIM().denoised(score, PROCESS, x, TIMES, key=KEY, observe=observe)  # noqa: E731
        text = jax.jit(jax.vmap(run, (None, 0)), static_argnums=()).lower(score, jnp.zeros((4, 8))).as_text()
        return [text.count(operation) for operation in ("stablehlo.dot_general", "stablehlo.exponential")]

    assert operations(metrics.participation()) == operations(None)


class OwnError(Exception):
    """An error that no library knows."""


class Failing(AbstractScore):
    """Fails where a path evaluates it."""

    def evaluate(self, x, level):
        raise OwnError("the network has no such layer")

    def denoise(self, x, level):
        return x


def failing_observer(x, level, found):
    raise OwnError("the observer has no such name")


@pytest.mark.parametrize("integrator", [DDIM(), Ancestral(), DPMSolverPP(3), ProbabilityFlow(), ReverseSDE()], ids=str)
@pytest.mark.parametrize(
    "score, observe, sentence",
    [
        (Failing(), None, "the network has no such layer"),
        (FromFunction(lambda x, level: x / 2), failing_observer, "the observer has no such name"),
    ],
    ids=["score", "observer"],
)
def test_errors_of_scores_and_observers_are_shown_as_they_are(integrator, score, observe, sentence):
    with pytest.raises(OwnError) as error:
        sample(score, PROCESS, integrator, TIMES, (3,), 2, key=KEY, observe=observe)
    assert str(error.value) == sentence and error.value.__cause__ is None
