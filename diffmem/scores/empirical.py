"""The score of the training set itself: the exact optimum of denoising score matching, which copies."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from .. import reductions
from ..annotations import Numbers, Point, Points, RandomKey, Scalar
from ..checks import as_values, check_key, check_kind, check_positive, check_rank, check_whole, is_concrete
from ..data.distinct import first_equal
from ..level import NoiseLevel, cast_level, strong
from ..reductions import AbstractCentres, AbstractReduction, Centres, Posterior
from .base import AbstractMixture, Evaluation, cast_query, over_sigma
from .commitment import Commitment, commitment_of


class Empirical(AbstractMixture):
    """The exact score of the training set: what a perfectly trained denoiser would be, and why it copies.

    A noisy point is `x = alpha y_i + sigma z` with the training point y_i drawn by its weight w_i, z ~ N(0, I). Then

        p(x)  = sum_i w_i N(x; alpha y_i, sigma^2 I),         E_i = |x - alpha y_i|^2 / (2 sigma^2) - log w_i,
        p_i   = exp(-E_i) / sum_j exp(-E_j),                  the probability that x came from y_i,
        D(x)  = E[x_0 | x] = sum_i p_i y_i,                   score(x) = grad log p(x) = (alpha D(x) - x) / sigma^2.

    Among all functions D minimises the denoising loss `E |D(x) - x_0|^2` over the training set. At much noise the
    posterior weights p_i are all alike and D is the mean of the data; at little noise one of them is nearly 1 and D is
    a training point (collapse).

    Example: for the points -1 and 1, `D(x) = tanh(alpha x / sigma^2)`, here tanh(log(3)/2) = 1/2.
        >>> import numpy as np
        >>> from diffmem import NoiseLevel, scores
        >>> score = scores.Empirical(np.array([[-1.0], [1.0]]))
        >>> found = score.posterior(np.log([3.0]) / 2, NoiseLevel(alpha=1.0, sigma=1.0))
        >>> print(f"D = {found.mean[0]:.3f}, largest weight {found.leader_weight:.3f}")
        D = 0.500, largest weight 0.750

    Args:
        points: (n, *shape), the training set; a duplicated point counts as weight.
        weights: (n,), normalised, zeros allowed; equal by default.
        reduction: how the sums over points are computed (default: the choice of `reductions.auto`).

    Limits: at sigma = 0, D is the nearest point (ties averaged by weight), log_prob is -inf off the points and +inf on
    one, and the score is 0 on a point and infinite elsewhere; at alpha = 0, D is the mean and the score -x / sigma^2.

    Cost: n d multiplications for D, twice. Raises ValueError for no points, values that are not finite, and weights
    that are negative, all zero or of the wrong shape. Source: Karras et al., arXiv:2206.00364, appendix B.3.
    """

    n: int = eqx.field(static=True)
    """Number of points."""
    shape: tuple[int, ...] = eqx.field(static=True)
    """Event shape of one point."""
    reduction: AbstractReduction
    centres: AbstractCentres = eqx.field(repr=False)

    def __init__(
        self, points: Points | RandomKey, weights: Numbers | None = None, reduction: AbstractReduction | None = None
    ):
        if reduction is None:
            points = as_values("points", points)
            reduction = reductions.auto(points)
        check_kind("reduction", reduction, AbstractReduction, "a reduction, such as reductions.Dense()")
        self.reduction = reduction
        self.centres, self.shape, self.n = self.reduction.hold(points, weights)

    @property
    def points(self) -> Float[Array, "n *shape"]:
        """The training points, (n, *shape); raises ValueError where they are not stored."""
        rows = self.centres.span(0, self.centres.n).offsets[: self.n] * self.centres.unit + self.centres.centre[None]
        return rows.reshape(-1, *self.shape)

    def merged(self) -> "Empirical":
        """The same law with each distinct point once, carrying the weight of its duplicates (concrete arrays only)."""
        points = np.asarray(self.points)
        first = first_equal(points.reshape(self.n, -1))
        log_weights = self.centres.span(0, self.centres.n).log_weights[: self.n]
        weights = np.bincount(first, weights=np.exp(np.asarray(log_weights, np.float64)))
        distinct = np.unique(first)
        return Empirical(points[distinct], weights[distinct], self.reduction)

    def prior(self) -> Float[Array, "n"]:
        """The weights w_i of the points."""
        return jnp.broadcast_to(self.centres.weights, (self.centres.n,))[: self.n]

    def reweighted(self, log_factors: Float[Array, "n"]) -> "Empirical":
        """The score with weights `w_i exp(log_factors_i)`, normalised; differentiable in the factors.

        -inf takes a point out, but at least one must stay. Raises ValueError where the points are not stored.
        """
        if not isinstance(self.centres, Centres):
            raise ValueError("The points must be stored to have weights of their own, but they are generated.")
        factors = jnp.pad(strong(log_factors, self.centres.dtype), (0, self.centres.n - self.n))
        return eqx.tree_at(lambda score: score.centres, self, self.centres.reweighted(factors))

    def posterior(self, x: Point, level: NoiseLevel) -> Posterior:
        """One pass over the points; see `Posterior`."""
        x, (alpha, sigma) = self._cast(x, level)
        found = _posterior(self.reduction, self.centres, x.ravel(), alpha, sigma)
        return found._replace(
            log_prob=found.log_prob - x.size * jnp.log(jnp.where(sigma > 0, sigma, 1) * (2 * jnp.pi) ** 0.5),
            mean=found.mean.reshape(x.shape),
            displacement=found.displacement.reshape(x.shape),
        )

    def log_partition(self, x, level: NoiseLevel, beta: Scalar = 1.0) -> Float[Array, ""]:
        """`log sum_i exp(-beta E_i)`: the pass at sigma / sqrt(beta) with weights raised to beta.

        Raises ValueError unless beta > 0.
        """
        check_positive("beta", beta)
        x, (alpha, sigma) = self._cast(x, level)
        beta = strong(beta, x.dtype)
        sigma = sigma / jnp.sqrt(beta)
        return _posterior(self.reduction, self.centres.tempered(beta), x.ravel(), alpha, sigma).log_prob

    def weights(self, x, level: NoiseLevel, k: int) -> tuple[Int[Array, "k"], Float[Array, "k"]]:
        """Indices and posterior weights of the k heaviest points, heaviest first."""
        check_rank("k", k, self.n, "points")
        x, (alpha, sigma) = self._cast(x, level)
        return _heaviest(self.reduction, self.centres, x.ravel(), alpha, sigma, k)

    def weight(self, x, level: NoiseLevel, index: Int[ArrayLike, ""]) -> Float[Array, ""]:
        """The posterior weight of point number `index`."""
        if is_concrete(index):
            check_whole("index", index)
            if not 0 <= index < self.n:
                raise ValueError(f"`index` must be between 0 and {self.n - 1}, but is {index}.")
        x, (alpha, sigma) = self._cast(x, level)
        return _weight_at(self.reduction, self.centres, x.ravel(), alpha, sigma, jnp.asarray(index))

    def covariance(self, x, level: NoiseLevel) -> Float[Array, "..."]:
        """Posterior covariance `C = sum_i w_i (y_i - D)(y_i - D)^T`, shape (*shape, *shape)."""
        x, (alpha, sigma) = self._cast(x, level)
        flat = _covariance(self.reduction, self.centres, x.ravel(), alpha, sigma)
        return flat.reshape(x.shape + x.shape)

    def divergence(self, x, level: NoiseLevel) -> Float[Array, ""]:
        """`((alpha/sigma)^2 tr C - d) / sigma^2`, from the posterior pass; -inf at sigma = 0."""
        x, (alpha, sigma) = self._cast(x, level)
        spread = self.posterior(x, level).spread
        clean = sigma == 0
        ratio = jnp.where(clean, 0, alpha / jnp.where(clean, 1, sigma))
        inside = ratio * (ratio * spread) - x.size
        return over_sigma(over_sigma(inside, sigma), sigma)

    def commitment(self, x: Point, level: NoiseLevel, found: Evaluation | None = None) -> Commitment:
        """Whether the probability flow from x provably ends on the heaviest point, from the posterior pass.

        Never certain at alpha = 0, nor for a point that is stored twice (merge duplicates first), nor, in single
        precision, for weights that span more than 3e4 (1/(512 u), u the rounding unit) or more than 10^4 coordinates.
        At sigma = 0 it is certain where the nearest point is the only one. As an observer of the sampled score, whose
        evaluation it is then given, it shows when each trajectory collapses (`metrics.collapse_times`).
        """
        x, (alpha, sigma) = self._cast(x, level)
        known = self.posterior(x, level) if found is None else found.info
        known = known._replace(mean=known.mean.ravel(), displacement=known.displacement.ravel())
        return commitment_of(self.centres, known, x.ravel(), alpha, sigma)

    def sample(self, level: NoiseLevel, *, key: RandomKey) -> Float[Array, "*shape"]:
        """`alpha y_i + sigma z` with i drawn by weight."""
        check_key(key)
        alpha, sigma = cast_level(level, self.centres.dtype)
        which, noise = jr.split(key)
        point = _drawn(self.centres, which)
        return (alpha * point + sigma * jr.normal(noise, point.shape, point.dtype)).reshape(self.shape)

    def _cast(self, x, level: NoiseLevel):
        return cast_query(x, level, self.shape, self.centres.dtype)


# compiled once for each shape, also where the caller compiles nothing
_posterior = eqx.filter_jit(reductions.posterior)
_heaviest = eqx.filter_jit(reductions.heaviest)
_weight_at = eqx.filter_jit(reductions.weight_at)
_covariance = eqx.filter_jit(reductions.covariance)


@eqx.filter_jit
def _drawn(centres: AbstractCentres, key: RandomKey) -> Float[Array, "d"]:
    """A centre drawn by weight."""
    return centres.centre + centres.unit * centres.take(centres.drawn(key)[None]).offsets[0]
