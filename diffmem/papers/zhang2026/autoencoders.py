"""Two-layer ReLU autoencoders at one noise level: trained with a penalty, read by their code, steered."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Real

from ... import scores, training
from ...level import NoiseLevel


class ReLUAutoencoder(eqx.Module):
    """`W_2 relu(W_1^T x)` without biases, for vectors x of `size` coordinates; W_1, W_2 are (size, width), free of each
    other.

    It does not see the noise level: it is a denoiser of one level, and `scores.FromFunction(autoencoder)` the score of
    it. Both matrices start Gaussian with standard deviation `scale / sqrt(size)`.

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
        """relu(W_1^T x): what each unit says of x."""
        return jax.nn.relu(x @ self.encoder)

    def __call__(
        self, x: Float[Array, " size"], noise: Float[Array, ""] | NoiseLevel | None = None
    ) -> Float[Array, " size"]:
        """W_2 relu(W_1^T x), at any noise level."""
        return jnp.dot(self.decoder, self.code(x))


class Autoencoder(NamedTuple):
    """A trained `ReLUAutoencoder` as float64 arrays."""

    encoder: Float[np.ndarray, "d p"]
    """W1, a column for each unit."""
    decoder: Float[np.ndarray, "d p"]
    """W2."""

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

    Noise is fresh and antithetic (z with -z), Adam takes the gradient of the whole, its `rate` falls to 1e-3 of itself
    along a cosine, `batch` points a step. Units that the minimum does not need decay no faster than `weight_decay` has
    them.
    Source: the model of Zhang et al., arXiv:2512.20963. Raises ValueError as `training.fit_many` does.
    """
    start, fit = jax.random.split(key)
    d = np.shape(sets[0])[1]
    each = [ReLUAutoencoder(d, width, key=jax.random.fold_in(start, i)) for i in range(len(sets))]
    fresh = [scores.FromFunction(network) for network in each]
    own = [np.asarray(points, jnp.zeros(()).dtype) for points in sets]  # the precision of the weights
    objective = training.ScoreMatching(training.Fixed(1.0, sigma), antithetic=True)  # a mean over the d coordinates
    adam = _penalised_adam(weight_decay / d, rate, steps)
    run = training.fit_many(fresh, own, objective, key=fit, steps=steps, batch=batch, optimiser=adam, snapshots=1)
    found = [run.member(i).score.function for i in range(len(sets))]
    return [Autoencoder(np.asarray(one.encoder, np.float64), np.asarray(one.decoder, np.float64)) for one in found]


@functools.cache
def _penalised_adam(penalty: float, rate: float, steps: int) -> Any:
    """The gradient 2 penalty w joins that of the loss before Adam normalises it: one object for each setting."""
    import optax

    return optax.chain(
        optax.add_decayed_weights(2 * penalty), optax.adam(optax.cosine_decay_schedule(rate, steps, 1e-3))
    )


def steered(
    autoencoder: Autoencoder,
    x: Real[np.ndarray, "count d"],
    concept: Float[np.ndarray, " p"],
    strengths: Sequence[float],
    rounds: Sequence[int],
) -> Float[np.ndarray, "rounds strengths"]:
    """How far the outputs of inputs x move along `u = W2 concept` when `strength u` is added to the inputs.

    In units of |u|, mean over inputs, against the outputs of x itself, after each number of denoisings of `rounds`. A
    concept is a difference of codes, such as the mean code of a class less that of all. Cost: len(strengths) times the
    largest number of rounds.
    Source: the steering of Zhang et al., arXiv:2512.20963, at one noise level.
    Raises ValueError for a concept that the decoder does not see.
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
