"""The results of the cells of a sweep as datasets, and their union as one dataset."""

from collections.abc import Hashable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
import xarray as xr

from .axes import Value
from .store import IDENTITY, SETTINGS

CELL = "__cell__"  # the dimension of all cells in a row, before it becomes the axes


def as_dataset(value: object, axes: Sequence[str]) -> xr.Dataset:
    """The result of a function for one cell as a dataset.

    A number is called `value`; axis i of an array `curve` becomes the dimension `curve_i`; a dataset is returned as it
    is. Raises ValueError for other results, for no variable, and for names that the axes, the variable `error` or the
    attributes of the store use already.
    """
    if isinstance(value, xr.Dataset):
        found = value
    else:
        parts = value if isinstance(value, Mapping) else {"value": value}
        found = xr.Dataset({name: _variable(name, part) for name, part in parts.items()})
    if not found.data_vars:
        raise ValueError("`function` must return at least one variable, but returns none.")
    taken = {*found.variables, *found.dims} & {*axes, "error", CELL} | set(found.attrs) & {SETTINGS, IDENTITY}
    if taken:
        names = ", ".join(sorted(map(str, taken)))
        raise ValueError(f"`function` must leave names of the axes and of this library free, but returns {names}.")
    return found


def _variable(name: str, part: object) -> xr.Variable:
    array = np.asarray(part)
    if array.dtype.kind not in "biuf" and jnp.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float32)  # bfloat16 and its like
    if array.dtype == np.float16:
        array = array.astype(np.float32)  # NetCDF has no half precision
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"`function` must return a real number, a mapping of names to such numbers or arrays, or an "
            f"xarray.Dataset, but `{name}` is a {type(part).__name__}."
        )
    return xr.Variable([f"{name}_{i}" for i in range(array.ndim)], array)


def misfit(cell: xr.Dataset, shapes: dict[Hashable, object]) -> ValueError | None:
    """The error of a cell that does not fit those whose shapes are in `shapes`; None, and its shapes added, if it fits.

    A variable must have equal dimensions in all cells, and a coordinate must be of one kind in all of them.
    """
    own: dict[Hashable, object] = {name: variable.dims for name, variable in cell.data_vars.items()}
    own |= {dim: dim in cell.indexes and cell[dim].dtype.kind for dim in cell.dims}
    own["its coordinates"] = {name: variable.dims for name, variable in cell.coords.items()}
    for name, shape in own.items():
        if shapes.get(name, shape) != shape:
            return ValueError(
                f"`function` must return variables of the same dimensions in all cells, but {name} has {shape} here "
                f"and {shapes[name]} in a cell before."
            )
    shapes |= own
    return None


def gathered(cells: Sequence[xr.Dataset | None], axes: Mapping[str, Sequence[Value]]) -> xr.Dataset:
    """All cells over the axes, in the order of `axes.product`; NaN where a cell or a part of it is missing.

    Along dimensions with coordinates the cells are aligned (union of labels); along others the shorter ones are padded
    with NaN.
    """
    known = {position: cell for position, cell in enumerate(cells) if cell is not None}
    coords = {name: list(values) for name, values in axes.items()}
    if not known:
        return xr.Dataset(coords=coords)
    row = xr.concat(
        _padded(list(known.values()), complete=len(known) == len(cells)),
        dim=CELL,
        data_vars="all",
        coords="different",
        compat="equals",
        join="outer",
        combine_attrs="drop_conflicts",
    )
    row = row.assign_coords({CELL: list(known)}).reindex({CELL: range(len(cells))})
    shape = tuple(map(len, axes.values()))
    variables = {name: _over_axes(variable, tuple(axes), shape) for name, variable in row.variables.items()}
    del variables[CELL]
    own_coords = {name: variables.pop(name) for name in row.coords if name in variables}
    return xr.Dataset(variables, {**coords, **own_coords}, row.attrs)


def _over_axes(variable: xr.Variable, names: tuple[str, ...], shape: tuple[int, ...]) -> xr.Variable:
    if CELL not in variable.dims:
        return variable
    rest = variable.transpose(CELL, ...)
    return xr.Variable((*names, *rest.dims[1:]), rest.values.reshape(*shape, *rest.shape[1:]), variable.attrs)


def _padded(cells: list[xr.Dataset], complete: bool) -> list[xr.Dataset]:
    """Cells of equal sizes along dimensions without coordinates; booleans as numbers where some will be missing."""
    most: dict[Hashable, int] = {}
    for cell in cells:
        for dim, size in cell.sizes.items():
            most[dim] = max(size, most.get(dim, 0))
    names = {frozenset(cell.data_vars) for cell in cells}
    even = complete and len(names) == 1 and all(cell.sizes == cells[0].sizes for cell in cells)
    return cells if even else [_pad(cell, most) for cell in cells]


def _pad(cell: xr.Dataset, most: Mapping[Hashable, int]) -> xr.Dataset:
    booleans = {name: part.astype(float) for name, part in cell.data_vars.items() if part.dtype == bool}
    widths = {dim: (0, most[dim] - size) for dim, size in cell.sizes.items() if dim not in cell.indexes}
    widths = {dim: width for dim, width in widths.items() if width[1]}
    return cell.assign(booleans).pad(widths) if widths else cell.assign(booleans)
