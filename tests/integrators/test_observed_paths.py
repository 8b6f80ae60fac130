"""What an observer is handed, what it costs, whose errors are shown, and when it is compiled again."""

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
from diffmem.same_functions import known
from diffmem.scores import AbstractScore, Empirical, Evaluation, FromFunction

POINTS = np.random.default_rng(9).normal(size=(20, 3)).astype(np.float32).astype(float)
PROCESS = processes.OrnsteinUhlenbeck(t_min=0.05, t_max=4.0)
TIMES = grids.karras(PROCESS, 6)
KEY = jax.random.key(4)
DIGITS = {"rtol": 1e-8, "atol": 1e-10} if jax.config.jax_enable_x64 else {"rtol": 1e-4, "atol": 1e-5}
FAST = ("DDIM", "Ancestral")


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


class Notebook:
    """Cells that are run in one namespace, compiled anew each time as notebooks do."""

    def __init__(self, **names):
        self.names = {"np": np, "jnp": jnp} | names

    def run(self, cell):
        exec(compile(cell, "<cell>", "exec"), self.names)
        return self.names.get("observe")

    def seen(self, observe):
        """What `sample` observes of the point (1, 1, 1) with an observer of this text, by its compiled function."""
        return _seen(known(self.run(f"observe = {observe}")), jnp.ones(3))


_seen = jax.jit(lambda observe, x: observe(x, None, None), static_argnums=0)


class Counted(AbstractScore):
    """Counts how often it is traced in a path."""

    points: jax.Array
    traced = []  # noqa: RUF012

    def evaluate(self, x, level):
        self.traced.append(None)
        return Evaluation(self.points.mean(0), x)

    def denoise(self, x, level):
        return self.points.mean(0)


OBSERVERS = {
    "a constant": "lambda x, level, found: 3.0 * x[0]",
    "a number": "lambda x, level, found: factor * x[0]",
    "an array": "lambda x, level, found: (array * x).sum()",
    "a default": "lambda x, level, found, factor=factor: factor * x[0]",
    "a function inside": "lambda x, level, found: (lambda y: factor * y)(x[0])",
    "a closure": "(lambda factor: lambda x, level, found: factor * x[0])(factor)",
    "the score": "lambda x, level, found: factor * x[0] + 0 * score.points.sum()",
}


@pytest.mark.parametrize("observe", OBSERVERS.values(), ids=OBSERVERS)
def test_a_cell_that_is_run_again_has_the_same_observer(observe):
    book = Notebook(factor=3.0, array=jnp.asarray([3.0, 0.0, 0.0]), score=Empirical(POINTS))
    assert book.seen(observe) == 3
    first = known(book.names["observe"])
    assert known(book.run(f"observe = {observe}")) is first and book.names["observe"] is not first


def test_a_cell_that_is_run_again_compiles_nothing():
    score = Counted(jnp.asarray(POINTS))
    book = Notebook(sample=sample, score=score, process=PROCESS, times=TIMES, key=KEY, DDIM=DDIM, factor=3.0)
    observe = "lambda x, level, found: factor * found.mean + score.points[0]"
    for factor, traced in ((3.0, 1), (3.0, 0), (5.0, 1), (3.0, 0)):
        Counted.traced.clear()
        book.names["factor"] = factor
        book.run(f"out = sample(score, process, DDIM(), times, (3,), 2, key=key, observe={observe})")
        expected = factor * POINTS.mean(0) + POINTS[0]
        np.testing.assert_allclose(book.names["out"].observed, np.broadcast_to(expected, (7, 2, 3)), rtol=1e-5)
        assert len(Counted.traced) == traced


CHANGES = {
    "another number": ("factor = 3.0", "lambda x, level, found: factor * x[0]", "factor = 5.0"),
    "another type of number": (
        "factor = 3",
        "lambda x, level, found: x[0] * (5 if factor is True else 3)",
        "factor = True",
    ),
    "another constant": ("", "lambda x, level, found: {} * x[0]", ""),
    "another array": ("a = jnp.full(3, 3.)", "lambda x, level, found: (a * x)[0]", "a = jnp.full(3, 5.)"),
    "another tuple": ("pair = (1, 3.0)", "lambda x, level, found: pair[1] * x[0]", "pair = (1, 5.0)"),
    "another default": ("factor = 3.0", "lambda x, level, found, f=factor: f * x[0]", "factor = 5.0"),
    "another closure": ("factor = 3.0", "(lambda f: lambda x, level, found: f * x[0])(factor)", "factor = 5.0"),
    "another function": (
        "def measure(x): return 3 * x[0]",
        "lambda x, level, found: measure(x)",
        "def measure(x): return 5 * x[0]",
    ),
    "another number of a function": (
        "factor = 3.0\ndef measure(x): return factor * x[0]",
        "lambda x, level, found: measure(x)",
        "factor = 5.0",
    ),
    "another entry of a dictionary": (
        "settings = {'factor': 3.0}",
        "lambda x, level, found: settings['factor'] * x[0]",
        "settings['factor'] = 5.0",
    ),
    "another entry of an array": (
        "factors = np.array([3.0])",
        "lambda x, level, found: float(factors[0]) * x[0]",
        "factors[0] = 5.0",
    ),
    "another attribute of a class": (
        "class Settings: factor = 3.0",
        "lambda x, level, found: Settings.factor * x[0]",
        "Settings.factor = 5.0",
    ),
    "another attribute": (
        "class Settings: factor = 3.0\nsettings = Settings()",
        "lambda x, level, found: settings.factor * x[0]",
        "settings.factor = 5.0",
    ),
}


@pytest.mark.parametrize("before, observe, after", CHANGES.values(), ids=CHANGES)
def test_an_observer_is_not_confused_with_another(before, observe, after):
    """The text is the same, but what it refers to is not: what is seen follows."""
    book = Notebook()
    for cell, number in ((before, 3.0), (after, 5.0)):
        book.run(cell)
        assert book.seen(observe.format(number)) == number


def test_an_observer_that_names_what_is_not_there_yet():
    """A local name that is given a value only later, in a branch that is not taken."""

    def draw():
        observe = lambda x, level, found: later if level is None else x[0]  # noqa: E731
        out = sample(FromFunction(lambda x, level: x / 2), PROCESS, DDIM(), TIMES, (3,), 2, key=KEY, observe=observe)
        later = 0
        return out.observed, later

    assert draw()[0].shape == (7, 2)
