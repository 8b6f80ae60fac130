"""What a collapse study hands over: a table on the terminal, a dataset and two figures in a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray
    from rich.table import Table

    from ..data import Dataset

WIDE = 20.0  # ratio of the last to the first time above which the time axis is logarithmic
INCOMPLETE = 0.9  # own weight at t_min below which the reverse process stops before its collapse is complete


def table(result: "xarray.Dataset") -> "Table":
    """One row for each n and d."""
    from rich import box
    from rich.table import Table

    rows = Table(box=box.SIMPLE_HEAD, title=f"Collapse of {result.attrs['dataset']}, {result.attrs['process']}")
    for name in ("n", "d", "measured t_C [95 %]", "sigma/alpha", "spectrum t_C", "Monte Carlo t_C", "copies [95 %]"):
        rows.add_column(name, justify="right")
    for d in result.d.values:
        for n in result.n.values:
            rows.add_row(str(n), str(d), *_numbers({k: v.item() for k, v in _scalars(result, n, d).items()}))
        rows.add_section()
    return rows


def _scalars(result, n, d):
    cell = result.sel(n=n, d=d)
    return {name: variable for name, variable in cell.data_vars.items() if variable.ndim == 0}


def _numbers(cell: dict[str, float]) -> list[str]:
    return [
        f"{_number(cell['measured'])} [{_number(cell['measured_low'])}, {_number(cell['measured_high'])}]",
        _number(cell["measured_ratio"]),
        _number(cell["predicted"]),
        f"{_number(cell['predicted_mc'])} ± {cell['predicted_mc_error']:.1g}"
        if cell["predicted_mc"] == cell["predicted_mc"]
        else "-",
        f"{cell['generated']:.3f} [{cell['generated_low']:.3f}, {cell['generated_high']:.3f}]",
    ]


def _number(value: float) -> str:
    """Three digits; a dash for what is not known."""
    return "-" if value != value else f"{value:.3g}"


def write_files(result: "xarray.Dataset", dataset: "Dataset", out: Path) -> list[Path]:
    """Write collapse.nc, collapse.png and samples.png; their paths."""
    from .. import plots
    from ..studies.store import save

    paths = [out / name for name in ("collapse.nc", "collapse.png", "samples.png")]
    save(result, paths[0])
    t = result.t.values
    plots.phase_diagram(result, log_time=bool(t[0] > 0 and t[-1] > WIDE * t[0])).savefig(paths[1])
    _samples(result, dataset).savefig(paths[2])
    return paths


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
