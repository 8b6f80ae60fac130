"""audit.json: every number of an audit in a versioned form."""

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np

from ... import __version__
from ...data.skipped import Skipped
from ..calibration import FALSE_COPIES
from ..changed import PLAIN_TILE
from ..findings import TRAINING_POINTS, Findings
from ..judged import Judged
from ..sets import PointSet
from ..shares import Excess, Share, share
from .conclusions import ROLES, limits, verdict

SCHEMA = "diffmem.audit"
VERSION = 1  # of the schema: raised where a name goes or changes its meaning
LISTED = 100  # leaks, groups and most copied points
PACKAGES = ("jax", "numpy", "scipy", "pillow")


def document(found: Findings) -> dict[str, Any]:
    """All of audit.json, in plain numbers, texts, lists and dictionaries."""
    word, sentence = verdict(found)
    rule = found.rule
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "fraction": rule.fraction,
        "interval": [*rule.interval],
        "copies": rule.samples.count,
        "equal": int(np.count_nonzero(found.nearest.d1 == 0)),
        "samples": found.samples.n,
        "units": found.units,
        "verdict": word,
        "sentence": sentence,
        "held_out": _held_out(found),
        "controls": _controls(found),
        "rules": {one.name: _rule(one, found.unit) for one in found.rules},
        "intervals": {one.name: [*one.interval] for one in found.rules},
        "thresholds": {one.name: _threshold(one, found.unit) for one in found.rules},
        "changed_copies": {one.kind: _changed(one) for one in found.changed},
        "in_any_way": _in_any_way(found),
        "distinct": _distinct(found),
        "most_copied": most_copied(found, rule.samples.count)[:LISTED],
        "by_class": _by_class(found),
        "duplicates": _duplicates(found),
        "roles": ROLES,
        "inputs": {one.role: _input(one) for one in (found.samples, found.train, found.test) if one is not None},
        "options": found.options._asdict(),
        "versions": {"diffmem": __version__, "python": platform.python_version(), **versions()},
        "seed": found.seed,
        "limits": limits(found),
    }


def _share(part: Share | None) -> dict[str, Any] | None:
    return part and {"fraction": part.fraction, "interval": [*part.interval], "count": part.count, "of": part.of}


def _excess(more: Excess | None) -> dict[str, Any] | None:
    return more and {
        "difference": more.difference,
        "interval": [*more.interval],
        "p_value": more.p_value,
        "significant": more.significant,
    }


def _rule(one: Judged, unit: float) -> dict[str, Any]:
    return {
        "statement": one.statement,
        "threshold": _threshold(one, unit),
        **(_share(one.samples) or {}),
        "control": _share(one.controls),
        "excess": _excess(one.excess),
        "expected_false_copies": None if one.dimension is None else FALSE_COPIES,
        "tail_dimension": one.dimension,
    }


def _threshold(one: Judged, unit: float) -> float:
    """As people state it: a ratio, a distance in `units`, a cosine."""
    if one.name == "cosine":
        return 1 - one.threshold**2 / 2
    return one.threshold * (unit if one.name == "distance" else 1.0)


def _held_out(found: Findings) -> dict[str, Any] | None:
    held, test = found.held_out, found.test
    if held is None or test is None:
        return None
    leaks = np.flatnonzero(held.leak)
    listed = [
        {
            "test": test.name_of(row),
            "train": found.train.name_of(held.nearest.row[row]),
            "distance": float(held.nearest.d1[row] * found.unit),
        }
        for row in leaks[np.argsort(held.nearest.d1[leaks], kind="stable")][:LISTED]
    ]
    own = found.rule.controls
    return {
        **(_share(own) or {"fraction": None, "interval": None, "count": None, "of": 0}),
        "excess": _excess(found.rule.excess),
        "with_leaks": _share(share(found.rule.holds(held.nearest.ratio))),
        "leaks": {
            "equal": int(np.count_nonzero(held.nearest.d1[leaks] == 0)),
            "near": int(np.count_nonzero(held.nearest.d1[leaks] > 0)),
            "listed": listed,
        },
    }


def _controls(found: Findings) -> dict[str, Any]:
    """What is known to be no copy, and what is known to be one."""
    left = share(found.rule.holds(found.left_out.ratio))
    return {
        "negative": [
            *([{"what": "held-out points", **(_share(found.rule.controls) or {})}] if found.held_out else []),
            {"what": TRAINING_POINTS, **(_share(left) or {})},
        ],
        "positive": [
            {"planted": one.planted, **(_share(one.found) or {}), "by_distance": _share(one.by_distance)}
            for one in found.sensitivity
        ],
    }


def _changed(one) -> dict[str, Any]:
    return {
        **(_share(one.samples) or {}),
        "control": _share(one.controls),
        "variants": len(one.names),
        "plain_tile": PLAIN_TILE if one.kind == "in part" else None,
    }


def _in_any_way(found: Findings) -> dict[str, Any]:
    """Copies by any rule or after any change that was looked for."""
    copied = found.copied_row >= 0
    listed = most_copied(found, int(np.count_nonzero(copied)))
    return {
        **(_share(share(copied)) or {}),
        "copied_training_points": len(listed),
        "most_copied": listed[:LISTED],
    }


def copied_groups(found: Findings, copies: int) -> tuple[np.ndarray, np.ndarray]:
    """The groups of training points that the first `copies` samples by severity copy: first rows, and how many do.

    The most copied come first.
    """
    rows = found.copied_row[found.severity[:copies]]
    groups, first, counts = np.unique(found.groups.component[rows], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    return groups[order], counts[order]


def most_copied(found: Findings, copies: int) -> list[dict[str, Any]]:
    """The training points that the first `copies` samples by severity copy, the most copied first."""
    groups, counts = copied_groups(found, copies)
    sizes = np.bincount(found.groups.component, minlength=found.train.n)
    return [
        {
            "train": found.train.name_of(row),
            "row": found.train.position(row),
            "copies": int(count),
            "rows_in_group": int(sizes[row]),
        }
        for row, count in zip(groups, counts)
    ]


def _distinct(found: Findings) -> dict[str, Any]:
    """How many different samples there are, and how many training points were copied: what is left after a collapse."""
    own = found.sample_groups
    return {
        "samples": len(np.unique(own.first)),
        "samples_up_to_twins": len(np.unique(own.component)),
        "copied_training_points": len(copied_groups(found, found.rule.samples.count)[0]),
    }


def _by_class(found: Findings) -> dict[str, Any] | None:
    """Copies by the class of the training point that they copy."""
    labels = found.train.labels
    if labels is None:
        return None
    of = labels[found.nearest.row[found.rule.copied]]
    names = found.train.classes
    values, counts = np.unique(labels, return_counts=True)
    return {
        names[value] if names is not None and 0 <= value < len(names) else str(value): {
            "copies": int(np.count_nonzero(of == value)),
            "training_points": int(count),
        }
        for value, count in zip(values, counts)
    }


def _duplicates(found: Findings) -> dict[str, Any]:
    """Duplicates in the training set, and what they do to the rule and to copying."""
    groups, rule = found.groups, found.rule
    equal, near = groups.members(groups.first), groups.members(groups.component)
    repeated = np.bincount(groups.first, minlength=found.train.n)
    size = np.bincount(groups.component, minlength=found.train.n)
    ratio_of_distinct = found.nearest.d1 < rule.threshold * found.nearest.d2_of_twins
    lonely = ratio_of_distinct & (repeated[groups.first[found.nearest.row]] == 1)
    of_groups = size[groups.component[found.nearest.row[rule.copied]]] > 1
    return {
        "searched": groups.searched,
        "twin_share": found.closeness.share,
        "twin_distance": None if found.closeness.fixed is None else found.closeness.fixed * found.unit,
        "median_neighbour_distance": found.closeness.spacing * found.unit,
        "dimension": found.closeness.dimension,
        "distinct": len(groups.distinct),
        "groups_of_equal": len(equal),
        "groups_up_to_twins": len(near),
        "rows_in_groups": int(sum(len(part) for part in near)),
        "groups": [[found.train.name_of(row) for row in part[:LISTED]] for part in near[:LISTED]],
        "fraction_without_merging": float(lonely.mean()),
        "fraction_equal_merged": float(ratio_of_distinct.mean()),
        "fraction_twins_set_aside": rule.fraction,
        "copies_of_points_in_groups": int(np.count_nonzero(of_groups)),
        "share_of_training_points_in_groups": float(sum(len(part) for part in near) / found.train.n),
    }


def _input(points: PointSet) -> dict[str, Any]:
    return {
        "source": points.source,
        "sha256": points.sha256,
        "points": points.n,
        "event_shape": [*points.event_shape],
        "dtype": str(points.rows.dtype),
        "extremes": [*points.extremes],
        "range": None if points.ends is None else [*points.ends],
        **left_out(points.skipped),
        "notes": [*points.notes],
    }


def left_out(skipped: Sequence[Skipped]) -> dict[str, Any]:
    """How many files and rows were left out, and each with its cause."""
    return {"left_out": len(skipped), "skipped": [one._asdict() for one in skipped]}


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what it computes with."""
    return {name: metadata.version(name) for name in PACKAGES}
