"""The result of an audit: its document, its arrays, the rows of its table and its pictures."""

from typing import Any

import numpy as np
import xarray as xr

from ..findings import Audit, Findings, Picture
from ..judged import fraction_below
from ..variants import spatial_axes
from .document import VERSION, copied_groups, document

SOURCES, COPIES = 24, 4  # training points, and copies of each, that are shown
LARGEST = 160  # pixels of a side of a picture


def reported(found: Findings) -> Audit:
    """All that is said of what was found."""
    told = document(found)
    return Audit(
        told["fraction"],
        found.rule.interval,
        None if told["held_out"] is None else told["held_out"]["fraction"],
        told["verdict"],
        told["sentence"],
        told,
        _arrays(found, told),
        tuple(_rows(found)),
        tuple(_pictures(found)),
        _black_and_white(found),
    )


def _arrays(found: Findings, told: dict[str, Any]) -> xr.Dataset:
    """A value for each sample, held-out point, drawn training point and threshold."""
    unit, near, left = found.unit, found.nearest, found.left_out
    distance = {"units": found.units}
    variables = {
        "d1": ("sample", near.d1 * unit, distance | {"long_name": "distance to the nearest training point"}),
        "d2": ("sample", near.d2 * unit, distance | {"long_name": "distance to the nearest that is no twin of it"}),
        "ratio": ("sample", near.ratio, {"units": "1", "long_name": "d1/d2"}),
        "nearest": ("sample", _positions(found.train, near.row), {"long_name": "row of the nearest training point"}),
        "severity": ("rank", found.severity, {"long_name": "samples, the worst first"}),
        "train_d1": ("drawn", left.d1 * unit, distance | {"long_name": "the same for drawn training points"}),
        "train_ratio": ("drawn", left.ratio, {"units": "1", "long_name": "d1/d2 of drawn training points"}),
    }
    if found.held_out is not None:
        held = found.held_out.nearest
        variables["test_d1"] = ("test", held.d1 * unit, distance | {"long_name": "the same for held-out points"})
        variables["test_ratio"] = ("test", held.ratio, {"units": "1", "long_name": "d1/d2 of held-out points"})
        variables["leak"] = ("test", found.held_out.leak, {"long_name": "held-out point that is a training point"})
    for rule in found.rules:
        scale = unit if rule.name == "distance" else 1.0
        about = f"share of the samples with {rule.name} below the threshold"
        variables[f"{rule.name}_copied"] = ("sample", rule.copied, {"long_name": rule.statement})
        units = found.units if rule.name == "distance" else "1"
        variables[f"{rule.name}_threshold"] = (f"{rule.name}_step", rule.grid * scale, {"units": units})
        variables[f"{rule.name}_curve"] = (
            f"{rule.name}_step",
            fraction_below(rule.value, rule.grid),
            {"units": "1", "long_name": about},
        )
        variables[f"{rule.name}_control_curve"] = (
            f"{rule.name}_step",
            fraction_below(rule.control, rule.grid),
            {"units": "1", "long_name": "the same, controls"},
        )
    facts = {"verdict": told["verdict"], "fraction": told["fraction"], "schema_version": VERSION, "seed": found.seed}
    facts |= {f"{role}_sha256": one["sha256"] for role, one in told["inputs"].items()}
    return xr.Dataset(variables, attrs=facts | {"control": found.control_kind})


def _positions(points, rows):
    return rows if points.numbers is None else points.numbers[rows]


def _rows(found: Findings):
    """The rows of copies.csv: samples, the worst first.

    `train`, with ratio, d1 and d2, is the nearest training point as they are; `copy_of` the one that is copied, which
    may be another where the copy was mirrored, shifted or taken in part.
    """
    near, train, samples, copied_row = found.nearest, found.train, found.samples, found.copied_row
    for rank, i in enumerate(found.severity):
        row, source = int(near.row[i]), int(copied_row[i])
        yield {
            "rank": rank + 1,
            "sample": samples.name_of(i),
            "train": train.name_of(row),
            "copied": bool(found.rule.copied[i]),
            "by": "; ".join(_how(found, i)),
            "copy_of": train.name_of(source) if source >= 0 else "",
            "ratio": float(near.ratio[i]),
            "d1": float(near.d1[i] * found.unit),
            "d2": float(near.d2[i] * found.unit),
            "sample_row": samples.position(i),
            "train_row": train.position(row),
            "train_class": _class_of(train, row),
            "copy_of_row": train.position(source) if source >= 0 else "",
        }


def _how(found: Findings, i: int | np.integer) -> list[str]:
    """The rules and changes by which a sample is a copy."""
    rules = [rule.name for rule in found.rules if rule.copied[i]]
    return [*rules, *(change.names[change.best[i]] for change in found.changed if change.best[i] >= 0)]


def _class_of(points, row):
    if points.labels is None:
        return ""
    label = int(points.labels[row])
    return points.classes[label] if points.classes is not None else str(label)


def _pictures(found: Findings):
    """The most copied training points beside their worst copies; without copies, the samples nearest to one."""
    if spatial_axes(found.train.event_shape) is None:
        return
    copied = found.copied_row >= 0
    of = np.where(copied, found.copied_row, found.nearest.row)
    component, order = found.groups.component[of], found.severity
    shown = order[copied[order]]
    groups, counts = copied_groups(found, len(shown))
    if not len(groups):
        shown = order[:SOURCES]
        groups, first = np.unique(component[shown], return_index=True)
        groups, counts = groups[np.argsort(first)], np.zeros(len(groups), int)
    for group, count in list(zip(groups, counts))[:SOURCES]:
        members = shown[component[shown] == group]
        _, different = np.unique(found.sample_groups.first[members], return_index=True)
        members = members[np.sort(different)][:COPIES]
        row = of[members[0]]
        captions = tuple(_caption(found, i) for i in members)
        yield Picture(
            _image(found.train.events(slice(row, row + 1))[0]),
            found.train.name_of(row),
            np.stack([_image(found.samples.events(slice(i, i + 1))[0]) for i in members]),
            tuple(found.samples.name_of(i) for i in members),
            captions,
            int(count),
        )


def _caption(found: Findings, i: int | np.integer) -> str:
    """By how much nearer it is, or how else it is a copy."""
    how = _how(found, i)
    return f"d1/d2 = {found.nearest.ratio[i]:.2g}" if found.rule.copied[i] or not how else "; ".join(how)


def _image(event: np.ndarray) -> np.ndarray:
    """Channels last, and no larger than is shown."""
    if event.ndim == 3 and event.shape[-1] not in (1, 3):
        event = np.moveaxis(event, 0, -1)
    step = -(-max(event.shape[:2]) // LARGEST)
    return np.array(event[::step, ::step])


def _black_and_white(found: Findings) -> tuple[float, float]:
    train = found.train
    if train.ends is None:
        return train.extremes
    return (-1.0, 1.0) if train.mapped else train.ends
