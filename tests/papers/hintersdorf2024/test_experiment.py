"""The posterior weights by which units are selected are those of the exact score; similarity by its definition."""

import jax
import jax.numpy as jnp
import numpy as np

from diffmem import studies
from diffmem.level import NoiseLevel
from diffmem.papers.hintersdorf2024.experiment import ALPHA, SIGMA, exact_units, structural_similarity

DATA = studies.labelled_records(5, 2, 4, 6, key=jax.random.key(0))
UNITS = exact_units(DATA, 3, key=jax.random.key(1))


def test_activations_give_the_conditional_mean():
    level = NoiseLevel(ALPHA, SIGMA)
    for label in (0, 3):
        score = UNITS.score.conditioned(UNITS.embeddings[label])
        mean = jax.vmap(lambda x, score=score: score.denoise(x, level))(jnp.asarray(UNITS.starts))
        np.testing.assert_allclose(UNITS.activations[label] @ np.asarray(DATA.points), mean, atol=1e-4)


def test_similarity():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 40))
    np.testing.assert_allclose(structural_similarity(a, a), 1)
    assert structural_similarity(a, b) < 0.6
    np.testing.assert_allclose(structural_similarity(a, b), structural_similarity(b, a))
