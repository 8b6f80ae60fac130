"""`diffmem papers`: what it prints, writes, keeps and refuses."""

import json
import math
from types import SimpleNamespace
from typing import NamedTuple

import jax
import pytest
import xarray as xr
from matplotlib.figure import Figure

from diffmem import papers
from diffmem.cli import main
from diffmem.papers import Claim, Measurement, Paper, Results, Variable

RUNS = []


class Settings(NamedTuple):
    scale: str
    n: int = 1


def paper_called(slug, value, fault=None):
    claims = (Claim("mean", "The mean of draws.", 0.0, -1.0, 1.0, "derived: symmetry", "derived"),)

    def experiment(settings, key):
        RUNS.append((slug, settings.scale, jax.random.key_data(key)[1].item()))
        if fault is not None:
            raise fault
        return Results({"mean": Measurement(value * settings.n, math.nan)}, xr.Dataset({"value": ("k", [value])}))

    def figure(results):
        drawn = Figure()
        drawn.add_subplot().plot(results.curves.value)
        return drawn

    code = SimpleNamespace(SMOKE=Settings("smoke"), FULL=Settings("full"), experiment=experiment, figure=figure)
    variables = {"value": Variable("the value", "1")}
    return Paper(slug, f"The title of {slug}", "2001.00001", "", claims, variables, lambda: code)


@pytest.fixture(autouse=True)
def three(monkeypatch, tmp_path):
    """Papers that meet, miss and fail; the working folder is empty."""
    found = {
        "first2020": paper_called("first2020", 0.5),
        "missing2021": paper_called("missing2021", 2.0),
        "broken2022": paper_called("broken2022", 0.0, RuntimeError("no memory")),
    }
    monkeypatch.setattr(papers, "slugs", lambda: tuple(sorted(found)))
    monkeypatch.setattr(papers, "paper", found.__getitem__)
    monkeypatch.chdir(tmp_path)
    RUNS.clear()
    return found


def code_of(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["papers", *arguments])
    return end.value.code


def test_list_names_every_paper(capsys):
    assert code_of("list") == 0
    out = capsys.readouterr().out
    assert all(slug in out for slug in ("first2020", "missing2021", "broken2022")) and "2001.00001" in out


def test_a_run_says_what_is_met_and_missed_and_writes_its_folder(capsys, tmp_path):
    assert code_of("run", "first2020", "missing2021", "--scale", "smoke", "--seed", "5", "--out", "found") == 0
    out, error = capsys.readouterr()
    assert "met    mean: 0.5, accepted [-1, 1]: The mean of draws." in out and "MISSED mean: 2" in out
    assert "[1/2] first2020" in error and "wrote found/missing2021" in error
    record = json.loads((tmp_path / "found" / "first2020" / "measurements.json").read_text())
    assert (record["scale"], record["seed"]) == ("smoke", 5)
    assert RUNS == [("first2020", "smoke", 5), ("missing2021", "smoke", 5)]


def test_strict_exits_with_one_when_a_claim_is_missed():
    assert code_of("run", "first2020", "--strict") == 0
    assert code_of("run", "first2020", "missing2021", "--strict") == 1


def test_a_second_run_computes_again_unless_it_resumes(capsys):
    code_of("run", "first2020")
    assert code_of("run", "first2020", "--resume") == 0 and len(RUNS) == 1
    assert "kept from an earlier run" in capsys.readouterr().err
    assert code_of("run", "first2020") == 0 and len(RUNS) == 2


def test_a_changed_setting_is_not_judged(capsys, tmp_path):
    arguments = "run", "missing2021", "--set", "n=3", "--strict", "--out", "other"
    assert code_of(*arguments) == 0
    assert "mean: 6, not judged: The mean of draws." in capsys.readouterr().out
    record = json.loads((tmp_path / "other" / "missing2021" / "measurements.json").read_text())
    assert record["changed"] == {"n": 3} and record["claims"][0]["met"] is None
    assert code_of(*arguments, "--resume") == 0 and len(RUNS) == 1
    # its folder is neither taken for a run of the claims nor replaced by one
    assert code_of("run", "missing2021", "--out", "other") == 2 and len(RUNS) == 1
    assert "other/missing2021 is one of scale full, seed 0, n=3" in capsys.readouterr().err


def test_a_paper_that_fails_does_not_stop_the_others(capsys):
    assert code_of("run") == 1
    assert [slug for slug, *_ in RUNS] == ["broken2022", "first2020", "missing2021"]
    out, error = capsys.readouterr()
    assert "broken2022 failed: RuntimeError: no memory" in error and "MISSED" in out
    # and is computed again, when the others are kept
    code_of("run", "--resume")
    assert [slug for slug, *_ in RUNS[3:]] == ["broken2022"]


def test_ctrl_c_keeps_the_finished_and_says_how_to_go_on(capsys, three):
    three["missing2021"] = paper_called("missing2021", 0.0, KeyboardInterrupt())
    assert code_of("run", "first2020", "missing2021", "--out", "found") == 130
    assert "finished papers are in found; run the same command with --resume to go on" in capsys.readouterr().err
    code_of("run", "first2020", "missing2021", "--out", "found", "--resume")
    assert [slug for slug, *_ in RUNS] == ["first2020", "missing2021", "missing2021"]


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["run", "first2020", "--scale", "large"], "`--scale` must be one of smoke, full, but is 'large'."),
        (["run", "first2020", "--seed", "-1"], "`seed` must be between 0 and"),
        (["run", "first2020", "--set", "m=1"], "`--set` must name a setting of first2020 (scale, n), but names 'm'."),
        (["run", "first2020", "--set", "n=few"], "`--set n` must be a whole number, but is 'few'."),
        (["run", "first2020", "--out", "file"], "`--out` must be a folder, but file is a file."),
        (["report"], "papers must hold runs of `diffmem papers run`, but there is none."),
        (["report", "--into", "nowhere.md"], "papers must hold runs"),
    ],
)
def test_bad_input_is_one_sentence_before_any_work(arguments, sentence, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert code_of(*arguments) == 2
    out, error = capsys.readouterr()
    assert out == "" and sentence in error and len(error.splitlines()) == 1 and not RUNS


def test_other_settings_in_the_folder_are_refused_and_nothing_is_lost(capsys, tmp_path):
    code_of("run", "first2020")
    kept = (tmp_path / "papers" / "first2020" / "measurements.json").read_bytes()
    assert code_of("run", "missing2021", "first2020", "--seed", "1") == 2 and len(RUNS) == 1
    assert "choose another folder (--out) or delete that one" in capsys.readouterr().err
    assert (tmp_path / "papers" / "first2020" / "measurements.json").read_bytes() == kept


def test_report_prints_the_table_or_puts_it_between_marks(capsys, tmp_path):
    code_of("run", "first2020")
    capsys.readouterr()
    assert code_of("report") == 0
    assert "| [first2020](https://arxiv.org/abs/2001.00001) | The mean of draws. |" in capsys.readouterr().out
    page = tmp_path / "page.md"
    page.write_text("# Papers\n<!-- papers: begin -->\n<!-- papers: end -->\nthe end\n")
    assert code_of("report", "papers", "--into", "page.md") == 0
    assert "first2020" in page.read_text() and page.read_text().endswith("the end\n")


def test_help_teaches(capsys):
    assert code_of("run", "--help") == 0
    text = capsys.readouterr().out
    for word in ("measurements.json", "curves.nc", "figure.png", "--strict", "--set", "--resume", "Ctrl-C", "smoke"):
        assert word in text


def test_quiet_prints_errors_only_and_writes_the_same_files(capsys, tmp_path):
    assert code_of("run", "first2020", "missing2021", "broken2022", "--quiet", "--strict") == 1
    assert capsys.readouterr() == ("", "broken2022 failed: RuntimeError: no memory\n")
    assert (tmp_path / "papers" / "missing2021" / "figure.png").exists()
    assert code_of("list", "--quiet") == 0
    assert capsys.readouterr().out.split() == ["broken2022", "first2020", "missing2021"]
    page = tmp_path / "page.md"
    page.write_text("<!-- papers: begin --><!-- papers: end -->")
    assert code_of("report", "papers", "--into", "page.md", "-q") == 0
    assert capsys.readouterr() == ("", "") and "first2020" in page.read_text()


def test_json_is_one_document_of_what_was_measured(capsys, tmp_path):
    assert code_of("run", "first2020", "broken2022", "--json") == 1
    out, error = capsys.readouterr()
    first, broken = json.loads(out)
    stored = json.loads((tmp_path / "papers" / "first2020" / "measurements.json").read_text())
    assert first == {**stored, "folder": "papers/first2020"} and "[1/2] first2020" in error
    assert first["claims"][0]["error"] is None  # what is not known has no number in JSON
    assert broken == {"slug": "broken2022", "error": "RuntimeError: no memory"}
    assert code_of("report", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [stored]
    assert code_of("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed[1] == {
        "paper": "first2020",
        "arxiv": "2001.00001",
        "claims": {"full": 1, "smoke": 1},
        "title": "The title of first2020",
    }


def test_what_was_damaged_since_is_computed_again(capsys, tmp_path):
    code_of("run", "first2020", "missing2021")
    record = tmp_path / "papers" / "first2020" / "measurements.json"
    record.write_text(record.read_text().replace('"measured": 0.5', '"measured": 0.25'))
    assert code_of("report") == 2
    assert "first2020/measurements.json must hold the measurements of a paper as they were" in capsys.readouterr().err
    (tmp_path / "papers" / "missing2021" / "curves.nc").write_bytes(b"")
    code_of("run", "first2020", "missing2021", "--resume")
    assert [slug for slug, *_ in RUNS[2:]] == ["first2020", "missing2021"]
    assert json.loads(record.read_text())["claims"][0]["measured"] == 0.5
