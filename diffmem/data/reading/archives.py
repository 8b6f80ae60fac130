"""Archives of NumPy arrays (.npz): which array holds the points, and which their labels."""

import re
import warnings
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ...representation import one_line
from .arrays import read_header, read_member, readable
from .class_labels import Coded, coded_labels

POINT_NAMES = ("points", "x", "data", "images")
LABEL_NAMES = ("labels", "y")
# how names of arrays of points become names of their labels, tried in this order
PARTNERS = (("images", "labels"), ("points", "labels"), ("data", "labels"), ("x", "y"), ("arr_0", "arr_1"))
SHOWN = 12  # names in a message

Members = dict[str, zipfile.ZipInfo]


class Labelled(NamedTuple):
    """Points with what their labels say."""

    points: np.ndarray
    labels: np.ndarray | None
    classes: tuple[str, ...] | None
    notes: tuple[str, ...]

    __repr__ = one_line


def read_npz(path: Path, array: str | None = None, labels: str | None = None) -> Labelled:
    """The array called `array`, or the one that must be meant, with the array called `labels`, or the one beside it.

    Labels that cannot be used are left out, with a warning that is also a note.
    """
    with readable(path.name), zipfile.ZipFile(path) as archive:
        members = _members(archive)
        chosen = _points_called(members, array, path.name)
        beside = _labels_called(archive, members, chosen, labels, path.name)
        points = read_member(archive, members[chosen], path.name)
        if beside is None or points.ndim == 0:
            return Labelled(points, None, None, ())
        (codes, classes), notes = _codes(archive, members[beside], path.name, len(points))
        return Labelled(points, codes, classes, notes)


def _members(archive: zipfile.ZipFile) -> Members:
    """The arrays by name, without hidden files, which some systems add to archives."""
    found = {member.filename: member for member in archive.infolist() if member.filename.endswith(".npy")}
    hidden = {name for name in found if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)}
    return {name.removesuffix(".npy"): member for name, member in found.items() if name not in hidden}


def _points_called(members: Members, array: str | None, file: str) -> str:
    if array is not None:
        return _existing(members, array, "array", file)
    known = [name for name in members if name.lower() in POINT_NAMES]
    partners = {_partner(name, members) for name in members}
    candidates = known or [name for name in members if name.lower() not in LABEL_NAMES and name not in partners]
    if len(candidates) != 1:
        raise ValueError(
            f"`path` must hold one array, or one called {', '.join(POINT_NAMES)}, unless `array` names one, "
            f"but {file} holds {_listed(members)}."
        )
    return candidates[0]


def _labels_called(archive, members: Members, points: str, labels: str | None, file: str) -> str | None:
    if labels is not None:
        return _existing(members, labels, "labels", file)
    found = [name for name in members if name.lower() in LABEL_NAMES and name != points]
    if len(found) > 1:
        raise ValueError(
            f"`path` must hold at most one of labels, unless `labels` names one, but {file} holds {_listed(members)}."
        )
    partner = _partner(points, members)
    if partner is None:
        return found[0] if found else None
    # arrays without names may as well be two sets of points
    if partner.startswith("arr_") and not _is_column(archive, members[partner], file):
        raise ValueError(f"`path` must hold one array unless `array` names one, but {file} holds {_listed(members)}.")
    return partner


def _partner(points: str, members: Members) -> str | None:
    """The array that is called as the labels of these points would be, such as y_train beside x_train."""
    lower = {name.lower(): name for name in members}
    # at the beginning of a word, so that the labels of x_extra are y_extra
    names = [re.sub(rf"(?<![a-z]){old}", new, points.lower(), count=1) for old, new in PARTNERS]
    return next((lower[name] for name in names if name in lower and lower[name] != points), None)


def _is_column(archive, member: zipfile.ZipInfo, file: str) -> bool:
    with archive.open(member) as stream:
        shape, dtype, _ = read_header(stream, f"{member.filename} in {file}")
    return dtype.kind in "iubUS" and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))


def _existing(members: Members, name: str, argument: str, file: str) -> str:
    if name not in members:
        raise ValueError(f"`{argument}` must name an array in {file}, which holds {_listed(members)}, but is {name!r}.")
    return name


def _listed(members: Members) -> str:
    more = f" and {len(members) - SHOWN} more" if len(members) > SHOWN else ""
    return f"{len(members)}: {', '.join(list(members)[:SHOWN]) or 'none'}{more}"


def _codes(archive, member: zipfile.ZipInfo, file: str, n: int) -> tuple[Coded | tuple[None, None], tuple[str, ...]]:
    try:
        return coded_labels(read_member(archive, member, file, texts=True), n), ()
    except ValueError as error:
        note = f"The labels {member.filename.removesuffix('.npy')} were left out: {error}"
        warnings.warn(note, stacklevel=5)
        return (None, None), (note,)
