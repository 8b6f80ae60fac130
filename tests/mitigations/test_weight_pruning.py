"""Wanda scores and the choice of weights by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import mitigations

WEIGHT = jnp.asarray([[1.0, -2.0, 0.5, 0.1], [-1.0, 0.2, 3.0, 0.0]])
INPUTS = jnp.asarray([[3.0, 0.0, 4.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])


def test_scores_are_weights_times_normalised_activations():
    found = mitigations.wanda(WEIGHT, INPUTS)
    np.testing.assert_allclose(found, np.abs(WEIGHT) * np.array([0.6, 1, 0.8, 0])[None] / 3**0.5, rtol=1e-6)
    for other in (100 * INPUTS, jnp.concatenate([INPUTS, INPUTS])):
        np.testing.assert_allclose(mitigations.wanda(WEIGHT, other), found, rtol=1e-6)


def test_the_top_of_each_row_that_beats_the_base_at_any_step():
    first, second, none = INPUTS[:1], INPUTS[1:2], INPUTS[2:]
    steps, base = jnp.stack([first, second]), jnp.stack([none, none])
    found = mitigations.weights_to_prune(WEIGHT, steps, base, 0.25)
    # the first step takes the top of its rows, |W| (.6, 0, .8, 0); the second has unit 1 alone
    np.testing.assert_array_equal(found, [[True, True, False, False], [False, True, True, False]])
    assert not mitigations.weights_to_prune(WEIGHT, steps, steps, 0.5).any()
    with pytest.raises(ValueError, match="`share` must be above 0"):
        mitigations.weights_to_prune(WEIGHT, steps, base, 0.0)


def test_pruned_weights_are_zero_and_random_ones_are_as_many():
    layer = eqx.nn.Linear(4, 2, key=jax.random.key(0))
    mask = np.array([[True, False, False, False], [False, True, True, False]])
    found = mitigations.pruned(layer, lambda one: one, mask)
    np.testing.assert_array_equal(found.weight == 0, mask)
    np.testing.assert_array_equal(np.asarray(found.weight)[~mask], np.asarray(layer.weight)[~mask])
    assert int(mitigations.random_weights(mask, key=jax.random.key(1)).sum()) == 3
    with pytest.raises(ValueError, match=r"`weights` must have shape \(2, 4\)"):
        mitigations.pruned(layer, lambda one: one, mask.T)


def test_a_share_of_the_units_is_rounded_up_from_what_is_meant():
    """.07 of 100 units are 7, although .07 * 100 = 7.000000000000001 in floating point."""
    weight, inputs = jnp.arange(1.0, 101.0)[None], jnp.ones((1, 1, 100))
    for share, count in ((0.07, 7), (0.071, 8), (1e-12, 1), (1.0, 100)):
        assert int(mitigations.weights_to_prune(weight, inputs, 0 * inputs, share).sum()) == count


def test_half_precision_is_computed_in_single():
    weight, inputs = jnp.asarray([[1.1, -2.3, 0.7]], jnp.bfloat16), jnp.asarray([[3.3, 0.9, 4.7]], jnp.bfloat16)
    found = mitigations.wanda(weight, inputs)
    assert found.dtype == jnp.float32
    w, a = (np.asarray(part, np.float64) for part in (weight, inputs))
    np.testing.assert_allclose(found, np.abs(w) * a / np.linalg.norm(a), rtol=1e-6)
