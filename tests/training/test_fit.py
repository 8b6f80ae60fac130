"""The training loop: it reaches known minima, is the same in pieces, in company and after a break, and refuses bad input."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from diffmem import networks, scores, training
from diffmem.level import NoiseLevel

DOUBLE = jnp.zeros(()).dtype == jnp.float64
POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))
LEVELS = training.LogUniform(0.1, 3.0)
OBJECTIVE = training.ScoreMatching(LEVELS, training.weights.EDM(1.0))
ADAM = optax.adam(1e-2)
SHORT = {"batch": 8, "optimiser": ADAM}  # compiled once for the tests that share it


class Linear(eqx.Module):
    """D = A x at one level."""

    matrix: jax.Array

    def __call__(self, x, level):
        return self.matrix @ x


def mlp(seed=0, active=16):
    network = networks.ResidualMLP(3, 16, active=active, key=jax.random.key(seed))
    return scores.Learned(network, scores.predictions.Preconditioned(1.0), ratios=(0.1, 3.0))


def same(one, other, tolerance=0.0):
    leaves = zip(jax.tree.leaves(eqx.filter(one, eqx.is_array)), jax.tree.leaves(eqx.filter(other, eqx.is_array)))
    return all(np.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in leaves)


@pytest.mark.slow
def test_linear_denoiser_reaches_the_ridge_solution():
    """The best linear denoiser at one level is C (C + sigma^2)^-1 with C the second moment of the points."""
    sigma = 0.7
    objective = training.ScoreMatching(training.Fixed(1.0, sigma), draws=4, antithetic=True)
    start = scores.FromFunction(Linear(jnp.zeros((3, 3))))
    decay = optax.adam(optax.cosine_decay_schedule(3e-2, 1500))
    run = training.fit(start, POINTS, objective, key=jax.random.key(0), steps=1500, optimiser=decay, snapshots=1)
    moment = np.asarray(POINTS.T @ POINTS) / len(POINTS)
    best = moment @ np.linalg.inv(moment + sigma**2 * np.eye(3))
    assert np.abs(run.score.function.matrix - best).max() < 0.02
    least = np.trace(moment @ (np.eye(3) - best)) / 3
    assert run.loss[-1] == pytest.approx(least, rel=0.1)


@pytest.mark.slow
def test_the_only_point_is_learned_by_heart():
    """With one point every minimum of the loss is that point, at every level."""
    run = training.fit(mlp(), POINTS[:1], OBJECTIVE, key=jax.random.key(1), steps=600, optimiser=ADAM, snapshots=2)
    x = POINTS[0] + 0.5
    assert np.linalg.norm(run.score.denoise(x, NoiseLevel(1.0, 1.0)) - POINTS[0]) < 0.15
    assert run.train_loss[-1] < 0.05 * run.train_loss[0]


@pytest.mark.slow
def test_members_are_those_trained_alone():
    """`fit_many` gives what `fit` gives with the member's key, for other sizes and widths too."""
    starts, sets, key = [mlp(0), mlp(1, active=9)], [POINTS, POINTS[:4]], jax.random.key(2)
    options = {"steps": 40, **SHORT, "snapshots": [7, 40], "held_out": POINTS[4:]}
    many = training.fit_many(starts, sets, OBJECTIVE, key=key, **options)
    for i in range(2):
        alone = training.fit(starts[i], sets[i], OBJECTIVE, key=jax.random.fold_in(key, i), **options)
        tolerance = 1e-9 if DOUBLE else 2e-4
        assert same(many.member(i).score, alone.score, tolerance)
        assert same(many.member(i).snapshots, alone.snapshots, tolerance)
        for part in ("loss", "train_loss", "held_out_loss"):
            np.testing.assert_allclose(getattr(many.member(i), part), getattr(alone, part), rtol=tolerance * 10)
    assert many.member(1).at(0).network.active == 9


@pytest.mark.slow
def test_equal_keys_give_equal_draws():
    """Members of one key see the same batches and noise, so that equal starts stay equal; other keys part them."""
    key, other = jax.random.split(jax.random.key(11))
    options = {"steps": 10, **SHORT, "snapshots": 1}
    many = training.fit_many([mlp()] * 3, POINTS, OBJECTIVE, key=[key, key, other], **options)
    assert same(many.member(0), many.member(1)) and not same(many.member(0).score, many.member(2).score)
    alone = training.fit(mlp(), POINTS, OBJECTIVE, key=other, **options)
    assert same(many.member(2).score, alone.score, 1e-9 if DOUBLE else 2e-4)
    split = training.fit_many([mlp()] * 3, POINTS, OBJECTIVE, key=jnp.stack([other, key, other]), **options)
    np.testing.assert_array_equal(split.loss, many.loss[jnp.array([2, 0, 2])])
    with pytest.raises(ValueError, match="`key` must be one, or one for each of 3 scores, but are 2"):
        training.fit_many([mlp()] * 3, POINTS, OBJECTIVE, key=[key, other], **options)


@pytest.mark.slow
def test_keys_of_both_kinds():
    """`jax.random.PRNGKey` is the same key as `jax.random.key`."""
    options = {"steps": 10, **SHORT, "snapshots": 2}
    new, old = jax.random.key(11), jax.random.PRNGKey(11)
    one, other = (training.fit(mlp(), POINTS, OBJECTIVE, key=key, **options) for key in (new, old))
    np.testing.assert_array_equal(one.loss, other.loss)
    one, other = (training.fit_many([mlp()] * 2, POINTS, OBJECTIVE, key=key, **options) for key in (new, [new, old]))
    assert other.loss.shape == (2, 2) and same(other.member(0).score, other.member(1).score)
    old_many = training.fit_many([mlp()] * 2, POINTS, OBJECTIVE, key=old, **options)
    np.testing.assert_array_equal(one.loss, old_many.loss)


@pytest.mark.slow
def test_unused_units_stay_unused():
    """A masked unit changes nothing: its weights get no gradient."""
    start = mlp(3, active=5)
    run = training.fit(start, POINTS, OBJECTIVE, key=jax.random.key(3), steps=30, **SHORT, snapshots=1)
    first, last = start.network.last.weight, run.score.network.last.weight
    assert np.all(first[:, 5:] == last[:, 5:]) and np.all(first[:, :5] != last[:, :5])


@pytest.mark.slow
def test_a_break_changes_nothing(tmp_path):
    """A run stopped between snapshots goes on to the same numbers; other options are refused."""
    options = {
        "key": jax.random.key(4),
        "steps": 60,
        "batch": 8,
        "optimiser": ADAM,
        "snapshots": [5, 20, 60],
        "ema": 0.9,
    }
    whole = training.fit(mlp(), POINTS, OBJECTIVE, **options)

    def stop(done, total, news):
        if done > 20:
            raise KeyboardInterrupt

    path = tmp_path / "deep" / "run.eqx"
    with pytest.raises(KeyboardInterrupt):
        training.fit(mlp(), POINTS, OBJECTIVE, **options, checkpoint=path, progress=stop)
    told = []
    tell = lambda done, total, news: told.append(done)  # noqa: E731
    again = training.fit(mlp(), POINTS, OBJECTIVE, **options, checkpoint=path, progress=tell)
    assert min(told) > 20
    assert same(whole.score, again.score) and same(whole.snapshots, again.snapshots)
    np.testing.assert_array_equal(whole.loss, again.loss)
    with pytest.raises(ValueError, match="differs in batch"):
        training.fit(mlp(), POINTS, OBJECTIVE, **{**options, "batch": 4}, checkpoint=path)
    with pytest.raises(ValueError, match="differs in start and data"):
        training.fit(mlp(9), POINTS, OBJECTIVE, **options, checkpoint=path)
    path.write_text("no training")
    with pytest.raises(ValueError, match="must be a file that a training wrote"):
        training.fit(mlp(), POINTS, OBJECTIVE, **options, checkpoint=path)


@pytest.mark.slow
def test_snapshots_do_not_change_the_run():
    options = {"key": jax.random.key(5), "steps": 33, **SHORT}
    few = training.fit(mlp(), POINTS, OBJECTIVE, **options, snapshots=1)
    many = training.fit(mlp(), POINTS, OBJECTIVE, **options, snapshots=[0, 1, 10, 11])
    assert same(few.score, many.score, 1e-12)
    np.testing.assert_array_equal(many.steps, [0, 1, 10, 11, 33])
    np.testing.assert_array_equal(np.isnan(many.loss), [True, False, False, False, False])  # no batch before a step
    assert same(many.at(0), mlp()) and not same(many.at(1), mlp()) and same(many.at(4), many.score)


@pytest.mark.slow
def test_finite_noise_is_learned():
    """With one noise for each point that never changes, that noise can be learned, fresh noise cannot."""
    level = training.Fixed(1.0, 5.0)
    objective = training.ScoreMatching(level)
    network = networks.ResidualMLP(3, 32, key=jax.random.key(6))
    start = scores.Learned(network, scores.predictions.Preconditioned(1.0))
    options = {"key": jax.random.key(7), "steps": 1500, "batch": 16, "optimiser": ADAM, "snapshots": [1000, 1500]}
    fixed = training.fit(start, POINTS, objective, noise_draws=1, **options)
    fresh = training.fit(start, POINTS, objective, **options)
    assert fixed.loss[-1] < 0.05 * fresh.loss[-1]


@pytest.mark.slow
def test_labels_are_seen():
    """Told which point it is, the network knows it in the largest noise."""
    network = networks.ResidualMLP(3, 32, labels=6, key=jax.random.key(8))
    start = scores.Learned(network, scores.predictions.Preconditioned(1.0), ratios=(0.1, 30.0))
    objective = training.ScoreMatching(training.LogUniform(3.0, 30.0))
    labels = jnp.arange(6)
    options = {"key": jax.random.key(9), "steps": 1000, "optimiser": ADAM, "snapshots": 1}
    run = training.fit(start, POINTS, objective, labels=labels, **options)
    x, level = jnp.full(3, 4.0), NoiseLevel(1.0, 10.0)
    found = jnp.stack([run.score.conditioned(i).denoise(x, level) for i in range(6)])
    assert np.linalg.norm(found - POINTS) < 0.3 * np.linalg.norm(POINTS)
    assert np.linalg.norm(run.score.denoise(x, level)) < 10  # unconditional: defined


@pytest.mark.slow
def test_the_running_mean_lags():
    options = {"key": jax.random.key(5), "steps": 1, **SHORT, "snapshots": 1}
    start = mlp()
    moved, mean = (training.fit(start, POINTS, OBJECTIVE, **options, ema=ema).score for ema in (None, 0.9))
    middle = jax.tree.map(lambda a, b: a + 0.9 * (b - a) if eqx.is_inexact_array(a) else a, start, moved)
    assert same(mean, middle, 1e-6)


@pytest.mark.slow
def test_divergence_is_said():
    wild = optax.sgd(1e9)
    with pytest.warns(UserWarning, match="loss is not finite"):
        training.fit(mlp(), POINTS, OBJECTIVE, key=jax.random.key(0), steps=40, optimiser=wild, snapshots=2)


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"steps": 0}, "`steps` must be a whole number of at least 1, but is 0"),
        ({"batch": 0}, "`batch` must be at least 1, but is 0"),
        ({"noise_draws": 0}, "`noise_draws` must be at least 1, but is 0"),
        ({"ema": 1.0}, r"`ema` must lie in \[0, 1\), but is 1.0"),
        ({"snapshots": [50]}, r"`snapshots` must lie in \[0, steps = 5\]"),
        ({"held_out": jnp.zeros((4, 5))}, r"`held_out` must hold points of the shapes \[\(3,\)\] of `points`"),
        ({"held_out": POINTS * jnp.nan}, "`points` must be finite"),
        ({"labels": jnp.arange(4)}, r"must be arrays of one length of at least 1, but have lengths \[4, 6\]"),
        ({"held_out": POINTS[:0]}, r"must be arrays of one length of at least 1, but have lengths \[0\]"),
    ],
)
def test_bad_input(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        training.fit(mlp(), POINTS, OBJECTIVE, **{"key": jax.random.key(0), "steps": 5, **change})


def test_scores_that_do_not_fit_together():
    other = scores.Learned(networks.ResidualMLP(3, 8, key=jax.random.key(0)), scores.predictions.Preconditioned(1.0))
    options = {"key": jax.random.key(0), "steps": 5}
    with pytest.raises(ValueError, match="must be of one structure and size"):
        training.fit_many([mlp(), other], POINTS, OBJECTIVE, **options)
    with pytest.raises(ValueError, match="one set for each of 2 scores, but are 3"):
        training.fit_many([mlp(), mlp(1)], [POINTS] * 3, OBJECTIVE, **options)
    with pytest.raises(ValueError, match="at least one score"):
        training.fit_many([], POINTS, OBJECTIVE, **options)
    with pytest.raises(ValueError, match="must hold floating arrays to train"):
        training.fit(scores.FromFunction(lambda x, level: x), POINTS, OBJECTIVE, **options)


class Table(scores.AbstractDenoiser):
    """D is one number for each label, the last one without a label."""

    values: jax.Array
    label: jax.Array

    def denoise(self, x, level):
        return jnp.full_like(x, self.values[self.label])

    def conditioned(self, label):
        return Table(self.values, label)


def test_which_labels_are_left_out_is_drawn_anew_where_the_noise_is_not():
    """Every point is shown with its label and without: all the numbers of the table move."""
    objective = training.ScoreMatching(training.Fixed(1.0, 0.5), label_dropout=0.5)
    start = Table(jnp.full(7, 10.0), jnp.asarray(-1))
    options = {"key": jax.random.key(0), "steps": 60, "batch": 6, "optimiser": optax.sgd(0.1), "snapshots": 1}
    run = training.fit(start, POINTS, objective, labels=jnp.arange(6), noise_draws=1, **options)
    assert (np.asarray(run.score.values) != 10).all()
