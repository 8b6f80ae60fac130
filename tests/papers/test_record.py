"""A run of a paper on disk: what it writes, when it is kept, and the table that is made of it."""

import json
import math
from types import SimpleNamespace
from typing import NamedTuple

import jax
import pytest
import xarray as xr
from matplotlib.figure import Figure

from diffmem import papers
from diffmem.papers import Claim, Measurement, Paper, Results, Variable, read_record, run_paper
from diffmem.papers.record import CURVES, FIGURE, MEASUREMENTS, as_record, described, is_current
from diffmem.papers.report import as_table, records_in, replaced, summary


def claim(key, low, high, scales=("smoke", "full")):
    return Claim(key, f"The {key}.", 1.0, low, high, "derived: nothing", "derived", scales)


CLAIMS = (claim("mean", 0.5, 2.0), claim("ratio", 1.25, math.inf), claim("late", -math.inf, 0.1, ("full",)))


class Settings(NamedTuple):
    late: bool = True
    sizes: tuple[int, ...] = (3, 4)


def experiment(settings, key):
    found = {"mean": Measurement(1.5, 0.1), "ratio": Measurement(1.0)}
    found |= {"late": Measurement(0.1, 0.0)} if settings.late else {}
    draws = jax.random.normal(key, (settings.sizes[0],))
    return Results(found, xr.Dataset({"curve": ("k", draws)}))


def figure(results):
    drawn = Figure()
    drawn.add_subplot().plot(results.curves.curve)
    return drawn


CODE = SimpleNamespace(SMOKE=Settings(late=False), FULL=Settings(), experiment=experiment, figure=figure)
VARIABLES = {"curve": Variable("draws", "1"), "other": Variable("never computed", "")}
PAPER = Paper("somebody2020", "A title", "2001.00001", "What stands for what.", CLAIMS, VARIABLES, lambda: CODE)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(papers, "paper", {PAPER.slug: PAPER}.__getitem__)


def test_a_run_writes_measurements_curves_and_figure(tmp_path):
    record = run_paper(PAPER, tmp_path / "one", "full", seed=3)
    assert read_record(tmp_path / "one") == record == json.loads((tmp_path / "one" / MEASUREMENTS).read_text())
    assert (record["slug"], record["scale"], record["seed"]) == ("somebody2020", "full", 3)
    mean, ratio, late = record["claims"]
    assert (mean["key"], mean["low"], mean["high"], mean["measured"], mean["error"]) == ("mean", 0.5, 2.0, 1.5, 0.1)
    assert mean["met"] is True
    # open ends and unknown errors have no number in JSON; both ends belong to the interval
    assert ratio["high"] is None and ratio["error"] is None and ratio["met"] is False
    assert late["low"] is None and late["met"] is True
    curves = xr.load_dataset(tmp_path / "one" / CURVES, engine="h5netcdf")
    assert curves.attrs["seed"] == 3 and curves.curve.attrs == {"long_name": "draws", "units": "1"}
    assert (tmp_path / "one" / FIGURE).read_bytes().startswith(b"\x89PNG")
    assert not list((tmp_path / "one").glob(".*"))


def test_seeds_are_keys(tmp_path):
    curves = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_paper(PAPER, tmp_path / folder, "smoke", seed)
        curves.append(xr.load_dataset(tmp_path / folder / CURVES, engine="h5netcdf").curve)
    assert (curves[0] == curves[1]).all() and (curves[0] != curves[2]).all()


def test_a_claim_is_checked_at_its_scales_only(tmp_path):
    record = run_paper(PAPER, tmp_path, "smoke")
    assert [line["key"] for line in record["claims"]] == ["mean", "ratio"]


@pytest.mark.parametrize("value, met", [(0.5, True), (2.0, True), (0.49, False), (math.nan, False), (math.inf, False)])
def test_a_value_meets_its_interval_or_not(value, met):
    assert CLAIMS[0].met(value) is met


def test_what_is_measured_is_what_is_claimed():
    curves = xr.Dataset()
    with pytest.raises(ValueError, match=r"\['ratio'\] are missing and \['other'\] are not claimed"):
        found = {"mean": Measurement(1.0), "other": Measurement(1.0)}
        as_record(PAPER, "smoke", 0, Results(found, curves), 0.0, {})


def test_every_variable_is_described():
    with pytest.raises(ValueError, match=r"must describe each variable of its curves, but misses \['k', 'strange'\]"):
        described(PAPER, xr.Dataset({"strange": 1.0, "curve": ("k", [1.0])}, {"k": [0]}))


def test_with_changed_settings_claims_are_not_judged(tmp_path):
    settings = Settings(sizes=(5, 6))
    record = run_paper(PAPER, tmp_path / "somebody2020", "full", 0, settings)
    assert record["changed"] == {"sizes": [5, 6]}
    assert [(line["key"], line["expected"], line["met"]) for line in record["claims"]][:1] == [("mean", 1.0, None)]
    assert read_record(tmp_path / "somebody2020") == record
    assert is_current(record, PAPER, "full", 0, {"sizes": (5, 6)}) and not is_current(record, PAPER, "full", 0)
    # a table of claims is made of runs that speak of them
    assert records_in([tmp_path]) == []


def test_a_changed_setting_may_measure_what_no_claim_of_the_scale_names(tmp_path):
    record = run_paper(PAPER, tmp_path, "smoke", 0, Settings(late=True))
    assert [line["key"] for line in record["claims"]] == ["mean", "ratio", "late"]


def test_a_run_is_current_while_nothing_has_changed(tmp_path):
    record = run_paper(PAPER, tmp_path, "smoke")
    assert is_current(record, PAPER, "smoke", 0)
    assert not is_current(record, PAPER, "full", 0) and not is_current(record, PAPER, "smoke", 1)
    moved = PAPER._replace(claims=(CLAIMS[0]._replace(high=1.0), *CLAIMS[1:]))
    assert not is_current(record, moved, "smoke", 0)
    assert not is_current({**record, "version": "0.0.0"}, PAPER, "smoke", 0) and not is_current(None, PAPER, "smoke", 0)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_bad_seed_is_refused_before_the_run(tmp_path, seed):
    with pytest.raises(ValueError, match="`seed` must be between 0 and"):
        run_paper(PAPER, tmp_path / "no", "smoke", seed)
    assert not (tmp_path / "no").exists()


def test_what_is_no_record_is_named(tmp_path):
    (tmp_path / MEASUREMENTS).write_text("[]")
    with pytest.raises(ValueError, match="must hold the measurements of a paper"):
        read_record(tmp_path)
    assert read_record(tmp_path / "nowhere") is None


def test_the_table_has_a_row_for_each_claim_and_says_what_is_missed(tmp_path):
    for seed in (0, 1):
        run_paper(PAPER, tmp_path / str(seed) / "somebody2020", "full", seed)
    records = records_in([tmp_path / "0", tmp_path / "1"])
    rows = [line.strip("|").split("|") for line in as_table(records).splitlines()]
    assert len(rows) == 2 + 3
    assert [row[-1].strip() for row in rows[2:]] == ["met", "missed", "met"]
    assert rows[2][4].strip() == "1.5 ± 0.1, 1.5 ± 0.1" and rows[3][4].strip() == "**1**, **1**"
    assert [row[3].strip() for row in rows[2:]] == ["[0.5, 2]", ">= 1.25", "<= 0.1"]
    assert "2 of" not in summary(records) and summary(records).startswith("4 of 6 checks met (full scale, seeds 0, 1,")


def test_a_table_is_replaced_between_its_marks(tmp_path):
    run_paper(PAPER, tmp_path / "somebody2020", "smoke")
    records = records_in([tmp_path])
    text = "before <!-- papers: begin -->old<!-- papers: end --> after"
    new = replaced(text, records)
    assert new.startswith("before ") and new.endswith(" after") and "old" not in new and "The mean." in new
    assert replaced(new, records) == new
    with pytest.raises(ValueError, match="`--into` must be a file with the lines"):
        replaced("no marks", records)
    with pytest.raises(ValueError, match="must hold runs"):
        records_in([tmp_path / "somebody2020"])
