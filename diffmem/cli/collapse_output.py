"""The output of a collapse study: a table on the terminal, a dataset and two figures in a folder."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import printable

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure
    from rich.table import Table

    from ..data import Dataset

WIDE = 20.0  # ratio of the last to the first time above which the time axis is logarithmic
LEGEND = """t_C, ratio: collapse time, and sigma/alpha there, at which the mean posterior
weight of the own training point is 1/2. spectrum, MC: predictions of t_C from
the covariance spectrum, and from the mutual information by Monte Carlo. Both
are limits of many points in many dimensions: where the information is right,
the ratio measured lies 5 to 20 % above it.
copies: share of generated samples; that of the exact score is an upper bound
for networks. A dash: not reached, or not known."""
FILES = ("collapse.nc", "collapse.png", "samples.png")
COLUMNS = ("n", "d", "t_C", "95 %", "ratio", "spectrum", "MC", "copies", "95 %")


def table(result: "xarray.Dataset") -> "Table":
    """One row for each n and d."""
    from rich import box
    from rich.table import Table

    title = printable(f"Collapse of {result.attrs['dataset']}, {result.attrs['process']}")
    if result.attrs["score"] != "exact":
        title += f"\ncopies by {result.attrs['score']}"
    kinds = "; ".join(f"d = {d}: {kind}" for d, kind in zip(result.d.values, result.reduction.values))
    caption = "\n".join(filter(None, (f"{kinds}.", result.attrs["preparation"])))
    rows = Table(
        box=box.SIMPLE_HEAD, title=title, caption=caption, caption_justify="left", padding=(0, 0), pad_edge=False
    )
    for name in COLUMNS:
        rows.add_column(name, justify="right", no_wrap=True)
    for d in result.d.values:
        for n in result.n.values:
            rows.add_row(str(n), str(d), *_numbers(result.sel(n=n, d=d)))
        rows.add_section()
    return rows


def _numbers(cell) -> list[str]:
    times = [_number(cell[name].item()) for name in ("measured", "measured_ratio", "predicted", "predicted_mc")]
    times.insert(1, _range(cell, "measured_low", "measured_high", _number))
    copies = _fraction(cell.generated.item())
    return [*times, copies, _range(cell, "generated_low", "generated_high", _fraction)]


def _range(cell, low: str, high: str, shown: Callable[[float], str]) -> str:
    ends = [cell[name].item() for name in (low, high)]
    return "-" if any(map(math.isnan, ends)) else "-".join(map(shown, ends))


def _fraction(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _number(value: float) -> str:
    """The number with three digits; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.3g}"


def numbers(result: "xarray.Dataset") -> dict[str, Any]:
    """All single numbers, one row for each cell, with the settings: what `--json` prints."""
    curves = {"t", "sample", "feature"}
    rows = result[[name for name, variable in result.data_vars.items() if not curves & set(variable.dims)]]
    return {"settings": dict(result.attrs), "rows": rows.to_dataframe().reset_index().to_dict("records")}


def write_files(result: "xarray.Dataset", dataset: "Dataset", out: Path, *, fresh: bool = False) -> list[Path]:
    """Write the three files and return their paths; `fresh`: without parts of earlier ones."""
    from .. import plots
    from ..studies.sweep.store import netcdf
    from ..whole_files import remove_partial, replace_file

    t = result.t.values
    map_of_weights = plots.phase_diagram(result, log_time=bool(t[0] > 0 and t[-1] > WIDE * t[0]))
    contents = netcdf(result), _png(map_of_weights), _png(_samples(result, dataset))
    for name, content in zip(FILES, contents):
        if fresh:
            remove_partial(out, name)
        replace_file(out / name, content)
    return [out / name for name in FILES]


def _png(figure: "Figure") -> bytes:
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


def _samples(result, dataset):
    """The examples of the largest n at the largest d."""
    from .. import plots
    from ..data import reduce_dimension

    cell = result.isel(n=-1, d=-1)
    ratio = cell.example_distance_ratio.values
    return plots.samples_beside_neighbours(
        cell.example.values,
        cell.example_neighbour.values,
        reduce_dimension(dataset, int(cell.d)).event_shape,
        cell.example_distance.values,
        ratio=ratio,
        copied=ratio < 1 / 3,
    )
