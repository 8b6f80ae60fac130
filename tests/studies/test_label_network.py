"""Records by label, the grid, and samples of a network that knows its data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import studies

DATA = studies.labelled_records(5, 2, 4, 6, spread=0.5, key=jax.random.key(0))


def test_memorized_labels_hold_one_record():
    points = np.asarray(DATA.points).reshape(5, 4, 6)
    np.testing.assert_array_equal(points[:2], np.repeat(np.asarray(DATA.targets)[:, None], 4, axis=1))
    assert len(np.unique(points[2:].reshape(-1, 6), axis=0)) == 12
    assert DATA.label_count == 5 and set(np.asarray(DATA.held_out_labels)) == {2, 3, 4}
    fewer = DATA.without(np.array([0, 3]))
    assert set(np.asarray(fewer.labels)) == {1, 2, 4} and len(fewer.points) == 12
    with pytest.raises(ValueError, match="`memorized` must be from 0"):
        studies.labelled_records(3, 4, key=jax.random.key(0))


def test_the_grid_is_uniform_in_log_snr_and_ends_clean():
    process, times = studies.log_snr_grid(9)
    alpha, sigma = process.level(times)
    np.testing.assert_allclose(2 * np.log(alpha[:-1] / sigma[:-1]), np.linspace(-10, 10, 9), atol=1e-3)
    assert times.shape == (10,) and float(sigma[-1]) == 0
    levels = studies.label_objective().levels
    for quantile in (0.0, 0.25, 1.0):
        alpha, sigma = levels.at(quantile)
        np.testing.assert_allclose(2 * np.log(alpha / sigma), 10 - 20 * quantile, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_copies_are_counted_by_label():
    score = studies.train_label_network(DATA, key=jax.random.key(1), steps=3, batch=4, width=8).score
    starts = jax.random.normal(jax.random.key(2), (7, 6))
    made = studies.generated_by_label(score, jnp.arange(5), starts)
    assert made.shape == (5, 7, 6) and np.isfinite(made).all()
    own = studies.generated_by_label(score, score.network.context.label_vectors.weight[1:2], starts)
    np.testing.assert_allclose(own[0], made[1], atol=1e-5)
    exact = np.repeat(np.asarray(DATA.points).reshape(5, 4, 6), 2, axis=1)
    np.testing.assert_array_equal(studies.copied_by_label(exact, DATA), np.ones(5))
