"""Units of an exact conditional score, its records: which of them carry a prompt, found as for neurons of a network."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ... import studies
from ...integrators import DDIM
from ...mitigations import BlockedRecords
from ...scores import Guided, PromptedEmpirical
from ..latent_diffusion import stable_diffusion

SIZE, WIDTH = 16, 0.35  # of prompt embeddings, which are unit vectors, and of the kernel about them
THETA, THETA_STEP, THETA_MIN = 5.0, 0.25, 1.0  # threshold of the standardised activation, and its descent


class Units(NamedTuple):
    """An exact conditional score and what its records answer at the second time of the grid, from common noise."""

    data: studies.LabelledRecords
    embeddings: Float[Array, "labels k"]
    starts: Float[np.ndarray, "seeds d"]
    activations: Float[np.ndarray, "labels seeds n"]

    @property
    def score(self) -> PromptedEmpirical:
        """The score given the first prompt."""
        given = self.embeddings[self.data.labels]
        return PromptedEmpirical(self.data.points, given, self.embeddings[0], WIDTH)

    def signal(self, label: int, blocked: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "seeds d"]:
        """Noise prediction less its input, min-max scaled, without the blocked records."""
        alpha, sigma = second_level()
        mean = np.where(blocked, 0, self.activations[label]) @ np.asarray(self.data.points)
        found = (self.starts - alpha * mean) / sigma - self.starts
        low, high = found.min(axis=1, keepdims=True), found.max(axis=1, keepdims=True)
        return (found - low) / (high - low)

    def agreement(self, label: int) -> float:
        """The largest structural similarity of two seeds: high for a memorized prompt."""
        signal = self.signal(label, np.zeros(len(self.data.points), bool))
        return float(structural_similarity(signal[:, None], signal[None])[np.triu_indices(len(signal), 1)].max())


def exact_units(data: studies.LabelledRecords, seeds: int, *, key) -> Units:
    """Random prompt embeddings, and the posterior weights of all records for each prompt."""
    first, second = jax.random.split(key)
    embeddings = jax.random.normal(first, (data.label_count, SIZE))
    embeddings = embeddings / jnp.linalg.norm(embeddings, axis=1, keepdims=True)
    starts = np.asarray(jax.random.normal(second, (seeds, data.points.shape[1])), np.float64)
    (alpha, sigma), points, e = second_level(), np.asarray(data.points, np.float64), np.asarray(embeddings, np.float64)
    energy = ((starts[:, None] - alpha * points[None]) ** 2).sum(-1) / (2 * sigma**2)
    kernel = ((e[:, None] - e[np.asarray(data.labels)][None]) ** 2).sum(-1) / (2 * WIDTH**2)
    logits = -energy[None] - kernel[:, None]
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return Units(data, embeddings, starts, weights / weights.sum(axis=-1, keepdims=True))


def second_level() -> tuple[float, float]:
    """Signal rate and noise scale at the second time of the grid."""
    process, times = stable_diffusion()
    alpha, sigma = process.level(times[1])
    return float(alpha), float(sigma)


def structural_similarity(a: np.ndarray, b: np.ndarray) -> Any:
    """SSIM of vectors in [0, 1], with one window over all coordinates. Source: Wang et al., IEEE TIP 13, 600 (2004)."""
    means, (va, vb) = (a.mean(-1), b.mean(-1)), (a.var(-1), b.var(-1))
    covariance = (a * b).mean(-1) - means[0] * means[1]
    first = (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
    return first * (2 * covariance + 9e-4) / (va + vb + 9e-4)


def selected(units: Units, label: int, ordinary: list[int], threshold: float) -> Bool[np.ndarray, "2 n"]:
    """The first and the refined selection of units for a prompt.

    First: units whose standardised activation exceeds a falling bound, and a rising number of the most active ones,
    until no seed's signal resembles the unblocked one. Refined: less every unit, the weakest first, without whose
    blocking this stays so.
    """
    free = np.zeros(len(units.data.points), bool)
    before = units.signal(label, free)
    resembles = lambda blocked: structural_similarity(before, units.signal(label, blocked)).max() > threshold  # noqa: E731
    mean = units.activations.mean(axis=1)
    others, own = mean[ordinary], mean[label]
    standardised = np.abs(own - others.mean(axis=0)) / np.maximum(others.std(axis=0), 1e-300)
    order, theta, top, first = np.argsort(-own), THETA, 0, free
    while resembles(first) and not first.all():
        first = (standardised > theta) | np.isin(np.arange(len(own)), order[:top])
        theta, top = max(theta - THETA_STEP, THETA_MIN), top + 1
    refined = first.copy()
    for unit in order[::-1][first[order[::-1]]]:
        refined[unit] = False
        refined[unit] = resembles(refined)
    return np.stack([first, refined])


@eqx.filter_jit
def samples(score: PromptedEmpirical, prompt, blocked, weight, starts) -> Float[Array, "count d"]:
    """DDIM samples given a prompt with blocked records in both branches of guidance."""
    process, times = stable_diffusion()
    given, free = score.conditioned(prompt).conditional, score.unconditional
    guided = Guided(BlockedRecords(given, blocked), BlockedRecords(free, blocked), weight)
    return jax.vmap(lambda x: DDIM()(guided, process, x, times, key=jax.random.key(0))[0])(starts)
