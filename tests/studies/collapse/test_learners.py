"""Learners put a learned score into the study: each is what its definition says, and only copies depend on it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import data, scores, studies
from diffmem.cli.arguments import learner_called
from diffmem.level import NoiseLevel

LEVEL = NoiseLevel(1.0, 0.4)
POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(20, 3)))
KEY = jax.random.key(0)


@pytest.mark.slow
def test_closed_learners():
    x = POINTS[0] + 0.3
    for learner, same in [
        (studies.EmpiricalLearner(), scores.Empirical(POINTS)),
        (studies.GaussianLearner(), scores.Gaussian.fit(POINTS)),
        (studies.RandomFeatureLearner(6), scores.RandomFeatureRidge.fit(POINTS, 6, key=KEY)),
        (studies.MixtureLearner(1), scores.Gaussian(POINTS.mean(0), jnp.cov(POINTS.T, bias=True) + 1e-3 * jnp.eye(3))),
    ]:
        np.testing.assert_allclose(learner(POINTS, KEY).denoise(x, LEVEL), same.denoise(x, LEVEL), rtol=1e-4)


def test_a_mixture_of_as_many_components_as_points_copies():
    """EM then has a component for each point."""
    far = 10 * jnp.eye(3)
    score = studies.MixtureLearner(50)(far, KEY)
    assert len(score.means) == 3
    np.testing.assert_allclose(score.denoise(far[1] + 0.1, NoiseLevel(1.0, 1.0)), far[1], atol=0.01)


@pytest.mark.slow
def test_a_small_network_learns_two_points_by_heart():
    """And is the same for the same key."""
    points = jnp.asarray([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    learner = studies.MLPLearner(24, steps=1500, batch=32)
    score = learner(points, KEY)
    exact = scores.Empirical(points)
    for x in (points[0] + 0.2, points[1] - 0.1):
        level = NoiseLevel(1.0, 0.3)
        assert np.linalg.norm(score.denoise(x, level) - exact.denoise(x, level)) < 0.15
    np.testing.assert_array_equal(score.denoise(x, LEVEL), learner(points, KEY).denoise(x, LEVEL))


@pytest.mark.slow
def test_only_copies_depend_on_the_learner():
    """A Gaussian copies nothing where the exact score copies all; what is known of the exact score stays."""
    dataset = data.gaussian(60, 8, key=jax.random.key(1))
    options = {"n": [30], "d": [8], "samples": 24, "queries": 24, "steps": 12}
    exact = studies.collapse(dataset, **options)
    learned = studies.collapse(dataset, **options, learner=studies.GaussianLearner())
    by_heart = studies.collapse(dataset, **options, learner=studies.EmpiricalLearner())
    assert exact.generated.item() > 0.9 and learned.generated.item() < 0.2
    assert learned.memorized.isel(t=0).item() < exact.memorized.isel(t=0).item()
    for name in ("participation", "own_weight", "measured", "predicted_mc"):
        np.testing.assert_array_equal(learned[name], exact[name])
    np.testing.assert_allclose(by_heart.memorized, exact.memorized)
    assert exact.attrs["score"] == "exact" and learned.attrs["score"] == "GaussianLearner()"


def test_names():
    assert learner_called("empirical") is None
    assert learner_called("gaussian") == studies.GaussianLearner()
    assert learner_called("mixture:7") == studies.MixtureLearner(7)
    assert learner_called("mlp:64") == studies.MLPLearner(64)
    assert learner_called("random-features:300") == studies.RandomFeatureLearner(300)
    for wrong in ("gauss", "mixture", "mlp:0", "mlp:x", "gaussian:3", "mlp:-2", ""):
        with pytest.raises(ValueError, match="`--score` must be one of empirical, gaussian, mixture:NUMBER"):
            learner_called(wrong)


def test_bad_input():
    with pytest.raises(ValueError, match="`width` must be at least 1, but is 0"):
        studies.MLPLearner(0)
    with pytest.raises(ValueError, match="`components` must be at least 1, but is 0"):
        studies.MixtureLearner(0)
    with pytest.raises(ValueError, match="`points` must differ to train a network"):
        studies.MLPLearner(8)(jnp.ones((3, 2)), KEY)
