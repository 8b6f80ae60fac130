"""Statistics of codes by hand, and merging: the function stays, split units come back together."""

import numpy as np
import pytest

from diffmem.papers.zhang2026.units import code_spread, merged_units, top_energy

RNG = np.random.default_rng(0)
ENCODER, DECODER = RNG.normal(size=(2, 6, 3))


def output(encoder, decoder, x):
    return np.maximum(x @ encoder, 0) @ decoder.T


def test_spread_and_energy_by_hand():
    codes = np.array([[0.0, 3.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0, 3.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    spread = [3**0.5 / 4, 0, (1 / 4 - (7 / 20) ** 2) ** 0.5, 0]
    np.testing.assert_allclose(code_spread(codes), spread, atol=1e-15)
    np.testing.assert_allclose(top_energy(codes), [1, 0.25, 0.64, 0])
    np.testing.assert_allclose(code_spread(1e-200 * codes), spread, atol=1e-15)


def test_split_units_are_merged_without_a_trace():
    """Each unit in several pieces, balanced as the penalty has it: mass, function and energy are those of the whole."""
    shares = [(0, 0.5), (0, 0.2), (0, 0.3), (1, 1.0), (2, 0.9), (2, 0.1)]
    balance = np.sqrt(np.linalg.norm(DECODER, axis=0) / np.linalg.norm(ENCODER, axis=0))
    encoder, decoder = ENCODER * balance, DECODER / balance
    pieces = [np.stack([share**0.5 * part[:, k] for k, share in shares], axis=1) for part in (encoder, decoder)]
    found = merged_units(*pieces)
    order = np.argsort(-(np.linalg.norm(encoder, axis=0) ** 2))
    np.testing.assert_allclose(found.encoder, encoder[:, order], atol=1e-12)
    np.testing.assert_allclose(found.decoder, decoder[:, order], atol=1e-12)
    np.testing.assert_allclose(found.mass, np.linalg.norm(encoder, axis=0)[order] ** 2)
    x = RNG.normal(size=(50, 6))
    np.testing.assert_allclose(output(*pieces, x), output(found.encoder, found.decoder, x), atol=1e-12)
    np.testing.assert_allclose((found.code(x) ** 2).sum(1), (np.maximum(x @ pieces[0], 0) ** 2).sum(1))


def test_the_function_stays_when_units_are_out_of_balance():
    scale = np.array([10.0, 0.1, 3.0])
    twice = np.concatenate([ENCODER * scale, ENCODER], axis=1), np.concatenate([DECODER / scale, 2 * DECODER], axis=1)
    found = merged_units(*twice)
    assert found.mass.shape == (3,)
    x = RNG.normal(size=(50, 6))
    np.testing.assert_allclose(output(*twice, x), output(found.encoder, found.decoder, x), atol=1e-12)


def test_small_units_are_left_out_and_different_ones_stay():
    mass = np.array([1.0, 0.5, 1e-4])
    encoder = np.eye(4)[:, :3] * np.sqrt(mass)
    found = merged_units(encoder, encoder)
    np.testing.assert_allclose(found.mass, [1, 0.5])
    assert merged_units(encoder, encoder, negligible=0.0).mass.shape == (3,)
    # opposite directions are two units
    assert merged_units(np.array([[1.0, -1.0]]), np.array([[1.0, -1.0]])).mass.shape == (2,)


def test_the_cosine_decides():
    turned = np.array([[1.0, np.cos(0.1)], [0.0, np.sin(0.1)]])
    assert merged_units(turned, turned, cosine=np.cos(0.11)).mass.shape == (1,)
    assert merged_units(turned, turned, cosine=np.cos(0.09)).mass.shape == (2,)
    same = np.array([[0.1, 0.3], [0.7, 2.1]])
    assert merged_units(same, same, cosine=1.0).mass.shape == (1,)


@pytest.mark.parametrize(
    ("encoder", "decoder", "settings", "message"),
    [
        (ENCODER, DECODER[:, :2], {}, "must have one shape"),
        (0 * ENCODER, DECODER, {}, "all masses are 0"),
        (np.nan * ENCODER, DECODER, {}, "`encoder` must be finite"),
        (ENCODER, DECODER, {"cosine": 0.0}, "`cosine` must be above 0"),
        (ENCODER, DECODER, {"negligible": 1.0}, "`negligible` must be at least 0 and below 1"),
    ],
)
def test_bad_arguments_are_one_sentence(encoder, decoder, settings, message):
    with pytest.raises(ValueError, match=message):
        merged_units(encoder, decoder, **settings)
