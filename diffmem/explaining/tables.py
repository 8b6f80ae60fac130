"""An explanation as numbers: explain.json, explain.nc and the rows of explain.csv and points.csv."""

import math
import platform
from typing import Any

import xarray as xr

from .. import __version__
from ..auditing.reporting.document import left_out, versions
from .explanation import Explanation
from .in_words import limits, name_of, sentences

SCHEMA = "diffmem.explain"
VERSION = 1  # of the schema: raised where a name goes or changes its meaning
LISTED = 100  # points and groups in the document
EIGENVALUES = 100
MEMBERS = 20  # rows of a group
PER_RATIO = {"units": "data units", "long_name": "noise-to-signal ratio sigma/alpha"}


def document(found: Explanation) -> dict[str, Any]:
    """All of explain.json, in plain numbers, texts, lists and dictionaries; what is not finite is null."""
    value, error = found.collapse
    told = {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "summary": sentences(found),
        "points": found.data.n,
        "distinct": len(found.distinct.rows),
        "dimensions": found.data.d,
        "process": repr(found.process),
        "speciation": {"ratio": found.speciation, "time": found.speciation_time},
        "collapse": {"ratio": float(value), "error": float(error), "time": found.collapse_time},
        "spectrum": found.spectrum[:EIGENVALUES].tolist(),
        "against_number": number_rows(found),
        "needed": None if found.needed is None else dict(found.needed._asdict()),
        "first": point_rows(found)[:LISTED],
        "outliers": int(found.first.outlier.sum()),
        "duplicates": _duplicates(found),
        "classes": None if found.classes is None else class_rows(found),
        "network": None if found.network is None else _network(found),
        "input": {
            "source": found.data.name,
            "sha256": found.inputs.sha256,
            "points": found.data.n,
            "event_shape": [*found.data.event_shape],
            "dtype": str(found.data.points.dtype),
            "value_range": [*found.data.value_range],
            **left_out(found.inputs.skipped),
            "notes": [*found.data.notes],
        },
        "versions": {"diffmem": __version__, "python": platform.python_version(), **versions()},
        "seed": found.seed,
        "limits": limits(found),
    }
    return finite(told)


def finite(value: Any) -> Any:
    """The value with None for what JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number_rows(found: Explanation) -> list[dict[str, Any]]:
    """The rows of explain.csv: the collapse of n points."""
    against = found.against_number
    return [
        {
            "n": int(n),
            "ratio": float(ratio),
            "error": float(error),
            "time": found.time(float(ratio)),
            "spectrum_ratio": float(spectrum),
        }
        for n, ratio, error, spectrum in zip(*against)
    ]


def point_rows(found: Explanation) -> list[dict[str, Any]]:
    """The rows of points.csv: the examined points, those that collapse first at the top."""
    first, data = found.first, found.data
    return [
        {
            "rank": i + 1,
            "point": name_of(found, int(first.row[i])),
            "row": int(first.row[i]),
            "ratio": float(first.ratio[i]),
            "time": found.time(float(first.ratio[i])),
            "why": first.why(i),
            "repeats": int(first.repeats[i]),
            "nearest": name_of(found, int(first.nearest_row[i])),
            "distance": float(first.nearest_distance[i]),
            "class": "" if data.labels is None else class_name(found, int(data.labels[first.row[i]])),
        }
        for i in range(len(first.row))
    ]


def class_name(found: Explanation, label: int) -> str:
    """The name of a class, or its number."""
    names = found.data.classes
    return names[label] if names is not None and 0 <= label < len(names) else str(label)


def class_rows(found: Explanation) -> list[dict[str, Any]]:
    """The rows of classes.csv."""
    return [
        {
            "class": one.name,
            "points": one.points,
            "distinct": one.distinct,
            "speciation": one.speciation,
            "speciation_time": found.time(one.speciation),
            "collapse": one.collapse,
            "error": one.error,
            "collapse_time": found.time(one.collapse),
            "spectrum_collapse": one.spectrum_collapse,
            "collapse_in_set": one.in_set,
        }
        for one in found.classes or ()
    ]


def _duplicates(found: Explanation) -> dict[str, Any]:
    groups = found.distinct.groups
    near = groups.members(groups.component)
    return {
        "searched": groups.searched,
        "twin_share": float(found.distinct.close.share),
        "groups_of_equal": len(groups.members(groups.first)),
        "groups": len(near),
        "rows_in_groups": int(sum(map(len, near))),
        "listed": [[name_of(found, int(row)) for row in group[:MEMBERS]] for group in near[:LISTED]],
    }


def _network(found: Explanation) -> dict[str, Any]:
    compared, other = found.network, found.held_out
    assert compared is not None
    curves = compared.dataset
    return {
        "summary": compared.summary(),
        "collapse": {"ratio": float(curves.collapse), "is": curves.attrs["collapse_is"]},
        "collapse_by_spectrum": float(curves.collapse_by_spectrum),
        "followed": [[float(end) for end in part] for part in compared.followed],
        "stops": compared.stops,
        "ratio": curves.ratio.values.tolist(),
        "departure": curves.departure.values.tolist(),
        "loss": {str(name): curves.loss.sel(set=name).values.tolist() for name in curves["set"].values},
        "held_out": other and {"source": other.name, "points": other.n, **left_out(other.skipped)},
    }


def arrays(found: Explanation) -> xr.Dataset:
    """All of explain.nc."""
    against, first, curves = found.against_number, found.first, found.curves
    variables = {
        "spectrum": ("rank", found.spectrum, {"units": "data units squared", "long_name": "covariance eigenvalues"}),
        "own_weight": (("size", "ratio"), curves.weight, {"units": "1", "long_name": "weight of the own point"}),
        "own_weight_error": (("size", "ratio"), curves.error, {"units": "1", "long_name": "its standard error"}),
        "n_ratio": ("n", against.ratio, PER_RATIO | {"long_name": "sigma/alpha at collapse of n points"}),
        "n_error": ("n", against.error, PER_RATIO | {"long_name": "its standard error"}),
        "n_spectrum": ("n", against.spectrum, PER_RATIO | {"long_name": "the same by the spectrum"}),
        "point_row": ("point", first.row, {"long_name": "row in the data, those that collapse first at the top"}),
        "point_ratio": ("point", first.ratio, PER_RATIO | {"long_name": "sigma/alpha at collapse of the point"}),
        "point_repeats": ("point", first.repeats, {"long_name": "rows that equal it, or nearly so"}),
        "point_nearest": ("point", first.nearest_row, {"long_name": "nearest other row"}),
        "point_distance": ("point", first.nearest_distance, {"units": "data units", "long_name": "its distance"}),
        "point_outlier": ("point", first.outlier, {"long_name": "stands alone"}),
        "speciation": ((), found.speciation, PER_RATIO | {"long_name": "sigma/alpha at speciation"}),
        "collapse": ((), float(found.collapse.value), PER_RATIO | {"long_name": "sigma/alpha at collapse"}),
        "collapse_error": ((), float(found.collapse.error), PER_RATIO | {"long_name": "its standard error"}),
        "distinct": ((), len(found.distinct.rows), {"long_name": "distinct points"}),
    }
    if found.needed is not None:
        variables["below"] = ((), found.needed.below, PER_RATIO | {"long_name": "wanted sigma/alpha at collapse"})
    about = {"diffmem": __version__, "schema_version": VERSION, "seed": found.seed, "sha256": found.inputs.sha256}
    coordinates = {"size": list(curves.n), "ratio": ("ratio", curves.ratio, PER_RATIO), "n": against.n}
    return xr.Dataset(variables, coordinates, about | {"dataset": found.data.name, "process": repr(found.process)})
