"""Full disks, closed pipes, damaged cells, names with control characters and two runs in one folder.

Each was met by trying to break long runs on purpose; that a full disk ends HDF5 by a segmentation fault when it closes a
file is h5py issue 1566's kind, that a shared folder is filled by two runs is what users of clusters report.
"""

import contextlib
import errno
import importlib
import io
import json
import math
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from matplotlib.figure import Figure

from diffmem import networks, papers, scores, studies, training
from diffmem.cli import main
from diffmem.papers import Claim, Measurement, Paper, Results, Variable, run_paper
from diffmem.papers.record import intact

SIZES = (1, 2, 3, 4, 5, 6, 7, 8)


def ramp(n):
    return {"x": np.full(1000, float(n))}


def steep(n):
    return {"x": np.full(1000, 2.0 * n)}


def quiet(function, store, sizes=SIZES):
    return studies.sweep(function, {"n": sizes}, store=store, progress=False)


def hidden(folder):
    return [path.name for path in folder.rglob(".*")]


@contextlib.contextmanager
def mounted(folder, options):
    """A small disk in memory; the test is skipped where this is not allowed."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=60k") as folder:
        yield folder


def enlarge(folder):
    subprocess.run(["mount", "-o", "remount,size=10m", str(folder)], check=True)


class Settings(NamedTuple):
    n: int = 1


def paper_of(size=10, meanwhile=lambda: None):
    """A paper whose curves have `size` numbers, and whose experiment calls `meanwhile`."""

    def experiment(settings, key):
        meanwhile()
        return Results({"mean": Measurement(0.5)}, xr.Dataset({"value": ("k", np.arange(float(size)))}))

    def figure(results):
        drawn = Figure()
        drawn.add_subplot().plot(results.curves.value)
        return drawn

    code = SimpleNamespace(SMOKE=Settings(), FULL=Settings(2), experiment=experiment, figure=figure)
    claims = (Claim("mean", "The mean.", 0.0, -1.0, 1.0, "derived: nothing", "derived"),)
    return Paper("first2020", "A title", "2001.00001", "", claims, {"value": Variable("value", "1")}, lambda: code)


def fit(path, optimiser=None, progress=False):
    network = networks.ResidualMLP(3, 8, key=jax.random.key(0))
    start = scores.Learned(network, scores.predictions.Preconditioned(1.0), ratios=(0.1, 3.0))
    objective = training.ScoreMatching(training.LogUniform(0.1, 3.0))
    return training.fit(
        start,
        jnp.eye(3),
        objective,
        key=jax.random.key(1),
        steps=4,
        snapshots=[2, 4],
        batch=4,
        optimiser=optimiser,
        checkpoint=path,
        progress=progress,
    )


def code_of(*arguments):
    with pytest.raises(SystemExit) as end:
        main([*map(str, arguments)])
    return end.value.code


# full disks


def test_a_full_disk_stops_a_sweep_and_keeps_what_is_finished(small_disk):
    store = small_disk / "store"
    with pytest.raises(OSError, match="No space left") as stopped:
        quiet(ramp, store)
    assert stopped.value.errno == errno.ENOSPC and str(store) in stopped.value.filename
    kept = sorted(store.glob("*.nc"))
    assert 1 <= len(kept) < len(SIZES) and hidden(small_disk) == []
    enlarge(small_disk)
    found = quiet(ramp, store)
    np.testing.assert_array_equal(found.x[:, 0], SIZES)
    assert set(kept) < set(store.glob("*.nc"))


def test_a_full_disk_stops_papers_in_one_sentence_and_keeps_the_finished(small_disk, monkeypatch, capsys):
    found = {"first2020": paper_of(), "second2021": paper_of(10_000)._replace(slug="second2021")}
    monkeypatch.setattr(papers, "slugs", lambda: tuple(found))
    monkeypatch.setattr(papers, "paper", found.__getitem__)
    assert code_of("papers", "run", "--out", small_disk / "o") == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("diffmem: no space left on device: ") and error[-1].endswith("second2021/curves.nc.")
    assert intact(small_disk / "o" / "first2020") and hidden(small_disk) == []


def test_a_full_disk_is_seen_before_the_first_step_of_a_training(small_disk):
    (small_disk / "ballast").write_bytes(bytes(52_000))
    with pytest.raises(OSError, match="No space left") as stopped:
        fit(small_disk / "run.eqx", progress=lambda *told: pytest.fail("a step was taken"))
    assert stopped.value.filename == str(small_disk / "run.eqx")
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


@pytest.mark.slow
def test_a_full_disk_stops_a_collapse_study_in_one_sentence(small_disk, capsys):
    arguments = ["collapse", "--n", "16", "--n", "32", "--d", "4", "--samples", "16", "--queries", "16"]
    arguments += ["--out", str(small_disk / "o")]
    assert code_of(*arguments) == 2
    out, error = capsys.readouterr()
    last = error.splitlines()[-1]
    assert out == "" and last.startswith("diffmem: no space left on device: ") and "finished cells are in" in last
    assert len(list((small_disk / "o" / "cells").glob("*.nc"))) >= 1 and hidden(small_disk) == []
    enlarge(small_disk)
    assert code_of(*arguments) == 0


# folders that take no files


def test_a_disk_that_only_reads_is_seen_before_the_first_cell(tmp_path):
    with mounted(tmp_path / "disk", "ro,size=60k") as disk:
        with pytest.raises(OSError, match="Read-only file system"):
            quiet(lambda n: pytest.fail("a cell was computed"), disk / "store")
        with pytest.raises(ValueError, match="in which files can be made"):
            run_paper(paper_of(meanwhile=lambda: pytest.fail("it ran")), disk / "paper", "smoke")
        with pytest.raises(OSError, match="Read-only file system"):
            fit(disk / "run.eqx", progress=lambda *told: pytest.fail("a step was taken"))


@pytest.mark.parametrize("command", [["collapse"], ["papers", "run"]])
def test_a_folder_that_only_reads_is_refused_in_one_sentence(tmp_path, capsys, command):
    with mounted(tmp_path / "disk", "ro,size=60k") as disk:
        assert code_of(*command, "--out", disk / "o") == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1 and "in which files can be made" in error


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that takes no folders")
@pytest.mark.parametrize("command", ["audit --demo", "explain digits", "collapse"])
def test_a_folder_that_cannot_be_made_is_told_before_any_work(capsys, command):
    """Permissions alone do not tell it: those of /proc allow all."""
    assert code_of(*command.split(), "--out", "/proc/x") == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1 and "finished cells" not in error
    assert error.startswith("diffmem: `--out` must be a folder in which files can be made, but /proc allows none")


def test_cells_on_a_disk_that_only_reads_are_read(tmp_path):
    with mounted(tmp_path / "disk", "size=200k") as disk:
        expected = quiet(ramp, disk / "store", (1, 2))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        xr.testing.assert_identical(quiet(ramp, disk / "store", (1, 2)), expected)


def test_a_link_to_nowhere_is_named_as_the_cause(tmp_path, capsys):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "missing")
    sentence = f"must be a folder, but {link} is a link to {tmp_path / 'missing'}, which is not there."
    with pytest.raises(ValueError, match=r"`store` must be a folder, but .* is a link to .*missing"):
        quiet(ramp, link / "store")
    for command in (["collapse"], ["papers", "run"], ["papers", "rank"]):
        out = link / "rankings.json" if "rank" in command else link
        assert code_of(*command, "--out", out) == 2
        assert sentence in capsys.readouterr().err


def test_home_is_one_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    quiet(ramp, "~/x", (1,))
    run_paper(paper_of(), "~/paper", "smoke")
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["paper", "x"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


# damaged cells


def test_no_flipped_bit_of_a_cell_passes(tmp_path):
    expected = quiet(ramp, tmp_path, (1,))
    (path,) = tmp_path.glob("*.nc")
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    store = importlib.import_module("diffmem.studies.sweep.store")
    kept = store.Store(tmp_path, {}, pattern="*.nc", remedy="")
    assert kept.read(path.stem, "n = 1") is not None
    for position in rng.integers(0, 8 * len(whole), 400).tolist():
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.warns(UserWarning, match="n = 1 is computed again"):
            assert kept.read(path.stem, "n = 1") is None
    with pytest.warns(UserWarning, match="damaged"):
        xr.testing.assert_identical(quiet(ramp, tmp_path, (1,)), expected)
    assert path.read_bytes() == whole


def edited(path, change):
    """The cell with one change, as a tool for NetCDF files would write it."""
    cell = xr.load_dataset(path, engine="h5netcdf")
    change(cell)
    cell.to_netcdf(path, engine="h5netcdf")


def absurd(path):
    with h5py.File(path, "a") as file:
        file.create_dataset("y", shape=(2**50,), dtype="f8", chunks=(2**20,))


def linked(path):
    with h5py.File(path, "a") as file:
        del file["x"]
        file["x"] = h5py.ExternalLink(str(path.parent / "other.h5"), "/x")


def in_place_of(path, make):
    path.unlink()
    make(path)


DAMAGES = {
    "edited": lambda path: edited(path, lambda cell: cell.x.__setitem__(0, 7.5)),
    "absurd shape": absurd,
    "external link": linked,
    "pipe": lambda path: in_place_of(path, os.mkfifo),
    "endless": lambda path: in_place_of(path, lambda place: place.symlink_to("/dev/zero")),
    "huge": lambda path: os.truncate(path, 2**40),
    "link to nowhere": lambda path: in_place_of(path, lambda place: place.symlink_to("nowhere")),
    "another cell": lambda path: path.write_bytes(max(path.parent.glob("*.nc")).read_bytes()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_not_written_as_this_cell_is_computed_again(tmp_path, damage):
    expected = quiet(ramp, tmp_path, (1, 2))
    DAMAGES[damage](min(tmp_path.glob("*.nc")))
    with pytest.warns(UserWarning, match="is damaged: n = 1 is computed again"):
        xr.testing.assert_identical(quiet(ramp, tmp_path, (1, 2)), expected)


@pytest.mark.slow
def test_a_cell_of_a_study_under_another_name_is_computed_again(tmp_path):
    from diffmem import data

    points = data.gaussian(40, 3, key=jax.random.key(0))
    study = lambda: studies.collapse(points, n=(4, 16), d=(3,), samples=6, queries=8, steps=4, store=tmp_path)  # noqa: E731
    expected = study()
    (tmp_path / "n4_d3.nc").write_bytes((tmp_path / "n16_d3.nc").read_bytes())
    with pytest.warns(UserWarning, match="n = 4, d = 3 is computed again"):
        xr.testing.assert_identical(study(), expected)


def test_a_folder_in_the_place_of_a_cell_is_refused_before_work(tmp_path):
    quiet(ramp, tmp_path, (1,))
    (path,) = tmp_path.glob("*.nc")
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=r"must hold cells as files, but .* is a folder"):
        quiet(ramp, tmp_path, (1, 2))
    assert list(tmp_path.glob("*.nc")) == [path]


@pytest.mark.parametrize("name", ["measurements.json", "curves.nc", "figure.png"])
def test_no_flipped_bit_of_a_paper_is_kept(tmp_path, name):
    run_paper(paper_of(), tmp_path, "smoke")
    assert intact(tmp_path)
    path, rng = tmp_path / name, np.random.default_rng(0)
    whole = path.read_bytes()
    for position in rng.integers(0, 8 * len(whole), 100).tolist():
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        same = name == "measurements.json" and _same_json(flipped, whole)
        assert intact(tmp_path) == same


def _same_json(one, other):
    """A space that became another kind of space, or the case of an exponent, changes no number."""
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


def test_a_pipe_as_measurements_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "measurements.json")
    run_paper(paper_of(), tmp_path, "smoke")
    assert intact(tmp_path)


# two runs in one folder


def test_the_second_of_two_sweeps_with_other_settings_is_refused_while_the_first_goes_on(tmp_path):
    refused = []

    def first(n):
        with pytest.raises(ValueError, match="differ in function") as error:
            quiet(steep, tmp_path)
        refused.append(error)
        return n

    found = quiet(first, tmp_path, (1, 2))
    np.testing.assert_array_equal(found.value, (1, 2))
    assert len(refused) == 2


def test_a_sweep_whose_folder_was_taken_by_another_writes_nothing_into_it(tmp_path):
    def first(n):
        for path in tmp_path.iterdir():
            path.unlink()
        quiet(steep, tmp_path, (1,))
        return n

    with pytest.raises(ValueError, match="differ in function"):
        quiet(first, tmp_path, (1, 2))
    assert len(list(tmp_path.glob("*.nc"))) == 1


def test_a_sweep_that_was_stopped_before_its_first_cell_binds_no_other(tmp_path):
    def stopped(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quiet(stopped, tmp_path)
    np.testing.assert_array_equal(quiet(ramp, tmp_path, (1,)).x[0, 0], 1)


def test_the_second_of_two_runs_of_a_paper_with_other_settings_is_refused(tmp_path):
    def second():
        with pytest.raises(ValueError, match="is one of scale smoke, seed 0"):
            run_paper(paper_of(), tmp_path, "smoke", seed=1)

    assert run_paper(paper_of(meanwhile=second), tmp_path, "smoke")["seed"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.nc", "figure.png", "measurements.json"]


@pytest.mark.slow
def test_the_second_of_two_trainings_with_one_checkpoint_is_refused(tmp_path):
    def second(*told):
        with pytest.raises(ValueError, match="differs in optimiser"):
            fit(tmp_path / "run.eqx", optax.adam(0.3))

    fit(tmp_path / "run.eqx", progress=second)


def test_fresh_removes_what_a_killed_run_left(tmp_path):
    store = importlib.import_module("diffmem.studies.sweep.store")
    kept = store.Store(tmp_path, {"seed": 0}, pattern="n*_d*.nc", remedy="")
    kept.write("n4_d3", kept.packed("n4_d3", xr.Dataset({"x": 1.0})))
    for name in (".n4_d3.nc.1a2b3c4d.part", ".n16_d4.nc.9122", ".settings.json.1a2b3c4d.part", ".mine", "notes"):
        (tmp_path / name).touch()
    kept.clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", "notes"]


# names and streams


@pytest.fixture
def one_paper(monkeypatch):
    monkeypatch.setattr(papers, "slugs", lambda: ("first2020",))
    monkeypatch.setattr(papers, "paper", lambda slug: paper_of())


NAMES = ["a[/b]", "[red]", ":smile:", "a\x1b[31mb", "bell\x07", "back\rspace", "ä b"]


@pytest.mark.usefixtures("one_paper")
@pytest.mark.parametrize("name", NAMES)
def test_names_are_printed_as_they_are_and_move_no_cursor(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert code_of("papers", "run", "--scale", "smoke", "--out", name) == 0
    assert code_of("papers", "run", "--scale", "smoke", "--seed", "1", "--out", name) == 2
    out, error = capsys.readouterr()
    shown = name.encode("unicode_escape").decode() if not name.isprintable() else name
    assert f"wrote {shown}/first2020" in error and f"but {shown}/first2020 is one of" in error
    assert all(c.isprintable() or c == "\n" for c in out + error)
    assert (tmp_path / name / "first2020" / "measurements.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a[/b]c", "x\x1b[31m"])
def test_a_study_of_data_with_such_a_name_is_shown(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    path = name.replace("/", "_") + ".npy"
    np.save(path, np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))
    tiny = ["--n", "4", "--d", "3", "--samples", "6", "--queries", "8"]
    assert code_of("collapse", path, "--out", name, *tiny) == 0
    out, error = capsys.readouterr()
    assert all(c.isprintable() or c == "\n" for c in out + error)


def test_values_of_a_sweep_move_no_cursor(tmp_path, capsys):
    values = ["\x1b[2J", "[bold]", "ok"]
    for _ in range(2):
        studies.sweep(lambda text: len(text), {"text": values}, store=tmp_path)
        min(tmp_path.glob("*.nc")).write_bytes(b"damaged")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        studies.sweep(lambda text: len(text), {"text": values}, store=tmp_path)
    words = capsys.readouterr().err + "".join(str(warning.message) for warning in caught)
    assert "\x1b" not in words and "\\x1b[2J" in words


@pytest.mark.usefixtures("one_paper")
@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_pipe_ends_quietly_after_the_results_are_written(tmp_path, monkeypatch, capsys, closed):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, closed, stream)
        assert code_of("papers", "run", "--scale", "smoke", "--out", tmp_path / "o") == 0
        monkeypatch.undo()
    assert intact(tmp_path / "o" / "first2020")
    out, error = capsys.readouterr()
    assert "Error" not in out + error


@pytest.mark.usefixtures("one_paper")
def test_an_encoding_without_the_characters_loses_nothing(tmp_path, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert code_of("papers", "list") == 0
    run_paper(paper_of(), tmp_path / "ä" / "first2020", "full")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert code_of("papers", "report", tmp_path / "ä") == 0
    assert b"first2020" in written.getvalue() and b"The mean." in written.getvalue()


def test_standard_output_that_is_full_is_said():
    code = "from diffmem.cli import main; main(['papers', 'list'])"
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        run = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2 and run.stderr == "diffmem: no space left on device: standard output.\n"


@pytest.mark.parametrize("redirect", ["| head -1", ">&-", "2>&1 | head -1"])
def test_a_shell_that_closes_what_is_printed_hears_no_complaint(redirect):
    script = f"\"{sys.executable}\" -c \"from diffmem.cli import main; main(['papers', 'list'])\" {redirect}"
    run = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.slow
def test_a_study_whose_reader_has_gone_writes_all_its_files(tmp_path):
    tiny = "--n 16 --d 4 --samples 8 --queries 8"
    script = f'"{sys.executable}" -c "import sys; from diffmem.cli import main; main(sys.argv[1:])" collapse {tiny}'
    run = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{script} --out {tmp_path / 'o'} | head -1"], capture_output=True, text=True
    )
    assert run.returncode == 0 and "Error" not in run.stderr and "\x1b" not in run.stderr and "\r" not in run.stderr
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "cells",
        "collapse.nc",
        "collapse.png",
        "samples.png",
    ]


# memory


@pytest.mark.parametrize(
    "fault", [MemoryError("no room"), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes")]
)
def test_out_of_memory_is_one_sentence_and_keeps_finished_cells(tmp_path, monkeypatch, capsys, fault):
    module = importlib.import_module("diffmem.studies.collapse.study")

    def fails(dataset, n, *rest):
        if n == 32:
            raise fault
        return xr.Dataset({"x": math.pi})

    monkeypatch.setattr(module, "measure_cell", fails)
    assert code_of("collapse", "--n", "16,32", "--d", "4", "--out", tmp_path / "o") == 2
    out, error = capsys.readouterr()
    assert out == "" and "Traceback" not in error
    assert error.splitlines()[-1].startswith("diffmem: out of memory: finished cells are in")
    assert [path.name for path in (tmp_path / "o" / "cells").glob("*.nc")] == ["n16_d4.nc"]


def test_the_page_of_explore_is_whole_or_not_there(small_disk, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(small_disk))
    assert code_of("explore", "--out", "~/page.html") == 2
    out, error = capsys.readouterr()
    assert out == "" and error == f"diffmem: no space left on device: {small_disk / 'page.html'}.\n"
    assert list(small_disk.iterdir()) == []
