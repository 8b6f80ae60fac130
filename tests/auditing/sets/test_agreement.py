"""Sets in other units than one another are refused; dark, pale and black sets are not."""

from pathlib import Path

import numpy as np
import pytest

from diffmem.auditing.sets import Reading, agreeing, opened

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (40, 8, 8)).astype(np.uint8)
DARK = PIXELS // 4


def signed(pixels):
    return (pixels / 127.5 - 1).astype(np.float32)


def agreed(samples, train, test=None, **reading):
    given = [(samples, "samples"), (train, "train"), (test, "test")]
    opened_ = [
        opened(rows, role, Reading(**reading), Path(), lambda *_: None) for rows, role in given if rows is not None
    ]
    return agreeing(opened_, Reading(**reading))


BYTES = {"range": (0, 255)}
REFUSED = {
    "samples": [
        (signed(PIXELS), PIXELS, None, BYTES),
        (PIXELS / 255, PIXELS, None, BYTES),
        (signed(PIXELS), PIXELS.astype(np.float32), None, BYTES),
        (signed(PIXELS), PIXELS, None, {"samples_range": (0, 255)}),
        (signed(DARK), DARK, None, {}),
        (DARK / 255, DARK, None, {}),
        (signed(DARK), DARK, DARK, {}),
    ],
    "train": [(PIXELS, signed(PIXELS), None, BYTES), (DARK, signed(DARK), None, {})],
    "test": [(PIXELS, PIXELS, signed(PIXELS), BYTES), (DARK, DARK, signed(DARK), {})],
}
CASES = [(role, *case) for role, cases in REFUSED.items() for case in cases]


@pytest.mark.parametrize(("role", "samples", "train", "test", "reading"), CASES)
def test_other_units_are_refused(role, samples, train, test, reading):
    with pytest.raises(ValueError, match=rf"^`{role}` run from [^\n]*different units[^\n]*`samples_range`[^\n]*\.$"):
        agreed(samples, train, test, **reading)


@pytest.mark.parametrize("other", [signed(DARK), DARK / 255])
def test_what_was_said_is_believed(other):
    ends = (float(other.min()), 1.0)
    samples, train = agreed(other, DARK, **BYTES, samples_range=ends)
    np.testing.assert_allclose(samples.block(slice(None)), train.block(slice(None)), atol=1e-6)
    agreed(signed(DARK), DARK, range=(0, 63), samples_range=(-1, 1))
    agreed(DARK, signed(DARK), samples_range=(0, 255))


@pytest.mark.parametrize(
    ("samples", "train", "reading"),
    [
        (DARK, DARK, {}),
        (signed(DARK), signed(DARK), {}),
        (DARK, DARK, BYTES),
        (DARK, PIXELS, {}),
        (signed(DARK), PIXELS, {}),  # dark samples beside others
        (signed(PIXELS), PIXELS, {}),
        (PIXELS.astype(np.float32), PIXELS, BYTES),
        (DARK.astype(np.float32), PIXELS, BYTES),
        (PIXELS.astype(np.float32) // 32, PIXELS, BYTES),  # eight levels of 256
        (np.zeros_like(signed(PIXELS)) - 1, PIXELS, {}),  # black
        (np.zeros_like(signed(PIXELS)) - 1, DARK, {}),
        (np.zeros(PIXELS.shape, np.float32), PIXELS, BYTES),
        (np.zeros_like(PIXELS), PIXELS, {}),
        ((0.02 * RNG.normal(size=PIXELS.shape)).astype(np.float32), PIXELS, {}),  # grey with little noise
        (0.3 * signed(PIXELS), PIXELS, {}),  # pale
        (0.5 * signed(PIXELS) - 0.5, PIXELS, {}),  # of the lower half
        (signed(PIXELS), PIXELS // 16, {}),  # 4 bits beside the range of diffusion models
        (0.6 * signed(PIXELS), PIXELS // 16, {}),
        (0.3 * signed(PIXELS) - 0.7, PIXELS // 16, {}),
        (PIXELS > 127, PIXELS > 99, {}),
        (np.where(PIXELS > 127, np.uint8(255), np.uint8(0)), PIXELS > 99, {}),  # masks of 8 bits and of one
        (PIXELS.astype(np.uint16) * 257, PIXELS, {}),
    ],
)
def test_dark_pale_and_black_sets_are_compared(samples, train, reading):
    agreed(samples, train, **reading)


def test_sets_of_a_kind_are_in_one_range():
    """One level more in the samples stretches no image."""
    samples, train = agreed(np.where(DARK == 63, np.uint8(64), DARK), DARK)
    assert samples.ends == train.ends == (0.0, 64.0) and not samples.mapped
    samples, train = agreed(np.where(DARK == 63, np.uint8(130), DARK), np.where(DARK == 63, np.uint8(100), DARK))
    assert samples.ends == train.ends == (0.0, 255.0)
