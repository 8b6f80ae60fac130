"""Every score is integrated, every integrator integrates, and the table of examples is complete."""

import itertools
import pickle

import examples
import jax
import numpy as np
import pytest
from inputs import OU, built

import diffmem as dm
from diffmem import integrators, processes, reductions, scores

FOR_ALL = list(examples.INTEGRATORS)
# the first round has every integrator, with the scores that compile soonest: mixtures and the heavy ones, and what comes
# after the first round, are integrated in the slow suite
ORDERED = sorted(examples.SCORES, key=lambda name: (name in examples.HEAVY, "Mixture" in name))
PAIRS = [
    *[
        pytest.param(name, integrator, marks=[pytest.mark.slow] * (round >= len(FOR_ALL)))
        for round, (name, integrator) in enumerate(zip(ORDERED, itertools.cycle(FOR_ALL)))
    ],
]


@pytest.mark.parametrize(("name", "integrator"), PAIRS)
def test_every_score_is_integrated_and_every_integrator_integrates(name, integrator):
    """Finite samples of the right shape and type; the integrator pickled, the same numbers."""
    example, score = examples.SCORES[name], built(name, dtype=np.float32)
    integrator, times = examples.INTEGRATORS[integrator], integrators.grids.karras(OU, 6)
    start = np.random.default_rng(0).normal(size=(3, *example.shape)).astype(np.float32)

    def draw(integrator):
        arguments = score, OU, integrator, times, example.shape, 3
        return dm.sample(*arguments, key=jax.random.key(0), start=None if example.density else start).points

    points = draw(integrator)
    assert points.shape == (3, *example.shape) and points.dtype == np.float32 and np.all(np.isfinite(points))
    np.testing.assert_array_equal(points, draw(pickle.loads(pickle.dumps(integrator))))


def test_the_table_is_complete():
    """Every public final class of the packages has a row."""
    listed = {
        processes.AbstractProcess: examples.PROCESSES.values(),
        scores.AbstractScore: map(built, examples.SCORES),
        integrators.AbstractIntegrator: examples.INTEGRATORS.values(),
        reductions.AbstractReduction: examples.REDUCTIONS.values(),
    }
    for (base, instances), package in zip(listed.items(), (processes, scores, integrators, reductions)):
        names = {type(instance).__name__ for instance in instances}
        public = {
            name
            for name, value in vars(package).items()
            if isinstance(value, type) and issubclass(value, base) and not name.startswith("Abstract")
        }
        assert public == names
    grids = {
        name for name, value in vars(integrators.grids).items() if getattr(value, "__module__", "").endswith("grids")
    }
    assert {name for name in grids if not name.startswith("_")} == set(examples.GRIDS)
