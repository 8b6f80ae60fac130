"""Results that have rows as pandas data frames."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas


def rows_as_dataframe(self: tuple) -> "pandas.DataFrame":
    """The rows of a result as a pandas data frame, one column for each field that has a number for each row.

    A field of shape (rows, k) becomes k columns, `distance_0` to `distance_(k-1)`. Numbers about the whole, such as a
    fraction or a threshold, stand in the attribute `attrs` of the frame. Needs pandas, which is loaded at the call.
    """
    import pandas

    fields = {name: getattr(self, name) for name in self._fields}  # pyright: ignore[reportAttributeAccessIssue]
    arrays = {name: np.asarray(value) for name, value in fields.items() if np.ndim(value) > 0 and not _is_tuple(value)}
    rows = len(next(iter(arrays.values())))
    columns = {}
    for name, array in arrays.items():
        if len(array) == rows and array.ndim == 1:
            columns[name] = array
        elif len(array) == rows and array.ndim == 2:
            columns |= {f"{name}_{k}": column for k, column in enumerate(array.T)}
    frame = pandas.DataFrame(columns)
    frame.attrs = {name: value for name, value in fields.items() if name not in arrays and value is not None}
    return frame


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)
