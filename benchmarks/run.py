"""Measure, and write what was measured: `python benchmarks/run.py [NAME ...] [--scale smoke|full] [--out DIR]`.

Every case of every question runs in a process of its own, one after the other; what it measures is on disk at once as
`results/NAME.json`, and `README.md` is made from these files. `--scale full` writes into this folder, `--scale smoke`
into `smoke/` beside it unless told otherwise. `--report` only writes the README. The exit status is 1 where a case did
not finish.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import report

HERE = Path(__file__).parent
QUESTIONS = [
    "shapes",
    "neighbours",
    "audit",
    "detectors",
    "generated",
    "span",
    "gaussian_span",
    "random_energy",
    "compile",
    "steps",
    "sharded",
    "training_steps",
    "gpu_programs",
]
PAGE = [*QUESTIONS, "accelerator"]  # which is a script of its own
LIMIT = {"full": 900, "smoke": 150}  # seconds for a case
# variables that force a kernel of BLAS, which some machines set for old builds of it: a rival may choose its own
FORCED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def main() -> None:
    """Read the command line, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"questions, all by default: {', '.join(QUESTIONS)}")
    parser.add_argument("--scale", choices=("smoke", "full"), default="smoke")
    parser.add_argument("--out", type=Path, help="folder for README.md and results/")
    parser.add_argument("--report", action="store_true", help="only write the README from what is there")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(QUESTIONS))
    if unknown:
        parser.error(f"there is no question {unknown[0]!r}; choose from {', '.join(QUESTIONS)}")
    out = options.out or (HERE if options.scale == "full" else HERE / "smoke")
    (out / "results").mkdir(parents=True, exist_ok=True)
    failed = 0
    if not options.report:
        for name in options.names or QUESTIONS:
            failed += measure(name, options.scale, out / "results" / f"{name}.json")
            report.write(out, PAGE)
    report.write(out, PAGE)
    print(f"written: {out / 'README.md'}")
    sys.exit(bool(failed))


def measure(name: str, scale: str, path: Path) -> int:
    """Run the cases of a question, whose file is complete after each of them; how many did not finish."""
    question, cases, failures = loaded(name, scale)
    title, _, text = (question.__doc__ if question else name).partition("\n")
    found = {
        "name": name,
        "title": title,
        "text": text.strip(),
        "scale": scale,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": 0.0,
        "machine": {},
        "rows": [],
        "goals": [],
        "entries": [],
        "failures": failures,
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    for failure in failures:
        print(f"{name}: {failure['reason']}", flush=True)
    start = time.perf_counter()
    for case in cases:
        print(f"{name}: {case}", flush=True)
        book, failure = in_process(name, case, scale, getattr(question, "ENVIRONMENT", {}))
        found["machine"] = book.get("machine") or found["machine"]
        for part in ("rows", "goals", "entries"):
            found[part] += book.get(part, [])
        if failure:
            found["failures"].append({"case": case, "reason": failure})
            print(f"    {case}: {failure}", flush=True)
        found["seconds"] = time.perf_counter() - start
        path.write_text(json.dumps(found, indent=1) + "\n")
    return len(found["failures"])


def loaded(name: str, scale: str):
    """The module of a question, its cases, and why there are none where it cannot be imported."""
    try:
        question = importlib.import_module(name)
        return question, question.cases(scale == "full"), []
    except Exception as fault:
        return None, [], [{"case": name, "reason": f"{type(fault).__name__}: {fault}"}]


def in_process(name: str, case: str, scale: str, extra: dict[str, str]) -> tuple[dict, str | None]:
    """What one case left in its book, and why it stopped if it did not finish."""
    environment = {key: value for key, value in os.environ.items() if key not in FORCED} | extra
    # other runtimes want some of a GPU's memory as well
    environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.json"
        command = [sys.executable, str(HERE / "question.py"), name, case, scale, str(path)]
        # in a session of its own, so that what it started ends with it
        child = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
        failure = None
        try:
            complaints = child.communicate(timeout=LIMIT[scale])[1]
            if child.returncode:
                lines = complaints.strip().splitlines()
                failure = lines[-1][:300] if lines else f"ended with status {child.returncode}"
        except subprocess.TimeoutExpired:
            failure = f"stopped after {LIMIT[scale]} s"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        return json.loads(path.read_text()) if path.exists() else {}, failure


if __name__ == "__main__":
    main()
