"""The gain of a step of guidance: its integral, and what the margin can and cannot say."""

import numpy as np
import pytest

from diffmem import theory
from diffmem.level import NoiseLevel

RNG = np.random.default_rng(8)
POINTS = RNG.normal(size=(30, 6))
ATOMS = theory.Atoms(POINTS, RNG.uniform(0.5, 2, 30) / 40, 4)


@pytest.mark.parametrize("sigma", [0.97, 0.5, 0.1, 0.02])
def test_the_gain_is_the_integral(sigma):
    """The difference of two logarithms against an adaptive rule along the segment; sharp posteriors included."""
    level = NoiseLevel((1 - sigma**2) ** 0.5, sigma)
    for target in (POINTS[4], POINTS[5]):
        before, after = POINTS[9] + sigma * RNG.normal(size=6), target + sigma * RNG.normal(size=6)
        gain = theory.posterior_gain(ATOMS, before[None], after[None], level)[0]
        found = theory.posterior_gain_by_integral(ATOMS, before, after, level)
        assert found == pytest.approx(gain, rel=1e-8, abs=1e-8)


def test_the_gain_keeps_its_digits_where_the_target_has_all_the_weight():
    """Next to the target 1 - p is the sum of the other odds, here below 1e-16."""
    level = NoiseLevel(1.0, 0.1)
    before, after = POINTS[4] + 1e-3, POINTS[4] + 0.0
    odds = [
        np.exp(-ATOMS.energies(x[None], level)[0][np.arange(30) != 4]).sum(dtype=np.longdouble) for x in (before, after)
    ]
    gain = theory.posterior_gain(ATOMS, before[None], after[None], level)[0]
    assert 0 < max(odds) < 1e-16 and gain == pytest.approx(float(odds[0] - odds[1]), rel=1e-6)


def branches(error=0.0):
    now, after = NoiseLevel(0.6, 0.8), NoiseLevel(0.7, 0.51**0.5)
    x = 0.6 * POINTS[RNG.integers(30, size=200)] + 0.8 * RNG.normal(size=(200, 6))
    wrong = error * RNG.normal(size=(2, 200, 6))
    conditional = POINTS[[4, 7, 8]].mean(axis=0)[None] + wrong[0]
    return x, conditional, ATOMS.mean(x, now) + wrong[1], now, after


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_the_margin_is_positive_exactly_where_gain_and_separation_are(error):
    """For branches that are right and for branches that are wrong; e_par is 0 for a lone target without error."""
    x, conditional, unconditional, now, after = branches(error)
    found = theory.posterior_feedback(ATOMS, x, conditional, unconditional, 7.5, now, after)
    gap = conditional - unconditional
    size = np.linalg.norm(gap, axis=1)
    separation = size - found.error
    np.testing.assert_allclose(
        separation, np.sum(gap / size[:, None] * (POINTS[4][None] - ATOMS.mean(x, now)), axis=1), rtol=1e-9
    )
    assert found.undecided.all() and 0.1 < (found.gain > 0).mean() < 1
    np.testing.assert_array_equal(found.margin > 0, (found.gain > 0) & (separation > 0))


def test_the_margin_by_quadrature():
    """V from its definition, by 400 Gauss-Legendre nodes on the segment."""
    x, conditional, unconditional, now, after = branches(0.3)
    found = theory.posterior_feedback(ATOMS, x, conditional, unconditional, 7.5, now, after)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    kappa = after.alpha - now.alpha * after.sigma / now.sigma
    for i in range(5):
        gap = conditional[i] - unconditional[i]
        u = gap / np.linalg.norm(gap)
        without = after.sigma / now.sigma * x[i] + kappa * unconditional[i]
        along = without + (nodes[:, None] + 1) / 2 * 7.5 * kappa * gap
        drift = (ATOMS.mean(along, after) - ATOMS.mean(x[[i]], now)) @ u
        margin = np.linalg.norm(gap) - found.error[i] - max(weights @ drift / 2, 0)
        assert found.margin[i] == pytest.approx(margin, rel=1e-6, abs=1e-6)


def test_a_lone_target_without_error_always_feeds_back():
    x, _, unconditional, now, after = branches()
    found = theory.posterior_feedback(ATOMS, x, np.tile(POINTS[4], (200, 1)), unconditional, 7.5, now, after)
    np.testing.assert_allclose(found.error, 0, atol=1e-12)
    assert (found.gain > 0).all() and (found.margin > 0).all()


def test_without_a_gap_all_terms_vanish():
    x, _, unconditional, now, after = branches()
    found = theory.posterior_feedback(ATOMS, x, unconditional, unconditional, 7.5, now, after)
    for part in found:
        np.testing.assert_array_equal(part, 0)


def test_without_guidance_the_margin_is_the_limit_of_little():
    x, conditional, unconditional = (RNG.normal(size=(4, 6)) for _ in range(3))
    levels = NoiseLevel(0.8, 0.6), NoiseLevel(0.9, 0.4)
    none, little = (theory.posterior_feedback(ATOMS, x, conditional, unconditional, w, *levels) for w in (0.0, 1e-6))
    np.testing.assert_allclose(none.margin, little.margin, rtol=1e-4, atol=1e-6)
    assert np.isfinite(none.margin).all() and not none.gain.any()
