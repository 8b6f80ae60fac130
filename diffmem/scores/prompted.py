"""Conditional scores of a training set whose points carry prompts: exact, and differentiable in the prompt."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..annotations import Numbers, Point, Points, RandomKey, Scalar
from ..arithmetic import refined
from ..checks import check_finite, check_points, is_concrete, require
from ..level import NoiseLevel, float_dtype, strong
from ..reductions import AbstractReduction, Posterior
from .base import AbstractMixture, Evaluation
from .empirical import Empirical
from .gaussian import Gaussian, GaussianMixture


class AbstractPrompted(AbstractMixture):
    """The conditional law given a prompt e of a mixture whose centres carry prompts e_i: weights `w_i K(e, e_i)`.

    If the prompt of a datum is drawn from the law K(., e_i) of its centre, this is the exact conditional law.
    Classifier-free guidance is `Guided(score, score.unconditional, weight)`.

    Subclass requirements: the fields `unconditional` (any mixture with `reweighted`) and `prompt`, and `log_kernel`.
    """

    unconditional: eqx.AbstractVar[AbstractMixture]
    prompt: eqx.AbstractVar[Array]

    @abstractmethod
    def log_kernel(self) -> Float[Array, "n"]:
        """log K(e, e_i) of each centre, up to a constant."""

    @property
    def conditional(self) -> AbstractMixture:
        """The mixture with the weights `w_i K(e, e_i)`, normalised."""
        return self.unconditional.reweighted(self._log_odds())  # pyright: ignore[reportAttributeAccessIssue]

    def _log_odds(self) -> Float[Array, "n"]:
        """log K(e, e_i) up to a constant, which may depend on the prompt."""
        return self.log_kernel()

    def conditioned(self, prompt: ArrayLike) -> "AbstractPrompted":
        """The same law under another prompt, of the shape and dtype of the present one."""
        self._check_prompt(prompt)
        return eqx.tree_at(lambda score: score.prompt, self, jnp.asarray(prompt, self.prompt.dtype))

    def _check_prompt(self, prompt: ArrayLike) -> None:
        if jnp.shape(prompt) != self.prompt.shape:
            raise ValueError(f"`prompt` must have shape {self.prompt.shape}, but has shape {jnp.shape(prompt)}.")

    def prior(self) -> Float[Array, "n"]:
        """The prior weights of the centres given the prompt, `w_i K(e, e_i) / sum_j w_j K(e, e_j)`.

        With exact steps, the probability flow of an `Empirical` law ends on point i with this probability.
        """
        return self.conditional.prior()  # pyright: ignore[reportAttributeAccessIssue]

    def posterior(self, x: Point, level: NoiseLevel) -> Posterior:
        """log p(x | e), the conditional mean and the statistics of the conditional weights."""
        return self.conditional.posterior(x, level)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """Mean, noise and posterior given the prompt."""
        return self.conditional.evaluate(x, level)

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """grad log p(x | e)."""
        return self.conditional.score(x, level)

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """Divergence of the conditional score."""
        return self.conditional.divergence(x, level)

    def log_partition(self, x: Point, level: NoiseLevel, beta: Scalar = 1.0):
        """`log sum_i exp(-beta E_i)` with the conditional weights."""
        return self.conditional.log_partition(x, level, beta)

    def covariance(self, x: Point, level: NoiseLevel) -> Float[Array, "..."]:
        """Posterior covariance of x_0 given x and the prompt."""
        return self.conditional.covariance(x, level)

    def jacobian_vector(self, x: Point, level: NoiseLevel, v: Point) -> Float[Array, "*shape"]:
        """The Jacobian of the conditional mean times v."""
        return self.conditional.jacobian_vector(x, level, v)

    def weights(self, x: Point, level: NoiseLevel, k: int):
        """Indices and conditional posterior weights of the k heaviest centres, heaviest first."""
        return self.conditional.weights(x, level, k)

    def sample(self, level: NoiseLevel, *, key: RandomKey) -> Float[Array, "*shape"]:
        """One exact draw of x at this level, given the prompt."""
        return self.conditional.sample(level, key=key)


class PromptedEmpirical(AbstractPrompted):
    """The exact score of a training set given a prompt embedding e, for records (y_i, e_i) with smoothed labels:

        p(x_0, e) = sum_i w_i delta(x_0 - y_i) N(e; e_i, h^2 I),    weights `w_i exp(-|e - e_i|^2 / (2 h^2))` given e.

    It is smooth in e, so that `jax.grad` through any statistic shows what a prompt does; h -> 0 gives hard labels, and
    h -> infinity the unconditional score.

    Args:
        points: (n, *shape), the training set; a duplicated record counts as weight.
        embeddings: (n, k), the prompt embedding of each record.
        prompt: (k,), the condition e.
        width: h > 0, the standard deviation of a prompt about that of its record.
        weights: (n,), normalised, zeros allowed; equal by default.
        reduction: as in `Empirical`.

    Example: midway between the prompts of two points both are as likely, at the prompt of one it is the more likely.
        >>> import numpy as np
        >>> from diffmem import scores
        >>> points, prompts = np.array([[-1.0], [1.0]]), np.array([[0.0], [2.0]])
        >>> score = scores.PromptedEmpirical(points, prompts, np.array([1.0]), width=1.0)
        >>> there = score.conditioned(np.array([2.0]))
        >>> print(f"{score.prior()[1]:.3f} {there.prior()[1]:.3f}")
        0.500 0.881

    Cost of `Empirical`, whose limits hold too. Under `jax.vmap` over prompts, the prompts are done in turn. Raises
    ValueError for arrays of other shapes, values that are not finite and a width that is not positive. Source: derived.
    """

    unconditional: Empirical
    embeddings: Float[Array, "n k"]
    prompt: Float[Array, "k"]
    width: Float[Array, ""]

    def __init__(
        self,
        points: Points,
        embeddings: Numbers,
        prompt: Numbers,
        width: Scalar,
        *,
        weights: Numbers | None = None,
        reduction: AbstractReduction | None = None,
    ):
        check_points(points)
        n = np.shape(points)[0]
        if np.ndim(embeddings) != 2 or np.shape(embeddings)[0] != n:
            raise ValueError(f"`embeddings` must have shape ({n}, k), but has shape {np.shape(embeddings)}.")
        if np.shape(prompt) != np.shape(embeddings)[1:]:
            raise ValueError(
                f"`prompt` must have shape {np.shape(embeddings)[1:]}, that of an embedding, but has shape "
                f"{np.shape(prompt)}."
            )
        for name, value in {"embeddings": embeddings, "prompt": prompt}.items():
            check_finite(name, value)
        if is_concrete(width) and not width > 0:
            raise ValueError(f"`width` must be positive, but is {width}.")
        self.unconditional = Empirical(points, weights, reduction)
        dtype = float_dtype(points)
        self.embeddings, self.prompt, self.width = (strong(part, dtype) for part in (embeddings, prompt, width))

    def log_kernel(self) -> Float[Array, "n"]:
        """`-|e - e_i|^2 / (2 h^2)`."""
        away = (self.prompt[None] - self.embeddings) / self.width
        return -jnp.sum(away**2, axis=1) / 2

    def _log_odds(self) -> Float[Array, "n"]:
        """`-(|e - e_i|^2 - |e - e_j|^2) / (2 h^2)`, j the nearest record with a weight: no large terms cancel."""
        return _against_nearest(self.prompt, self.embeddings, self.width, self.unconditional.prior() > 0)


@eqx.filter_jit
def _against_nearest(prompt, embeddings, width, live):
    bar = jnp.where(live, 0, jnp.inf).astype(prompt.dtype)
    nearest = embeddings[jnp.argmin(jnp.sum(jax.lax.stop_gradient(prompt[None] - embeddings) ** 2, axis=1) + bar)]
    return refined(_differences, _differences, prompt, embeddings, nearest, bar, width)


def _differences(prompt, embeddings, nearest, bar, width):
    """`-(|e - e_i|^2 - |e - e_j|^2 + bar_i) / (2 h^2)` by products of differences, the largest of them 0."""
    middle = (embeddings - prompt[None]) + (nearest - prompt)[None]
    gap = jnp.sum((embeddings - nearest[None]) * middle, axis=1) + bar
    # of two that are as near the first one may be a rounding further than the other, which a small h shows
    gap = gap - jax.lax.stop_gradient(jnp.min(gap))
    return -(gap / width) * (0.5 / width)


class TokenPrompted(AbstractPrompted):
    """The exact score of a training set given a prompt of L words, for records (y_i, tau_i) with words tau_i.

    A prompt repeats each word of its record independently, with odds e^beta against any other word: the weights are
    `w_i exp(beta sum_l scales_l [prompt_l = tau_il])`. `scales` is 1 for each slot; its gradient, and 0 in a slot, tell
    what a slot contributes.

    Args:
        points: (n, *shape), the training set.
        tokens: (n, L), the words of each record, integers.
        prompt: (L,), the condition, integers; a word that no record has in its slot matches nothing.
        beta: log-odds of a matching word, at least 0.
        scales: (L,), factors of the slots.
        weights: (n,), normalised, zeros allowed; equal by default.
        reduction: as in `Empirical`.

    Raises ValueError for arrays of other shapes and a negative beta. Source: derived.
    """

    unconditional: Empirical
    tokens: Int[Array, "n slots"]
    prompt: Int[Array, "slots"]
    beta: Float[Array, ""]
    scales: Float[Array, "slots"]

    def __init__(
        self,
        points: Points,
        tokens: Numbers,
        prompt: Numbers,
        beta: Scalar,
        *,
        scales: Numbers | None = None,
        weights: Numbers | None = None,
        reduction: AbstractReduction | None = None,
    ):
        check_points(points)
        n = np.shape(points)[0]
        slots = np.shape(tokens)[1:]
        if len(slots) != 1 or np.shape(tokens)[0] != n:
            raise ValueError(f"`tokens` must have shape ({n}, slots), but has shape {np.shape(tokens)}.")
        scales = np.ones(slots) if scales is None else scales
        for name, value in {"prompt": prompt, "scales": scales}.items():
            if np.shape(value) != slots:
                raise ValueError(f"`{name}` must have shape {slots}, but has shape {np.shape(value)}.")
        if is_concrete(beta) and not beta >= 0:
            raise ValueError(f"`beta` must be at least 0, but is {beta}.")
        self.unconditional = Empirical(points, weights, reduction)
        dtype = float_dtype(points)
        self.tokens, self.prompt = jnp.asarray(tokens), jnp.asarray(prompt)
        self.beta, self.scales = strong(beta, dtype), strong(scales, dtype)

    def log_kernel(self) -> Float[Array, "n"]:
        """`beta sum_l scales_l [prompt_l = tau_il]`."""
        matches = (self.tokens == self.prompt[None]).astype(self.scales.dtype)
        return self.beta * jnp.sum(matches * self.scales[None], axis=1)


class Labelled(AbstractPrompted):
    """A mixture given a class: only the centres whose label is `label` keep their weight.

    `unconditional` is an `Empirical` score or a `GaussianMixture`; `labels` (n,) are integers, one for each of its
    centres. `fit` makes one Gaussian, or one mixture, for each class: a model that generalises within its classes.
    Raises ValueError for another number of labels, and for a label that no centre has, also in `conditioned`.
    """

    unconditional: Empirical | GaussianMixture
    labels: Int[Array, "n"]
    prompt: Int[Array, ""]

    def __init__(self, unconditional: Empirical | GaussianMixture, labels: Numbers, label: Int[ArrayLike, ""]):
        n = unconditional.prior().size
        require(labels, np.shape(labels) == (n,), f"`labels` must have shape ({n},), but has shape {np.shape(labels)}.")
        _check_label(labels, label)
        self.unconditional = unconditional
        self.labels, self.prompt = jnp.asarray(labels), jnp.asarray(label)

    @classmethod
    def fit(cls, points: Points, labels: Numbers, label: Int[ArrayLike, ""], components: int = 1) -> "Labelled":
        """One full-covariance Gaussian (`components` = 1) or one mixture by EM for each class, with its share of the
        points as weight. A class of fewer points gets as many components as it has points.
        """
        check_points(points)
        points, labels = np.asarray(points), np.asarray(labels)
        require(
            labels,
            labels.shape == points.shape[:1],
            f"`labels` must have shape {points.shape[:1]}, not {labels.shape}.",
        )
        parts, factored = [], []
        for name in np.unique(labels):
            own = points[labels == name]
            fitted = Gaussian.fit(own) if components == 1 else GaussianMixture.fit(own, min(components, len(own)))
            means = fitted.means
            parts.append((fitted.prior() * len(own), means, np.full(len(means), name)))
            factored.append(fitted.covariances)
        shares, means, owners = (np.concatenate(part) for part in zip(*parts))
        mixture = GaussianMixture(shares, means, np.ones(len(means), means.dtype))
        # as each class was factored, so that directions without variance have none
        covariances = jax.tree.map(lambda *each: jnp.concatenate(each), *factored)
        return cls(eqx.tree_at(lambda score: score.covariances, mixture, covariances), owners, label)

    def _check_prompt(self, prompt: ArrayLike) -> None:
        super()._check_prompt(prompt)
        _check_label(self.labels, prompt)

    def log_kernel(self) -> Float[Array, "n"]:
        """0 for the centres of the class, -inf for all others."""
        return jnp.where(self.labels == self.prompt, 0.0, -jnp.inf)


def _check_label(labels, label) -> None:
    if is_concrete(labels) and is_concrete(label) and not np.isin(label, labels):
        raise ValueError(f"`label` must be one of the labels of the centres, but is {label}.")
