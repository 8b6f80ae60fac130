"""Numbers of images and other sources, brought to the range from -1 to 1."""

import math

import numpy as np
from jaxtyping import Num, Shaped

OVERSHOOT = 0.1  # of the width of a range: how far values may lie beyond it, as those of generated images do

Range = tuple[float, float]
"""The lowest and the highest number of a source."""

KEPT: Range = (-1.0, 1.0)  # the range that changes nothing


def checked_range(ends: tuple[float, float]) -> Range:
    """The two ends as floats; raises ValueError unless they are finite and ascend."""
    low, high = (float(end) for end in ends)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"`range` must be two finite numbers, the lower one first, but is {low:g} and {high:g}.")
    return low, high


def range_of(pixels: Shaped[np.ndarray, "..."]) -> Range:
    """The range of unsigned integers that are pixels: from 0 to the largest of their kind, where the data reach its
    upper half, else to the largest in the data.

    Photographs of 8 bits thus have 0 to 255, masks and binarised digits 0 to 1, digits of 4 bits 0 to 15.
    """
    full, largest = int(np.iinfo(pixels.dtype).max), int(pixels.max(initial=0))
    return 0.0, float(largest if 0 < largest <= full // 2 else full)


def from_range(values: Num[np.ndarray, "..."], ends: Range) -> Num[np.ndarray, "..."]:
    """`2 (value - low)/(high - low) - 1`: low becomes -1 and high 1, both exactly.

    Integers and half precision become float32; the range -1 to 1 changes nothing. Raises ValueError for integers beyond
    the range, and for floating-point numbers that lie beyond it by more than a tenth of its width.
    """
    if ends == KEPT:
        return values
    low, high = ends
    floating = values.dtype.kind == "f"
    margin = OVERSHOOT * (high - low) if floating else 0.0
    least, most = (float(values.min()), float(values.max())) if values.size else ends
    if least < low - margin or most > high + margin:
        raise ValueError(
            f"`range` must hold the values, which run from {least:.6g} to {most:.6g}, but is {low:g} to {high:g}."
        )
    # 16 bits are exact in single precision, longer integers are not
    short = values.dtype.itemsize <= 2 or values.dtype == np.float32
    kind = np.dtype(np.float32 if short else np.float64)
    points = values.astype(kind)
    points -= kind.type(low)
    points /= kind.type((high - low) / 2)
    points -= kind.type(1)
    return points if floating else points.astype(np.float32, copy=False)


def range_note(ends: Range, chosen: bool) -> str:
    """What was done to the numbers, in a sentence."""
    if ends == KEPT:
        return "Values were kept as they are, as was asked for."
    low, high = (f"{end:.12g}" for end in ends)
    how = "the range that was asked for" if chosen else "the range that these data were taken to have"
    return f"Values from {low} to {high}, {how}, became -1 to 1."
