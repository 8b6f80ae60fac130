"""The record of a question: rows, goals and entries, on disk as soon as they are known."""

import json
import math
from pathlib import Path
from typing import Any


class Book:
    """Rows of one case of one question, written to `path` whenever something is added."""

    def __init__(self, path: Path, scale: str):
        self.path, self.scale = path, scale
        self.content: dict[str, Any] = {"machine": {}, "rows": [], "goals": [], "entries": []}

    @property
    def full(self) -> bool:
        """Whether the stated sizes are wanted, not small ones that only show that everything runs."""
        return self.scale == "full"

    def machine(self, found: dict) -> None:
        """What ran it."""
        self.content["machine"] = found
        self._save()

    def row(self, case: str, method: str, *, seconds=None, failure: str | None = None, note: str = "", **numbers):
        """One line of the table; `seconds` are all the times taken."""
        row = {"case": case, "method": method, "failure": failure, "note": note, "seconds": seconds and sorted(seconds)}
        self.content["rows"].append(row | {name: finite(value) for name, value in numbers.items()})
        self._save()
        told = failure or (f"{row['seconds'][len(seconds) // 2]:.4g} s" if seconds else "done")
        print(f"    {case}: {method}: {told}", flush=True)

    def entry(self, **columns) -> None:
        """One line of the table of what are not times."""
        self.content["entries"].append({name: finite(value) for name, value in columns.items()})
        self._save()

    def goal(self, case: str, what: str, measured: float | None, *, most: float = math.inf, least: float = -math.inf):
        """Whether what was hoped for came out; `measured` None where it could not be measured."""
        measured = finite(measured)
        met = None if measured is None else bool(least <= measured <= most)
        bounds = {"least": finite(least), "most": finite(most)}
        self.content["goals"].append({"case": case, "what": what, "measured": measured, **bounds, "met": met})
        self._save()

    def _save(self) -> None:
        scratch = self.path.with_suffix(".part")
        scratch.write_text(json.dumps(self.content, indent=1))
        scratch.replace(self.path)


def finite(value):
    """A number as JSON has it: no infinity, no NaN, no NumPy."""
    if value is None or isinstance(value, (str, bool, list)):
        return value
    value = float(value)
    return value if math.isfinite(value) else None


def ratio(times: dict[str, float], over: str, under: str) -> float | None:
    """The ratio of two medians; None where one is missing."""
    return times[over] / times[under] if over in times and under in times else None
