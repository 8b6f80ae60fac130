"""One run of a paper on disk: its measurements, its curves and its figure, in a folder of their own."""

import hashlib
import io
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..whole_files import (
    DIGEST,
    as_json,
    check_folder,
    create_file,
    expanded,
    remove_partial,
    replace_file,
    with_digest,
)
from .base import SCALES, Claim, Measurement, Paper, Results, Scale, Settings
from .settings import changes

if TYPE_CHECKING:
    import xarray as xr

MEASUREMENTS, CURVES, FIGURE = "measurements.json", "curves.nc", "figure.png"
RUNNING = "running.json"  # the settings of a run that goes on, or was killed

Record = dict[str, Any]
"""The content of `measurements.json`."""


def run_paper(
    paper: Paper,
    folder: str | os.PathLike[str],
    scale: Scale = "full",
    seed: int = 0,
    settings: Settings | None = None,
) -> Record:
    """Compute a paper with the key of `seed`, and write into `folder` (made if needed):

        measurements.json   slug, scale, seed, and for each claim key, expected, low, high, measured, error, met
        curves.nc           an xarray dataset, all that the figure shows
        figure.png          the figure

    `settings` in place of those of the scale are written down as `changed`; claims are then not judged, `met` is None.
    The measurements are written last: a folder that has them is complete. Returns them as they are read back.
    Raises ValueError for an unknown scale, a seed outside [0, 2^31), and a folder of a run with other settings, also
    one that still goes on; OSError where the folder takes no files. All are seen before the experiment begins.
    """
    import jax

    from ..checks import check_seed
    from ..studies.sweep.store import netcdf

    if scale not in SCALES:
        raise ValueError(f"`scale` must be one of {', '.join(SCALES)}, but is {scale!r}.")
    check_seed(seed)
    folder, code, original = expanded(folder), paper.load(), paper.settings_at(scale)
    settings = original if settings is None else settings
    with _claimed(folder, scale, seed, changes(settings, original)):
        start = time.perf_counter()
        results = code.experiment(settings, jax.random.key(seed))
        record = as_record(paper, scale, seed, results, time.perf_counter() - start, changes(settings, original))
        facts = {name: record[name] for name in ("slug", "title", "arxiv", "scale", "seed", "version", "precision")}
        facts["changed"] = json.dumps(record["changed"])
        image = io.BytesIO()
        code.figure(results).savefig(image, format="png")
        files = {CURVES: netcdf(described(paper, results.curves).assign_attrs(facts)), FIGURE: image.getvalue()}
        for name, content in files.items():
            replace_file(folder / name, content)
        record["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        record = with_digest(record)
        replace_file(folder / MEASUREMENTS, as_json(record))
    return record


@contextmanager
def _claimed(folder: Path, scale: Scale, seed: int, changed: Mapping[str, Any]) -> Iterator[None]:
    """The settings written first, so that of two runs with different ones in a folder the second is refused."""
    check_folder("folder", folder)
    check_run(folder, scale, seed, changed)
    for name in (MEASUREMENTS, CURVES, FIGURE, RUNNING):
        remove_partial(folder, name)
    running, settings = folder / RUNNING, {"scale": scale, "seed": seed, "changed": _in_json(changed)}
    if not create_file(running, as_json(settings)):
        check_run(folder, scale, seed, changed)
    try:
        yield
    finally:
        running.unlink(missing_ok=True)


def check_run(folder: Path, scale: Scale, seed: int, changed: Mapping[str, Any]) -> None:
    """Raise ValueError where a folder holds a run of other settings, finished or going on."""
    for name in (MEASUREMENTS, RUNNING):
        record = _fields(folder / name)
        if record is None or same_settings(record, scale, seed, changed):
            continue
        there = f"scale {record.get('scale')}, seed {record.get('seed')}"
        there += "".join(f", {name}={value}" for name, value in record.get("changed", {}).items())
        raise ValueError(
            f"`--out` must not hold runs of other settings, but {folder} is one of {there}: "
            f"choose another folder (--out) or delete that one."
        )


def as_record(
    paper: Paper, scale: Scale, seed: int, results: Results, seconds: float, changed: Mapping[str, Any]
) -> Record:
    """The measurements beside their claims; NaN and open ends are None, as JSON has neither.

    Raises ValueError where, at the settings of the scale, a claim was not measured or a measurement is not claimed.
    """
    import jax

    wanted, found = [claim.key for claim in paper.claims_at(scale)], results.measured
    if set(wanted) != found.keys() and not changed:
        raise ValueError(
            f"The experiment of {paper.slug} must measure each claim of its scale and nothing else, "
            f"but {sorted(set(wanted) - found.keys())} are missing and {sorted(found.keys() - wanted)} are not claimed."
        )
    claims = {claim.key: claim for claim in paper.claims}
    keys = found if changed else wanted
    lines = [_line(key, found[key], claims.get(key), judged=not changed) for key in keys]
    return {
        "slug": paper.slug,
        "title": paper.title,
        "arxiv": paper.arxiv,
        "scale": scale,
        "seed": seed,
        "changed": _in_json(changed),
        "version": __version__,
        "precision": "float64" if jax.config.jax_enable_x64 else "float32",
        "seconds": round(seconds, 1),
        "claims": lines,
    }


def described(paper: Paper, curves: "xr.Dataset") -> "xr.Dataset":
    """The curves with the long name and the units of each variable and coordinate.

    Raises ValueError where the paper does not describe one.
    """
    missing = sorted(str(name) for name in curves.variables if name not in paper.variables)
    if missing:
        raise ValueError(
            f"claims.toml of {paper.slug} must describe each variable of its curves, but misses {missing}."
        )
    curves = curves.copy()
    for name in curves.variables:
        curves[name].attrs = paper.variables[str(name)]._asdict()
    return curves


def read_record(folder: str | os.PathLike[str]) -> Record | None:
    """The measurements in a folder; None where there are none.

    Raises ValueError where the file is there but is no record, or has changed since it was written.
    """
    path = expanded(folder) / MEASUREMENTS
    if not os.path.lexists(path):
        return None
    record = _fields(path)
    if record is None or not {"slug", "scale", "seed", "claims"} <= record.keys():
        raise ValueError(f"{path} must hold the measurements of a paper, but cannot be read as such.")
    if DIGEST in record and with_digest(record) != record:
        raise ValueError(f"{path} must hold the measurements of a paper as they were written, but has changed since.")
    return record


def _fields(path: Path) -> Record | None:
    """The fields of a JSON file; None where there is none."""
    try:
        record = json.loads(path.read_bytes()) if path.is_file() else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def intact(folder: Path) -> bool:
    """Whether a folder holds the measurements, the curves and the figure of a run as they were written."""
    try:
        record = read_record(folder)
        if record is None or with_digest(record) != record:
            return False
        found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (CURVES, FIGURE)}
    except (OSError, ValueError):
        return False
    return record.get("files") == found


def same_settings(record: Record, scale: Scale, seed: int, changed: Mapping[str, Any]) -> bool:
    """Whether a record is of this scale, seed and changed settings."""
    return (record.get("scale"), record.get("seed"), record.get("changed", {})) == (scale, seed, _in_json(changed))


def is_current(
    record: Record | None, paper: Paper, scale: Scale, seed: int, changed: Mapping[str, Any] | None = None
) -> bool:
    """Whether a record is what a run would write now: same settings and version, and the claims have not changed."""
    if record is None or not same_settings(record, scale, seed, changed or {}):
        return False
    wanted = {claim.key: _interval(claim) for claim in paper.claims_at(scale)}
    kept = {line["key"]: {name: line.get(name) for name in ("expected", "low", "high")} for line in record["claims"]}
    same = (record["slug"], record.get("version")) == (paper.slug, __version__)
    return same and (bool(changed) or kept == wanted)


def _interval(claim: Claim) -> Record:
    return {"expected": _finite(claim.expected), "low": _finite(claim.low), "high": _finite(claim.high)}


def _line(key: str, found: Measurement, claim: Claim | None, judged: bool) -> Record:
    interval: Record = dict.fromkeys(("expected", "low", "high")) if claim is None else _interval(claim)
    measured = {"measured": _finite(float(found.value)), "error": _finite(float(found.error))}
    return {"key": key, **interval, **measured, "met": claim.met(float(found.value)) if claim and judged else None}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _in_json(changed: Mapping[str, Any]) -> Record:
    """Tuples as lists, as they are read back."""
    return json.loads(json.dumps(dict(changed)))
