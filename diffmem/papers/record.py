"""One run of a paper on disk: its measurements, its curves and its figure, in a folder of their own."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

from .. import __version__
from ..studies.seeds import check_seed
from ..studies.store import save, written_whole
from .base import SCALES, Claim, Measurement, Paper, Results, Scale

MEASUREMENTS, CURVES, FIGURE = "measurements.json", "curves.nc", "figure.png"

Record = dict[str, Any]
"""The content of `measurements.json`."""


def run_paper(paper: Paper, folder: str | os.PathLike[str], scale: Scale = "full", seed: int = 0) -> Record:
    """Compute a paper with the key of `seed`, and write into `folder` (made if needed):

        measurements.json   slug, scale, seed, and for each claim key, expected, low, high, measured, error, met
        curves.nc           an xarray dataset, all that the figure shows
        figure.png          the figure

    The measurements are written last: a folder that has them is complete. Returns them as they are read back.
    Raises ValueError for an unknown scale and a seed outside [0, 2^31).
    """
    import jax

    if scale not in SCALES:
        raise ValueError(f"`scale` must be one of {', '.join(SCALES)}, but is {scale!r}.")
    check_seed(seed)
    folder = Path(folder)
    start = time.perf_counter()
    results = paper.run(scale, jax.random.key(seed))
    record = as_record(paper, scale, seed, results, time.perf_counter() - start)
    facts = {name: record[name] for name in ("slug", "title", "arxiv", "scale", "seed", "version", "precision")}
    save(results.curves.assign_attrs(facts), folder / CURVES)
    with written_whole(folder / FIGURE) as partial:
        paper.draw(results).savefig(partial, format="png")
    with written_whole(folder / MEASUREMENTS) as partial:
        partial.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    return record


def as_record(paper: Paper, scale: Scale, seed: int, results: Results, seconds: float) -> Record:
    """The measurements beside their claims; NaN and open ends are None, as JSON has neither.

    Raises ValueError where a claim of the scale was not measured, or something was measured that no claim names.
    """
    import jax

    claims = paper.claims_at(scale)
    wanted, found = {claim.key for claim in claims}, set(results.measured)
    if wanted != found:
        raise ValueError(
            f"`run` of {paper.slug} must measure each claim of its scale and nothing else, "
            f"but {sorted(wanted - found)} are missing and {sorted(found - wanted)} are not claimed."
        )
    return {
        "slug": paper.slug,
        "title": paper.title,
        "arxiv": paper.arxiv,
        "scale": scale,
        "seed": seed,
        "version": __version__,
        "precision": "float64" if jax.config.jax_enable_x64 else "float32",
        "seconds": round(seconds, 1),
        "claims": [_line(claim, results.measured[claim.key]) for claim in claims],
    }


def read_record(folder: str | os.PathLike[str]) -> Record | None:
    """The measurements in a folder; None where there are none.

    Raises ValueError where the file is there but is no record.
    """
    path = Path(folder) / MEASUREMENTS
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text())
    except ValueError:
        record = None
    if not isinstance(record, dict) or not {"slug", "scale", "seed", "claims"} <= record.keys():
        raise ValueError(f"{path} must hold the measurements of a paper, but cannot be read as such.")
    return record


def is_current(record: Record | None, paper: Paper, scale: Scale, seed: int) -> bool:
    """Whether a record is what a run would write now: same scale, seed and version, and the same claims."""
    if record is None:
        return False
    wanted = [_identity(claim) for claim in paper.claims_at(scale)]
    kept = [{name: line.get(name) for name in wanted[0]} for line in record["claims"]] if wanted else []
    same = (record["slug"], record["scale"], record["seed"], record.get("version"))
    return same == (paper.slug, scale, seed, __version__) and kept == wanted


def _identity(claim: Claim) -> Record:
    return {
        "key": claim.key,
        "statement": claim.statement,
        "expected": _finite(claim.expected),
        "low": _finite(claim.low),
        "high": _finite(claim.high),
        "source": claim.source,
        "kind": claim.kind,
    }


def _line(claim: Claim, found: Measurement) -> Record:
    value = float(found.value)
    return {
        **_identity(claim),
        "measured": _finite(value),
        "error": _finite(float(found.error)),
        "met": claim.met(value),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
