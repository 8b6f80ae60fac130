"""Prompts of concepts: what is stored how often, what prompts describe, and what counts as a copy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.papers.latent_diffusion import stable_diffusion
from diffmem.studies.concept_prompts import concept_prompts, copied, drawn

LAW = concept_prompts(1.4, key=jax.random.key(3), concepts=3, labels=4, records=5, d=6)


def test_every_prompt_has_as_many_records():
    assert LAW.points.shape == (3 * (3 * 5 + 1), 6) and LAW.weights.sum() == 60
    for label, prompt in enumerate(LAW.prompts):
        own = (LAW.embeddings == prompt[None]).all(axis=1)
        assert LAW.weights[own].sum() == 5 and own.sum() == (1 if label in LAW.memorized else 5)
    assert [len(LAW.neighbours(label)) for label in (0, 5)] == [3, 3] and len(LAW.others()) == 9
    for label, image in zip(LAW.memorized, LAW.images):
        np.testing.assert_array_equal(LAW.points[(LAW.embeddings == LAW.prompts[label][None]).all(axis=1)][0], image)


@pytest.mark.slow
def test_a_memorized_prompt_draws_its_image():
    process, times = stable_diffusion(10)
    starts = jax.random.normal(jax.random.key(4), (8, 6), jnp.zeros(()).dtype)
    ends = drawn(LAW.guided(LAW.prompts[0]), starts, process, times)
    assert copied(ends, LAW.images[0]).all() and not copied(ends, LAW.images[0] + 1).any()


def test_accuracy_is_the_share_nearest_to_the_own_centre():
    samples = np.concatenate([LAW.centres[:1] + 0.1, LAW.centres[1:2], LAW.centres[:1]])
    assert LAW.accuracy(samples, 0) == 2 / 3 and LAW.accuracy(samples, 4) == 1 / 3
