import json
import sys

import numpy as np
import pytest
from audits import images, save_images

import diffmem
from diffmem.cli import main

RNG = np.random.default_rng(5)
POINTS = RNG.normal(size=(60, 6))
MODULE = """
def denoise(x, alpha, sigma):
    return x / (1 + sigma[:, None] ** 2)
"""


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        main(["explain", *map(str, arguments)])
    return end.value.code, *capsys.readouterr()


@pytest.fixture
def points(tmp_path):
    np.save(tmp_path / "points.npy", POINTS)
    return tmp_path / "points.npy"


def test_the_command_says_and_writes_what_the_library_finds(points, tmp_path, capsys):
    out = tmp_path / "new folder"
    code, said, _ = run(capsys, points, "--below", 0.7, "--n", "100,1000", "--process", "edm", "--out", out)
    assert code == 0
    found = diffmem.explain(diffmem.data.load(points), below=0.7, n=(100, 1000), process=diffmem.processes.EDM())
    for sentence in found.summary().split(". "):
        assert sentence.rstrip(".") in said.replace("\n", " ")
    told = json.loads((out / "explain.json").read_text())
    assert told["collapse"]["ratio"] == float(found.collapse.value)
    # on the clock of EDM the time is the noise
    assert told["collapse"]["time"] == pytest.approx(told["collapse"]["ratio"], rel=1e-6)
    assert [row["n"] for row in told["against_number"]] == [60, 100, 1000]
    files = {"explain.html", "explain.json", "explain.csv", "points.csv", "explain.nc", "explain.png"}
    assert {path.name for path in out.iterdir()} == files
    assert all(f"wrote {out / name}" in said for name in files)


@pytest.mark.slow
def test_json_is_the_document_and_quiet_is_silent(points, tmp_path, capsys):
    code, said, noted = run(capsys, points, "--json", "--quiet", "--out", tmp_path / "a")
    assert code == 0 and noted == ""
    assert json.loads(said) == json.loads((tmp_path / "a" / "explain.json").read_text())
    assert run(capsys, points, "--quiet", "--out", tmp_path / "b") == (0, "", "")
    assert (tmp_path / "a" / "explain.json").read_text() == (tmp_path / "b" / "explain.json").read_text()


@pytest.mark.slow
def test_a_network_of_the_current_folder_is_set_beside_the_optimum(points, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "network_of_this_folder.py").write_text(MODULE)
    np.save(tmp_path / "others.npy", RNG.normal(size=(20, 6)))
    network = "network_of_this_folder:denoise"
    options = "--network", network, "--held-out", "others.npy", "--queries", 16, "--quiet", "--out", "out"
    assert run(capsys, points, *options)[0] == 0
    told = json.loads((tmp_path / "out" / "explain.json").read_text())["network"]
    # the denoiser of N(0, I), of which these points are draws, follows the exact score of no 60 of them
    assert "Nor does it at the collapse (measured at" in told["summary"] and set(told["loss"]) == {"train", "held_out"}
    assert (tmp_path / "out" / "network.nc").exists() and (tmp_path / "out" / "network.png").exists()
    assert told["summary"].split(".")[0] in (tmp_path / "out" / "explain.html").read_text().replace(
        "&sigma;/&alpha;", "sigma/alpha"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["absent.npy"], "a file or folder that exists"),
        (["--below", "-1"], "`below` must be a positive noise"),
        (["--n", "many"], "`--n` must be whole numbers"),
        (["--network", "nothing"], "module:function"),
        (["--held-out", "digits"], "must come with the `--network`"),
        (["--predicts", "noise"], "`--predicts` must come with the `--network`"),
        (["--queries", "8"], "`--queries` must come with the `--network`"),
        (["--process", "brown"], "`--process` must be one of"),
        (["--network", "json:dumps", "--predicts", "cats"], "json:dumps"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(arguments, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said, noted = run(capsys, *arguments)
    assert code == 2 and said == "" and sentence in noted
    assert noted.count("\n") == 1 and not list(tmp_path.iterdir())


def test_help_teaches(capsys):
    code, said, _ = run(capsys, "--help")
    assert code == 0
    for word in ("explain.html", "explain.json", "points.csv", "--below", "photos/ --below 0.1", "mine:load"):
        assert word in said


def test_unreadable_files_are_left_out_and_listed(tmp_path, capsys, monkeypatch):
    """In the sentences, the document and the page, for the data and for the held-out points."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "network_beside_photos.py").write_text("def denoise(x, alpha, sigma):\n    return x")
    for folder, count in (("photos", 40), ("unseen", 9)):
        save_images(tmp_path / folder, images(count, 4, 4, seed=count))
        (tmp_path / folder / "3.png").write_bytes(b"\x89PNG")
    (tmp_path / "unseen" / "5.png").write_bytes(b"")
    options = "--network", "network_beside_photos:denoise", "--held-out", "unseen", "--queries", 8, "--out", "out"
    code, said, _ = run(capsys, "photos", *options)
    assert (
        code == 0 and "39 points, in 16 dimensions (4 x 4). 1 file could not be read and was left out: 3.png (" in said
    )
    assert "Of the held-out points 2 files could not be read and were left out: 3.png (" in said
    told = json.loads((tmp_path / "out" / "explain.json").read_text())
    (one,) = told["input"]["skipped"]
    assert told["input"]["left_out"] == 1 and one["name"] == "3.png" and "cannot identify" in one["cause"]
    other = told["network"]["held_out"]
    assert (other["source"], other["points"], other["left_out"]) == ("unseen", 7, 2)
    page = (tmp_path / "out" / "explain.html").read_text()
    assert "<h3>Left out: 3</h3>" in page and page.count(one["cause"]) >= 3
    # one collapse leads, the measured one, and the spectrum's has its name
    assert told["network"]["collapse"] == {"ratio": told["collapse"]["ratio"], "is": "measured"}
    assert f"the collapse (measured at {told['collapse']['ratio']:.3g})" in said
    assert f"alone would put it at &sigma;/&alpha; = {told['network']['collapse_by_spectrum']:.3g}" in page
