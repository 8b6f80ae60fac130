"""Point sets of any event shape as checked matrices, one point a row."""

import jax
import numpy as np
from jaxtyping import Real

from ...annotations import Points
from ...checks import as_values


def as_rows(points: Points, name: str) -> Real[np.ndarray, "count d"]:
    """The points flattened to `(count, d)` in their own dtype.

    Raises ValueError for what is not real numbers, and unless the shape is `(count, *event)` with at least one value,
    all of them finite.
    """
    # an array on an accelerator stays there
    rows = as_values(name, points)
    rows = rows if jax.default_backend() != "cpu" else np.asarray(rows)
    if rows.ndim == 0 or rows.size == 0:
        raise ValueError(f"`{name}` must have shape (count, *event) and hold a point, but has shape {rows.shape}.")
    # the extremes are NaN or infinite if any value is, and need no array of marks
    if not (np.isfinite(rows.min()) and np.isfinite(rows.max())):
        bad = rows.size - np.count_nonzero(np.isfinite(np.asarray(rows)))
        raise ValueError(f"`{name}` must be finite, but {bad} of its {rows.size} values are NaN or infinite.")
    return rows.reshape(len(rows), -1)


def as_row_pair(
    first: Points, second: Points, names: tuple[str, str]
) -> tuple[Real[np.ndarray, "count d"], Real[np.ndarray, "n d"]]:
    """Two point sets as rows; raises ValueError also where their event shapes differ."""
    rows = as_rows(first, names[0]), as_rows(second, names[1])
    events = np.shape(first)[1:], np.shape(second)[1:]
    if events[0] != events[1]:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must hold points of one event shape, but have {events[0]} and {events[1]}."
        )
    return rows
