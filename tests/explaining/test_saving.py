"""A report holds the files of its own data only."""

import json

import numpy as np
import pytest

import diffmem
from diffmem import scores

POINTS = np.random.default_rng(0).normal(size=(40, 3))
OPTIONAL = {"classes.csv", "network.nc", "network.png"}


@pytest.fixture(scope="module")
def reports():
    """One with classes and a network, and one with neither."""
    labels = np.arange(40) % 2
    return diffmem.explain(POINTS, labels, network=scores.Empirical(POINTS)), diffmem.explain(POINTS)


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_report_takes_the_place_of_an_earlier_one_with_all_its_files(reports, tmp_path):
    whole, plain = reports
    assert {path.name for path in whole.save(tmp_path)} == names(tmp_path) > OPTIONAL
    (tmp_path / "mine.csv").write_text("mine")
    written = {path.name for path in plain.save(tmp_path)}
    assert names(tmp_path) == written | {"mine.csv"} and not written & OPTIONAL
    told = json.loads((tmp_path / "explain.json").read_text())
    assert told["classes"] is None and told["network"] is None
    whole.save(tmp_path)
    assert names(tmp_path) > OPTIONAL


def test_files_of_others_stay_where_there_was_no_report(reports, tmp_path):
    (tmp_path / "network.png").write_bytes(b"mine")
    reports[1].save(tmp_path)
    assert (tmp_path / "network.png").read_bytes() == b"mine"
