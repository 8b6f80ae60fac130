"""The persistent compilation cache of the command line: where it is, how it is moved and switched off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffmem.cli.compilation_cache import keep_compiled


def test_the_folder_is_in_the_users_cache():
    environment = {"XDG_CACHE_HOME": "/somewhere"}
    assert keep_compiled(environment) == Path("/somewhere/diffmem/compiled")
    assert environment["JAX_COMPILATION_CACHE_DIR"] == "/somewhere/diffmem/compiled"


def test_the_user_decides():
    moved = {"DIFFMEM_COMPILATION_CACHE": "~/there"}
    assert keep_compiled(moved) == Path.home() / "there"
    for given in ({"DIFFMEM_COMPILATION_CACHE": "0"}, {"JAX_COMPILATION_CACHE_DIR": "/own"}):
        before = dict(given)
        assert keep_compiled(given) is None and given == before


@pytest.mark.slow
def test_a_second_run_takes_what_the_first_compiled(tmp_path):
    """The command fills the folder, and a second run with the same shapes adds nothing to it."""
    cache = tmp_path / "cache"
    environment = {**os.environ, "DIFFMEM_COMPILATION_CACHE": str(cache)}
    # everything is kept: a function whose compilation takes about as long as the threshold is kept by chance
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    call = [sys.executable, "-c", "import sys; from diffmem.cli import main; main(sys.argv[1:])", "collapse"]
    call += ["--n", "16", "--d", "4", "--samples", "8", "--queries", "8"]
    kept = []
    for run in ("one", "two"):
        subprocess.run([*call, "--out", str(tmp_path / run)], env=environment, check=True, capture_output=True)
        kept.append({path.name for path in cache.iterdir() if path.name.endswith("-cache")})
    assert kept[0] and kept[1] == kept[0]
