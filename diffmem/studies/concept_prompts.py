"""Prompts of several concepts, some of which name a single image that was stored many times."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from .. import integrators, scores
from ..annotations import Numbers, RandomKey
from ..processes import AbstractProcess
from ..scores import AbstractScore

WIDTH = 0.45  # of the prompts about those of their records
HIT = 0.5  # distance within which a sample copies an image of unit variance in each coordinate


class ConceptPrompts(NamedTuple):
    """A training set of distinct images with weights, their prompts, and what each prompt describes."""

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, "n"]
    embeddings: Float[np.ndarray, "n k"]
    prompts: Float[np.ndarray, "labels k"]
    concepts: Int[np.ndarray, "labels"]
    centres: Float[np.ndarray, "concepts d"]
    """The centres of the concepts in data space."""
    memorized: Int[np.ndarray, "m"]
    """The prompts that describe one image."""
    images: Float[np.ndarray, "m d"]
    """What they describe."""

    @property
    def d(self) -> int:
        """Dimensions of an image."""
        return self.points.shape[1]

    def guided(self, prompt: ArrayLike, weight: float = 7.5) -> scores.Guided:
        """The exact guided score of a prompt (k,), differentiable in it."""
        one = scores.PromptedEmpirical(self.points, self.embeddings, prompt, WIDTH, weights=self.weights)
        return scores.Guided(one, one.unconditional, weight)

    def others(self) -> Int[np.ndarray, "rest"]:
        """The prompts that describe many images."""
        return np.setdiff1d(np.arange(len(self.prompts)), self.memorized)

    def neighbours(self, label: int) -> Float[np.ndarray, "others k"]:
        """The other prompts of the concept of prompt number `label`."""
        return self.prompts[(self.concepts == self.concepts[label]) & (np.arange(len(self.prompts)) != label)]

    def accuracy(self, samples: Numbers, label: int) -> float:
        """The share of samples whose nearest centre of a concept is that of prompt number `label`."""
        away = np.linalg.norm(np.asarray(samples)[:, None] - self.centres[None], axis=-1)
        return float(np.mean(np.argmin(away, axis=1) == self.concepts[label]))


def concept_prompts(
    offset: float,
    *,
    key: RandomKey,
    concepts: int = 6,
    labels: int = 10,
    records: int = 20,
    d: int = 16,
    k: int = 16,
) -> ConceptPrompts:
    """`labels` prompts for each of `concepts` concepts, with `records` records each: in all but the first prompt of a
    concept distinct images, in the first one image that was stored `records` times.

    An image is N(centre, I_d) and the centre of a concept N(0, offset^2 I_d), so that with `offset` = 0 concepts do not
    differ in images. A prompt is a unit vector of its concept, of random direction, plus N(0, I_k/k).
    """
    keys = jax.random.split(key, 4)
    normal = lambda key, *shape: np.asarray(jax.random.normal(key, shape))  # noqa: E731
    total = concepts * labels
    concept = np.repeat(np.arange(concepts), labels)
    memorized = np.arange(concepts) * labels
    centres = offset * normal(keys[0], concepts, d)
    directions = normal(keys[1], concepts, k)
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    prompts = directions[concept] + normal(keys[2], total, k) / k**0.5
    images = centres[concept][:, None] + normal(keys[3], total, records, d)
    kept = np.ones((total, records), bool)
    kept[memorized, 1:] = False
    weights = np.where(np.isin(np.arange(total), memorized)[:, None], float(records), 1.0) * kept
    owner = np.repeat(np.arange(total), records)[kept.ravel()]
    return ConceptPrompts(
        images[kept], weights[kept], prompts[owner], prompts, concept, centres, memorized, images[memorized, 0]
    )


def drawn(
    score: AbstractScore, starts: Numbers, process: AbstractProcess, times: Numbers
) -> Float[Array, "count *shape"]:
    """Where DDIM carries the states `starts` (count, *shape) at times[0]: on a clean end, the last estimate."""
    starts = jnp.asarray(starts)
    run = score, process, integrators.DDIM(), times, starts.shape[1:], len(starts)
    return integrators.sample(*run, key=jax.random.key(0), start=starts, finish="state").points


def copied(samples: Numbers, image: Numbers, within: float = HIT) -> Bool[np.ndarray, "*count"]:
    """Which samples (*count, d) lie within a distance of an image (d,), or of the image beside each (*count, d)."""
    return np.linalg.norm(np.asarray(samples) - np.asarray(image), axis=-1) < within
