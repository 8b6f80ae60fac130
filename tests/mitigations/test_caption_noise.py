"""Noise on embeddings: its law, the wider kernel it makes, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import mitigations, scores

DTYPE = jnp.zeros(()).dtype
EMBEDDINGS = np.random.default_rng(0).normal(size=(6, 3)).astype(DTYPE)


def test_each_caption_has_its_own_normal_noise():
    captions = np.tile(EMBEDDINGS, (2000, 1))
    found = np.asarray(mitigations.caption_noise(captions, 0.4, jax.random.key(0))) - captions
    assert found.shape == captions.shape and found.dtype == DTYPE
    # 36,000 draws: the standard error of the standard deviation is .0015, of the mean .0021
    assert found.std() == pytest.approx(0.4, abs=0.008) and abs(found.mean()) < 0.011
    assert len(np.unique(found)) > 0.99 * found.size or jnp.float32 == DTYPE


def test_without_noise_nothing_changes():
    np.testing.assert_array_equal(mitigations.caption_noise(EMBEDDINGS, 0.0, jax.random.key(0)), EMBEDDINGS)


def test_noise_on_the_prompt_widens_the_kernel():
    """E exp(-|e + std z - e_i|^2/(2 h^2)) = (h^2/w^2)^(k/2) exp(-|e - e_i|^2/(2 w^2)), w^2 = h^2 + std^2."""
    h, std, count = 0.8, 0.5, 4000
    score = scores.PromptedEmpirical(EMBEDDINGS, EMBEDDINGS, EMBEDDINGS[0], h)
    keys = jax.random.split(jax.random.key(1), count)
    prompts = jax.vmap(lambda key: mitigations.caption_noise(EMBEDDINGS[0], std, key))(keys)
    kernels = np.exp(np.asarray(jax.vmap(lambda prompt: score.conditioned(prompt).log_kernel())(prompts), np.float64))
    square = h**2 + std**2
    law = (h**2 / square) ** 1.5 * np.exp(-((EMBEDDINGS - EMBEDDINGS[:1]) ** 2).sum(axis=1) / (2 * square))
    deviation = (kernels.mean(axis=0) - law) / (kernels.std(axis=0, ddof=1) / count**0.5)
    assert np.abs(deviation).max() < 4.5


def test_negative_noise_is_refused():
    with pytest.raises(ValueError, match="`std` must be"):
        mitigations.caption_noise(EMBEDDINGS, -0.1, jax.random.key(0))
