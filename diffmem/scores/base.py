"""The contract of a score: a function of one point and its noise level, independent of any process."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..annotations import Point, RandomKey, Scalar
from ..checks import as_values, check_count, check_key
from ..level import NoiseLevel, cast_level, float_dtype, strong
from ..reductions import Posterior
from ..representation import one_line


class Evaluation(NamedTuple):
    """All that one evaluation of a score found out."""

    mean: Float[Array, "*shape"]
    """D(x) = E[x_0 | x]."""
    noise: Float[Array, "*shape"]
    """E[z | x] = (x - alpha D)/sigma = -sigma score: of unit size at every level."""
    info: PyTree = None
    """What came for free: the `Posterior` of a mixture, or what a wrapper holds; None where there is nothing."""

    __repr__ = one_line


class AbstractScore(eqx.Module):
    """A denoiser and a score for one point x of any event shape; batch with `jax.vmap`.

    A score that holds points or parameters answers in their dtype, one that is a function in that of x; half precision
    is computed in float32. Lists and integers are converted.

    Subclass requirement: `evaluate`, whose mean and noise agree by Tweedie's identity `x = alpha D + sigma noise`.
    In return: denoiser, score, divergence, every integrator and study. `score` may be overridden where it stays finite
    at sigma = 0, and `divergence` where it has a closed form.
    """

    __repr__ = one_line

    @abstractmethod
    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """Denoised point, predicted noise and further results; the one method that integrators call."""

    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """Posterior mean D(x) = E[x_0 | x]."""
        return self.evaluate(x, level).mean

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """E[z | x] = -sigma score(x); at sigma = 0 it is 0 where D(x) = x/alpha and infinite elsewhere."""
        return self.evaluate(x, level).noise

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """grad log p(x) = -noise / sigma; at sigma = 0 it is 0 where D(x) = x/alpha and infinite elsewhere."""
        noise = self.noise(x, level)
        return -over_sigma(noise, cast_level(level, noise.dtype).sigma)

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """Divergence of the score: the exact trace of its Jacobian by d forward derivatives, or a closed form."""
        x = as_point(x)
        jacobian = jax.jacfwd(lambda flat: self.score(flat.reshape(x.shape), level).ravel())(x.ravel())
        return jnp.trace(jacobian)


class AbstractDenoiser(AbstractScore):
    """A score that is given by its posterior mean D; the noise `(x - alpha D)/sigma` follows by Tweedie's identity.

    Subclass requirement: `denoise`. Accuracy: the difference x - alpha D loses digits of the noise as sigma -> 0.
    """

    @abstractmethod
    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """Posterior mean D(x) = E[x_0 | x]."""

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """D and `(x - alpha D)/sigma`."""
        mean = self.denoise(x, level)
        return Evaluation(mean, noise_of(mean, x, level))


class AbstractNoisePredictor(AbstractScore):
    """A score that is given by its noise; the mean `(x - sigma noise)/alpha` follows by Tweedie's identity.

    Subclass requirement: `noise`. At alpha = 0 the noise does not determine the mean, which is an error there, also
    when traced; `noise` and `score` are defined.
    """

    @abstractmethod
    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """E[z | x]."""

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`(x - sigma noise)/alpha` and the noise; raises where alpha = 0."""
        noise = self.noise(x, level)
        return Evaluation(mean_of(noise, x, level), noise)


class AbstractDensity(AbstractScore):
    """A score that is the gradient of a known log-density, and can be sampled."""

    @abstractmethod
    def log_prob(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """log p(x) at this level, in nats; a log-density, so it may be positive."""

    @abstractmethod
    def sample(self, level: NoiseLevel, *, key: RandomKey) -> Float[Array, "*shape"]:
        """One exact draw of x at this level."""

    def draw(self, n: int, *, key: RandomKey) -> Float[Array, "n *shape"]:
        """n exact draws of the data x_0; draw i depends on key and i only."""
        check_count("n", n)
        check_key(key)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))
        return jax.vmap(lambda k: self.sample(NoiseLevel(1.0, 0.0), key=k))(keys)


class AbstractMixture(AbstractDensity):
    """A density that is a sum over centres, `p(x) = sum_i exp(-E_i(x))` up to a constant.

    The posterior weight of centre i is `exp(-E_i) / sum_j exp(-E_j)`; a reverse process collapses where nearly all of
    it is on one centre (condensation).

    Subclass requirements: `posterior`, `log_partition`, `covariance`, `weights` and `sample`. In return: denoiser,
    score, log_prob, noise, Jacobian products and the divergence, all from the posterior and its derivative.
    """

    @abstractmethod
    def posterior(self, x: Point, level: NoiseLevel) -> Posterior:
        """log p, D, the displacement and the statistics of the weights, in one pass."""

    @abstractmethod
    def log_partition(self, x: Point, level: NoiseLevel, beta: Scalar = 1.0):
        """`log sum_i exp(-beta E_i)`, weights tempered too; at beta = 1 it is log p + (d/2) log(2 pi sigma^2)."""

    @abstractmethod
    def covariance(self, x: Point, level: NoiseLevel) -> Float[Array, "..."]:
        """Posterior covariance C of x_0 given x; the Jacobian of D is (alpha / sigma^2) C."""

    @abstractmethod
    def weights(self, x: Point, level: NoiseLevel, k: int):
        """Indices and posterior weights of the k heaviest centres, heaviest first: which points are being copied."""

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """D, the noise as -displacement / sigma, and the posterior."""
        found = self.posterior(x, level)
        sigma = cast_level(level, found.mean.dtype).sigma
        return Evaluation(found.mean, -over_sigma(found.displacement, sigma), found)

    def log_prob(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """log p(x)."""
        return self.posterior(x, level).log_prob

    def jacobian_vector(self, x: Point, level: NoiseLevel, v: Point) -> Float[Array, "*shape"]:
        """The Jacobian of D times v, `(alpha / sigma^2) C v`: one more pass, no stored weights."""
        x = as_point(x)
        return jax.jvp(lambda point: self.denoise(point, level), (x,), (strong(v, x.dtype),))[1]


def over_sigma(value: Float[Array, "*shape"], sigma: Float[Array, ""]) -> Float[Array, "*shape"]:
    """value / sigma; at sigma = 0 it is 0 where the value is 0 and infinite elsewhere, with derivative 0."""
    clean = sigma == 0
    edge = jax.lax.stop_gradient(infinite(value))
    return jnp.where(clean, edge, jnp.where(clean, 0, value) / jnp.where(clean, 1, sigma))


def infinite(value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """value / 0: infinity of its sign, 0 where it is 0; nothing on the way is not a number."""
    return jnp.where(value > 0, jnp.inf, jnp.where(value < 0, -jnp.inf, value))


def or_one(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """The value, and 1 in place of 0: a divisor whose quotient is not used where it was 0."""
    return jnp.where(value == 0, 1, value)


def noise_of(mean: Float[Array, "*shape"], x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
    """`(x - alpha D)/sigma`, the noise that goes with a mean."""
    alpha, sigma = cast_level(level, mean.dtype)
    return over_sigma(strong(x, mean.dtype) - alpha * mean, sigma)


def mean_of(noise: Float[Array, "*shape"], x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
    """`(x - sigma noise)/alpha`, the mean that goes with a noise; an error at alpha = 0, also when traced."""
    alpha, sigma = cast_level(level, noise.dtype)
    alpha = eqx.error_if(alpha, alpha == 0, "`alpha` must be positive to denoise by a noise prediction, but is 0.")
    return (strong(x, noise.dtype) - sigma * noise) / alpha


def as_point(x: Point) -> Float[Array, "*shape"]:
    """x as a floating array of its own dtype (integers take JAX's default float, half precision float32)."""
    x = as_values("x", x)
    return strong(x, float_dtype(x))


def cast_query(x: Point, level: NoiseLevel, shape: tuple[int, ...], dtype):
    """A point and a level of one score in its dtype; raises ValueError for other shapes."""
    x, level = cast_point(x, shape, dtype), cast_level(level, dtype)
    for name, value in zip(NoiseLevel._fields, level):
        if value.ndim:
            raise ValueError(f"`{name}` must be one number, but has shape {value.shape}; batch with jax.vmap.")
    return x, level


def cast_point(x: Point, shape: tuple[int, ...], dtype) -> Float[Array, "*shape"]:
    """x as a point of the given event shape and dtype; raises ValueError when the shape is another."""
    x = as_values("x", x)
    if jnp.shape(x) != shape:
        raise ValueError(f"`x` must have the event shape {shape}, but has shape {jnp.shape(x)}; batch with jax.vmap.")
    return strong(x, dtype)


def answered_dtype(score: AbstractScore, shape: tuple[int, ...], dtype, *, drawn: bool = False):
    """The dtype in which the score answers a point of `dtype`, or with `drawn` one of its own draws; refused where its
    answer has another shape. An error of the score itself is not touched.
    """
    level = NoiseLevel(*(jax.ShapeDtypeStruct((), dtype) for _ in "as"))
    if drawn:
        dtype = jax.eval_shape(lambda level: score.sample(level, key=jax.random.key(0)), level).dtype
    # a function of its own: JAX would compare a method with others by the arrays of its score, which may be traced
    answer = jax.eval_shape(lambda x, level: score.denoise(x, level), jax.ShapeDtypeStruct(shape, dtype), level)
    if answer.shape != shape:
        raise ValueError(f"`shape` must be the event shape of the score, but is {shape}: it returns {answer.shape}.")
    return answer.dtype
