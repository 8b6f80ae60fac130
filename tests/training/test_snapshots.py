"""A training that is stopped goes on to the same numbers, and takes over nothing that is not its own."""

import os
import stat
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from diffmem import networks, scores, training

POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))
OBJECTIVE = training.ScoreMatching(training.LogUniform(0.1, 3.0), training.weights.EDM(1.0))
OPTIONS = {"key": jax.random.key(4), "steps": 12, "batch": 8, "snapshots": [2, 5, 12]}
ADAM = optax.adam(1e-2)


def mlp():
    network = networks.ResidualMLP(3, 8, key=jax.random.key(0))
    return scores.Learned(network, scores.predictions.Preconditioned(1.0), ratios=(0.1, 3.0))


def fit(path=None, optimiser=ADAM, objective=OBJECTIVE, **changed):
    return training.fit(mlp(), POINTS, objective, **{**OPTIONS, **changed}, optimiser=optimiser, checkpoint=path)


def stopped(path, after=2, **changed):
    """A checkpoint of a training that was interrupted after that many steps."""

    def stop(done, total, stage):
        if done > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(path, progress=stop, **changed)
    return path


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    """The content of an interrupted training's checkpoint."""
    return stopped(tmp_path_factory.mktemp("fit") / "run.eqx").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2, 5])
def test_after_a_break_every_number_is_the_same_to_the_last_bit(tmp_path, after):
    whole, again = fit(), fit(stopped(tmp_path / "run.eqx", after))
    one, other = (jax.tree.leaves(eqx.filter(run, eqx.is_array)) for run in (whole, again))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole.loss, again.loss)


@pytest.mark.slow
def test_many_trainings_go_on_together(tmp_path):
    """The losses of several members after a break are those without one, to the last bit, also over many pieces."""

    def many(path, progress=False):
        options = {**OPTIONS, "steps": 90, "snapshots": [40, 90]}
        return training.fit_many(
            [mlp()] * 2, POINTS, OBJECTIVE, **options, optimiser=ADAM, checkpoint=path, progress=progress
        )

    def stop(done, total, stage):
        if done > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        many(tmp_path / "run", stop)
    np.testing.assert_array_equal(many(tmp_path / "run").loss, many(None).loss)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimiser",
    [
        optax.adam(1.001e-2),
        optax.adamw(1e-2),
        optax.adam(optax.cosine_decay_schedule(1e-2, 12)),
    ],
)
def test_another_optimiser_or_learning_rate_is_refused(tmp_path, halfway, optimiser):
    path = tmp_path / "run.eqx"
    path.write_bytes(halfway)
    with pytest.raises(ValueError, match=r"run\.eqx differs in optimiser"):
        fit(path, optimiser)
    assert path.read_bytes() == halfway


@pytest.mark.slow
def test_an_injected_learning_rate_is_seen_and_an_equal_optimiser_is_not_another_one(tmp_path):
    injected = optax.inject_hyperparams(optax.adam)
    path = stopped(tmp_path / "run.eqx", optimiser=injected(1e-2))
    with pytest.raises(ValueError, match="differs in optimiser"):
        fit(path, injected(2e-2))
    fit(path, injected(1e-2))


@pytest.mark.slow
def test_an_objective_with_another_function_inside_is_refused(tmp_path):
    """The text of an objective shows no more of a function than its name: the program shows what it computes."""

    def weighted(factor):
        return training.ScoreMatching(OBJECTIVE.levels, training.weights.EDM(factor))

    path = stopped(tmp_path / "run.eqx", objective=weighted(1.0))
    with pytest.raises(ValueError, match="differs in"):
        fit(path, objective=weighted(1.5))


@pytest.mark.slow
def test_no_flipped_bit_passes(tmp_path, halfway):
    path, rng = tmp_path / "run.eqx", np.random.default_rng(1)
    for position in rng.integers(0, 8 * len(halfway), 8).tolist():
        flipped = bytearray(halfway)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=r"must be a file that a training wrote, but .*run\.eqx is not"):
            fit(path)


@pytest.mark.parametrize("damage", ["empty", "half", "text", "pipe", "folder", "nowhere", "null"])
def test_what_is_no_checkpoint_is_refused_by_its_name(tmp_path, halfway, damage):
    path = tmp_path / "run.eqx"
    make = {
        "empty": lambda: path.touch(),
        "half": lambda: path.write_bytes(halfway[: len(halfway) // 2]),
        "text": lambda: path.write_text("no training"),
        "pipe": lambda: os.mkfifo(path),
        "folder": lambda: path.mkdir(),
        "nowhere": lambda: path.symlink_to(tmp_path / "missing"),
        "null": lambda: path.symlink_to("/dev/null"),
    }
    make[damage]()
    with pytest.raises(ValueError, match=r"must be a file that a training wrote, but .*run\.eqx is not"):
        fit(path)


@pytest.mark.slow
def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fit(Path("~/run.eqx"))
    assert stat.S_ISREG((tmp_path / "run.eqx").stat().st_mode) and not Path("~").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run.eqx"]  # and nothing temporary is left


def test_one_snapshot_is_the_last():
    np.testing.assert_array_equal(training.log_spaced(100, 1), [100])
    np.testing.assert_array_equal(training.log_spaced(100, 1, first=7), [100])
    np.testing.assert_array_equal(training.log_spaced(100, 2), [1, 100])
