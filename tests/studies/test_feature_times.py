"""Spectra and training times of random features: against the theory, each other, and their definitions."""

import math

import jax
import numpy as np
import pytest

from diffmem import studies, theory
from diffmem.level import NoiseLevel

LEVEL = NoiseLevel(math.exp(-0.1), math.sqrt(-math.expm1(-0.2)))


def test_a_spectrum_beside_its_prediction():
    found = studies.feature_spectrum(4, LEVEL, d=40, psi_p=8, key=jax.random.key(1))
    assert int(found.at_floor) == (8 - 4 - 1) * 40 and found.eigenvalues.size == (4 + 1) * 40
    assert float(found.mass) == pytest.approx(1 - theory.spectral_atom(8, 4), abs=1e-3)
    assert float(found.distance) < 0.02
    # the distance by its definition, from the two curves
    share = np.concatenate(
        [[0], np.cumsum(np.diff(found.x) * (found.density.values[1:] + found.density.values[:-1]) / 2)]
    )
    steps = np.searchsorted(found.eigenvalues, found.x, side="right") / found.eigenvalues.size
    assert np.abs(steps - share / share[-1]).max() == pytest.approx(float(found.distance), abs=2e-3)
    assert all("units" in found[name].attrs for name in found.variables)


def test_training_times_are_where_their_curves_cross():
    found = studies.feature_times((4, 16), LEVEL, d=20, psi_p=64, key=jax.random.key(0))
    for psi_n in (4, 16):
        one = found.sel(psi_n=psi_n)
        at = lambda name, tau: np.interp(np.log(tau), np.log(one.tau), one[name])  # noqa: E731
        assert at("test", float(one.tau_gap)) - at("train", float(one.tau_gap)) == pytest.approx(0.1, rel=1e-3)
        assert at("score", float(one.tau_level)) == pytest.approx(0.3, rel=1e-3)
        assert at("score", float(one.tau_near)) == pytest.approx(1.2 * float(one.least), rel=1e-3)
        assert float(one.least) == one.score.values.min()
        assert float(one.final) == pytest.approx(float(one.score[-1]), rel=1e-3)
        assert one.tau_level < one.tau_gap
    # the limit of many features for each point and many points for each dimension
    wide = studies.feature_times((16,), LEVEL, d=10, psi_p=1024, key=jax.random.key(2))
    assert float(wide.tau_bulk[0]) == pytest.approx(float(wide.tau_predicted[0]), rel=0.06)
    assert float(found.tau_gap[1] / found.tau_gap[0]) > 3
    never = studies.feature_times((4,), LEVEL, d=10, psi_p=8, gap=50.0, key=jax.random.key(0))
    assert np.isnan(never.tau_gap) and np.isfinite(never.tau_level)
