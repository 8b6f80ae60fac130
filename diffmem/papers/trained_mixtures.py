"""At which capacity does training start to copy? Mixtures of M means trained on N points, and their copy ratio."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from ..integrators import DDIM, sample
from ..level import NoiseLevel
from ..metrics import memorization
from ..processes import OrnsteinUhlenbeck
from ..scores import AbstractScore, GaussianMixture, TiedMixture
from ..studies.collapse.crossing import crossing
from ..training import ScoreMatching, fit_many
from ..training.levels import AbstractLevels
from .optimisers import linear_adam

TIMES = np.linspace(0.999, 0.001, 26)  # sigma, where the sampler stops
RATE, WARM_UP, LAST_RATE = 1e-2, 0.05, 1e-6  # of Adam: linear rise over this share of the steps, then linear fall


class UniformSigma(AbstractLevels):
    """The clock of these papers: sigma uniform between the first and last of the sampler, alpha = sqrt(1 - sigma^2)."""

    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """The level with sigma = .001 + .998 quantile."""
        sigma = TIMES[-1] + (TIMES[0] - TIMES[-1]) * jnp.asarray(quantile)
        return NoiseLevel(jnp.sqrt((1 - sigma) * (1 + sigma)), sigma)


def trained_mixtures(
    sets: Sequence[Float[ArrayLike, "_ d"]],
    components: Sequence[int],
    *,
    key: PRNGKeyArray,
    steps: int = 4000,
    draws: int = 2,
) -> list[TiedMixture]:
    """A `TiedMixture` of each number of components trained on the set beside it, all at once.

    Each starts on random points of its set with almost no variance. Adam, whose rate rises over the first steps and
    then falls, lowers the flat loss of x_0 at `UniformSigma` levels: at each step as many points as the largest set
    has, with `draws` levels and noises of each. Cost: steps x sets x points x draws x M x d multiplications; 4,000
    steps of 8 mixtures on 100 points in d = 30 take 20 s.

    Source: Buchanan et al., arXiv:2508.17689, who use 50,000 steps of the noise loss.
    """
    start_key, fit_key = jax.random.split(key)
    capacity = max(components)
    starts = [
        TiedMixture.of_points(points, m, capacity=capacity, key=k)
        for points, m, k in zip(sets, components, jax.random.split(start_key, len(sets)), strict=True)
    ]
    batch, objective = max(len(points) for points in sets), ScoreMatching(UniformSigma(), draws=draws)
    adam = linear_adam(RATE, steps, LAST_RATE, WARM_UP)
    found = fit_many(
        starts, list(sets), objective, key=fit_key, steps=steps, batch=batch, optimiser=adam, snapshots=[steps]
    )
    return [found.member(i).score for i in range(len(sets))]


def copy_ratios(
    scores: Sequence[AbstractScore],
    sets: Sequence[Float[ArrayLike, "_ d"]],
    *,
    key: PRNGKeyArray,
    samples: int = 400,
) -> np.ndarray:
    """The share of copies (d1 < d2/3) among DDIM samples of each score, by its training set.

    The sampler stops at 26 uniform sigma, alpha = sqrt(1 - sigma^2). All scores share their starting noise. The
    standard error is that of a share of `samples`.
    """
    process = OrnsteinUhlenbeck()
    times = -np.log1p(-(TIMES**2)) / 2  # alpha = e^-t
    copied = []
    for score, points in zip(scores, sets, strict=True):
        found = sample(score, process, DDIM(), times, np.shape(points)[1:], samples, key=key).points
        copied.append(memorization(found, points).fraction)
    return np.array(copied)


def first_above(x: Float[np.ndarray, "nodes"], y: Float[np.ndarray, "nodes"], level: float) -> float:
    """The x at which y, linear between nodes, first rises above `level`; NaN where it starts above or never does."""
    return float(np.log(crossing(-np.asarray(y), np.exp(x), -level)))


def clusters(d: int, count: int, *, key: PRNGKeyArray, deviation: float = 1.0) -> GaussianMixture:
    """`count` Gaussians of one standard deviation and weight, with means uniform on the sphere of radius sqrt(d)."""
    means = jax.random.normal(key, (count, d))
    means = means * math.sqrt(d) / np.linalg.norm(means, axis=1, keepdims=True)
    return GaussianMixture(np.ones(count), means, np.full(count, deviation**2))
