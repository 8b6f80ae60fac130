"""Objectives of training: denoising score matching, on clean points or on noisy copies."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..annotations import RandomKey
from ..checks import check_callable, check_count, check_kind, check_nonnegative
from ..data.indexed_draws import indexed_normals
from ..level import NoiseLevel
from ..scores import AbstractScore
from .levels import AbstractLevels
from .weights import Weight, flat

Label = Int[ArrayLike, ""] | Float[ArrayLike, "..."] | None


class AbstractObjective(eqx.Module):
    """A loss of one datum at one noise level; called with a key, it draws the levels.

    Subclass requirements: `levels`, `draws`, `antithetic` and `at`. Where `training.fit` repeats the keys of the noise
    (`noise_draws`), it gives `fresh` too, another key in each step, for what else is drawn.
    """

    if TYPE_CHECKING:  # to a type checker, fields would be the first arguments of every subclass
        levels: ClassVar[AbstractLevels]
        draws: ClassVar[int]
        antithetic: ClassVar[bool]
    else:
        levels: eqx.AbstractVar[AbstractLevels]
        draws: eqx.AbstractVar[int]
        antithetic: eqx.AbstractVar[bool]

    def __check_init__(self):
        check_count("draws", self.draws)
        check_kind("levels", self.levels, AbstractLevels, "a law of noise levels, such as training.LogUniform(0.1, 10)")
        check_callable("weight", getattr(self, "weight", flat), "of a noise level", 1)

    @abstractmethod
    def at(self, score: AbstractScore, datum: Any, level: NoiseLevel, z: Float[Array, "*shape"]) -> Float[Array, ""]:
        """The loss of one datum at one level and noise z ~ N(0, I)."""

    def __call__(
        self, score: AbstractScore, datum: Any, label: Label = None, *, key: RandomKey, fresh: RandomKey | None = None
    ) -> Float[Array, ""]:
        """The mean over `draws` of level and noise; antithetic draws take z and -z at each level.

        `key` gives the levels and the noise, `fresh` (default: `key`) the label that is shown.
        """
        label = self.shown(label, key=key if fresh is None else fresh)

        def one(i):
            where, noise = jax.random.split(jax.random.fold_in(key, i))
            return self.drawn(score, datum, label, self.levels(key=where), noise)

        return jax.vmap(one)(jnp.arange(self.draws)).mean() if self.draws > 1 else one(0)

    def shown(self, label: Label, *, key: RandomKey) -> Label:
        """The label that the score is conditioned on in one step of training: its own; it may be overridden."""
        return label

    def drawn(self, score: AbstractScore, datum: Any, label: Label, level: NoiseLevel, key: RandomKey):
        """The loss at a level, with noise from a key."""
        score = score if label is None else score.conditioned(label)
        like = jax.tree.leaves(datum)[0]
        level = NoiseLevel(*(jnp.asarray(part, like.dtype) for part in level))
        z = jax.random.normal(key, like.shape, like.dtype)
        loss = self.at(score, datum, level, z)
        return (loss + self.at(score, datum, level, -z)) / 2 if self.antithetic else loss


class ScoreMatching(AbstractObjective):
    """`weight(level) |D(alpha x_0 + sigma z) - x_0|^2 / d` of a clean point x_0, d its number of coordinates.

    Its minimum over all functions is the `Empirical` score of the points, whatever the weight. `levels` is the law of
    the noise levels, `draws` the number of levels and noises of a point in one step; with `antithetic`, each z is used
    together with -z. `label_dropout` is the share of labels that are left out, so that one network learns both branches
    of classifier-free guidance: -1 in place of a whole number and zeros in place of a vector, to which the networks of
    `diffmem.networks` answer as to None.

    Example: the exact score of a single point has no loss, at no level.
        >>> import jax.numpy as jnp, jax.random as jr
        >>> from diffmem import scores, training
        >>> objective = training.ScoreMatching(training.LogUniform(0.1, 10.0))
        >>> point = jnp.array([0.5, -2.0])
        >>> print(objective(scores.Empirical(point[None]), point, key=jr.key(0)))
        0.0

    Source: Vincent, Neural Computation 23 (2011); Karras et al., arXiv:2206.00364.
    """

    levels: AbstractLevels
    weight: Weight = flat
    draws: int = 1
    antithetic: bool = False
    label_dropout: float = 0.0

    def at(
        self, score: AbstractScore, datum: Float[Array, "*shape"], level: NoiseLevel, z: Float[Array, "*shape"]
    ) -> Float[Array, ""]:
        """The loss at one level and noise."""
        error = score.denoise(level.alpha * datum + level.sigma * z, level) - datum
        return self.weight(level) * jnp.mean(error**2)

    def shown(self, label: Label, *, key: RandomKey) -> Label:
        """The label, or no condition with probability `label_dropout`: -1, or a vector of zeros."""
        if label is None or not self.label_dropout:
            return label
        left_out = jax.random.bernoulli(jax.random.fold_in(key, self.draws), self.label_dropout)
        nothing = 0 if jnp.issubdtype(jnp.result_type(label), jnp.floating) else -1
        return jnp.where(left_out, nothing, label)


class AmbientScoreMatching(AbstractObjective):
    """Score matching that uses only one fixed noisy copy of a datum wherever the noise is larger than that of the copy.

    A datum is (x_0, y, noise) with `y = x_0 + noise z` drawn once (`noisy_copies`). At sigma > alpha noise,
    `x = alpha y + tau z` with `tau^2 = sigma^2 - alpha^2 noise^2`, and the estimate of y that follows from D,
    `yhat = (tau^2 D + alpha noise^2 x) / sigma^2`, is compared with y: `weight |yhat - y|^2 / d`. At smaller sigma, the
    loss is that of `ScoreMatching` on x_0; where x_0 must not be used at all, `levels` must not reach there. The
    minimum at sigma > alpha noise is `scores.Ambient`. At noise = 0 the loss is that of `ScoreMatching`.

    Source: Shah et al., arXiv:2502.21278; Daras et al., arXiv:2404.10177, for any alpha.
    """

    levels: AbstractLevels
    weight: Weight = flat
    draws: int = 1
    antithetic: bool = False

    def at(
        self,
        score: AbstractScore,
        datum: tuple[Float[Array, "*shape"], Float[Array, "*shape"], Float[Array, ""]],
        level: NoiseLevel,
        z: Float[Array, "*shape"],
    ) -> Float[Array, ""]:
        """The loss at one level and noise."""
        clean, copy, noise = datum
        alpha, sigma = level
        own = alpha * noise
        hidden = sigma > own
        share = jnp.where(hidden, (1 - own / sigma) * (1 + own / sigma), 1)  # (tau / sigma)^2
        target = jnp.where(hidden, copy, clean)
        x = alpha * target + sigma * jnp.sqrt(share) * z
        carried = jnp.where(hidden, alpha * (noise / sigma) ** 2, 0)
        error = share * score.denoise(x, level) + carried * x - target
        return self.weight(level) * jnp.mean(error**2)


def noisy_copies(
    points: Float[ArrayLike, "n *shape"], noise: float, *, key: RandomKey
) -> tuple[Float[Array, "n *shape"], Float[Array, "n *shape"], Float[Array, " n"]]:
    """The data of `AmbientScoreMatching`: the points, each with its one copy `x_0 + noise z`, and the noise of each.

    Copy i depends on key and i only. Raises ValueError for a negative noise.
    """
    check_nonnegative("noise", noise)
    points = jnp.asarray(points)
    z = indexed_normals(key, jnp.arange(len(points)), points.shape[1:], points.dtype)
    noises = jnp.full(len(points), noise, points.dtype)
    return points, points + jnp.asarray(noise, points.dtype) * z, noises
