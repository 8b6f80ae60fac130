"""Labels as other people store them: columns, indicator rows, text, whole numbers in floating point."""

import numpy as np
from jaxtyping import Int, Shaped

Coded = tuple[Int[np.ndarray, " n"], tuple[str, ...] | None]
"""One integer for each point, and the texts for which 0, 1, ... stand, if the labels were texts."""


def coded_labels(values: Shaped[np.ndarray, "..."], n: int) -> Coded:
    """One integer for each of n points.

    From shape (n,) or (n, 1): integers and booleans as they are, floating-point numbers that are whole, texts by their
    place in alphabetical order. From shape (n, k): the place of the one entry of each row that is 1, all others being
    0. Raises ValueError for all others.
    """
    if values.shape == (n, 1):
        values = values[:, 0]
    if values.ndim == 2 and len(values) == n and _is_indicator(values):
        return values.argmax(axis=1).astype(np.int32), None
    if values.shape != (n,):
        raise ValueError(f"`labels` must be one for each of {n} points, but have shape {values.shape}.")
    if values.dtype.kind in "US":
        texts, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int32), tuple(_text(text) for text in texts)
    if values.dtype.kind not in "iubf":
        raise ValueError(f"`labels` must be whole numbers or texts, but have dtype {values.dtype}.")
    limits = np.iinfo(np.int32)
    numbers = values.astype(float) if values.dtype.kind == "f" else values
    if not ((numbers >= limits.min) & (numbers <= limits.max) & (numbers == np.trunc(numbers))).all():
        raise ValueError("`labels` must be whole numbers that 32 bits hold, but some are not.")
    return values.astype(np.int32), None


def _is_indicator(values) -> bool:
    if values.dtype.kind not in "iubf" or values.shape[1] < 2:
        return False
    numbers = values.astype(float)
    return bool(((numbers == 0) | (numbers == 1)).all() and (numbers.sum(axis=1) == 1).all())


def _text(value: object) -> str:
    return value.decode("utf8", "replace") if isinstance(value, bytes) else str(value)
