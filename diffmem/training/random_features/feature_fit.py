"""Exact fits of random features: ridge regression, and gradient flow at every training time, by one eigenbasis."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ...annotations import RandomKey
from ...level import NoiseLevel
from ...representation import one_line
from ...scores.random_features import RandomFeatures
from .feature_moments import Activation, FeatureMoments, exact_feature_moments, sampled_feature_moments

ROUNDING = np.finfo(np.float64).eps  # error of an eigenvalue, in units of the largest times the number of rows


class FitErrors(NamedTuple):
    """Errors per dimension, one for each penalty or time."""

    train: Float[np.ndarray, "*runs"]
    """`E|sigma s + xi|^2/d` on the training points, over the noise that the fit has seen; without the penalty."""
    test: Float[np.ndarray, "*runs"]
    """`E|sigma s + xi|^2/d` on fresh points of N(0, I), which is `sigma^2 score + alpha^2/Gamma^2`."""
    score: Float[np.ndarray, "*runs"]
    """`E|s(y) + y/Gamma^2|^2/d` over y ~ N(0, Gamma^2 I), Gamma^2 = alpha^2 + sigma^2: the error of the score."""

    __repr__ = one_line

    @property
    def gap(self) -> Float[np.ndarray, "*runs"]:
        """Test loss less training loss."""
        return np.asarray(self.test - self.train)


class FeatureModes(NamedTuple):
    """What the errors of a linear fit depend on, in the eigenbasis of U.

    A fit multiplies each mode by a gain, `A/sqrt(p) = -(1/sigma) V^T g(U)`: `1/(l + penalty)` for ridge regression,
    `(1 - exp(-2 sigma^2 l tau/psi_p))/l` for gradient flow from A = 0 at training time tau, psi_p = p/d. tau counts
    steps x rate/d^2 of gradient descent on the loss per dimension.
    """

    eigenvalues: Float[np.ndarray, "k"]
    """Of U, ascending; those whose modes carry no part of V may be left out."""
    alignment: Float[np.ndarray, "k"]
    """`|V^T e_k|^2/d`."""
    overlap: Float[np.ndarray, "k"]
    """`e_k^T V V_pop^T e_k/d`, V_pop = E f(y) xi^T over the population y = Gamma xi."""
    quadratic: Float[np.ndarray, "k k"]
    """`(e_k^T V V^T e_l)(e_k^T U_pop e_l)/d`."""
    level: NoiseLevel
    psi_p: float
    power: float
    """`E|xi|^2/d` of the noise that the fit has seen: 1 where it has seen all."""

    __repr__ = one_line

    def ridge(self, penalty: Real[ArrayLike, "*runs"]) -> FitErrors:
        """Errors at penalties `sigma^2 penalty |A|^2/(d p)` added to the loss."""
        return self.errors(self.ridge_gain(penalty))

    def flow(self, time: Real[ArrayLike, "*runs"]) -> FitErrors:
        """Errors of gradient flow from A = 0 at training times; inf is the least-squares fit. Exact at every time."""
        return self.errors(self.flow_gain(time))

    def ridge_gain(self, penalty: Real[ArrayLike, "*runs"]) -> Float[np.ndarray, "*runs k"]:
        """`1/(l + penalty)`; raises ValueError unless penalties are positive."""
        penalty = np.asarray(penalty, np.float64)
        if not np.all(penalty > 0):
            raise ValueError(f"`penalty` must be positive, but holds {penalty.min()}.")
        return 1 / (self.eigenvalues + penalty[..., None])

    def flow_gain(self, time: Real[ArrayLike, "*runs"]) -> Float[np.ndarray, "*runs k"]:
        """`(1 - exp(-2 sigma^2 l tau/psi_p))/l`; raises ValueError for negative times."""
        time = np.asarray(time, np.float64)
        if not np.all(time >= 0):
            raise ValueError(f"`time` must be at least 0, but holds {time.min()}.")
        decay = 2 * float(self.level.sigma) ** 2 / self.psi_p * self.eigenvalues
        return -np.expm1(-decay * time[..., None]) / self.eigenvalues

    def errors(self, gain: Float[np.ndarray, "*runs k"]) -> FitErrors:
        """Errors of any gains. Cost k^2 for each run."""
        alpha, sigma = (float(part) for part in self.level)
        gamma2 = alpha**2 + sigma**2
        train = self.power + (gain * (self.eigenvalues * gain - 2)) @ self.alignment
        spread = ((gain @ self.quadratic) * gain).sum(-1) / sigma**2
        score = 1 / gamma2 - 2 * (gain @ self.overlap) / (sigma * math.sqrt(gamma2)) + spread
        return FitErrors(train, sigma**2 * score + alpha**2 / gamma2, score)


class FeatureFit(NamedTuple):
    """An exact fit of random features, which also gives the fitted scores."""

    modes: FeatureModes
    vectors: Float[np.ndarray, "p k"]
    response: Float[np.ndarray, "k d"]
    """V in the eigenbasis."""
    train: FeatureMoments
    first: Float[np.ndarray, "p d"]
    activation: Activation

    __repr__ = one_line

    def ridge(self, penalty: Real[ArrayLike, "*runs"]) -> FitErrors:
        """As `FeatureModes.ridge`."""
        return self.modes.ridge(penalty)

    def flow(self, time: Real[ArrayLike, "*runs"]) -> FitErrors:
        """As `FeatureModes.flow`."""
        return self.modes.flow(time)

    def ridge_score(self, penalty: float) -> RandomFeatures:
        """The fitted score at one penalty, in JAX's default float; valid at the level of the fit only."""
        return self._score(self.modes.ridge_gain(penalty))

    def flow_score(self, time: float) -> RandomFeatures:
        """The score of gradient flow at a training time, likewise."""
        return self._score(self.modes.flow_gain(time))

    def _score(self, gain: np.ndarray) -> RandomFeatures:
        scale = -math.sqrt(len(self.first)) / float(self.modes.level.sigma)
        second = scale * (self.response.T * gain) @ self.vectors.T
        dtype = jnp.zeros(()).dtype
        return RandomFeatures(self.first.astype(dtype), second.astype(dtype), self.activation, self.modes.level)


def fit_random_features(
    first: Real[ArrayLike, "p d"],
    points: Real[ArrayLike, "n d"],
    level: NoiseLevel,
    activation: Activation = jax.lax.tanh,
    draws: int | None = None,
    *,
    key: RandomKey | None = None,
) -> FeatureFit:
    """Fit `s(x) = A f(W x/sqrt(d))/sqrt(p)` to noisy training points, for every penalty and training time at once.

    `draws` noises of each point are drawn with `key`; None takes all of them, in closed form. Errors on fresh points
    are those of the population N(0, I), exact as well. Host float64.

    Cost: one eigendecomposition of (p, p) and `exact_feature_moments`: 2 s for p = 1000.
    Raises ValueError where `level` has sigma = 0, for `draws` without `key` or the reverse, and as the moments.
    Source: gradient flow of Bonnaire et al., arXiv:2505.17638; the rest derived.
    """
    alpha, sigma = check_level(level)
    if (draws is None) != (key is None):
        raise ValueError(f"`draws` and `key` must be given together, but `draws` is {draws} and `key` {key}.")
    first, points = np.asarray(first, np.float64), np.asarray(points, np.float64)
    if draws is None or key is None:
        train = exact_feature_moments(first, points, level, activation)
    else:
        train = sampled_feature_moments(first, points, level, draws, activation, key=key)
    p, d = first.shape
    everyone = exact_feature_moments(first, np.zeros((1, d)), NoiseLevel(1.0, math.hypot(alpha, sigma)), activation)
    eigenvalues, vectors = np.linalg.eigh(train.second)
    # V lies in the range of U: its part in modes of eigenvalue 0 is rounding error
    real = eigenvalues > ROUNDING * p * eigenvalues[-1]
    eigenvalues, vectors = eigenvalues[real], vectors[:, real]
    response = vectors.T @ train.cross
    modes = FeatureModes(
        eigenvalues,
        (response**2).sum(1) / d,
        (response * (vectors.T @ everyone.cross)).sum(1) / d,
        (response @ response.T) * (vectors.T @ everyone.second @ vectors) / d,
        NoiseLevel(alpha, sigma),
        p / d,
        train.power,
    )
    return FeatureFit(modes, vectors, response, train, first, activation)


def check_level(level: NoiseLevel) -> tuple[float, float]:
    """alpha and sigma as numbers.

    Raises ValueError unless alpha >= 0 and sigma > 0 are finite.
    """
    alpha, sigma = (float(part) for part in level)
    if not (0 <= alpha < math.inf and 0 < sigma < math.inf):
        raise ValueError(f"`level` must have alpha >= 0 and sigma > 0, but is ({alpha}, {sigma}).")
    return alpha, sigma
