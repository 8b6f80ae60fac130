"""The page's own numbers, computed by a browser, beside the library's in double precision."""

import json

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import oracles
import pytest

from diffmem import NoiseLevel, integrators, metrics, processes, scores, theory

pytestmark = pytest.mark.skipif(not jax.config.jax_enable_x64, reason="comparisons in double precision")

RTOL = 1e-9
RNG = np.random.default_rng(7)
pytestmark = pytest.mark.slow  # seventy comparisons in a browser
POINTS = {2: RNG.normal(size=(9, 2)), 1: RNG.normal(size=(6, 1))}
PROCESSES = {
    "ou": processes.OrnsteinUhlenbeck(t_min=1e-5, t_max=4.0),
    "vp": processes.VariancePreserving(t_min=1e-5),
    "cosine": processes.CosineVariancePreserving(t_min=1e-5),
    "ve": processes.VarianceExploding(sigma_min=0.002),
    "edm": processes.EDM(sigma_min=0.002),
    "fm": processes.FlowMatching(t_min=1e-5),
}
SCORES = ("empirical", "smoothed", "widened", "mixture", "gaussian")
GRIDS = {name: getattr(integrators.grids, name) for name in ("karras", "log_snr", "uniform")}
SAMPLERS = {
    "ddim": integrators.DDIM(),
    "heun": integrators.Heun(),
    "euler_maruyama": integrators.EulerMaruyama(),
    "ancestral": integrators.Ancestral(),
}
STEPS = 12
KEY = jr.key(5)
RATIOS = [1e-3, 0.05, 0.3, 0.999, 1.7, 20.0, 3e3]
PARTS = [0.0, 1e-4, 0.03, 0.2, 0.5, 0.85, 1.0]


def times_of(process):
    """Times from the first to the last, most of them near the data."""
    return [process.t_min + (process.t_max - process.t_min) * part for part in PARTS]


def states_of(d, process, t):
    """A state from the law at t, one in the middle and one off the data."""
    alpha, sigma = map(float, process.level(t))
    drawn = alpha * POINTS[d][1] + sigma * np.linspace(0.4, 1.1, d)
    return [drawn.tolist(), [0.0] * d, (alpha * POINTS[d].max(0) + 1.5 * sigma + 0.1).tolist()]


def pairs(states):
    """States as the page writes them, with a second coordinate."""
    return [[*x, 0.0][:2] for x in states]


def noises(d):
    """The normal numbers that the library draws along a path with KEY, as pairs."""
    keys = jax.vmap(jr.fold_in, (None, 0))(KEY, jnp.arange(STEPS))
    drawn = np.asarray(jax.vmap(lambda key: jr.normal(key, (d,), jnp.float64))(keys))
    return pairs(drawn.tolist())


SCRIPT = """
const f = explorer.formulas;
const { points, processes, scores, grids, samplers, steps, times, states, ratios, normals, starts } = GIVEN;
const answer = { levels: {}, rates: {}, inverse: {}, grids: {}, scores: {}, weights: {}, components: {}, paths: {} };
answer.offsets = f.antitheticOffsets(32, 0.2, 2);
answer.offsets_on_a_line = f.antitheticOffsets(32, 0.2, 1);
for (const p of processes) {
  const process = f.makeProcess(p);
  answer.levels[p] = times[p].map((t) => process.level(t)).map(({ alpha, sigma }) => [alpha, sigma]);
  answer.rates[p] = times[p].map((t) => process.rate(t)).map(({ alpha, sigma }) => [alpha, sigma]);
  answer.inverse[p] = ratios.map((ratio) => process.timeAt(ratio));
  for (const g of grids) answer.grids[`${p} ${g}`] = f.gridTimes(g, process, steps);
  for (const d of [1, 2]) {
    const flat = Float64Array.from(points[d].flat());
    for (const s of scores) {
      const score = f.makeScore(s, flat, d, { width: 0.2, components: 2 });
      answer.components[`${s} ${d}`] = score.components ?? null;
      const rows = times[p].map((t, i) => states[`${p} ${d}`][i].map(([x, y]) => {
        const { mean, noise, logProb, participation, leader } = score.evaluate(x, y, process.level(t));
        return { mean, noise, logProb, again: score.logProb(x, y, process.level(t)), participation, leader };
      }));
      answer.scores[`${p} ${s} ${d}`] = rows;
      if (s === "empirical") answer.weights[`${p} ${d}`] = times[p].map((t, i) =>
        states[`${p} ${d}`][i].map(([x, y]) => score.posteriorWeights(x, y, process.level(t))));
      for (const sampler of samplers.filter((one) => s === "empirical" || one === "heun")) {
        const nodes = f.nodesAt(process, f.gridTimes("karras", process, steps));
        const way = [];
        let drawn = 0;
        f.walk(score, sampler, nodes, starts[`${p} ${d}`], d, () => normals[d][drawn++], (k, x) => way.push([...x]));
        answer.paths[`${p} ${s} ${sampler} ${d}`] = way;
      }
    }
  }
}
return answer;
"""


def start_of(d, process):
    alpha, sigma = map(float, process.level(process.t_max))
    return (alpha * POINTS[d][2] + sigma * np.linspace(-0.7, 0.9, 2)[:d]).tolist()


@pytest.fixture(scope="module")
def found(ask):
    """All numbers of the page, from one visit."""
    given = {
        "points": {d: pairs(points.tolist()) for d, points in POINTS.items()},
        "processes": list(PROCESSES),
        "scores": SCORES,
        "grids": list(GRIDS),
        "samplers": list(SAMPLERS),
        "steps": STEPS,
        "ratios": RATIOS,
        "normals": {d: noises(d) for d in POINTS},
        "times": {name: times_of(process) for name, process in PROCESSES.items()},
        "states": {
            f"{name} {d}": [pairs(states_of(d, process, t)) for t in times_of(process)]
            for name, process in PROCESSES.items()
            for d in POINTS
        },
        "starts": {
            f"{name} {d}": pairs([start_of(d, process)])[0] for name, process in PROCESSES.items() for d in POINTS
        },
    }
    return ask(SCRIPT.replace("GIVEN", json.dumps(given)))


def library_score(found, name, d):
    """The score of the library that the page's stands for."""
    points = POINTS[d]
    exact = scores.Empirical(points)
    offsets = np.reshape(found["offsets" if d == 2 else "offsets_on_a_line"], (-1, 2))[:, :d]
    if name == "mixture":
        parts = found["components"][f"mixture {d}"]
        full = [[[xx, xy], [xy, yy]] for xx, xy, yy in (part["covariance"] for part in parts)]
        means = np.array([part["mean"][:d] for part in parts])
        return scores.GaussianMixture(
            np.array([part["weight"] for part in parts]),
            means,
            np.array(full)[:, :d, :d] if d == 2 else np.array(full)[:, 0, :1],
        )
    return {
        "empirical": exact,
        "smoothed": scores.Smoothed(exact, offsets, scale=lambda level: level.alpha),
        "widened": scores.Widened(exact, 0.2),
        "gaussian": scores.Gaussian.fit(points),
    }[name]


@pytest.mark.parametrize("name", PROCESSES)
def test_processes(found, name):
    process, times = PROCESSES[name], times_of(PROCESSES[name])
    np.testing.assert_allclose(
        found["levels"][name], np.stack(process.level(np.array(times)), -1), rtol=1e-13, atol=1e-16
    )
    np.testing.assert_allclose(
        found["rates"][name], np.stack(process.rate(np.array(times)), -1), rtol=1e-11, atol=1e-15
    )
    np.testing.assert_allclose(found["inverse"][name], process.time_at(np.array(RATIOS)), rtol=1e-13)
    for grid, make in GRIDS.items():
        times = found["grids"][f"{name} {grid}"]
        np.testing.assert_allclose(times, make(process, steps=STEPS), rtol=1e-12)
        assert times[0] == process.t_max and times[-1] == process.t_min


def every_query(d):
    """Names of processes, places in the page's answer, states and levels of all queries, in one order."""
    places, states, levels = [], [], []
    for name, process in PROCESSES.items():
        for i, t in enumerate(times_of(process)):
            for j, x in enumerate(states_of(d, process, t)):
                places.append((name, i, j))
                states.append(x)
                levels.append(list(map(float, process.level(t))))
    return places, np.array(states), NoiseLevel(*np.array(levels).T)


@pytest.mark.parametrize("d", POINTS)
@pytest.mark.parametrize("score", SCORES)
def test_denoiser_noise_and_log_density(found, score, d):
    """At seven times of every process, from the first to the last."""
    held = library_score(found, score, d)
    places, states, levels = every_query(d)
    rows = [found["scores"][f"{name} {score} {d}"][i][j] for name, i, j in places]
    answer = jax.vmap(held.evaluate)(states, levels)
    means, noise = (np.array([row[part] for row in rows]) for part in ("mean", "noise"))
    np.testing.assert_allclose(means[:, :d], answer.mean, rtol=RTOL, atol=RTOL * np.abs(POINTS[d]).max())
    np.testing.assert_allclose(noise[:, :d], answer.noise, rtol=RTOL, atol=RTOL)
    assert (means[:, d:] == 0).all() and (noise[:, d:] == 0).all()
    truth = jax.vmap(lambda x, level: log_density(held, x, level))(states, levels)
    np.testing.assert_allclose([row["logProb"] for row in rows], truth, rtol=RTOL, atol=RTOL)
    np.testing.assert_allclose([row["again"] for row in rows], [row["logProb"] for row in rows], rtol=1e-12)


def log_density(held, x, level):
    """log p of a density; for a smoothed score the mean of those that it smooths, and for a widened one at its level."""
    if isinstance(held, scores.Smoothed):
        return jnp.mean(jax.vmap(lambda offset: held.held.log_prob(x + level.alpha * offset, level))(held.offsets))
    if isinstance(held, scores.Widened):
        wide = NoiseLevel(level.alpha, jnp.hypot(level.sigma, level.alpha * held.width))
        return held.held.log_prob(x, wide)
    return held.log_prob(x, level)


@pytest.mark.parametrize("d", POINTS)
def test_posterior_weights(found, d):
    """Beside the formula without the library's code, and the library's own participation, leader and its weight."""
    places, states, levels = every_query(d)
    posterior = jax.vmap(scores.Empirical(POINTS[d]).posterior)(states, levels)
    weights = np.array([found["weights"][f"{name} {d}"][i][j] for name, i, j in places])
    rows = [found["scores"][f"{name} empirical {d}"][i][j] for name, i, j in places]
    truth = [oracles.points_answer(POINTS[d], x, *level)[0] for x, level in zip(states, zip(*levels))]
    np.testing.assert_allclose(weights, truth, rtol=RTOL, atol=1e-15)
    np.testing.assert_allclose(weights.max(1), posterior.leader_weight, rtol=RTOL)
    np.testing.assert_allclose([row["participation"] for row in rows], posterior.participation, rtol=RTOL)
    clear = np.sort(weights, axis=1)[:, -2] < weights.max(1) * (1 - 1e-6)
    assert (np.array([row["leader"] for row in rows]) == np.asarray(posterior.leader))[clear].all()


WALKS = [(sampler, "empirical", d) for sampler in SAMPLERS for d in POINTS] + [("heun", name, 2) for name in SCORES[1:]]


@pytest.mark.parametrize("sampler, score, d", WALKS)
def test_whole_paths_of_every_process(found, sampler, score, d):
    """With the library's random numbers also stochastic paths agree, state by state."""
    held, integrator = library_score(found, score, d), SAMPLERS[sampler]
    for name, process in PROCESSES.items():
        times = integrators.grids.karras(process, steps=STEPS)
        observe = lambda x, level, answer: x  # noqa: E731
        _, seen = integrator(held, process, np.array(start_of(d, process)), times, key=KEY, observe=observe)
        way = np.array(found["paths"][f"{name} {score} {sampler} {d}"])
        sizes = np.abs(seen).max(axis=1, keepdims=True)
        assert np.abs(way[:, :d] - np.asarray(seen)).max(initial=0, where=np.isfinite(seen)) <= RTOL * sizes.max()
        np.testing.assert_allclose(way[:, :d] / sizes, seen / sizes, atol=10 * RTOL)
        assert (way[:, d:] == 0).all() and np.isfinite(way).all()


def test_offsets_have_mean_zero_and_the_stated_width(found):
    offsets = np.reshape(found["offsets"], (-1, 2))
    np.testing.assert_allclose(offsets.mean(0), 0, atol=1e-16)
    np.testing.assert_allclose(offsets.std(0), 0.2, rtol=1e-13)
    assert (np.reshape(found["offsets_on_a_line"], (-1, 2))[:, 1] == 0).all()


@pytest.mark.parametrize("d", POINTS)
def test_the_fitted_mixture_is_a_fixed_point_of_expectation_maximisation(found, d):
    """One more round, written here, with the stated floor of 1e-3 of the mean variance."""
    points = POINTS[d]
    parts = found["components"][f"mixture {d}"]
    weights = np.array([part["weight"] for part in parts])
    means = np.array([part["mean"][:d] for part in parts])
    matrices = np.array([[[a, b], [b, c]] for a, b, c in (part["covariance"] for part in parts)])[:, :d, :d]
    law = oracles.Law(weights, means, matrices)
    share = np.stack([oracles.answer(law, y, 1.0, 1e-12).weights for y in points])
    total = share.sum(0)
    np.testing.assert_allclose(total / len(points), weights, atol=1e-4)
    np.testing.assert_allclose(share.T @ points / total[:, None], means, atol=1e-4)
    away = points[None] - means[:, None]
    spread = np.einsum("nk,kni,knj->kij", share, away, away) / total[:, None, None]
    np.testing.assert_allclose(spread + 1e-3 * points.var(0).mean() * np.eye(d), matrices, atol=1e-4)


CRITICAL = """
const f = explorer.formulas;
return GIVEN.clouds.map(({ points, d }) => {
  const flat = Float64Array.from(points.flat());
  return Object.fromEntries(GIVEN.processes.map((p) => {
    const found = f.criticalTimes(flat, d, f.makeProcess(p));
    const own = GIVEN.ratios.map((ratio) => f.ownWeight(found.distinct, ratio, found.noises));
    return [p, { ...found, own }];
  }));
});
"""
CLOUDS = [
    (POINTS[2], 2),
    (POINTS[1], 1),
    (RNG.normal(size=(60, 2)) * [3.0, 0.2], 2),
    (np.repeat(RNG.normal(size=(5, 2)), 3, axis=0), 2),
    (np.stack([np.linspace(-1, 1, 12), np.zeros(12)], axis=1), 2),
]


@pytest.fixture(scope="module")
def critical(ask):
    clouds = [{"points": pairs(points.tolist()), "d": d} for points, d in CLOUDS]
    given = {"clouds": clouds, "processes": list(PROCESSES), "ratios": [0.03, 0.3, 1.0, 4.0]}
    return ask(CRITICAL.replace("GIVEN", json.dumps(given)))


@pytest.mark.parametrize("cloud", range(len(CLOUDS)))
@pytest.mark.parametrize("name", PROCESSES)
def test_speciation_and_collapse_times(critical, name, cloud):
    points, _ = CLOUDS[cloud]
    row, process = critical[cloud][name], PROCESSES[name]
    n, spectrum = len(np.unique(points, axis=0)), theory.spectrum(points)
    np.testing.assert_allclose(row["spectrum"], spectrum, rtol=RTOL, atol=1e-15)
    assert row["n"] == n
    assert row["ratios"]["speciation"] == pytest.approx(theory.speciation_ratio(spectrum), rel=RTOL)
    assert row["times"]["speciation"] == pytest.approx(theory.speciation_time(process, spectrum), rel=RTOL)
    assert row["ratios"]["predicted"] == pytest.approx(theory.collapse_ratio(n, spectrum), rel=RTOL)
    assert row["times"]["predicted"] == pytest.approx(theory.collapse_time(process, n, spectrum), rel=RTOL)
    assert row["times"]["measured"] == pytest.approx(float(process.time_at(row["ratios"]["measured"])), rel=RTOL)


@pytest.mark.parametrize("cloud", range(len(CLOUDS)))
def test_the_own_weight_is_that_of_the_exact_score(critical, cloud):
    """At the page's own noises by the library's weights, and on average by fresh random ones; 1/2 where it says."""
    points, d = CLOUDS[cloud]
    row = critical[cloud]["edm"]
    distinct = np.reshape(row["distinct"], (-1, 2))[:, :d]
    noise = np.reshape(row["noises"], (-1, 2))[:, :d]
    assert {tuple(y) for y in distinct} == {tuple(y) for y in points}
    held = scores.Empirical(distinct)

    @jax.jit
    def mean_own(ratio, z):
        own = lambda i, e: held.weight(jnp.asarray(distinct)[i] + ratio * e, NoiseLevel(1.0, ratio), i)  # noqa: E731
        return jax.vmap(jax.vmap(own, (None, 0)), (0, None))(jnp.arange(len(distinct)), z).mean()

    for ratio, own in zip([0.03, 0.3, 1.0, 4.0], row["own"]):
        assert own == pytest.approx(float(mean_own(ratio, noise)), rel=RTOL)
        assert own == pytest.approx(float(mean_own(ratio, RNG.normal(size=(2000, d)))), abs=0.02)
    assert float(mean_own(row["ratios"]["measured"], noise)) == pytest.approx(0.5, abs=1e-6)


COPIES = """
const f = explorer.formulas;
return GIVEN.map(({ samples, points }) =>
  f.copiesAmong(Float64Array.from(samples.flat()), Float64Array.from(points.flat())));
"""


def test_copies_are_those_of_the_library(ask):
    """Also of repeated training points, and of samples on a training point and at a tie."""
    cases = []
    for points, d in CLOUDS:
        spread = points.std()
        samples = points[RNG.integers(0, len(points), 300)] + RNG.normal(size=(300, d)) * spread * RNG.exponential(
            0.3, (300, 1)
        )
        cases.append((np.concatenate([samples, points, points[:1] / 2 + points[-1:] / 2]), points))
    given = [{"samples": pairs(samples.tolist()), "points": pairs(points.tolist())} for samples, points in cases]
    for (samples, points), row in zip(cases, ask(COPIES.replace("GIVEN", json.dumps(given)))):
        truth = metrics.memorization(samples, points)
        np.testing.assert_array_equal(np.array(row["copied"], bool), truth.copied)
        clear = truth.ratio < 1 - 1e-9  # at a tie either neighbour is nearest
        np.testing.assert_array_equal(np.array(row["nearest"])[clear], truth.index[clear])
        assert row["copies"] == truth.copied.sum()
        assert row["distinctCopies"] == len(set(truth.index[truth.copied]))
        assert row["defined"]


def test_a_voronoi_cell_is_where_its_point_is_nearest(ask):
    points = RNG.normal(size=(25, 2))
    cells = ask(
        f"return explorer.formulas.voronoiCells(Float64Array.from({json.dumps(points.ravel().tolist())}), [0.1, 0], 4);"
    )
    queries = RNG.uniform(-3.9, 4.1, size=(4000, 2)) * [1, 0.95]
    nearest = np.linalg.norm(queries[:, None] - points, axis=2).argmin(1)
    for i, cell in enumerate(map(np.array, cells)):
        edges = np.roll(cell, -1, axis=0) - cell
        away = queries[:, None] - cell
        inside = (edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0] > 0).all(1)
        np.testing.assert_array_equal(inside, nearest == i)
