import json
import re
import webbrowser

import numpy as np
import pytest
from audits import images, save_images

from diffmem import data
from diffmem.cli import main

RNG = np.random.default_rng(3)


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        main(["explore", *map(str, arguments)])
    return end.value.code, *capsys.readouterr()


def given(path):
    """The data that a page was made for, or None."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())[1])


def saved(tmp_path, points):
    path = tmp_path / "points.npy"
    np.save(path, points)
    return path


def test_without_data_the_page_makes_its_own(tmp_path, capsys):
    out = tmp_path / "new folder" / "page.html"
    assert run(capsys, "--out", out) == (0, f"wrote {out}\n", "")
    assert given(out) is None
    assert out.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("d", [1, 2])
def test_points_of_a_file_are_in_the_page(tmp_path, capsys, d):
    points = RNG.normal(size=(7, d)).astype(np.float32)
    out = tmp_path / "page.html"
    assert run(capsys, "--data", saved(tmp_path, points), "--out", out)[0] == 0
    found = given(out)
    assert found["d"] == d and found["name"].startswith("7 points of ")
    pairs = np.array(found["points"])
    assert {tuple(row) for row in pairs[:, :d].astype(np.float32)} == {tuple(row) for row in points}
    assert (pairs[:, d:] == 0).all()


def test_many_dimensions_are_projected_before_points_are_drawn(tmp_path, capsys):
    """So that the principal components are those of all points, whatever number is shown."""
    out = tmp_path / "page.html"
    assert run(capsys, "--data", "digits", "--n", 30, "--out", out)[0] == 0
    found = given(out)
    whole = data.reduce_dimension(data.digits(), 2).points
    assert found["name"] == "30 points of digits, 2 principal components" and len(found["points"]) == 30
    assert {tuple(row) for row in np.float32(found["points"])} <= {tuple(row) for row in np.float32(whole)}


def test_a_larger_set_shows_a_hundred_points_and_the_seed_says_which(tmp_path, capsys):
    path, out = saved(tmp_path, RNG.normal(size=(300, 2))), tmp_path / "page.html"
    pages = []
    for arguments in ((), ("--seed", 1), ("--seed", 1), ("--d", 1)):
        assert run(capsys, "--data", path, "--out", out, *arguments)[0] == 0
        pages.append(given(out))
    assert [len(found["points"]) for found in pages] == [100] * 4 and pages[3]["d"] == 1
    assert pages[1] == pages[2] != pages[0]


def test_json_tells_what_is_in_the_page_and_quiet_nothing(tmp_path, capsys):
    folder, out = tmp_path / "photos", tmp_path / "page.html"
    save_images(folder, images(9, 4, 4, seed=1))
    (folder / "3.png").write_bytes(b"")
    code, text, noted = run(capsys, "--data", folder, "--n", 5, "--seed", 2, "--out", out, "--json")
    told = json.loads(text)
    assert code == 0 and noted == "" and told["settings"] == {"data": str(folder), "n": 5, "d": 2, "seed": 2}
    assert told["files"] == [str(out)] and told["bytes"] == out.stat().st_size
    source = told["source"]
    assert (source["points"], source["dimensions"], source["left_out"]) == (8, 16, 1)
    assert source["skipped"][0]["name"] == "3.png" and source["skipped"][0]["cause"]
    assert f"5 points of {source['name']}" == given(out)["name"]
    assert "5 of 8 points of photos" in run(capsys, "--data", folder, "--n", 5, "--out", out)[1]
    assert run(capsys, "--data", folder, "--out", out, "--quiet") == (0, "", "")
    assert json.loads(run(capsys, "--out", out, "--json")[1])["source"] is None


def test_it_is_opened_in_the_browser_if_asked(tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    out = tmp_path / "page.html"
    run(capsys, "--out", out)
    assert opened == []
    run(capsys, "--out", out, "--open")
    assert opened == [out.resolve().as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    code, text, error = run(capsys, "--out", out, "--open")
    assert code == 0 and text == f"wrote {out}\n" and error == f"No browser was found: open {out.resolve()} in one.\n"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--d", 3], "`--d` must be 1 or 2, but is 3."),
        (["--data", "digits", "--n", 0], "`--n` must be at least 1, but is 0."),
        (["--data", "digits", "--n", 501], "`--n` must be at most 500, but is 501."),
        (["--data", "digits", "--seed", -1], "`--seed` must be between 0 and 2147483647, but is -1."),
        (["--n", 5], "`--n` and `--d` need `--data`; without it they are chosen in the page."),
        (["--data", "nowhere"], "must be digits, mnist, or a file or folder that exists, but is 'nowhere'."),
    ],
)
def test_bad_input_is_refused_in_one_sentence(tmp_path, capsys, arguments, sentence):
    out = tmp_path / "page.html"
    code, text, error = run(capsys, *arguments, "--out", out)
    assert code == 2 and text == "" and sentence in error and error.count("\n") == 1
    assert not out.exists()


@pytest.mark.filterwarnings("error")
def test_points_that_are_too_large_are_refused_without_a_warning(tmp_path, capsys):
    points = np.float32(3e38) * np.sign(RNG.normal(size=(30, 16))).astype(np.float32)
    code, _, error = run(capsys, "--data", saved(tmp_path, points), "--out", tmp_path / "page.html")
    assert code == 2 and "too large" in error and error.count("\n") == 1


def test_a_folder_is_no_file(tmp_path, capsys):
    code, _, error = run(capsys, "--out", tmp_path)
    assert code == 2 and f"`--out` must be a file, but {tmp_path} is a folder." in error


def test_help_shows_examples(capsys):
    code, text, _ = run(capsys, "--help")
    assert code == 0 and "diffmem explore --data digits --n 50 --open" in text
