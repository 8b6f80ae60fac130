"""Two-layer ReLU autoencoders at one noise level: trained with a penalty, read by their code, steered."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Real
from scipy.sparse.csgraph import connected_components

from ... import scores, training
from ...level import NoiseLevel
from ..optimisers import cosine_adam

SIGMA = 0.2  # of the noise, in pixels of [0, 1]
SCALE = 0.3  # initial standard deviation of W_1 and W_2 times sqrt(d)
RATE, LAST_RATE = 5e-3, 1e-3  # of Adam, and the fraction of it at which the cosine ends
COLLINEAR, NEGLIGIBLE = 0.99, 1e-3  # cosine of units that act as one; mass, over the largest, of units that do nothing


class Autoencoder(NamedTuple):
    """`W_2 relu(W_1^T x)` without biases, `sum_k w2_k relu(w1_k . x)` over p hidden units.

    It is a denoiser for one noise level, which it does not see. Arrays of JAX while it is trained, then float64.
    Source: the model of Zhang et al., arXiv:2512.20963.
    """

    encoder: Float[Array | np.ndarray, "d p"]
    """W_1, a column w1_k for each unit."""
    decoder: Float[Array | np.ndarray, "d p"]
    """W_2, a column w2_k for each unit."""

    @property
    def mass(self) -> Float[np.ndarray, " p"]:
        """|w1| |w2| of each unit."""
        return np.linalg.norm(self.encoder, axis=0) * np.linalg.norm(self.decoder, axis=0)

    def code(self, x: Real[Array | np.ndarray, "*count d"]) -> Float[Array | np.ndarray, "*count p"]:
        """relu(W_1^T x)."""
        return (x @ self.encoder).clip(min=0)

    def __call__(
        self, x: Real[Array | np.ndarray, "*count d"], level: NoiseLevel | None = None
    ) -> Float[Array | np.ndarray, "*count d"]:
        """W_2 relu(W_1^T x), the estimate of x_0."""
        return self.code(x) @ self.decoder.T

    @property
    def used(self) -> "Autoencoder":
        """The autoencoder without units of negligible mass."""
        kept = self.mass > NEGLIGIBLE * self.mass.max()
        return Autoencoder(self.encoder[:, kept], self.decoder[:, kept])

    def merged(self) -> "Autoencoder":
        """The autoencoder with one unit in place of all units of one direction, which act as one.

        A unit can be split without any change of the function or of `|W_1|^2 + |W_2|^2`, so that counts and shares of
        units have a meaning only after merging. The merged unit has `w1 = u sqrt(sum |w1_k|^2)`, u the direction of
        `sum |w1_k| w1_k`, and `w2 = sum |w1_k| w2_k / sqrt(sum |w1_k|^2)`: for equal directions the function, the
        energy of the code and, where the w2 are parallel and balanced, the total mass stay.
        """
        first, second = (columns.T for columns in self.used)
        count, label = connected_components(unit(first) @ unit(first).T >= COLLINEAR, directed=False)
        members = np.linalg.norm(first, axis=1, keepdims=True) * (label[:, None] == np.arange(count))  # |w1_k|
        size = np.linalg.norm(members, axis=0)
        return Autoencoder(size * unit(members.T @ first).T, second.T @ members / size)


def unit(rows: Float[np.ndarray, "count d"]) -> Float[np.ndarray, "count d"]:
    """Rows of norm 1; rows of zeros stay."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norm > 0, norm, 1)


def top_energy(codes: Float[np.ndarray, "count p"]) -> Float[np.ndarray, " count"]:
    """Share of the largest unit in the energy of each code: `max_k h_k^2 / |h|^2`."""
    return (unit(codes) ** 2).max(axis=1)


def train_autoencoders(
    sets: Sequence[np.ndarray], width: int, weight_decay: float, *, key: PRNGKeyArray, steps: int, batch: int
) -> list[Autoencoder]:
    """One autoencoder for each set (n, d) that minimises `E|f(x + SIGMA z) - x|^2 + weight_decay (|W_1|^2 + |W_2|^2)`.

    Each step draws `batch` points and fresh antithetic noise (z with -z), for Adam on the loss with its penalty.
    """
    start, fit = jax.random.split(key)
    d = sets[0].shape[1]
    keys = [jax.random.fold_in(start, i) for i in range(len(sets))]
    fresh = [scores.FromFunction(Autoencoder(*SCALE * d**-0.5 * jax.random.normal(k, (2, d, width)))) for k in keys]
    own = [np.asarray(points, jnp.zeros(()).dtype) for points in sets]  # the precision of the weights
    objective = training.ScoreMatching(training.Fixed(1.0, SIGMA), antithetic=True)  # a mean over the d coordinates
    adam = cosine_adam(RATE, steps, last=LAST_RATE, penalty=weight_decay / d)
    run = training.fit_many(fresh, own, objective, key=fit, steps=steps, batch=batch, optimiser=adam, snapshots=1)
    found = [run.member(i).score.function for i in range(len(sets))]
    return [Autoencoder(*(np.asarray(part, np.float64) for part in one)) for one in found]


def steered(
    autoencoder: Autoencoder, x: np.ndarray, concept: np.ndarray, strengths: Sequence[float], rounds: Sequence[int]
) -> Float[np.ndarray, "rounds strengths"]:
    """How far the outputs of x (n, d) move along `u = W_2 concept`, concept (p,), when `strength u` is added to x.

    The mean over inputs of the displacement from the outputs of x itself, in units of |u|, after each number of
    denoisings in `rounds`. A concept is a difference of codes, such as the mean code of a class less that of all.
    Source: the steering of Zhang et al., arXiv:2512.20963, at one noise level.
    """
    u = autoencoder.decoder @ concept
    moved, still = x + np.multiply.outer(strengths, u)[:, None], x
    found = []
    for k in range(1, max(rounds) + 1):
        moved, still = autoencoder(moved), autoencoder(still)
        if k in rounds:
            found.append(((moved - still) @ u).mean(axis=1) / (u @ u))
    return np.array(found)
