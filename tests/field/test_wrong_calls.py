"""Wrong calls: each is refused in one sentence that names the true cause, before any work starts; and what users
pass as numbers, which works everywhere or nowhere.

The public threads: jax users' lists, big-endian and masked arrays; DiffSynth-Studio 562 and diffusers 1349 (half
precision); libscientific 8 and kornia 4152 (scale); openai/consistency_models 7 (few steps).
"""

import functools

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import diffmem as dm
from diffmem import (
    auditing,
    data,
    explaining,
    integrators,
    metrics,
    networks,
    plots,
    processes,
    pytorch,
    reductions,
    scores,
    studies,
    theory,
    training,
)
from diffmem.integrators import grids
from diffmem.level import NoiseLevel

pytestmark = pytest.mark.filterwarnings("error")
POINTS = np.array([[-1.0], [1.0]], np.float32)
E = scores.Empirical(POINTS)
MIXTURE = scores.GaussianMixture(np.ones(2, np.float32) / 2, POINTS, np.ones(2, np.float32))
X, LEVEL, KEY, EDM = np.array([0.3], np.float32), NoiseLevel(1.0, 0.5), jax.random.key(0), processes.EDM()
TIMES = grids.karras(EDM, 4)
SAME = scores.FromFunction(lambda x, level: x)
FAILED = (ValueError, jax.errors.JaxRuntimeError, TypeError)


def sample(score=E, process=EDM, integrator=integrators.DDIM(), times=TIMES, shape=(1,), count=2, key=KEY, **more):
    return dm.sample(score, process, integrator, times, shape, count, key=key, **more)  # house style: tests only


class Half:
    def __call__(self, x):
        return x / 2


HALF = networks.PlainMLP(1, 4, 1, key=KEY)


def fit(points=POINTS, objective=training.ScoreMatching(training.Fixed(1.0, 0.5)), key=KEY, optimiser=None):
    learned = scores.Learned(HALF, scores.predictions.Signal(1.0))
    return training.fit(learned, points, objective, key=key, steps=1, optimiser=optimiser)


def few(sigmas):
    return training.few_steps(SAME, np.ones((2, 1), np.float32), sigmas, 0.01, key=KEY)


def of_torch(model, schedule):
    pytest.importorskip("torch")
    return pytorch.from_torch(model, predicts="x0", schedule=schedule)


WRONG = {
    "a number for a level": (lambda: E.posterior(X, 0.3), "`level` must be a NoiseLevel"),
    "a process for a level": (lambda: MIXTURE.denoise(X, EDM), "`level` must be a NoiseLevel"),
    "a text for a level": (lambda: SAME.denoise(X, "0.3"), "`level` must be a NoiseLevel"),
    "two levels": (lambda: E.denoise(X, NoiseLevel(1.0, np.ones(3))), "`sigma` must be one number"),
    "infinite alpha": (lambda: E.denoise(X, NoiseLevel(np.inf, 0.5)), "`alpha` must be finite"),
    "complex sigma": (lambda: E.denoise(X, NoiseLevel(1.0, 1j)), "`sigma` must be a real number"),
    "a negative sigma": (lambda: MIXTURE.denoise(X, NoiseLevel(1.0, -1.0)), "`sigma` must be at least 0"),
    "arguments swapped": (lambda: E.denoise(LEVEL, X), "`x` must have the event shape"),
    "many queries": (lambda: MIXTURE.denoise(np.ones((4, 1)), LEVEL), "batch with jax.vmap"),
    "a complex query": (lambda: E.denoise(X * 1j, LEVEL), "`x` must hold real numbers"),
    "no query": (lambda: E.denoise(None, LEVEL), "`x` must hold real numbers, but is None"),
    "a class for a score": (lambda: sample(score=scores.Empirical), "the class Empirical, without its parentheses"),
    "a class for an integrator": (lambda: sample(integrator=integrators.DDIM), "the class DDIM"),
    "a class for a process": (lambda: sample(process=processes.EDM), "the class EDM"),
    "a class for a process of a grid": (lambda: grids.karras(processes.EDM, 9), "the class EDM"),
    "a class for a reduction": (lambda: scores.Empirical(POINTS, None, reductions.Dense), "the class Dense"),
    "a class in guidance": (lambda: scores.Guided(E, scores.Empirical, 1.0), "`unconditional` must be a score"),
    "a class for a velocity": (lambda: scores.FromVelocity(E.noise, processes.FlowMatching), "the class FlowMatching"),
    "a score and a process swapped": (lambda: sample(score=EDM, process=E), "`process` must be a process"),
    "a function for a score": (lambda: sample(score=E.denoise), "`score` must be a score"),
    "a score for a function": (lambda: scores.FromFunction(E), "`function` must be a function"),
    "a number for a function": (lambda: scores.FromNoisePrediction(3.0), "`function` must be a function"),
    "a number for a key": (lambda: sample(key=0), "`key` must be one key of JAX"),
    "no key": (lambda: E.sample(LEVEL, key=None), "`key` must be one key of JAX"),
    "many keys": (lambda: sample(key=jax.random.split(KEY, 2)), "`key` must be one key of JAX"),
    "a number of steps for times": (lambda: sample(times=10), "`times` must be one-dimensional"),
    "rising times": (lambda: sample(times=TIMES[::-1]), "strictly decreasing"),
    "times of text": (lambda: sample(times="karras"), "`times` must hold real numbers"),
    "complex times": (lambda: sample(times=np.array([2 + 0j, 1])), "`times` must hold real numbers"),
    "a negative sigma of EDM": (lambda: sample(times=[1.0, 0.5, -0.1]), "`times` must lie within the process"),
    "a negative time": (
        lambda: sample(process=processes.OrnsteinUhlenbeck(), times=[1.0, 0.5, -0.1]),
        "`times` must lie within",
    ),
    "a time after the noise": (
        lambda: sample(process=processes.FlowMatching(), times=[1.5, 0.5]),
        "1.5 is outside of FlowMatching",
    ),
    "a time after the cosine": (
        lambda: sample(process=processes.CosineVariancePreserving(), times=[1.5, 0.5]),
        "`times` must lie within",
    ),
    "a number for a shape": (lambda: sample(shape=1), "`shape` must be a tuple"),
    "half a coordinate": (lambda: sample(shape=(1.5,)), "`shape` must be a whole number"),
    "another shape": (lambda: sample(shape=(2,)), "event shape"),
    "half a sample": (lambda: sample(count=2.5), "`count` must be a whole number"),
    "minus one sample": (lambda: sample(count=-1), "`count` must be at least 1"),
    "samples beyond integers": (lambda: sample(count=2**40), "`count` must be at most"),
    "half a batch": (lambda: sample(batch_size=1.5), "`batch_size` must be a whole number"),
    "an observer that is none": (lambda: sample(observe=3), "`observe` must be a function"),
    "a start that is no number": (lambda: sample(start=np.full((2, 1), np.nan)), "`start` must be finite"),
    "half a step": (lambda: grids.uniform(EDM, 2.5), "`steps` must be a whole number"),
    "steps of text": (lambda: grids.log_snr(EDM, "9"), "`steps` must be a whole number"),
    "a part of a draw": (lambda: E.draw(2.5, key=KEY), "`n` must be a whole number"),
    "no draw": (lambda: MIXTURE.draw(-1, key=KEY), "`n` must be at least 1"),
    "a negative temperature": (lambda: MIXTURE.log_partition(X, LEVEL, beta=-1), "`beta` must be positive"),
    "a weight beyond the points": (lambda: E.weight(X, LEVEL, 7), "`index` must be between 0 and 1"),
    "weights of 2.0 points": (lambda: E.weights(X, LEVEL, 2.0), "`k` must be a whole number"),
    "weights of 2.0 components": (lambda: MIXTURE.weights(X, LEVEL, 2.0), "`k` must be a whole number"),
    "neighbours of 2.0": (lambda: metrics.nearest(POINTS, POINTS, 2.0), "`k` must be a whole number"),
    "complex points": (lambda: scores.Empirical(POINTS * 1j), "`points` must hold real numbers"),
    "ragged points": (lambda: scores.Empirical([[1.0], [1.0, 2.0]]), "rows have several lengths"),
    "a path for points": (
        lambda: scores.Empirical("digits.npy"),
        "`points` must hold real numbers, but is 'digits.npy'",
    ),
    "paths for metrics": (lambda: metrics.memorization("a.npy", "b.npy"), "`samples` must hold real numbers"),
    "no points": (lambda: scores.Empirical(np.ones((0, 3))), "`points` must have shape"),
    "points without coordinates": (lambda: scores.Empirical(np.ones((3, 0))), "`points` must have shape"),
    "infinite points": (lambda: scores.Empirical(np.array([[0.0], [np.inf]])), "`points` must be finite"),
    "a reduction for weights": (lambda: scores.Empirical(POINTS, reductions.Dense()), "`weights` must hold real"),
    "masked points": (lambda: scores.Empirical(np.ma.masked_array(POINTS, [[0], [1]])), "`points` must not be masked"),
    "a masked mean": (lambda: scores.Gaussian(np.ma.masked_array([1.0, 2], [0, 1]), 1.0), "`mean` must not be masked"),
    "masked samples": (lambda: metrics.nearest(np.ma.masked_array(POINTS, POINTS > 0), POINTS), "must not be masked"),
    "a masked data set": (lambda: data.Dataset(np.ma.masked_array(POINTS, POINTS > 0)), "must not be masked"),
    "a far mean": (
        lambda: scores.Gaussian(np.array([1e30], np.float32), np.ones((), np.float32)),
        "`mean` must be of a scale",
    ),
    "near means": (
        lambda: scores.GaussianMixture(np.ones(2, np.float32), POINTS * np.float32(1e-30), np.ones(2, np.float32)),
        "`means` must be of a scale",
    ),
    "noise that is no number": (lambda: integrators.Heun(s_noise=float("nan")), "`s_noise` must be at least 0"),
    "a negative tolerance": (lambda: integrators.ProbabilityFlow(rtol=-1.0), "`rtol` must be positive"),
    "no tolerance": (lambda: integrators.ReverseSDE(atol=0.0), "`atol` must be positive"),
    "an order that is infinite": (
        lambda: metrics.sliced_wasserstein(np.zeros((5, 1)), np.ones((5, 1)), key=KEY, p=float("inf")),
        "`p` must be between",
    ),
    "rising sigmas": (lambda: few((0.1, 1.0)), "`sigmas` must fall"),
    "a likelihood of no number": (lambda: dm.log_likelihood(E, EDM, X * np.nan), "`x` must be finite"),
    # functions of other arguments, told by their signature before they are called
    "a function of x and a time": (lambda: scores.FromFunction(lambda x, t: x), "but takes (x, t)"),
    "a function of x alone": (lambda: scores.FromFunction(lambda x: x), "but takes (x)"),
    "a function of x, alpha and sigma": (
        lambda: scores.FromNoisePrediction(lambda x, alpha, sigma: x),
        "but takes (x, alpha, sigma)",
    ),
    "an object that is called with x": (lambda: scores.FromFunction(Half()), "but takes (x)"),
    "a compiled function of x": (lambda: scores.FromFunction(jax.jit(lambda x: x)), "but takes (x)"),
    "a partial function of x": (lambda: scores.FromFunction(functools.partial(lambda a, x: x, 1)), "but takes (x)"),
    "a velocity of x": (lambda: scores.FromVelocity(lambda x: x, EDM), "but takes (x)"),
    "a host function of x and t": (lambda: scores.FromHost(lambda x, t: x), "but takes (x, t)"),
    "an observer of x": (lambda: sample(observe=lambda x: x), "but takes (x)"),
    "an answer of another shape": (
        lambda: scores.FromFunction(lambda x, level: x[:1]).denoise(np.ones(2), LEVEL),
        "`function` must answer in the shape of x, (2,)",
    ),
    "no answer": (lambda: scores.FromFunction(lambda x, level: None).denoise(X, LEVEL), "real numbers, but is None"),
    # public functions of the other packages
    "results for samples": (lambda: metrics.memorization(sample(), POINTS), "`samples` must hold real numbers, but is"),
    "a ratio of text": (lambda: metrics.memorization(POINTS, POINTS, ratio="1/3"), "`ratio` must hold real numbers"),
    "successes of text": (lambda: metrics.wilson("a", 2), "`successes` must hold real numbers"),
    "points and a score swapped": (
        lambda: metrics.denoising_loss(POINTS, E, LEVEL, key=KEY),
        "`score` must be a score",
    ),
    "a number for a path": (lambda: data.load(3), "`path` must be the path of a file or folder, but is 3"),
    "an array for a data set": (lambda: data.reduce_dimension(POINTS, 1), "`dataset` must be a Dataset"),
    "an array for a forecast": (lambda: studies.forecast(POINTS, (10,)), "`dataset` must be a Dataset"),
    "a name for a collapse": (lambda: studies.collapse("digits"), "`dataset` must be a Dataset"),
    "one number of points": (
        lambda: studies.collapse(data.Dataset(POINTS), 10),
        "`n` must be a sequence of whole numbers, but is 10",
    ),
    "a class for a learner": (
        lambda: studies.collapse(data.Dataset(POINTS), [2], learner=studies.MLPLearner),
        "the class MLPLearner",
    ),
    "a key for a seed": (lambda: studies.collapse(data.Dataset(POINTS), [2], seed=KEY), "`seed` must be a whole"),
    "a number for a sweep": (lambda: studies.sweep(3, {"a": [1]}, store=None), "`function` must be a function"),
    "a list for a grid": (lambda: studies.sweep(abs, [1, 2], store=None), "`grid` must be a dictionary"),
    "a spectrum of text": (lambda: theory.collapse_time(EDM, 10, "abc"), "`spectrum` must hold real numbers"),
    "a class for a process of theory": (lambda: theory.collapse_time(processes.EDM, 10, X), "the class EDM"),
    "theory with arguments swapped": (lambda: theory.collapse_time(10, EDM, X), "`n` must hold real numbers"),
    "the spectrum of one point": (lambda: theory.spectrum(X), "but has shape (1,)"),
    "no points to train on": (lambda: fit(None), "`points` must hold real numbers, but is None"),
    "a number for a key of training": (lambda: fit(key=1), "`key` must be one key of JAX"),
    "a class for an objective": (lambda: fit(objective=training.ScoreMatching), "the class ScoreMatching"),
    "levels for an objective": (lambda: fit(objective=training.Fixed(1.0, 0.5)), "`objective` must be a function"),
    "a name for an optimiser": (lambda: fit(optimiser="adam"), "`optimiser` must be one of optax"),
    "a number for levels": (lambda: training.ScoreMatching(0.5), "`levels` must be a law of noise levels"),
    "a keyword that nobody gives": (lambda: scores.FromFunction(lambda x, level, *, key: x), "takes (x, level, key)"),
    "a function of NumPy": (lambda: scores.FromFunction(np.sin), "`function` must be a function of one point"),
    "a condition that is kept": (
        lambda: dm.sample(lambda c: c, EDM, integrators.DDIM(), TIMES, (1,), 2, key=KEY, condition=np.arange(2)),
        "`score` must be a function of one condition that returns a score",
    ),
    "a text for a noise": (lambda: training.LogUniform("a", 0.1), "`low` must hold real numbers"),
    "a text for a time": (lambda: training.UniformTime(EDM, "a"), "`t_min` must hold real numbers"),
    "a number for a weight": (
        lambda: training.ScoreMatching(training.Fixed(1.0, 0.5), 3.0),
        "`weight` must be a function",
    ),
    "a number for a range": (lambda: data.Dataset(POINTS, value_range=3), "`value_range` must be two finite numbers"),
    "a range that falls": (
        lambda: data.Dataset(POINTS, value_range=(1, 0)),
        "`value_range` must be two finite numbers",
    ),
    "negative levels": (lambda: training.Fixed(1.0, -0.5), "`sigmas` must be at least 0"),
    "a class for times of training": (lambda: training.UniformTime(processes.EDM), "the class EDM"),
    "a number for a key of a network": (lambda: networks.PlainMLP(1, key=0), "`key` must be one key of JAX"),
    "a number for a shape of images": (lambda: networks.UNet(3, key=KEY), "`shape` must be a sequence of whole"),
    "a name for a prediction": (lambda: scores.Learned(HALF, "noise"), "`prediction` must be a prediction"),
    "a weight of text": (lambda: scores.Guided(E, E, "1"), "`weight` must hold real numbers"),
    "a weight that is no number": (lambda: scores.Guided(E, E, float("nan")), "`weight` must be finite"),
    "a process for a score": (lambda: scores.Switched(E, EDM, 0.5), "`below` must be a score"),
    "a number for a key of a likelihood": (
        lambda: dm.log_likelihood(E, EDM, X, key=0),
        "`key` must be one key of JAX",
    ),
    "a class that inverts": (lambda: dm.invert(E, EDM, integrators.DDIM, X, TIMES, key=KEY), "the class DDIM"),
    "a class that explains": (lambda: explaining.explain(POINTS, process=processes.EDM), "the class EDM"),
    "no samples to audit": (lambda: auditing.audit(None, POINTS), "`samples` must be a path, an array or a Dataset"),
    "an audit with a key": (lambda: auditing.audit(POINTS, POINTS, seed=KEY), "`seed` must be a whole number"),
    "an audit with a ratio of text": (
        lambda: auditing.audit(POINTS, POINTS, ratio="a"),
        "`ratio` must hold real numbers",
    ),
    "an audit with twins of text": (
        lambda: auditing.audit(POINTS, POINTS, twins="a"),
        "`twins` must hold real numbers",
    ),
    "an audit with half a shift": (
        lambda: auditing.audit(POINTS, POINTS, shifts=1.5),
        "`shifts` must be a whole number",
    ),
    "an audit with tiles of text": (
        lambda: auditing.audit(POINTS, POINTS, tiles="a"),
        "`tiles` must be a whole number",
    ),
    "an audit into a number": (
        lambda: auditing.audit(POINTS, POINTS, out=3),
        "`out` must be the path of a folder, but is 3",
    ),
    "an audit read by a tuple": (lambda: auditing.audit(POINTS, POINTS, reading=(8, 8)), "`reading` must be a diffmem"),
    "times and values of two lengths": (lambda: plots.against_time([1, 2, 3], [1, 2]), "to match `times`"),
    "a scheduler of text": (
        lambda: of_torch(lambda x, t: x, "ddpm"),
        "`schedule` must hold real numbers",
    ),
    "a network of x alone": (
        lambda: of_torch(lambda x: x, EDM),
        "`model` must be a function of batches and their times, (x, t), but takes (x)",
    ),
    "a process of text": (lambda: processes.OrnsteinUhlenbeck(t_max="1"), "must hold real numbers, but is '1'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_one_sentence(name, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for a user, whose types are not checked
    call, sentence = WRONG[name]
    with pytest.raises(ValueError) as caught:
        call()
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_a_wrapper_is_what_it_takes_itself():
    def with_key(x, level, key):
        return 0.5 * x

    @functools.wraps(with_key)
    def wrapper(x, level):
        return with_key(x, level, KEY)

    assert scores.FromFunction(wrapper).denoise(X, LEVEL).shape == X.shape
    assert scores.FromFunction(jax.jit(wrapper)).denoise(X, LEVEL).shape == X.shape


def test_an_error_of_the_score_stays_what_it_is():
    def broken(x, level):
        raise RuntimeError("the network has no weights")

    with pytest.raises(RuntimeError, match="the network has no weights"):
        sample(score=scores.FromFunction(broken))


def test_a_type_error_inside_a_function_stays_what_it_is():
    """And functions that can be called in the right way are: with defaults, any arguments, or no signature."""

    def broken(x, level):
        return len(3)

    with pytest.raises(TypeError, match="has no len"):
        scores.FromFunction(broken).denoise(X, LEVEL)
    for function in (
        lambda x, level, more=2: x,
        lambda *parts: parts[0],
        jax.jit(lambda x, level: x),
        jax.tree_util.Partial(lambda a, x, level: x, 1),
        E.denoise,
    ):
        assert scores.FromFunction(function).denoise(X, LEVEL).shape == (1,)


# numbers in every form


FORMS = {
    "lists": lambda points: np.asarray(points).tolist(),
    "big-endian": lambda points: np.asarray(points, ">f4"),
    "half": lambda points: np.asarray(points, np.float16),
    "long double": lambda points: np.asarray(points, np.longdouble),
    "bfloat16": lambda points: jnp.asarray(points, jnp.bfloat16),
    "data set": lambda points: data.Dataset(np.asarray(points, np.float32)),
    "integers": lambda points: np.asarray(points, np.int8),
}


@pytest.mark.parametrize("form", FORMS)
def test_points_in_every_form(form):
    """D of -1 and 1 at x = .25, sigma = .5 is tanh(1); x is exact in half precision."""
    given, x = FORMS[form](POINTS), np.array([0.25], np.float32)
    assert float(scores.Empirical(given).denoise(x, LEVEL)[0]) == pytest.approx(np.tanh(1), rel=1e-6)
    mixture = scores.GaussianMixture([1, 1], given, [0.25, 0.25])
    exact = np.tanh(0.25 / 0.5) + 0.25 / 0.5 * (0.25 - np.tanh(0.25 / 0.5))
    assert float(mixture.denoise(x, LEVEL)[0]) == pytest.approx(exact, rel=1e-6)
    np.testing.assert_allclose(scores.Gaussian.fit(given).mean, 0, atol=1e-7)
    assert metrics.nearest(given, POINTS).distance.max() == 0
    assert metrics.memorization(given, POINTS).fraction == 1


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    x = jnp.asarray([0.25], dtype)
    for score in (E, MIXTURE, SAME, scores.Empirical(jnp.asarray(POINTS, dtype)), scores.Guided(E, E, 2.0)):
        found = score.evaluate(x, LEVEL)
        assert found.mean.dtype == found.noise.dtype == jnp.float32
    assert sample(score=scores.Empirical(jnp.asarray(POINTS, dtype))).points.dtype == jnp.float32
    assert data.Dataset(np.asarray(POINTS, np.float16)).points.dtype == np.float32


def test_the_dtype_of_the_points_decides():
    """Also for queries and levels of more digits."""
    for score in (E, MIXTURE, scores.Gaussian(np.zeros(1, np.float32), np.ones((), np.float32))):
        assert score.denoise(X.astype(np.float64), NoiseLevel(np.float64(1), np.float64(0.5))).dtype == jnp.float32


@pytest.mark.parametrize("power", [-30, -20, -10, 0, 10, 20, 30])
def test_data_in_any_units(power):
    scale = np.float32(10.0**power)
    x, level = 0.3 * scale * np.ones(1, np.float32), NoiseLevel(1.0, np.float32(0.5) * scale)
    found = scores.Empirical(POINTS * scale).denoise(x, level)
    assert float(found[0] / scale) == pytest.approx(np.tanh(1.2), rel=1e-5)


ONES, ONE = np.ones(2, np.float32), np.float32(1)
IN_UNITS = {
    # D/s at x = .3 s, sigma = .5 s: of points tanh(1.2); of N(+-s, v) m + v/(v + .25) (.3 - m) with m = tanh(.3/(v + .25))
    "points": (0.0, lambda s: scores.GaussianMixture(ONES, POINTS * s, 0 * ONES)),
    "components": (0.25, lambda s: scores.GaussianMixture(ONES, POINTS * s, ONES / 4 * s * s)),
    "factors of size s": (
        0.25,
        lambda s: scores.LowRankMixture(ONES, POINTS * s, s * ONES[:, None, None], POINTS**2 / 4),
    ),
    "variances of size s^2": (
        0.25,
        lambda s: scores.LowRankMixture(ONES, POINTS * s, ONES[:, None, None], POINTS**2 / 4 * s * s),
    ),
    "a floor": (
        0.25,
        lambda s: scores.LowRankMixture(ONES, POINTS * s, 0 * ONES[:, None, None], POINTS**2, ONE / 4 * s * s),
    ),
    "points without factors": (
        0.0,
        lambda s: scores.LowRankMixture(ONES, POINTS * s, s * ONES[:, None, None], 0 * POINTS),
    ),
    "tied": (0.25, lambda s: scores.TiedMixture(POINTS * s, ONE / 4 * s * s)),
}


@pytest.mark.parametrize("power", [-30, -20, -19, -18.75, -18, -15.5, -10, 0, 10, 18.5, 20, 30])
@pytest.mark.parametrize("name", IN_UNITS)
@np.errstate(over="ignore", under="ignore")
def test_gaussians_in_any_units(name, power):
    """Right, or refused where single precision cannot hold the variances."""
    scale, (v, build) = np.float32(10.0**power), IN_UNITS[name]
    try:
        score = build(scale)
    except ValueError as refused:
        assert "must be of a scale whose variance" in str(refused) or "finite" in str(refused)
        assert abs(power) > 15.5 and len(str(refused)) < 200
        return
    found = score.denoise(0.3 * scale * np.ones(1, np.float32), NoiseLevel(1.0, np.float32(0.5) * scale))
    m = np.tanh(0.3 / (v + 0.25))
    assert float(found[0] / scale) == pytest.approx(m + v / (v + 0.25) * (0.3 - m), rel=1e-5)


def test_noise_whose_square_is_no_number_is_the_limit_of_none():
    """Two components without variance at sigma = 1e-20: the nearer one."""
    for score in (IN_UNITS["points"][1](ONE), IN_UNITS["points without factors"][1](ONE)):
        assert float(score.denoise(X, NoiseLevel(1.0, 1e-20))[0]) == 1


# parameters that are traced


@pytest.mark.slow
@pytest.mark.parametrize("grid", [grids.karras, grids.log_snr, grids.uniform])
def test_grids_inside_jit_and_over_parameters(grid):
    """diffusers 3833, vdm 1."""
    for process in (EDM, processes.OrnsteinUhlenbeck(), processes.FlowMatching()):
        plain = grid(process, 6)
        np.testing.assert_allclose(jax.jit(lambda process=process: grid(process, 6))(), plain, rtol=2e-6)
    made = lambda beta: grid(processes.VariancePreserving(beta_max=beta), 6)  # noqa: E731
    betas = jnp.asarray([10.0, 20.0])
    for found in (jax.vmap(made)(betas), jnp.stack([jax.jit(made)(beta) for beta in betas])):
        np.testing.assert_allclose(found, jnp.stack([made(float(beta)) for beta in betas]), rtol=1e-4)
    assert np.isfinite(jax.jacfwd(made)(20.0)).all()


@pytest.mark.slow
def test_processes_over_their_parameters():
    for build, at in (
        (lambda s: processes.VarianceExploding(sigma_max=s), 40.0),
        (lambda s: processes.EDM(sigma_max=s), 40.0),
        (lambda s: processes.CosineVariancePreserving(offset=s), 0.01),
        (lambda s: processes.OrnsteinUhlenbeck(t_max=s), 4.0),
    ):
        value = lambda s, build=build: sum(build(s).level(0.5)) + build(s).time_at(0.7)  # noqa: E731
        step = 1e-3 * at
        slope = (float(value(at + step)) - float(value(at - step))) / (2 * step)
        assert float(jax.grad(value)(at)) == pytest.approx(slope, rel=1e-2, abs=1e-3)
        np.testing.assert_allclose(jax.vmap(value)(jnp.asarray([at])), value(at), rtol=1e-5)


# training, few steps, and where nothing may be formed that is no number


@pytest.mark.parametrize("score", [E, MIXTURE, scores.Gaussian(np.zeros(1), np.eye(1)), scores.Guided(E, E, 1.0)])
def test_scores_with_constraints_are_not_trained(score):
    """equinox 279, 866 and 710: after 100 steps weights added up to 1.57 and bases were not orthogonal."""
    objective = training.ScoreMatching(training.Fixed(1.0, 0.5))
    with pytest.raises(ValueError, match="`score` must hold no"):
        training.fit(score, POINTS, objective, key=KEY, steps=1)


def test_few_steps_take_arrays():
    np.testing.assert_array_equal(few(np.array([1.0, 0.1])), few((1.0, 0.1)))


def test_no_nan_is_formed_on_the_way():
    """Three points on a diagonal, the query on the first, half-way along the straight path."""
    points = np.array([[1.0, 1], [2, 2], [3, 3]], np.float32)
    with jax.debug_nans(True):
        for score in (scores.Empirical(points), scores.Gaussian.fit(points)):
            for level in (NoiseLevel(0.5, 0.5), NoiseLevel(0.0, 1.0), NoiseLevel(1.0, 1e-6)):
                assert np.isfinite(score.score(points[0], level)).all()
