"""The contract of a score: it knows noise levels, not processes, and is written for one point."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Real

from ..level import NoiseLevel, cast_level, float_dtype, strong
from ..reductions import Posterior


class AbstractScore(eqx.Module):
    """A denoiser and a score for one point x of any event shape; batch with `jax.vmap`.

    Subclass requirements: `denoise` and `score`, which at every level agree by Tweedie's identity
    `score = (alpha D - x) / sigma^2`. In return: noise prediction, divergence, every integrator and study.
    """

    @abstractmethod
    def denoise(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """Posterior mean D(x) = E[x_0 | x]."""

    @abstractmethod
    def score(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """grad log p(x)."""

    def noise(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """E[z | x] = -sigma score(x)."""
        score = self.score(x, level)
        return -cast_level(level, score.dtype).sigma * score

    def divergence(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, ""]:
        """Divergence of the score: the exact trace of its Jacobian, d forward derivatives; closed form where a score
        has one.
        """
        x = as_point(x)
        jacobian = jax.jacfwd(lambda flat: self.score(flat.reshape(x.shape), level).ravel())(x.ravel())
        return jnp.trace(jacobian)


class AbstractDenoiser(AbstractScore):
    """A score that knows only its denoiser (networks, wrappers): the score follows by Tweedie.

    Accuracy: the difference alpha D - x loses digits of the score as sigma -> 0; densities here do not.
    """

    def score(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """`(alpha D - x) / sigma^2`."""
        x = as_point(x)
        alpha, sigma = cast_level(level, x.dtype)
        return (alpha * self.denoise(x, level) - x) / sigma**2


class AbstractDensity(AbstractScore):
    """A score that is the gradient of a known log-density, and can be sampled."""

    @abstractmethod
    def log_prob(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, ""]:
        """log p(x) at this level, in nats; a log-density, so it may be positive."""

    @abstractmethod
    def sample(self, level: NoiseLevel, *, key: PRNGKeyArray) -> Float[Array, "*shape"]:
        """One exact draw of x at this level."""

    def draw(self, n: int, *, key: PRNGKeyArray) -> Float[Array, "n *shape"]:
        """n exact draws of the data x_0; draw i depends on key and i only."""
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))
        return jax.vmap(lambda k: self.sample(NoiseLevel(1.0, 0.0), key=k))(keys)


class AbstractMixture(AbstractDensity):
    """A weighted sum over centres, `p(x) = sum_i exp(-E_i(x))` up to a constant: collapse is the condensation of its
    weights.

    Subclass requirements: `posterior`, `log_partition`, `covariance`, `weights` and `sample`. In return: denoise,
    score,
    log_prob, noise, Jacobian products and the divergence, all from the posterior pass and its derivative.
    """

    @abstractmethod
    def posterior(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Posterior:
        """log p, D, the displacement and the statistics of the weights, in one pass."""

    @abstractmethod
    def log_partition(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel, beta: Real[ArrayLike, ""] = 1.0):
        """`log sum_i exp(-beta E_i)`, weights tempered too; at beta = 1 it is log p + (d/2) log(2 pi sigma^2)."""

    @abstractmethod
    def covariance(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "..."]:
        """Posterior covariance C of x_0 given x; the Jacobian of D is (alpha / sigma^2) C."""

    @abstractmethod
    def weights(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel, k: int):
        """Indices and weights of the k heaviest centres, heaviest first: who is being copied."""

    def denoise(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """D(x) = sum_i w_i m_i."""
        return self.posterior(x, level).mean

    def score(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """`(alpha D - x) / sigma^2` from the displacement; at sigma = 0 it is 0 on a point and infinite elsewhere."""
        displacement = self.posterior(x, level).displacement
        sigma = cast_level(level, displacement.dtype).sigma
        clean = sigma == 0
        edge = jnp.where(displacement == 0, 0, jnp.sign(displacement) * jnp.inf)
        safe = jnp.where(clean, 1, sigma)
        return jnp.where(clean, jax.lax.stop_gradient(edge), displacement / safe / safe)

    def log_prob(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, ""]:
        """log p(x)."""
        return self.posterior(x, level).log_prob

    def jacobian_vector(
        self, x: Real[ArrayLike, "*shape"], level: NoiseLevel, v: Real[ArrayLike, "*shape"]
    ) -> Float[Array, "*shape"]:
        """The Jacobian of D times v, `(alpha / sigma^2) C v`: one more pass, no stored weights."""
        x = as_point(x)
        return jax.jvp(lambda point: self.denoise(point, level), (x,), (strong(v, x.dtype),))[1]


def as_point(x: ArrayLike) -> Float[Array, "*shape"]:
    """x as a floating array of its own dtype (integers take JAX's default float)."""
    return strong(x, float_dtype(x))


def cast_point(x: ArrayLike, shape: tuple[int, ...], dtype) -> Float[Array, "*shape"]:
    """x as a point of the given event shape and dtype; raises ValueError when the shape is another."""
    if jnp.shape(x) != shape:
        raise ValueError(f"`x` must have the event shape {shape}, but has shape {jnp.shape(x)}; batch with jax.vmap.")
    return strong(x, dtype)
