"""Ridge regression on random features: a denoiser that is trained by a linear solve, with as many features as asked."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..annotations import Point, Points, RandomKey
from ..arithmetic import dot, residual
from ..checks import check_points
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractScore, Evaluation, cast_point
from .parametrisation import Preconditioned, c_noise

ROWS = 4096  # noisy points whose features are held at once
LEVELS, LOWEST, HIGHEST = 16, 0.03, 8.0  # of the default noise levels, the ends in units of the data's deviation


class Features(NamedTuple):
    """p frozen features of one point in units of its spread: `relu(W x + b + l)`, l belonging to the label."""

    weights: Float[Array, "p d"]
    """Entries N(0, 1/d)."""
    biases: Float[Array, "p"]
    """Entries N(0, 1)."""
    labels: Float[Array, "labels p"]
    """Entries N(0, 1), one row for each label; no rows without labels."""

    @classmethod
    def drawn(cls, features: int, d: int, labels: int, dtype, *, key: RandomKey) -> "Features":
        """Features with random weights."""
        first, second, third = jax.random.split(key, 3)
        weights = jax.random.normal(first, (features, d), dtype) / d**0.5
        return cls(
            weights, jax.random.normal(second, (features,), dtype), jax.random.normal(third, (labels, features), dtype)
        )

    def at(self, x: Float[Array, "d"], label: Int[Array, ""] | None) -> Float[Array, "p"]:
        """The features of one point."""
        inside = dot(self.weights, x) + self.biases
        return jax.nn.relu(inside if label is None else inside + self.labels[label])


class RandomFeatureRidge(AbstractScore):
    """A denoiser that is linear in frozen random ReLU features, fitted by ridge regression: `RandomFeatureRidge.fit`.

        D(x) = mean + c_skip (x - alpha mean) + c_out F,   F = A(sigma/alpha)^T relu(W c_in (x - alpha mean) + b + l)

    `c_skip`, `c_out` and `c_in` are those of `predictions.Preconditioned`; l is a random vector of the label. The
    readout A (p, d) is solved for at each fitted noise level, linear in log(sigma/alpha) between them, and beyond them
    that of the nearest. With enough features, and a label for each point, the score copies its training set; with fewer
    features, or without labels, it does not.

    At sigma = 0, D is x/alpha, and the score is infinite wherever F is not 0; at alpha = 0, D is `mean + data_std F`
    with the readout of the largest fitted level (not exactly the mean), and the score is -x/sigma^2.

    Cost of one evaluation: 2 p d multiplications; the features and levels x p x d readouts are held.
    `denoise` raises ValueError where labels were fitted and none is chosen, or the reverse.
    Source: the setting of random features (Rahimi and Recht, 2007) with the input scaling of arXiv:2206.00364.
    """

    features: Features
    readouts: Float[Array, "levels p d"]
    log_ratios: Float[Array, "levels"]
    """Rising logarithms of the fitted sigma/alpha."""
    mean: Float[Array, "d"]
    prediction: Preconditioned
    label: Int[Array, ""] | None
    shape: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def fit(
        cls,
        points: Points,
        features: int = 1200,
        *,
        ratios: Sequence[float] | Float[np.ndarray, "levels"] | None = None,
        draws: int = 16,
        ridge: float = 1e-4,
        labels: Int[ArrayLike, "..."] | None = None,
        key: RandomKey,
    ) -> "RandomFeatureRidge":
        """The ridge solution for `points` (n, *shape), with `draws` noises of each point at each level.

        `ratios` are the sigma/alpha to fit at (default: 16 from .03 to 8 standard deviations of the data, even in
        logarithm). `ridge` is in units of the mean eigenvalue tr(G)/p of the Gram matrix G of the features. `labels`
        are n integers from 0; choose one with `conditioned` before use.

        Noise of a point depends on key, level, point and draw only. Features and G in the points' precision, the solve
        in float64 on the host. Cost: levels x n x draws x p^2 multiplications and levels x p^3/3; memory levels x p x d
        and p^2. 256 points of 64 coordinates with p = 1200 take about 5 s. Raises ValueError for points that are all
        equal, fewer than two or non-positive `ratios`, `features`, `draws` or `ridge` that are not positive, and labels
        of the wrong shape or below 0.
        """
        points, shape = strong(points, float_dtype(points)), np.shape(points)[1:]
        _check(points, features, draws, ridge, labels)
        host = np.asarray(points, np.float64).reshape(len(points), -1)
        mean = strong(host.mean(0), points.dtype)
        spread = float(np.sqrt(np.mean((host - np.asarray(mean, np.float64)) ** 2)))
        log_ratios = _log_ratios(ratios, spread)
        draw_key, noise_key = jax.random.split(key)
        kinds = 0 if labels is None else int(np.max(labels)) + 1
        kept = Features.drawn(features, host.shape[1], kinds, points.dtype, key=draw_key)
        rows = points.reshape(len(points), -1) - mean[None]
        tags = None if labels is None else jnp.asarray(labels)
        fitted = [
            _readout(kept, rows, tags, jnp.asarray(np.exp(at), rows.dtype), spread, draws, ridge, key=k)
            for at, k in zip(log_ratios, jax.random.split(noise_key, len(log_ratios)))
        ]
        readouts = strong(np.stack(fitted), rows.dtype)
        return cls(kept, readouts, strong(log_ratios, rows.dtype), mean, Preconditioned(spread), None, tuple(shape))

    def conditioned(self, label: Int[ArrayLike, ""] | None) -> "RandomFeatureRidge":
        """The same score under another label."""
        chosen = None if label is None else jnp.asarray(label)
        return eqx.tree_at(lambda score: score.label, self, chosen, is_leaf=lambda leaf: leaf is None)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`mean + c_skip (x - alpha mean) + c_out F`, and the noise without a difference of the two."""
        away, answer, level = self._answer(x, level)
        mean = self.mean + self.prediction.denoise(away, answer, level)
        return Evaluation(mean.reshape(self.shape), self.prediction.noise(away, answer, level).reshape(self.shape))

    def readout(self, level: NoiseLevel) -> Float[Array, "p d"]:
        """A at a level."""
        nodes = self.log_ratios
        at = c_noise(cast_level(level, nodes.dtype), jnp.exp(nodes[0]), jnp.exp(nodes[-1]))
        after = jnp.clip(jnp.searchsorted(nodes, at), 1, len(nodes) - 1)
        share = (at - nodes[after - 1]) / (nodes[after] - nodes[after - 1])
        return (1 - share) * self.readouts[after - 1] + share * self.readouts[after]

    def _answer(self, x, level: NoiseLevel):
        """x - alpha mean, F, and the level in the dtype of both."""
        if (self.label is None) != (len(self.features.labels) == 0):
            raise ValueError(
                f"`label` must be given exactly where labels were fitted, but is {self.label} for a score that knows "
                f"{len(self.features.labels)} labels; choose one with `conditioned`."
            )
        x, level = cast_point(x, self.shape, self.mean.dtype), cast_level(level, self.mean.dtype)
        away = residual(x.ravel(), level.alpha, self.mean)
        found = self.features.at(self.prediction.c_in(level) * away, self.label)
        return away, dot(found, self.readout(level)), level


def _readout(features, rows, labels, ratio, spread: float, draws: int, ridge: float, *, key) -> np.ndarray:
    """The ridge solution at one level, (p, d) in float64."""
    p, total = len(features.biases), len(rows) * draws
    gram, cross = np.zeros((p, p)), np.zeros((p, rows.shape[1]))
    for first in range(0, total, ROWS):
        index = first + np.arange(min(ROWS, total))
        part = _moments(features, rows, labels, ratio, spread, draws, jnp.asarray(index), key)
        gram += np.asarray(part[0], np.float64)
        cross += np.asarray(part[1], np.float64)
    return ridge_solution(gram, cross, ridge)


def ridge_solution(gram: Float[np.ndarray, "p p"], cross: Float[np.ndarray, "p d"], ridge: float):
    """`(G + ridge tr(G)/p I)^-1 B` for the Gram matrix G and the cross moments B, by Cholesky in float64.

    Features that are 0 on all points (G = 0) have the readout 0.
    """
    from scipy.linalg import cho_factor, cho_solve

    scale = np.trace(gram) / len(gram)
    return cho_solve(cho_factor(gram + (ridge * scale or 1.0) * np.eye(len(gram))), cross)


@eqx.filter_jit
def _moments(features: Features, rows, labels, ratio, spread: float, draws: int, index, key):
    """Sums over noisy points of features times features and features times the target of F; beyond the last point 0."""
    prediction, level = Preconditioned(spread), NoiseLevel(jnp.ones_like(ratio), ratio)

    def one(i):
        i, j = i // draws, i % draws
        z = jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, i), j), rows.shape[1:], rows.dtype)
        x = rows[i] + ratio * z
        # the F for which D is x_0
        target = (rows[i] - prediction.c_skip(level) * x) / prediction.c_out(level)
        label = None if labels is None else labels[i]
        return features.at(prediction.c_in(level) * x, label), target

    inside = index < len(rows) * draws
    found, wanted = jax.vmap(one)(jnp.where(inside, index, 0))
    found = jnp.where(inside[:, None], found, 0)
    return dot(found.T, found), dot(found.T, wanted)


def _log_ratios(ratios, spread: float) -> np.ndarray:
    if ratios is None:
        return np.linspace(np.log(LOWEST * spread), np.log(HIGHEST * spread), LEVELS)
    ratios = np.sort(np.asarray(ratios, np.float64))
    if ratios.ndim != 1 or len(ratios) < 2 or not (ratios[0] > 0 and np.all(np.diff(np.log(ratios)) > 0)):
        raise ValueError(f"`ratios` must be at least two different positive numbers, but is {ratios}.")
    return np.log(ratios)


def _check(points, features: int, draws: int, ridge: float, labels) -> None:
    check_points(points)
    if np.all(np.asarray(points) == np.asarray(points[:1])):
        raise ValueError("`points` must hold two different points, but all are equal.")
    for name, value in {"features": features, "draws": draws, "ridge": ridge}.items():
        if not value > 0:
            raise ValueError(f"`{name}` must be positive, but is {value}.")
    if labels is not None and (np.shape(labels) != (len(points),) or np.min(labels) < 0):
        raise ValueError(f"`labels` must be {len(points)} integers from 0, one for each point, but is {labels}.")
