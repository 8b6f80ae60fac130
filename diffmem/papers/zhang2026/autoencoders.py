"""Two-layer ReLU autoencoders at one noise level: trained with a penalty, read by their code, steered."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Real

from ... import scores, training
from ...level import NoiseLevel
from ..optimisers import cosine_adam


class ReLUAutoencoder(eqx.Module):
    """`W_2 relu(W_1^T x)` without biases, for vectors x of `size` coordinates; W_1 and W_2, both (size, width), are
    trained independently of each other.

    The network does not see the noise level: it is a denoiser for one level, and `scores.FromFunction(autoencoder)` is
    its score. Both matrices start Gaussian with standard deviation `scale / sqrt(size)`.

    Source: the model of Zhang et al., arXiv:2512.20963. Raises ValueError for sizes below 1.
    """

    encoder: Float[Array, "size width"]
    decoder: Float[Array, "size width"]

    def __init__(self, size: int, width: int, *, scale: float = 0.3, key: PRNGKeyArray):
        for name, value in {"size": size, "width": width}.items():
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}.")
        self.encoder, self.decoder = scale * size**-0.5 * jax.random.normal(key, (2, size, width))

    def code(self, x: Float[Array, " size"]) -> Float[Array, " width"]:
        """relu(W_1^T x): the response of each hidden unit to x."""
        return jax.nn.relu(x @ self.encoder)

    def __call__(
        self, x: Float[Array, " size"], noise: Float[Array, ""] | NoiseLevel | None = None
    ) -> Float[Array, " size"]:
        """W_2 relu(W_1^T x), at any noise level."""
        return jnp.dot(self.decoder, self.code(x))


class Autoencoder(NamedTuple):
    """A trained `ReLUAutoencoder` as float64 arrays, `sum_k w2_k relu(w1_k . x)` over its p hidden units."""

    encoder: Float[np.ndarray, "d p"]
    """W1, a column w1_k for each unit."""
    decoder: Float[np.ndarray, "d p"]
    """W2, a column w2_k for each unit."""

    @property
    def mass(self) -> Float[np.ndarray, " p"]:
        """|w1| |w2| of each unit."""
        return np.linalg.norm(self.encoder, axis=0) * np.linalg.norm(self.decoder, axis=0)

    def code(self, x: Real[np.ndarray, "count d"]) -> Float[np.ndarray, "count p"]:
        """relu(W1^T x)."""
        return np.maximum(x @ self.encoder, 0)

    def __call__(self, x: Real[np.ndarray, "count d"]) -> Float[np.ndarray, "count d"]:
        """W2 relu(W1^T x), the estimate of x_0."""
        return self.code(x) @ self.decoder.T


def train_autoencoders(
    sets: Sequence[Real[np.ndarray, "..."]],
    width: int,
    sigma: float,
    weight_decay: float,
    *,
    key: PRNGKeyArray,
    steps: int,
    batch: int = 512,
    rate: float = 5e-3,
) -> list[Autoencoder]:
    """Autoencoders that minimise `E|f(x + sigma z) - x|^2 + weight_decay (|W1|^2 + |W2|^2)`, one for each set, at once.

    Each step draws `batch` points and fresh antithetic noise (z with -z). Adam takes the gradient of the loss with its
    penalty; its `rate` falls to 1e-3 of itself along a cosine.
    Source: the model of Zhang et al., arXiv:2512.20963. Raises ValueError as `training.fit_many` does.
    """
    start, fit = jax.random.split(key)
    d = np.shape(sets[0])[1]
    each = [ReLUAutoencoder(d, width, key=jax.random.fold_in(start, i)) for i in range(len(sets))]
    fresh = [scores.FromFunction(network) for network in each]
    own = [np.asarray(points, jnp.zeros(()).dtype) for points in sets]  # the precision of the weights
    objective = training.ScoreMatching(training.Fixed(1.0, sigma), antithetic=True)  # a mean over the d coordinates
    adam = cosine_adam(rate, steps, last=1e-3, penalty=weight_decay / d)
    run = training.fit_many(fresh, own, objective, key=fit, steps=steps, batch=batch, optimiser=adam, snapshots=1)
    found = [run.member(i).score.function for i in range(len(sets))]
    return [Autoencoder(np.asarray(one.encoder, np.float64), np.asarray(one.decoder, np.float64)) for one in found]


def steered(
    autoencoder: Autoencoder,
    x: Real[np.ndarray, "count d"],
    concept: Float[np.ndarray, " p"],
    strengths: Sequence[float],
    rounds: Sequence[int],
) -> Float[np.ndarray, "rounds strengths"]:
    """How far the outputs of inputs x move along `u = W2 concept` when `strength u` is added to the inputs.

    The mean over inputs of the displacement from the outputs of x itself, in units of |u|, after each number of
    denoisings in `rounds`. A concept is a difference of codes, such as the mean code of a class less the mean code of
    all inputs. Cost: len(strengths) times the largest number of rounds evaluations of the network on all inputs.
    Source: the steering of Zhang et al., arXiv:2512.20963, at one noise level.
    Raises ValueError for a concept that the decoder maps to 0.
    """
    u = autoencoder.decoder @ concept
    if not u @ u > 0:
        raise ValueError("`concept` must move the output, but W2 maps it to 0.")
    moved = np.zeros((len(rounds), len(strengths)))
    for j, strength in enumerate(strengths):
        y, still = x + strength * u, np.asarray(x, np.float64)
        for k in range(max(rounds)):
            y, still = autoencoder(y), autoencoder(still)
            if k + 1 in rounds:
                moved[list(rounds).index(k + 1), j] = ((y - still) @ u).mean() / (u @ u)
    return moved
