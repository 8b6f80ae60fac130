"""Points split over devices against all of them on one: on eight devices, in two processes, and, slowly, on one.

The contract suite has one device; here a second run of this file has eight.
"""

import inspect
import os
import pickle
import re
import socket
import subprocess
import sys
import textwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import diffmem as dm
from diffmem import integrators, processes
from diffmem.level import NoiseLevel
from diffmem.reductions import Dense, Sharded
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
EPS = np.finfo(FLOAT).eps
NEAR, SLOPE, PATH = (1e-12, 1e-10, 1e-10) if DOUBLE else (1e-5, 1e-4, 1e-4)
LEVELS = [(1, 0), (1, 1e-6), (1, 0.02), (0.9, 0.3), (1, 2), (0.5, 1e3), (0, 1)]
MESH = Mesh(jax.devices(), "points")
OU = processes.OrnsteinUhlenbeck()
needs_double = pytest.mark.skipif(not DOUBLE, reason="compares to double precision")
on_eight = pytest.mark.skipif(len(jax.devices()) < 8, reason="the run on eight devices does it")
slow_on_one = pytest.mark.slow if len(jax.devices()) < 8 else lambda test: test


def alone(command, devices, **environment):
    """The environment of this process, changed, and no devices but this many of the CPU's."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    environment |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    return {"args": command, "env": os.environ | environment, "text": True}


@pytest.mark.skipif(len(jax.devices()) > 1, reason="this is the run on several")
@pytest.mark.slow
def test_everything_below_on_eight_devices():
    options = ["-q", "-p", "no:cacheprovider", "-m", "", "-k", "not two_processes"]
    command = [sys.executable, "-m", "pytest", *options, __file__]
    run = subprocess.run(**alone(command, 8), capture_output=True, timeout=1800)
    assert run.returncode == 0 and " passed" in run.stdout, run.stdout[-5000:] + run.stderr[-5000:]


def problem(n, d, seed=0):
    """Points with copies far apart in number, weights with zeros, and queries."""
    rng = np.random.default_rng(seed)
    points, weights = rng.normal(size=(n, d)).astype(FLOAT), rng.uniform(0.2, 1, size=n).astype(FLOAT)
    points[-1] = points[0]
    weights[n // 2] = 0
    xs = np.concatenate([points[:2] + 0.1 * rng.normal(size=(2, d)), points[:1]]).astype(FLOAT)
    return points, weights, xs


@eqx.filter_jit
def posteriors(score, xs, alpha, sigma):
    return jax.vmap(lambda x: score.posterior(x, NoiseLevel(alpha, sigma)))(xs)


def agree(found, truth, tolerance=NEAR):
    """Every field, to the tolerance relative to its largest entry or 1; beyond it what rounding may have moved."""
    moved = np.asarray(np.maximum(found.discarded, truth.discarded), np.float64)
    assert np.all(moved <= 1e-3)
    for field, one, other in zip(truth._fields, found, truth):
        if field == "discarded":
            continue
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        finite = np.isfinite(other)
        np.testing.assert_array_equal(one[~finite], other[~finite], err_msg=field)
        scale = max(1, np.abs(other[finite]).max(initial=0))
        # an entropy moves by up to q log(n/q) for a total variation q
        allowed = (tolerance + 20 * moved).reshape(-1, *[1] * (one.ndim - 1)) * scale
        assert np.all(np.abs(np.where(finite, one - np.where(finite, other, 0), 0)) <= allowed), field


@slow_on_one
@pytest.mark.parametrize(
    ("n", "d"), [(29, 5), *[pytest.param(*size, marks=pytest.mark.slow) for size in ((3, 5), (45, 40))]]
)
def test_the_posterior_at_every_level(n, d):
    """n that no number of devices divides, fewer points than devices, and energies by products."""
    points, weights, xs = problem(n, d)
    split, whole = Empirical(points, weights, Sharded(MESH)), Empirical(points, weights, Dense())
    for level in LEVELS:
        level = [FLOAT(part) for part in level]
        found, truth = posteriors(split, xs, *level), posteriors(whole, xs, *level)
        # in single precision points equal to rounding may lead in any order
        agree(found if DOUBLE else found._replace(leader=truth.leader), truth)


@slow_on_one
def test_ties_at_no_noise_and_devices_without_weight():
    """The four nearest of many points lie on different devices and are equally far; weight on the first two only; on one."""
    rng = np.random.default_rng(1)
    points = (3 + rng.uniform(size=(29, 5))).astype(FLOAT)
    points[[0, 9, 18, 27]] = [*np.eye(5)[:2], *-np.eye(5)[:2]]
    x, one = np.zeros((3, 5), FLOAT), np.eye(29)
    for weights, participation, mean in (
        (np.ones(29), 4, np.zeros(5)),
        (one[0] + one[18], 2, np.zeros(5)),
        (one[9], 1, np.eye(5)[1]),
    ):
        weights = weights.astype(FLOAT)
        split, whole = Empirical(points, weights, Sharded(MESH)), Empirical(points, weights, Dense())
        for level in ((1, 0), (1, 1e-3), (1, 1), (0, 1)):
            level = [FLOAT(part) for part in level]
            found, truth = posteriors(split, x, *level), posteriors(whole, x, *level)
            assert set(np.asarray(found.leader)) <= {0, 9, 18, 27} or level[1] > 0.01
            agree(found._replace(leader=truth.leader), truth)  # equal to rounding, they may lead in any order
            if level[1] < 0.01:
                assert found.participation[0] == participation
                np.testing.assert_allclose(found.mean[0], mean, rtol=0, atol=8 * EPS)


@slow_on_one
@pytest.mark.parametrize("shift", [0, 1000])
def test_single_precision_far_from_the_origin(shift):
    """Weights and displacements of float32 numbers to 1e-5 of their double precision answer."""
    rng = np.random.default_rng(2)
    points = (rng.normal(size=(61, 48)) + shift).astype(np.float32)
    score = Empirical(points, reduction=Sharded(MESH))
    for alpha, sigma in ((1, 0.01), (0.8, 0.6), (0.7, 5)):
        level = np.float32(alpha), np.float32(sigma)
        noise = sigma * rng.normal(size=(3, 48))
        xs = (np.float64(level[0]) * points[:3] + noise).astype(np.float32)
        found = posteriors(score, xs, *level)
        for i, x in enumerate(xs):
            w, mean, displacement = oracles.points_answer(points, x, *level)
            assert oracles.off(found.displacement[i], displacement) < 1e-5
            assert oracles.off(found.mean[i], mean) < 1e-5
            assert found.participation[i] == pytest.approx(1 / np.sum(w**2), rel=1e-5)
            assert found.leader_weight[i] == pytest.approx(w.max(), rel=1e-5)
            assert int(found.leader[i]) == w.argmax()


@eqx.filter_jit
def first(score, xs, alpha, sigma):
    denoised = lambda x, alpha, sigma: score.denoise(x, NoiseLevel(alpha, sigma))  # noqa: E731
    return {
        "grad": jax.vmap(jax.grad(score.log_prob), (0, None))(xs, NoiseLevel(alpha, sigma)),
        "jacrev": jax.jacrev(denoised, (0, 1, 2))(xs[0], alpha, sigma),
    }


@eqx.filter_jit
def higher(score, xs, alpha, sigma):
    level = NoiseLevel(alpha, sigma)
    statistics = lambda x: (score.posterior(x, level).participation, score.posterior(x, level).entropy)  # noqa: E731
    return {
        "jvp": jax.jvp(lambda x: score.denoise(x, level), (xs[0],), (xs[1],)),
        "hessian": jax.hessian(score.log_prob)(xs[0], level),
        "level": jax.jacfwd(lambda *level: score.score(xs[0], NoiseLevel(*level)), (0, 1))(alpha, sigma),
        "statistics": jax.jacrev(statistics)(xs[0]),
    }


@slow_on_one
@pytest.mark.parametrize("slopes", [first, pytest.param(higher, marks=pytest.mark.slow)])
def test_derivatives_in_the_query_and_the_level(slopes):
    points, weights, xs = problem(29, 5)
    split, whole = Empirical(points, weights, Sharded(MESH)), Empirical(points, weights, Dense())
    for level in ((0.9, 0.7), (1, 0)):
        level = [FLOAT(part) for part in level]
        found, truth = slopes(split, xs, *level), slopes(whole, xs, *level)
        for name in truth:
            for one, other in zip(jax.tree.leaves(found[name]), jax.tree.leaves(truth[name])):
                if level[1]:
                    assert oracles.off(one, other) < SLOPE, name
                else:
                    np.testing.assert_allclose(one, other, rtol=8 * EPS, atol=8 * EPS, err_msg=name)


@pytest.mark.slow
def test_derivatives_in_the_points():
    points, weights, xs = problem(11, 5)
    weights += FLOAT(0.1)  # the logarithm of no weight has no slope
    level = NoiseLevel(FLOAT(0.9), FLOAT(0.7))

    def slope(reduction):
        value = lambda points, weights: Empirical(points, weights, reduction).log_prob(xs[0], level)  # noqa: E731
        return jax.jit(jax.grad(value, (0, 1)))(points, weights)

    for one, other in zip(slope(Sharded(MESH)), slope(Dense())):
        assert one.shape == other.shape and oracles.off(one, other) < SLOPE


@eqx.filter_jit
def details(score, xs, level):
    x = xs[0]
    return {
        "weights": score.weights(x, level, score.n),
        "few": jax.vmap(lambda x: score.weights(x, level, 4))(xs),
        "weight": score.weight(x, level, np.int32(1)),
        "covariance": score.covariance(x, level),
        "jacobian_vector": score.jacobian_vector(x, level, xs[1]),
        "divergence": score.divergence(x, level),
        "log_partition": score.log_partition(x, level, 0.3),
        "drawn": score.draw(7, key=jax.random.key(0)),
    }


@pytest.mark.slow
def test_weights_covariances_and_draws():
    """Heaviest points in the order of the whole, those without weight after all others, padding never."""
    points, weights, xs = problem(29, 5)
    level = NoiseLevel(FLOAT(0.9), FLOAT(0.7))
    found = details(Empirical(points, weights, Sharded(MESH)), xs, level)
    truth = details(Empirical(points, weights, Dense()), xs, level)
    assert sorted(np.asarray(found["weights"][0])) == list(range(29))
    for name in truth:
        for one, other in zip(jax.tree.leaves(found[name]), jax.tree.leaves(truth[name])):
            assert oracles.off(one, other) < NEAR, name


def sampled(reduction, integrator):
    points, weights, _ = problem(29, 5)
    score, times = Empirical(points, weights, reduction), integrators.grids.karras(OU, 5)
    observe = lambda x, level, found: found.info.entropy  # noqa: E731
    return dm.sample(score, OU, integrator, times, (5,), 4, key=jax.random.key(0), observe=observe, batch_size=3)


@on_eight
@pytest.mark.parametrize(
    "integrator",
    [
        integrators.DDIM(),
        *[
            pytest.param(integrator, marks=pytest.mark.slow)
            for integrator in (
                integrators.Heun(),
                integrators.DPMSolverPP(order=3),
                integrators.ExponentialAdamsBashforth(order=4),
                integrators.EulerMaruyama(),
                integrators.Ancestral(),
                integrators.PredictorCorrector(),
                integrators.ProbabilityFlow(),
                integrators.ReverseSDE(),
            )
        ],
    ],
    ids=lambda integrator: type(integrator).__name__,
)
def test_the_same_samples(integrator):
    """Points and what is observed along their paths."""
    found, truth = sampled(Sharded(MESH), integrator), sampled(Dense(), integrator)
    # the adaptive SDE reads its Brownian path at times that rounding moves: it promises repetition to its tolerance
    near = integrator.rtol if type(integrator) is integrators.ReverseSDE else PATH
    assert oracles.off(found.points, truth.points) < near
    np.testing.assert_allclose(found.observed, truth.observed, rtol=near, atol=near)


def test_padding_is_not_seen():
    points, weights, xs = problem(29, 6)
    score = Empirical(points.reshape(29, 2, 3), weights, Sharded(MESH))
    assert score.n == 29 and score.points.shape == (29, 2, 3)
    np.testing.assert_allclose(score.points, points.reshape(29, 2, 3), rtol=1e-6)
    with pytest.raises(ValueError, match="between 1 and 29"):
        score.weights(xs[0].reshape(2, 3), NoiseLevel(1.0, 1.0), 30)
    assert score.merged().n == 28 and score.merged().merged().n == 28
    assert Empirical(points[:1], reduction=Sharded(MESH)).posterior(xs[0], NoiseLevel(1.0, 1.0)).participation == 1


@on_eight
def test_every_device_keeps_its_share_and_nobody_more():
    """Nor does any program, of two derivatives too, make an array as large as a quarter of the points."""
    n, d = 2001, 40
    points, _, xs = problem(n, d)
    score = Empirical(points, reduction=Sharded(MESH))
    assert {shard.data.shape for shard in score.centres.offsets.addressable_shards} == {(251, d)}
    assert {shard.data.shape for shard in score.centres.squares.addressable_shards} == {(251,)}
    level = NoiseLevel(FLOAT(1), FLOAT(0.5))

    def everything(score, xs):
        one = {
            "slopes": lambda x: jax.vjp(lambda x: score.denoise(x, level), x)[1](x),
            "weights": lambda x: score.weights(x, level, 3),
        }
        return score.draw(3, key=jax.random.key(0)), [jax.vmap(method)(xs[:1]) for method in one.values()]

    arrays, static = eqx.partition(score, eqx.is_array)
    program = jax.jit(lambda arrays, xs: everything(eqx.combine(arrays, static), xs)).lower(arrays, xs).compile()
    sizes = [np.prod([int(k) for k in dims.split(",")]) for dims in re.findall(r"f\d\d\[([\d,]+)\]", program.as_text())]
    assert 251 * d <= max(sizes) < n * d / 4


@on_eight
def test_points_that_live_on_devices_stay_there():
    """As they are where they fit, on other axes, completed, with weights from anywhere; checked where they are."""
    points, weights, xs = problem(32, 5)
    mesh = Mesh(np.reshape(jax.devices(), (4, 2)), ("points", "queries"))
    level = FLOAT(0.9), FLOAT(0.3)
    truth = posteriors(Empirical(points, weights), xs, *level)
    explicit = jax.make_mesh((8,), ("other",))
    for placed in (
        jax.device_put(points, NamedSharding(mesh, PartitionSpec("points"))),
        jax.device_put(points, NamedSharding(explicit, PartitionSpec("other"))),
        jnp.asarray(points),
    ):
        score = Empirical(placed, jnp.asarray(weights), Sharded(mesh, "points"))
        assert {shard.data.shape for shard in score.centres.offsets.addressable_shards} == {(8, 5)}
        agree(posteriors(score, xs, *level), truth)
    whole = jax.device_put(points[:29], NamedSharding(mesh, PartitionSpec()))
    assert Empirical(whole, reduction=Sharded(mesh)).centres.offsets.addressable_shards[0].data.shape == (4, 5)
    for bad, sentence in ((np.nan, "`points` must be finite"), (-1.0, "`weights` must be at least 0")):
        values = jax.device_put(np.full((8, 2), bad), NamedSharding(mesh, PartitionSpec("points")))
        with pytest.raises(ValueError, match=sentence):
            Empirical(values, None if bad != bad else values[:, 0], Sharded(mesh))


@on_eight
@pytest.mark.slow
def test_queries_on_a_second_axis():
    points, weights, xs = problem(29, 5)
    mesh = Mesh(np.reshape(jax.devices(), (4, 2)), ("points", "queries"))
    score = Empirical(points, weights, Sharded(mesh, "points"))
    xs = np.concatenate([xs, xs + FLOAT(0.1)])
    level = NoiseLevel(FLOAT(0.9), FLOAT(0.3))

    @eqx.filter_jit
    def many(score, xs):
        return jax.vmap(lambda x: score.posterior(x, level), spmd_axis_name="queries")(xs)

    found = many(score, jax.device_put(xs, NamedSharding(mesh, PartitionSpec("queries"))))
    assert {shard.data.shape for shard in found.mean.addressable_shards} == {(3, 5)}
    agree(found, posteriors(Empirical(points, weights, Dense()), xs, *level))


def test_requests_and_copies():
    mesh = Mesh(np.reshape(jax.devices(), (-1, 1)), ("a", "b"))
    for axis in ("c", ("a", "c"), ()):
        with pytest.raises(ValueError, match="`axis` must be among the axes"):
            Sharded(mesh, axis)
    reduction = Sharded(mesh, ("b", "a"), size=3)
    assert reduction == Sharded(mesh, ("b", "a"), size=3) and hash(reduction) == hash(
        pickle.loads(pickle.dumps(reduction))
    )
    assert reduction != Sharded(mesh, ("b", "a")) and reduction.rows(100, 2) == 3
    assert reduction.mesh == pickle.loads(pickle.dumps(reduction)).mesh and Sharded(mesh).axis == ("a", "b")
    text = pickle.dumps(reduction)
    rebuild, (platform, numbers, *rest) = reduction.__reduce__()
    assert rebuild(platform, numbers, *rest) == pickle.loads(text)
    with pytest.raises(ValueError, match="`mesh` must consist of devices that are present"):
        rebuild(platform, numbers + 1000, *rest)


FEW = """
x, level, value = points[7] + 0.1, NoiseLevel(1.0, 0.5), {**found._asdict(), "n": score.n, "points": score.points}
held = {shard.data.shape for shard in score.centres.offsets.addressable_shards}
assert held == {(251, 48)} and not score.centres.offsets.is_fully_addressable
"""
MANY = """
import diffmem as dm
from diffmem import integrators, processes
from jax.sharding import NamedSharding, PartitionSpec
value |= {"slope": jax.grad(score.log_prob)(x, level), "covariance": score.covariance(x, level)}
value["index"], value["weight"] = score.weights(x, level, 5)
value["drawn"] = score.draw(3, key=jax.random.key(0))
process = processes.OrnsteinUhlenbeck()
times = integrators.grids.karras(process, 3)
for integrator in (integrators.Heun(), integrators.ProbabilityFlow()):
    drawn = dm.sample(score, process, integrator, times, (48,), 3, key=jax.random.key(0)).points
    value[type(integrator).__name__] = drawn
placed = NamedSharding(mesh, PartitionSpec("points"))
there = jax.make_array_from_callback((1000, 48), placed, lambda index: points[:1000][index])
value["there"] = scores.Empirical(there, reduction=score.reduction).denoise(x, level)
try:
    scores.Empirical(there, there[:, 0], score.reduction)
except ValueError as refused:
    assert "`weights` must be at least 0" in str(refused)
else:
    raise AssertionError
"""
SAVE = "np.savez(sys.argv[3] + sys.argv[2], **{name: np.asarray(part) for name, part in value.items()})"


@needs_double
@pytest.mark.skipif(len(jax.devices()) > 1, reason="processes bring their own devices")
@pytest.mark.slow
def test_two_processes_run_the_documented_program(tmp_path):
    """Two devices in each; what both get is what one device of one process gets."""
    documented = re.search(r"\n\n( +import sys\n.*?)\n\n    There", inspect.getsource(Sharded), re.S)
    program = "\n".join([textwrap.dedent(documented.group(1)), FEW, MANY, SAVE])
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    both = [
        subprocess.Popen(
            **alone([sys.executable, "-c", program, address, number, str(tmp_path / "process")], 2, JAX_ENABLE_X64="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for number in "01"
    ]
    output = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], output[0][-3000:] + output[1][-3000:]
    first, second = (np.load(tmp_path / f"process{number}.npz") for number in "01")
    truth = one_process()
    assert set(first) == set(truth)
    for name in truth:
        tolerance = 1e-10 if name in ("Heun", "ProbabilityFlow") else 1e-12
        scale = max(1, np.abs(truth[name]).max())
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        np.testing.assert_allclose(first[name], truth[name], rtol=0, atol=tolerance * scale, err_msg=name)


def one_process():
    """The same numbers by all points at once."""
    points = np.random.default_rng(0).normal(size=(1001, 48))
    score, x, level = Empirical(points, reduction=Dense()), points[7] + 0.1, NoiseLevel(1.0, 0.5)
    truth = {**score.posterior(x, level)._asdict(), "n": 1001, "points": points}
    truth |= {"slope": jax.grad(score.log_prob)(x, level), "covariance": score.covariance(x, level)}
    truth["index"], truth["weight"] = score.weights(x, level, 5)
    truth["drawn"] = score.draw(3, key=jax.random.key(0))
    times = integrators.grids.karras(OU, 3)
    for integrator in (integrators.Heun(), integrators.ProbabilityFlow()):
        drawn = dm.sample(score, OU, integrator, times, (48,), 3, key=jax.random.key(0)).points
        truth[type(integrator).__name__] = drawn
    truth["there"] = Empirical(points[:1000]).denoise(x, level)
    return truth
