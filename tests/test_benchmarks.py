"""The benchmarks run, and write what their page is made from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(out: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "JAX_ENABLE_X64": "0"}
    command = [sys.executable, str(FOLDER / "run.py"), "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.slow
def test_a_question_is_answered_and_its_page_says_what_was_measured(tmp_path):
    ended = run(tmp_path, "random_energy", "--scale", "smoke")
    assert ended.returncode == 0, ended.stderr
    found = json.loads((tmp_path / "results" / "random_energy.json").read_text())
    assert found["name"] == "random_energy" and found["scale"] == "smoke" and not found["failures"]
    assert {"processor", "cores", "memory_bytes", "load", "device", "versions", "copy_bandwidth"} <= set(
        found["machine"]
    )
    (row,) = found["rows"]
    assert row["failure"] is None and len(row["seconds"]) >= 3 and row["seconds"] == sorted(row["seconds"])
    assert row["seconds"][0] > 0 and row["memory_bytes"] >= 0
    (goal,) = found["goals"]
    assert goal["met"] is (goal["measured"] <= goal["most"] == 60)
    weights = [entry["own weight"] for entry in found["entries"]]
    assert all(0 <= weight <= 1 for weight in weights) and weights == sorted(weights, reverse=True)
    page = (tmp_path / "README.md").read_text()
    assert found["title"] in page and "1 met, 0 missed, 0 not measured" in page


@pytest.mark.slow
def test_a_case_that_breaks_is_recorded_and_ends_nothing(tmp_path):
    """Here by running out of time, which ends its process and not the run."""
    program = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n"
        "import pathlib, run\n"
        "run.LIMIT['smoke'] = 0.1\n"
        f"run.measure('steps', 'smoke', pathlib.Path({str(tmp_path / 'steps.json')!r}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    found = json.loads((tmp_path / "steps.json").read_text())
    assert [failure["reason"] for failure in found["failures"]] == ["stopped after 0.1 s"] * 3
    assert found["rows"] == []


def test_an_unknown_question_is_refused(tmp_path):
    ended = run(tmp_path, "no_such_question")
    assert ended.returncode == 2 and "there is no question 'no_such_question'" in ended.stderr
    assert list(tmp_path.iterdir()) == []
