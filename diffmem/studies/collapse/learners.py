"""Learners, which make a score from training points and may take the place of the exact score in a study."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from ... import networks, scores, training
from ...annotations import RandomKey
from ...checks import check_count
from ...scores import AbstractScore
from ..network_courses import deviation

Learner = Callable[[Float[Array, "n d"], RandomKey], AbstractScore]
"""`learner(points, key)`: the score that is learned from the points; equal keys give equal scores."""

NARROW, WIDE = 0.02, 20.0  # smallest and largest sigma/alpha of a training, in standard deviations of the data


@dataclass(frozen=True)
class EmpiricalLearner:
    """Memorizes everything: `scores.Empirical(points)`."""

    def __call__(self, points: Float[Array, "n d"], key: RandomKey) -> scores.Empirical:
        """The exact score of the points."""
        return scores.Empirical(points)


@dataclass(frozen=True)
class GaussianLearner:
    """Learns mean and covariance: `scores.Gaussian.fit(points)`."""

    def __call__(self, points: Float[Array, "n d"], key: RandomKey) -> scores.Gaussian:
        """The score of the Gaussian."""
        return scores.Gaussian.fit(points)


@dataclass(frozen=True)
class MixtureLearner:
    """Learns a mixture of `components` Gaussians (at most one for each point) by EM: `scores.GaussianMixture.fit`."""

    components: int

    def __post_init__(self):
        check_count("components", self.components)

    def __call__(self, points: Float[Array, "n d"], key: RandomKey) -> scores.GaussianMixture:
        """The score of the mixture."""
        seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
        return scores.GaussianMixture.fit(points, min(self.components, len(points)), seed=seed)


@dataclass(frozen=True)
class RandomFeatureLearner:
    """Fits a denoiser on `features` random ReLU features by ridge regression: `scores.RandomFeatureRidge.fit`."""

    features: int

    def __post_init__(self):
        check_count("features", self.features)

    def __call__(self, points: Float[Array, "n d"], key: RandomKey) -> scores.RandomFeatureRidge:
        """The score of the fitted denoiser."""
        return scores.RandomFeatureRidge.fit(points, self.features, key=key)


@dataclass(frozen=True)
class MLPLearner:
    """Trains a `networks.ResidualMLP` of two hidden layers by denoising score matching, with EDM preconditioning.

    Levels are log-uniform in sigma/alpha from 1/50 to 20 standard deviations of the data (one number: the root mean
    square of their coordinates about the mean), Adam at 1e-3, `batch` points a step. About 4,000 steps a second at
    width 128 and d = 8 on two cores.
    """

    width: int = 128
    steps: int = 8000
    batch: int = 128

    def __post_init__(self):
        for name in ("width", "steps", "batch"):
            check_count(name, getattr(self, name))

    def __call__(self, points: Float[Array, "n d"], key: RandomKey) -> scores.Learned:
        """The score of the trained network."""
        start, steps = jax.random.split(key)
        points = jax.numpy.asarray(points)
        std = deviation(points)
        if not std > 0:
            raise ValueError("`points` must differ to train a network on them, but are all equal.")
        ratios = (NARROW * std, WIDE * std)
        network = networks.ResidualMLP(points[0].size, self.width, key=start)
        score = scores.Learned(network, scores.predictions.Preconditioned(std), ratios=ratios)
        objective = training.ScoreMatching(training.LogUniform(*ratios), training.weights.EDM(std))
        run = training.fit(score, points, objective, key=steps, steps=self.steps, batch=self.batch, snapshots=1)
        return run.score
