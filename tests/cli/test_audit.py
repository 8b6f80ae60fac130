"""`diffmem audit`: exit codes for pipelines, one sentence for bad input, the document on standard output."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
from audits import images, save_images

from diffmem import data
from diffmem.cli import main

TRAIN, TEST = images(80, 8, 8, seed=1), images(60, 8, 8, seed=2)
SAMPLES = np.concatenate([TRAIN[:10], images(30, 8, 8, seed=3)])


@pytest.fixture
def sets(tmp_path):
    for name, rows in (("train", TRAIN), ("test", TEST), ("samples", SAMPLES)):
        np.save(tmp_path / f"{name}.npy", rows)
    return tmp_path


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        main(["audit", *map(str, arguments)])
    return end.value.code, *capsys.readouterr()


def arguments(sets, *more):
    return (
        sets / "samples.npy",
        "--train",
        sets / "train.npy",
        "--test",
        sets / "test.npy",
        "--out",
        sets / "out",
        *more,
    )


def test_verdict_files_and_exit_codes(sets, capsys):
    code, text, progress = run(capsys, *arguments(sets))
    assert code == 0 and text.startswith("The model copies: 10 of 40")
    for name in ("audit.html", "audit.json", "copies.csv", "audit.nc", "curves.png", "distances.png", "copies.png"):
        assert f"wrote {sets / 'out' / name}" in text and (sets / "out" / name).exists()
    assert "samples, from 1 of 40" in progress
    code, _, again = run(capsys, *arguments(sets, "--fail-above", "0.24"))
    assert code == 1 and "0.25 of the samples are copies, above 0.24" in again
    assert "samples, from 1 of 40" not in again  # taken from the finished searches
    assert run(capsys, *arguments(sets, "--fail-above", "0.25"))[0] == 0


@pytest.mark.parametrize(("asked", "code"), [(["--flips"], 1), ([], 0)])
def test_mirrored_copies_are_told_and_counted_where_they_are_asked_for(sets, capsys, asked, code):
    np.save(sets / "samples.npy", np.concatenate([TRAIN[:10, :, ::-1], images(30, 8, 8, seed=3)]))
    found, text, error = run(capsys, *arguments(sets, "--fail-above", "0.24", *asked))
    assert found == code and ("mirrored, another 10 of 40 (held-out: 0 of 60" in text) == bool(asked)
    assert ("0.25 of the samples are copies by one rule or another, 0 by d1/d2, above 0.24" in error) == bool(asked)


def test_the_range_that_was_guessed_is_told(sets, capsys):
    for name in ("samples", "train", "test"):
        np.save(sets / f"{name}.npy", np.load(sets / f"{name}.npy") // 4)
    _, text, _ = run(capsys, *arguments(sets))
    assert "train: Values from 0 to 63, the range that these data were taken to have, became -1 to 1." in text


def test_the_document_alone_on_standard_output(sets, capsys):
    code, text, _ = run(capsys, *arguments(sets, "--json"))
    assert code == 0 and "wrote" not in text
    told = json.loads(text)
    assert told["fraction"] == 0.25 and told == json.loads((sets / "out" / "audit.json").read_text())
    assert told["inputs"]["samples"]["source"] == str(sets / "samples.npy")


def test_quiet_prints_nothing_and_writes_all(sets, capsys):
    assert run(capsys, *arguments(sets, "--quiet")) == (0, "", "")
    assert (sets / "out" / "audit.html").exists()


def test_folders_with_bad_files(tmp_path, capsys):
    save_images(tmp_path / "train", TRAIN)
    save_images(tmp_path / "samples", SAMPLES)
    (tmp_path / "samples" / "5.png").write_bytes(b"\x89PNG")
    code, text, _ = run(capsys, tmp_path / "samples", "--train", tmp_path / "train", "--out", tmp_path / "o", "--flips")
    assert code == 0 and "39 points, 1 left out: 5.png (" in text
    rows = (tmp_path / "o" / "copies.csv").read_text().splitlines()
    assert rows[1].split(",")[1:4] == ["0.png", "0.png", "True"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "`SAMPLES` and `--train` must be given"),
        (["samples.npy"], "`SAMPLES` and `--train` must be given"),
        (["samples.npy", "--train", "none.npy"], "`train` must be a file or folder that exists"),
        (["samples.npy", "--train", "train.npy", "--fail-above", "2"], "`--fail-above` must be between 0 and 1"),
        (["samples.npy", "--train", "train.npy", "--size", "a"], "`--size` must be whole numbers"),
        (["samples.npy", "--train", "train.npy", "--size", "1,2,3"], "`--size` must be one or two whole numbers"),
        (["samples.npy", "--train", "train.npy", "--size", "4"], "`size` must be used with a folder of images"),
        (["samples.npy", "--train", "train.npy", "--shape", "4,16"], "`shape` must be used with an array that holds"),
        (["samples.npy", "--train", "train.npy", "--share", "0.2"], "`--share` must be used with `--demo`"),
        (["samples.npy", "--train", "train.npy", "--range", "1"], "`--range` must be two numbers"),
        (["samples.npy", "--train", "one.npy"], "`train` must hold at least 2 distinct points, but holds 1 among 1."),
        (["samples.npy", "--train", "train.npy", "--test", "samples.npy"], "not seen, but is `samples`: samples.npy."),
        (["samples.npy", "--train", "unit.npy"], "seem to be in different units"),
        (["--demo", "--share", "2"], "`share` must be between 0 and 1"),
        (["samples.npy", "--demo"], "`--demo` must be used without sets"),
        (["samples.npy", "--train", "train.npy", "--out", "train.npy"], "`--out` must be a folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(given, message, sets, capsys, monkeypatch):
    monkeypatch.chdir(sets)
    np.save("one.npy", TRAIN[:1])
    np.save("unit.npy", np.random.default_rng(0).random((50, 8, 8)))
    code, text, error = run(capsys, *given)
    lines = [line for line in error.splitlines() if not line.startswith("[")]
    assert code == 2 and text == "" and len(lines) == 1 and message in lines[0]


def test_the_demonstration(tmp_path, capsys):
    code, text, _ = run(capsys, "--demo", "--share", "0.02", "--out", tmp_path)
    assert code == 0 and "Planted: 9 copies among 450 samples. Found: 9; 0 others." in text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are no text")
def test_names_that_are_no_text_are_told_by_their_bytes(tmp_path, capsys, monkeypatch):
    """Names in another encoding, as of old archives, in the folder, of a file that is read and of one that is not."""
    folder = tmp_path / os.fsdecode(b"photos\xe4")
    save_images(folder, TRAIN[:30])
    (folder / "3.png").rename(folder / os.fsdecode(b"\xff.png"))
    (folder / os.fsdecode(b"\xfe.png")).write_bytes(b"")
    out = tmp_path / "o"
    code, text, _ = run(capsys, folder, "--train", folder, "--out", out)
    assert code == 0 and "1 left out: \\xfe.png (" in text and "\\xff.png" in (out / "copies.csv").read_text()
    told = json.loads((out / "audit.json").read_text())["inputs"]["train"]
    assert told["source"].endswith("photos\\xe4") and told["skipped"][0]["name"] == "\\xfe.png"
    explained = data.load(folder)
    assert explained.name == "photos\\xe4" and "\\xff.png" in explained.names


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_teaches(capsys, option):
    code, text, _ = run(capsys, option)
    assert code == 0
    for word in ("audit.html", "--fail-above", "--demo --share 0.01", "data.npz:x_train", "Exit status", "Ctrl-C"):
        assert word in text


@pytest.mark.slow
def test_a_report_of_other_sets_in_the_folder_is_replaced(sets, capsys):
    run(capsys, *arguments(sets))
    shutil.copy(sets / "test.npy", sets / "samples.npy")
    run(capsys, *arguments(sets))
    assert json.loads((sets / "out" / "audit.json").read_text())["fraction"] == 0


def test_arrays_of_one_archive_one_after_the_other_in_one_folder(tmp_path, capsys):
    """Searches among one array were once taken for those among another."""
    np.savez(tmp_path / "two.npz", samples=SAMPLES, other=TEST, good=TRAIN, bad=images(80, 8, 8, seed=4))
    for samples, train, count in (("samples", "bad", 0), ("samples", "good", 10), ("other", "good", 0)):
        two = f"{tmp_path / 'two.npz'}:"
        code, text, _ = run(capsys, two + samples, "--train", two + train, "--json", "--out", tmp_path / "out")
        told = json.loads(text)
        assert code == 0 and told["copies"] == count
        assert not any("hold the same numbers" in limit for limit in told["limits"])


def test_tiles_of_one_grid_are_not_taken_for_those_of_another(tmp_path, capsys):
    parts = images(30, 8, 8, seed=5)
    parts[4:9, :4, :4] = TRAIN[10:15, :4, :4]
    np.save(tmp_path / "samples.npy", parts)
    np.save(tmp_path / "train.npy", TRAIN)
    sets = tmp_path / "samples.npy", "--train", tmp_path / "train.npy", "--json"
    found = {}
    for grid, out in ((2, "o"), (4, "o"), (4, "fresh")):
        text = run(capsys, *sets, "--tiles", grid, "--out", tmp_path / out)[1]
        found[grid, out] = json.loads(text)["changed_copies"]
    assert found[4, "o"] == found[4, "fresh"] != found[2, "o"]
