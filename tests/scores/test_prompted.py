"""Conditional laws of labelled and prompted points: their weights, limits, derivatives and exact flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import diffmem as dm
from diffmem import NoiseLevel, integrators, processes, scores

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RNG = np.random.default_rng(5)
POINTS, EMBEDDINGS = RNG.normal(size=(9, 4)).astype(FLOAT), RNG.normal(size=(9, 3)).astype(FLOAT)
TOKENS = RNG.integers(0, 3, size=(9, 4))
X, LEVEL = RNG.normal(size=4).astype(FLOAT), NoiseLevel(0.8, 0.6)


def prompted(width=0.7, prompt=EMBEDDINGS[2] + FLOAT(0.1)):
    return scores.PromptedEmpirical(POINTS, EMBEDDINGS, prompt, width)


def test_wide_prompts_say_nothing_and_narrow_ones_name_a_point():
    plain = scores.Empirical(POINTS)
    np.testing.assert_allclose(prompted(1e4).denoise(X, LEVEL), plain.denoise(X, LEVEL), rtol=1e-5)
    np.testing.assert_allclose(prompted(1e-3).denoise(X, LEVEL), POINTS[2], rtol=1e-6)


def test_a_prompt_is_the_posterior_of_the_joint_law():
    """Bayes: p(x | e) is proportional to p(e | x) p(x), by sums over the points written out."""
    kernel = np.exp(-((EMBEDDINGS - EMBEDDINGS[2] - 0.1) ** 2).sum(axis=1) / (2 * 0.7**2))
    away = ((X - 0.8 * POINTS) ** 2).sum(axis=1) / (2 * 0.6**2)
    weights = kernel * np.exp(-away)
    truth = weights @ POINTS / weights.sum()
    np.testing.assert_allclose(prompted().denoise(X, LEVEL), truth, rtol=1e-10 if DOUBLE else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["denoise", "noise", "log_prob"])
def test_derivatives_in_the_prompt(name):
    def value(prompt):
        return jnp.sum(getattr(prompted().conditioned(prompt), name)(X, LEVEL))

    start = jnp.asarray(EMBEDDINGS[2] + FLOAT(0.1))
    step = FLOAT(1e-6 if DOUBLE else 1e-2)
    moved = [(value(start + step * e) - value(start - step * e)) / (2 * step) for e in jnp.eye(3, dtype=FLOAT)]
    np.testing.assert_allclose(jax.grad(value)(start), moved, rtol=1e-6 if DOUBLE else 2e-2, atol=1e-3 * (not DOUBLE))


def test_many_prompts_at_once_are_each_alone():
    each = [prompted(prompt=e).denoise(X, LEVEL) for e in EMBEDDINGS[:3]]
    together = jax.vmap(lambda e: prompted().conditioned(e).denoise(X, LEVEL))(jnp.asarray(EMBEDDINGS[:3]))
    np.testing.assert_allclose(together, jnp.stack(each), rtol=1e-5)


def test_words_that_match_raise_a_record():
    score = scores.TokenPrompted(POINTS, TOKENS, TOKENS[4], 2.0)
    odds = np.exp(2.0 * (TOKENS[4] == TOKENS).sum(axis=1))
    np.testing.assert_allclose(score.prior(), odds / odds.sum(), rtol=1e-5)
    unknown = score.conditioned(np.full(4, 99))
    np.testing.assert_allclose(unknown.denoise(X, LEVEL), scores.Empirical(POINTS).denoise(X, LEVEL), rtol=1e-5)


@pytest.mark.slow
def test_the_flow_ends_on_points_with_their_prior_mass():
    """The probability flow carries noise to point i with the probability w_i K(e, e_i): chi-square over the points."""
    score, process = prompted(width=1.5), processes.OrnsteinUhlenbeck(t_min=1e-4)
    times = integrators.grids.log_snr(process, steps=150)
    out = dm.sample(score, process, integrators.Heun(), times, (4,), 3000, key=jax.random.key(3))
    away = np.linalg.norm(np.asarray(out.points)[:, None] - POINTS, axis=2)
    assert away.min(axis=1).max() < 0.05
    counts = np.bincount(away.argmin(axis=1), minlength=9)
    expected = 3000 * np.asarray(score.prior(), np.float64)
    assert expected.min() > 5
    assert scipy.stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue > 0.001


@pytest.mark.slow
def test_a_class_is_a_mixture_of_its_own():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    score = scores.Labelled(scores.Empirical(POINTS), labels, 1)
    alone = scores.Empirical(POINTS[4:])
    np.testing.assert_allclose(score.denoise(X, LEVEL), alone.denoise(X, LEVEL), rtol=1e-5)
    fitted = scores.Labelled.fit(POINTS, labels, 0)
    gaussian = scores.Gaussian.fit(POINTS[:4])
    np.testing.assert_allclose(fitted.denoise(X, LEVEL), gaussian.denoise(X, LEVEL), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fitted.unconditional.prior(), [4 / 9, 5 / 9], rtol=1e-6)
    two = scores.Labelled.fit(np.concatenate([POINTS, POINTS + 9]), np.repeat([0, 1], 9), 1, components=2)
    assert two.unconditional.prior().shape == (4,)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: scores.PromptedEmpirical(POINTS, EMBEDDINGS[:3], EMBEDDINGS[0], 1.0), "`embeddings` must have shape"),
        (lambda: scores.PromptedEmpirical(POINTS, EMBEDDINGS, EMBEDDINGS[0, :2], 1.0), "`prompt` must have shape"),
        (lambda: prompted(0.0), "`width` must be positive"),
        (lambda: prompted().conditioned(np.zeros(2)), "`prompt` must have shape"),
        (lambda: scores.TokenPrompted(POINTS, TOKENS[:2], TOKENS[0], 1.0), "`tokens` must have shape"),
        (lambda: scores.TokenPrompted(POINTS, TOKENS, TOKENS[0], -1.0), "`beta` must be at least 0"),
        (lambda: scores.Labelled(scores.Empirical(POINTS), np.zeros(9, int), 3), "`label` must be one of the labels"),
        (lambda: scores.Labelled(scores.Empirical(POINTS), np.zeros(4, int), 0), "`labels` must have shape"),
    ],
)
def test_bad_input_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(("width", "k", "far"), [(1e-3, 64, 0.0), (0.1, 768, 0.0), (1e-20, 3, 0.0), (1e-2, 8, 100.0)])
def test_odds_of_near_records_in_single_precision(width, k, far):
    """Midway between two records the odds are a difference of large exponents: against long double."""
    embeddings = (np.random.default_rng(1).normal(size=(3, k)) + far).astype(np.float32)
    share = np.float32(0.5 if width > 1e-9 else 0.6)
    prompt = share * embeddings[0] + (1 - share) * embeddings[1]
    score = scores.PromptedEmpirical(np.arange(3, dtype=np.float32)[:, None], embeddings, prompt, width)
    away = np.longdouble(prompt) - np.longdouble(embeddings)
    logs = -(away**2).sum(axis=1) / (2 * np.longdouble(np.float32(width)) ** 2)
    truth = np.exp(logs - logs.max())
    np.testing.assert_allclose(score.prior(), np.float64(truth / truth.sum()), rtol=1e-5, atol=1e-30)
    log_odds = np.diff(np.log(np.maximum(np.float64(score.prior()[:2]), 1e-300)))
    if width > 1e-9:
        np.testing.assert_allclose(log_odds, np.float64(logs[1] - logs[0]), rtol=1e-5, atol=1e-6)


def test_the_nearest_record_may_have_no_weight():
    """The odds of the others count then, however narrow the prompt: those of the nearest of them."""
    embeddings = np.array([[0.0], [1.0], [2.0]], FLOAT)
    score = scores.PromptedEmpirical(POINTS[:3], embeddings, embeddings[0], 1e-20, weights=np.array([0.0, 1.0, 1.0]))
    np.testing.assert_array_equal(score.prior(), [0, 1, 0])


def test_the_fit_of_a_class_has_no_variance_where_its_points_have_none():
    """Three points in five dimensions: off their plane the score is that of points, -distance/sigma^2."""
    points = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    fitted = scores.Labelled.fit(points, np.zeros(3, int), 0)
    normal = np.linalg.svd(np.float64(points) - np.float64(points).mean(0))[2][3]
    x = (points[0] + 1e-3 * normal).astype(np.float32)
    distance = (np.float64(x) - np.float64(points[0])) @ normal
    for sigma in (1e-3, 1e-4, 1e-5):
        found = np.float64(fitted.score(x, NoiseLevel(1.0, sigma))) @ normal
        np.testing.assert_allclose(found, -distance / sigma**2, rtol=1e-3)


def test_a_label_that_nobody_has_is_refused_later_too():
    score = scores.Labelled(scores.Empirical(POINTS[:3]), np.array([0, 1, 1]), 0)
    np.testing.assert_allclose(score.conditioned(1).prior(), [0, 0.5, 0.5])
    with pytest.raises(ValueError, match="`label` must be one of the labels of the centres, but is 7"):
        score.conditioned(7)
    with pytest.raises(ValueError, match="`prompt` must have shape"):
        score.conditioned(np.array([7, 8]))
    np.testing.assert_allclose(jax.jit(lambda label: score.conditioned(label).prior())(jnp.asarray(1)), [0, 0.5, 0.5])
