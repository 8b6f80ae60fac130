"""The interface of `sample`: batches, keys, precision, observers, doors."""

import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, sample
from diffmem.integrators import (
    DDIM,
    AbstractOneStep,
    Ancestral,
    DPMSolverPP,
    Heun,
    ProbabilityFlow,
    ReverseSDE,
    grids,
)
from diffmem.scores import AbstractDenoiser, Empirical, FromFunction, Gaussian

POINTS = np.asarray(jax.random.normal(jax.random.key(9), (20, 3)))
PROCESS = processes.EDM()
TIMES = grids.karras(PROCESS, 12)
KEY = jax.random.key(4)
slow = lambda value: pytest.param(value, marks=pytest.mark.slow)  # noqa: E731


def first_coordinate(x, level, found):
    return x[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "integrator, score",
    [
        (Ancestral(), Empirical(POINTS)),
        # adaptive steps react to rounding: a score that rounds alike in every batch
        pytest.param(ReverseSDE(), Gaussian(jnp.zeros(3), jnp.ones(3)), marks=pytest.mark.slow),
    ],
    ids=["Ancestral", "ReverseSDE"],
)
def test_a_sample_depends_on_its_own_key_only(integrator, score):
    """In any count, in any batch, with a last batch that is not full."""
    draw = lambda count, size=None: sample(  # noqa: E731
        score, PROCESS, integrator, TIMES, (3,), count, key=KEY, batch_size=size, observe=first_coordinate
    )
    whole = draw(10)
    for count, size in ((10, 4), (3, 64)):
        part = draw(count, size)
        np.testing.assert_allclose(part.points, whole.points[:count], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(part.observed, whole.observed[:, :count], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_same_samples_under_an_outer_jit():
    """For fixed steps: an adaptive path may accept other steps where another compilation rounds otherwise."""
    draw = lambda score: sample(score, PROCESS, Ancestral(), TIMES, (3,), 4, key=KEY).points  # noqa: E731
    np.testing.assert_allclose(eqx.filter_jit(draw)(Empirical(POINTS)), draw(Empirical(POINTS)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "integrator", [DDIM(), Heun(), DPMSolverPP(3), ProbabilityFlow(1e-8, 1e-8), slow(ReverseSDE())], ids=str
)
def test_observations_are_of_the_state_at_each_grid_time(integrator):
    """One entry a node, the first of the start, the last of the final state, with the level of the node."""
    start = 80 * np.asarray(jax.random.normal(jax.random.key(1), (5, 3)))
    out = sample(
        Empirical(POINTS), PROCESS, integrator, TIMES, (3,), 5, key=KEY, start=start, finish="state",
        observe=lambda x, level, found: {"x": x, "sigma": level.sigma},
    )  # fmt: skip
    assert out.observed["x"].shape == (13, 5, 3)
    np.testing.assert_allclose(out.observed["x"][0], start, rtol=1e-6)
    np.testing.assert_allclose(out.observed["x"][-1], out.points, rtol=1e-6)
    np.testing.assert_allclose(out.observed["sigma"], np.broadcast_to(np.asarray(TIMES)[:, None], (13, 5)), rtol=1e-5)


def test_repeated_calls_do_not_compile_again():
    traces = []

    class Counted(AbstractDenoiser):
        points: jax.Array

        def denoise(self, x, level):
            traces.append(None)
            return self.points.mean(0)

    observe = lambda x, level, found: x[0]  # noqa: E731
    draw = lambda points, seed: sample(  # noqa: E731
        Counted(points),
        PROCESS,
        DDIM(),
        TIMES * (1 + seed / 100),
        (3,),
        5,
        key=jax.random.key(seed),
        observe=observe,
        batch_size=2,
    )
    draw(jnp.asarray(POINTS), 0)
    first = len(traces)
    draw(jnp.asarray(POINTS) + 1, 1)
    assert len(traces) == first


def test_start_law():
    dense = lambda x, level: Empirical(POINTS).denoise(x, level)  # noqa: E731
    assert sample(Empirical(POINTS), PROCESS, DDIM(), TIMES, (3,), 2, key=KEY).exact_start
    assert not sample(FromFunction(dense), PROCESS, DDIM(), TIMES, (3,), 2, key=KEY).exact_start


def test_atoms_far_from_zero_start_in_their_own_law():
    """Atoms {9, 11} and sigma_max = 10: mean 10, variance 101 instead of 0 and 100."""
    process = processes.EDM(sigma_max=10.0)
    score = Empirical(np.array([[9.0], [11.0]]))
    out = sample(
        score, process, DDIM(), grids.karras(process, 1), (1,), 40_000, key=KEY, observe=lambda x, level, found: x[0]
    )
    start = np.asarray(out.observed[0])
    assert abs(start.mean() - 10) < 4 * np.sqrt(101 / 40_000)
    assert abs(start.var() - 101) < 4 * 101 * np.sqrt(2 / 40_000)


def test_event_shapes_and_single_precision():
    images = np.asarray(jax.random.normal(jax.random.key(0), (6, 4, 5)), np.float32)
    out = sample(Empirical(images), PROCESS, Heun(), np.asarray(TIMES), (4, 5), 3, key=KEY)
    assert out.points.shape == (3, 4, 5) and out.points.dtype == np.float32
    assert np.abs(np.asarray(out.points)[:, None] - images[None]).max((2, 3)).min(1).max() < 1e-3


def test_own_score_and_own_stepper_in_a_few_lines():
    class Euler(AbstractOneStep):
        def step(self, score, x, here, state, now, after, key):
            return x + (after.level.sigma - now.level.sigma) * here.noise, state

    mine = FromFunction(lambda x, level: jnp.tanh(x / level.sigma**2))
    two = [sample(mine, PROCESS, integrator, TIMES, (1,), 4, key=KEY).points for integrator in (Euler(), DDIM())]
    np.testing.assert_allclose(*map(np.asarray, two), rtol=1e-5)


@pytest.mark.parametrize("integrator", [Heun(churn=2), DPMSolverPP(3), ReverseSDE()], ids=str)
def test_integrators_pickle(integrator):
    assert pickle.loads(pickle.dumps(integrator)) == integrator


@pytest.mark.slow
def test_gradients_go_through_sampling():
    """d D/d start by reverse mode against a finite difference."""
    end = lambda x: sample(Empirical(POINTS), PROCESS, DPMSolverPP(3), TIMES, (3,), 1, key=KEY, start=x).points[0, 0]  # noqa: E731
    x, h = jnp.asarray([[60.0, -30.0, 10.0]]), 1e-2
    slope = jax.grad(end)(x)[0, 1]
    bump = jnp.asarray([[0.0, h, 0.0]])
    np.testing.assert_allclose(slope, (end(x + bump) - end(x - bump)) / (2 * h), rtol=1e-2, atol=1e-3)


BAD = {
    "`times` must be one-dimensional": {"times": TIMES[:1]},
    "`times` must be finite and strictly decreasing, but is": {"times": TIMES[::-1]},
    "`times` must be finite": {"times": TIMES.at[3].set(jnp.nan)},
    r"`x` must have the event shape \(3,\), but has shape \(4,\)": {"shape": (4,)},  # the score's own sentence
    "`count` must be at least 1, but is 0": {"count": 0},
    "`batch_size` must be at least 1, but is 0": {"batch_size": 0},
    "`finish` must be 'denoise' or 'state', but is 'noise'": {"finish": "noise"},
    "`start` must have shape": {"start": np.zeros((3, 3))},
}


@pytest.mark.parametrize("sentence", BAD)
def test_bad_input_is_one_sentence(sentence):
    request = {"times": TIMES, "shape": (3,), "count": 2, "key": KEY} | BAD[sentence]
    times, shape, count = request.pop("times"), request.pop("shape"), request.pop("count")
    with pytest.raises(ValueError, match=sentence) as error:
        sample(Empirical(POINTS), PROCESS, DDIM(), times, shape, count, **request)
    assert "\n" not in str(error.value)


def test_a_score_that_answers_in_another_shape_is_refused():
    class Short(AbstractDenoiser):
        def denoise(self, x, level):
            return x[:2]

    with pytest.raises(ValueError, match=r"`shape` must be the event shape of the score, but is \(3,\): it returns"):
        sample(Short(), PROCESS, DDIM(), TIMES, (3,), 2, key=KEY)


def test_traced_times_are_checked_when_they_run():
    draw = eqx.filter_jit(lambda times: sample(Empirical(POINTS), PROCESS, DDIM(), times, (3,), 2, key=KEY).points)
    assert np.all(np.isfinite(draw(TIMES)))
    with pytest.raises(Exception, match="strictly decreasing"):
        jax.block_until_ready(draw(TIMES[::-1]))


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: Ancestral(eta=1.5), "`eta`"),
        (lambda: Heun(churn=-1.0), "`churn`"),
        (lambda: DPMSolverPP(order=4), "`order`"),
    ],
)
def test_bad_integrators_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
