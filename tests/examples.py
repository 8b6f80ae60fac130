"""One small instance of everything; a new score, process, integrator or grid needs one row here to be tested."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from oracles import Law, points_law

from diffmem import integrators, networks, processes, reductions, scores
from diffmem.level import ProcessLike

BETAS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.3, 0.3, 0.4, 0.6, 0.7, 0.8])

PROCESSES = {
    "OrnsteinUhlenbeck": processes.OrnsteinUhlenbeck(),
    "VariancePreserving": processes.VariancePreserving(),
    "CosineVariancePreserving": processes.CosineVariancePreserving(),
    "VarianceExploding": processes.VarianceExploding(),
    "EDM": processes.EDM(),
    "FlowMatching": processes.FlowMatching(),
    "Discrete": processes.Discrete(np.cumprod(1 - BETAS)),
}

INTEGRATORS = {
    "DDIM": integrators.DDIM(),
    "Heun": integrators.Heun(),
    "Heun, churn": integrators.Heun(churn=2.0),
    "DPMSolverPP, 2": integrators.DPMSolverPP(order=2),
    "DPMSolverPP, 3": integrators.DPMSolverPP(order=3),
    "DPMSolverPP, 3, first order": integrators.DPMSolverPP(order=3, start="first order", lower_order_final=True),
    "ExponentialAdamsBashforth, 4": integrators.ExponentialAdamsBashforth(order=4),
    "EulerMaruyama": integrators.EulerMaruyama(),
    "Ancestral": integrators.Ancestral(),
    "PredictorCorrector": integrators.PredictorCorrector(),
    "ProbabilityFlow": integrators.ProbabilityFlow(),
    "ReverseSDE": integrators.ReverseSDE(),
}

GRIDS = {"karras": integrators.grids.karras, "log_snr": integrators.grids.log_snr, "uniform": integrators.grids.uniform}


def draw_single(key):
    """A point of single precision."""
    return 0.6 * jax.random.normal(key, (5, 8), jnp.float32)


def draw_double(key):
    """A point of double precision."""
    return 0.6 * jax.random.normal(key, (5, 8), jnp.float64)


REDUCTIONS = {
    "Dense": reductions.Dense(),
    "Chunked": reductions.Chunked(),
    "Chunked, 5": reductions.Chunked(5),
    "Sharded": reductions.Sharded(jax.sharding.Mesh(jax.devices()[:1], "points")),
    "Generated": reductions.Generated(draw_single, 23),
}

_rng = np.random.default_rng(20)
_SHAPE, _D = (2, 3), 6
POINTS = _rng.normal(size=(7, *_SHAPE)) + 0.5
WEIGHTS = np.array([0.3, 0.1, 0.0, 0.25, 0.05, 0.2, 0.1])
MANY = _rng.normal(size=(23, 5, 8)) * 0.6  # more than 32 coordinates: energies by matrix product
MEANS = _rng.normal(size=(3, *_SHAPE))
SHARES = np.array([0.5, 0.3, 0.2])
_ROOTS = _rng.normal(size=(3, _D, _D)) / 2
FULL = _ROOTS @ _ROOTS.swapaxes(1, 2) + 0.05 * np.eye(_D)
DIAGONAL = _rng.uniform(0.05, 1.5, size=(3, _D))
ISOTROPIC = np.array([0.04, 0.5, 1.2])
FACTORS = _rng.normal(size=(3, _D, 2))
VARIANCES = _rng.uniform(0.2, 1.0, size=(3, 2))
FLOOR = 0.03
CENTRE = np.array([[0.4, -0.2, 0.1], [0.3, 0.0, -0.6]])
SPREAD = 0.4  # variance of the data behind the wrapped functions, N(0, SPREAD I)


class Example(NamedTuple):
    """A score, the law it stands for where it is a density, and what it cannot do."""

    make: Callable[[np.dtype, processes.AbstractProcess], scores.AbstractScore]
    law: Law
    shape: tuple[int, ...] = _SHAPE
    density: bool = True
    differentiable: bool = True
    noise_only: bool = False


def _isotropic(variances):
    return np.asarray(variances)[:, None, None] * np.eye(_D)


def shrink(x, level):
    """D of N(0, SPREAD I)."""
    return (level.alpha * SPREAD / (level.alpha**2 * SPREAD + level.sigma**2)).astype(x.dtype) * x


def predict_noise(x, level):
    """E[z | x] of the same law."""
    return (level.sigma / (level.alpha**2 * SPREAD + level.sigma**2)).astype(x.dtype) * x


def shrink_on_host(x, alpha, sigma):
    """D of the same law, in NumPy, for a batch."""
    assert all(type(part) is np.ndarray or np.isscalar(part) for part in (x, alpha, sigma))
    return (alpha * SPREAD / (alpha**2 * SPREAD + sigma**2)).reshape(-1, *[1] * (x.ndim - 1)) * x


def noise_on_host(x, alpha, sigma):
    """E[z | x] of the same law, in NumPy, for a batch."""
    return (sigma / (alpha**2 * SPREAD + sigma**2)).reshape(-1, *[1] * (x.ndim - 1)) * x


def noise_backwards_on_host(x, alpha, sigma, direction):
    """The direction times the Jacobian of the noise."""
    return noise_on_host(direction, alpha, sigma)


class Velocity(eqx.Module):
    """alpha' D + sigma' noise of the same law."""

    process: ProcessLike

    def __call__(self, x: Array, level):
        """At one point."""
        ratio = jnp.where(level.alpha == 0, jnp.inf, level.sigma / jnp.where(level.alpha == 0, 1, level.alpha))
        rate = self.process.rate(self.process.time_at(ratio))
        rate = [part.astype(x.dtype) for part in rate]
        return rate[0] * shrink(x, level) + rate[1] * predict_noise(x, level)


def stronger_when_noisy(level):
    """A guidance weight between 1 and 2."""
    return 1 + level.sigma / (level.alpha + level.sigma)


def _guided(dtype, process):
    mean = CENTRE.astype(dtype)
    one = np.asarray(SPREAD, dtype)
    return scores.Guided(scores.Gaussian(mean, one), scores.Gaussian(0 * mean, one), stronger_when_noisy)


def _tikhonov(dtype, process):
    held = scores.Gaussian(CENTRE.astype(dtype), np.asarray(SPREAD, dtype))
    return scores.Tikhonov(held, np.asarray(0.02, dtype), scores.lebesgue_penalty)


def _empirical_bayes(dtype, process):
    return scores.EmpiricalBayes(scores.Empirical(POINTS.astype(dtype)), np.asarray(0.3, dtype))


def _smoothed(dtype, process):
    offsets = scores.antithetic_offsets(_SHAPE, 4, 0.3, key=jax.random.PRNGKey(2)).astype(dtype)
    held = scores.Gaussian(CENTRE.astype(dtype), np.asarray(SPREAD, dtype))
    return scores.Smoothed(held, offsets, signal_rate)


def signal_rate(level):
    """A bandwidth that is fixed in data units."""
    return level.alpha


def _switched(dtype, process):
    origin = scores.Gaussian(np.zeros(_SHAPE, dtype), np.asarray(SPREAD, dtype))
    return scores.Switched(origin, scores.FromFunction(shrink), 0.5)


def _random_features(dtype, process):
    rng = np.random.default_rng(3)
    return scores.RandomFeatures(rng.normal(size=(12, _D)).astype(dtype), rng.normal(size=(_D, 12)).astype(dtype))


def _random_feature_ridge(dtype, process):
    points, key = POINTS.astype(dtype), jax.random.PRNGKey(5)
    return scores.RandomFeatureRidge.fit(points, 12, draws=2, labels=np.arange(7) % 3, key=key).conditioned(1)


def _tied_mixture(dtype, process):
    means = np.concatenate([MEANS, POINTS[:2]]).astype(dtype)  # the last two are not in use
    return scores.TiedMixture(means, np.asarray(0.2, dtype), 3)


def _learned(dtype, process):
    network = networks.ResidualMLP(_D, 8, key=jax.random.PRNGKey(4))
    network = jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, network)
    return scores.Learned(network, scores.predictions.Preconditioned(SPREAD**0.5))


_ORIGIN = Law(np.ones(1), np.zeros((1, _D)), _isotropic([SPREAD]))
_EMPIRICAL = points_law(POINTS, WEIGHTS)


def _mixture(covariances):
    return lambda dtype, process: scores.GaussianMixture(
        SHARES.astype(dtype), MEANS.astype(dtype), covariances.astype(dtype)
    )


def _empirical(points, weights, reduction):
    return lambda dtype, process: scores.Empirical(
        points.astype(dtype), None if weights is None else weights.astype(dtype), reduction
    )


def _gaussian(covariance):
    return lambda dtype, process: scores.Gaussian(CENTRE.astype(dtype), np.asarray(covariance, dtype))


def _low_rank(floor):
    return lambda dtype, process: scores.LowRankMixture(
        *(part.astype(dtype) for part in (SHARES, MEANS, FACTORS, VARIANCES)), np.asarray(floor, dtype)
    )


def _of_low_rank(floor):
    within = np.einsum("kir,kr,kjr->kij", FACTORS, VARIANCES, FACTORS) + floor * np.eye(_D)
    return Law(SHARES, MEANS.reshape(3, _D), within)


def _one(covariance):
    return Law(np.ones(1), CENTRE.reshape(1, _D), covariance[None])


EMBEDDINGS = _rng.normal(size=(7, 2))
PROMPT, PROMPT_WIDTH = EMBEDDINGS[3] + 0.2, 0.8
TOKENS = _rng.integers(0, 3, size=(7, 3))


def _given(log_kernel):
    """The law of the points whose weights have these factors."""
    return points_law(POINTS, WEIGHTS * np.exp(log_kernel))


def _prompted(dtype, process):
    points, weights = POINTS.astype(dtype), WEIGHTS.astype(dtype)
    return scores.PromptedEmpirical(points, EMBEDDINGS, PROMPT, PROMPT_WIDTH, weights=weights)


def _token_prompted(dtype, process):
    return scores.TokenPrompted(POINTS.astype(dtype), TOKENS, TOKENS[0], 1.5, weights=WEIGHTS.astype(dtype))


def _labelled(dtype, process):
    mixture = scores.GaussianMixture(SHARES.astype(dtype), MEANS.astype(dtype), DIAGONAL.astype(dtype))
    return scores.Labelled(mixture, np.array([4, 2, 4]), 4)


def _generated(dtype, process):
    draw = {4: draw_single, 8: draw_double}[np.dtype(dtype).itemsize]
    return scores.Empirical(jax.random.PRNGKey(7), reduction=reductions.Generated(draw, 23))


def _drawn():
    draw = draw_double if jax.config.jax_enable_x64 else draw_single
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.PRNGKey(7), jnp.arange(23))
    return points_law(np.asarray(jax.vmap(draw)(keys)))


_FLAT = MEANS.reshape(3, _D)

SCORES = {
    "Empirical, Dense": Example(_empirical(POINTS, WEIGHTS, reductions.Dense()), _EMPIRICAL),
    "Empirical, Chunked": Example(_empirical(POINTS, WEIGHTS, reductions.Chunked(3)), _EMPIRICAL),
    "Empirical, Sharded": Example(_empirical(POINTS, WEIGHTS, REDUCTIONS["Sharded"]), _EMPIRICAL),
    "Empirical, products": Example(_empirical(MANY, None, reductions.Chunked(9)), points_law(MANY), (5, 8)),
    "Empirical, Generated": Example(_generated, _drawn(), (5, 8)),
    "Empirical, one point": Example(_empirical(POINTS[:1], None, None), points_law(POINTS[:1])),
    "Gaussian, isotropic": Example(_gaussian(0.3), _one(0.3 * np.eye(_D))),
    "Gaussian, diagonal": Example(_gaussian(DIAGONAL[0].reshape(_SHAPE)), _one(np.diag(DIAGONAL[0]))),
    "Gaussian, full": Example(_gaussian(FULL[0]), _one(FULL[0])),
    "GaussianMixture, isotropic": Example(_mixture(ISOTROPIC), Law(SHARES, _FLAT, _isotropic(ISOTROPIC))),
    "GaussianMixture, diagonal": Example(_mixture(DIAGONAL), Law(SHARES, _FLAT, DIAGONAL[:, :, None] * np.eye(_D))),
    "GaussianMixture, full": Example(_mixture(FULL), Law(SHARES, _FLAT, FULL)),
    "GaussianMixture.two_clusters": Example(
        lambda dtype, process: scores.GaussianMixture.two_clusters(
            CENTRE.astype(dtype), np.asarray(0.2, dtype), np.asarray(0.3, dtype)
        ),
        Law(np.array([0.3, 0.7]), np.stack([CENTRE, -CENTRE]).reshape(2, _D), _isotropic([0.2, 0.2])),
    ),
    "LowRankMixture": Example(_low_rank(FLOOR), _of_low_rank(FLOOR)),
    "LowRankMixture, no floor": Example(_low_rank(0.0), _of_low_rank(0.0)),
    "FromFunction": Example(lambda dtype, process: scores.FromFunction(shrink), _ORIGIN, density=False),
    "FromNoisePrediction": Example(
        lambda dtype, process: scores.FromNoisePrediction(predict_noise), _ORIGIN, density=False, noise_only=True
    ),
    "FromVelocity": Example(
        lambda dtype, process: scores.FromVelocity(Velocity(process), process), _ORIGIN, density=False
    ),
    "FromHost": Example(
        lambda dtype, process: scores.FromHost(shrink_on_host), _ORIGIN, density=False, differentiable=False
    ),
    "FromHost, vjp": Example(
        lambda dtype, process: scores.FromHost(noise_on_host, "noise", vjp=noise_backwards_on_host),
        _ORIGIN,
        density=False,
        noise_only=True,
    ),
    "PromptedEmpirical": Example(_prompted, _given(-((EMBEDDINGS - PROMPT) ** 2).sum(axis=1) / (2 * PROMPT_WIDTH**2))),
    "TokenPrompted": Example(_token_prompted, _given(1.5 * (TOKENS[0] == TOKENS).sum(axis=1))),
    "Labelled": Example(
        _labelled, Law(np.array([0.5, 0.2]) / 0.7, _FLAT[[0, 2]], DIAGONAL[[0, 2], :, None] * np.eye(_D))
    ),
    "Guided": Example(_guided, None, density=False),
    "Tikhonov": Example(_tikhonov, None, density=False),
    "EmpiricalBayes": Example(_empirical_bayes, None, density=False),
    # far below the levels that are asked for: at less noise than its points carry it has no value
    "Ambient": Example(lambda dtype, process: scores.Ambient(POINTS.astype(dtype), 5e-4), None, density=False),
    "Widened": Example(
        lambda dtype, process: scores.Widened(scores.Empirical(POINTS.astype(dtype), WEIGHTS.astype(dtype)), 0.3),
        Law(WEIGHTS, POINTS.reshape(7, _D), _isotropic(np.full(7, 0.09))),
        density=False,
    ),
    "RandomFeatureRidge": Example(_random_feature_ridge, None, density=False),
    "TiedMixture": Example(_tied_mixture, Law(np.ones(3) / 3, _FLAT, _isotropic(np.full(3, 0.2))), density=False),
    "Smoothed": Example(_smoothed, _one(SPREAD * np.eye(_D)), density=False),
    "Switched": Example(_switched, _ORIGIN, density=False),
    "RandomFeatures": Example(_random_features, None, (_D,), density=False, noise_only=True),
    "Learned": Example(_learned, None, density=False),
}

# compiled for several seconds a test, and tested by themselves: rows of the slow suite
HEAVY = ("Empirical, products", "Empirical, Generated", "Empirical, Sharded")
