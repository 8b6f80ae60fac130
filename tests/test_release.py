"""What is published: one version, and archives that hold what users and tests need."""

import importlib.util
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import diffmem

ROOT = Path(__file__).parents[1]
NOT_NEEDED = re.compile(r"\.gitignore|\.gitattributes")  # hatch adds the first by itself


def test_the_version_stands_in_one_place_and_others_agree():
    version = re.escape(diffmem.__version__)
    assert re.search(rf"^version: {version}$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert next(name for name in headings if name != "Unreleased") == diffmem.__version__
    assert not re.search(r"^version =", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The names in the wheel, and in the sdist without its first folder, built offline."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip('Archives are built where hatchling is installed: python -m pip install ".[test]"')
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", out], cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    assert (
        wheel.name.startswith(f"diffmem-{diffmem.__version__}-")
        and sdist.name == f"diffmem-{diffmem.__version__}.tar.gz"
    )
    with tarfile.open(sdist) as opened:
        source = {name.partition("/")[2] for name in opened.getnames()}
    return set(zipfile.ZipFile(wheel).namelist()), source


@pytest.mark.slow
def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(archives):
    wheel, _ = archives
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "diffmem").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "diffmem/py.typed" in wheel  # without it type checkers ignore every annotation
    assert {name for name in wheel if ".dist-info/" not in name} == package
    assert any(name.endswith("/licenses/LICENSE") for name in wheel)


@pytest.mark.slow
def test_the_sdist_holds_every_file_of_the_repository(archives):
    if not (ROOT / ".git").exists():
        pytest.skip("This is no clone of the repository, so that there is no list of its files.")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    missing = [name for name in listed if name and name not in archives[1] and not NOT_NEEDED.fullmatch(name)]
    assert not missing


USER = '''"""Somebody's own program."""

import diffmem as dm
import jax.random as jr
import numpy as np
from diffmem import integrators, metrics, processes, scores, theory, training

points = np.zeros((16, 4))
process = processes.EDM(sigma_max=20.0)
times = integrators.grids.karras(process, steps=8)
drawn = dm.sample(scores.Empirical(points), process, integrators.DDIM(), times, (4,), 10, key=jr.key(0))
copied: metrics.Memorization = metrics.memorization(drawn.points, points)
collapse: float = theory.collapse_time(process, n=10**100, spectrum=np.ones(4))
objective = training.ScoreMatching(training.LogUniform(0.02, 20.0), training.weights.EDM(0.75))
'''
WRONG = "import diffmem\ndiffmem.sample(1, 2, 3)\ndiffmem.scores.Nothing\nversion: int = diffmem.__version__\n"


@pytest.mark.slow
def test_a_type_checker_knows_the_interface_and_finds_wrong_calls(tmp_path):
    if importlib.util.find_spec("pyright") is None:
        pytest.skip('Types are checked where pyright is installed: python -m pip install ".[dev]"')
    for name, text in {"right.py": USER, "wrong.py": WRONG}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout)
    errors = [one for one in found["generalDiagnostics"] if one["severity"] == "error"]
    assert {Path(one["file"]).name for one in errors} == {"wrong.py"}, errors
    assert {one["range"]["start"]["line"] for one in errors} == {1, 2, 3}
