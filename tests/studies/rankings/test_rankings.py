"""The rankings at a small size: every method has its row, and what must hold of any of them."""

import jax
import numpy as np
import pytest

from diffmem.papers.ranking_tables import BEGIN, END, as_rankings, ranked, save_rankings, with_rankings
from diffmem.studies import rankings

pytestmark = pytest.mark.slow
SMALL = {
    "detectors": {"n": 400, "count": 3, "starts": 2, "grid": 12, "steps": 50},
    "mitigations": {"samples": 4, "grid": 12, "steps": 50},
}


@pytest.fixture(scope="module")
def record():
    return ranked(3, **SMALL)


def test_all_have_a_row_in_both_tables(record, tmp_path):
    text = as_rankings(record)
    for name in ("curvature", "spikiness", "entropy over records", "blocked units", "blocked records", "none"):
        assert f"| {name} |" in text
    # what a kind of model does not admit is left out, and shown as such
    assert not any(row["model"] == "network" for row in record["mitigations"] if row["mitigation"] == "blocked records")
    assert all(0 <= row["auc_low"] <= row["auc"] <= row["auc_high"] <= 1 for row in record["detectors"])
    save_rankings(record, tmp_path / "rankings.json")
    page = with_rankings(f"before {BEGIN} old {END} after", tmp_path / "rankings.json")
    assert page.startswith("before") and page.endswith("after") and "old" not in page and "| curvature |" in page
    assert with_rankings("no marks", tmp_path / "rankings.json") == "no marks"


def test_the_exact_score_copies_unless_its_record_is_blocked(record):
    left = {(row["model"], row["mitigation"]): row["hit"] for row in record["mitigations"]}
    assert left["exact", "none"] == 1 and left["exact", "blocked records"] == 0


def test_the_last_step_is_blind_for_an_exact_score():
    found = rankings.detector_ranking(key=jax.random.key(1), **SMALL["detectors"]).sel(model="exact")
    np.testing.assert_array_equal(found.auc.sel(detector="last step"), 0.5)
    assert (found.auc.sel(detector="variance over noises", pair="1 image / 30 images") == 1).all()
