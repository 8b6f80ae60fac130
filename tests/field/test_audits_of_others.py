"""What people asked of tools that look for copies and duplicates, and where those tools failed them.

What is right is known from how the sets were made.
"""

import csv
import json

import numpy as np
import pytest
from audits import as_jpeg, audit, images, moved, save_images

from diffmem import data
from diffmem.cli import main

TRAIN, TEST, FRESH = (images(100, 12, 12, seed=seed) for seed in (1, 2, 3))


def code_of(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["audit", *map(str, arguments)])
    return end.value.code


def test_a_law_that_comes_close_by_itself_is_not_called_copying():
    """SDMetrics 719, syntheval 8: without a held-out control a good fit in few dimensions looks like copying."""
    points = np.random.default_rng(0).normal(size=(1500, 2))
    train, test, fresh = np.split(points, 3)
    found = audit(fresh, train, test)
    assert found.fraction > 0.05 and found.verdict == "no excess"
    assert any("dimensional" in limit for limit in found.document["limits"])


def test_leaks_of_the_split_come_first():
    """fiftyone-brain 213: test images that are training images were found by hand, after the comparison."""
    found = audit(FRESH, TRAIN, np.concatenate([TEST, TRAIN[:7]]))
    assert found.document["held_out"]["leaks"]["equal"] == 7 and found.document["held_out"]["of"] == 100


@pytest.mark.parametrize(("most", "code"), [("0.05", 1), ("0.2", 0)])
def test_a_pipeline_can_stop(tmp_path, most, code):
    """jdupes 235, czkawka 930: no exit status said that something was found."""
    for name, rows in (("s", np.concatenate([TRAIN[:10], FRESH[:90]])), ("t", TRAIN)):
        np.save(tmp_path / f"{name}.npy", rows)
    found = code_of(tmp_path / "s.npy", "--train", tmp_path / "t.npy", "--out", tmp_path / "o", "--fail-above", most)
    assert found == code


def test_a_table_with_paths_the_worst_first(tmp_path):
    """fastdup 255, imagededup 90: results without file names, in no order."""
    noisy = np.clip(TRAIN[:5].astype(int) + np.arange(5)[:, None, None] * 2, 0, 255).astype(np.uint8)
    save_images(tmp_path / "s", [*FRESH[:5], *noisy[::-1]], [f"run/{k}.png" for k in range(10)])
    save_images(tmp_path / "t", TRAIN, [f"class {k % 2}/{k}.png" for k in range(100)])
    found = audit(tmp_path / "s", tmp_path / "t")
    found.save(tmp_path / "o")
    rows = list(csv.DictReader((tmp_path / "o" / "copies.csv").open()))
    assert [row["sample"] for row in rows[:5]] == [f"run/{k}.png" for k in (9, 8, 7, 6, 5)]
    assert [row["train"] for row in rows[:5]] == [f"class {k % 2}/{k}.png" for k in range(5)]
    assert json.loads((tmp_path / "o" / "audit.json").read_text())["by_class"]["class 0"]["copies"] == 3


def test_the_threshold_can_be_judged():
    """fiftyone-brain 226, torchmetrics 3233: nobody knew which threshold to take."""
    found = audit(np.concatenate([TRAIN[:20], FRESH[:80]]), TRAIN, TEST)
    at, samples, control = (found.arrays[f"ratio_{name}"].values for name in ("threshold", "curve", "control_curve"))
    plateau = (at > 0.05) & (at < 0.4)
    assert (samples[plateau] == 0.2).all() and (control[plateau] == 0).all()
    assert samples[-1] > 0.99 and (np.diff(samples) >= 0).all()


def test_near_duplicates_are_grouped():
    """czkawka 425, cleanvision 63: only equal files were grouped, and a second compression hid the first."""
    train = np.concatenate([TRAIN, as_jpeg(TRAIN[:8], 95), as_jpeg(TRAIN[:4], 90), TRAIN[:2]])
    told = audit(FRESH, train, TEST).document["duplicates"]
    assert sorted(map(len, told["groups"])) == [2, 2, 2, 2, 3, 3, 4, 4]
    assert told["groups_of_equal"] == 2 and ["0", "100", "108", "112"] in told["groups"]


def test_mirrored_and_moved_copies():
    """dupeguru 345, czkawka 714: flipped or shifted images were other images."""
    samples = np.concatenate([TRAIN[:5, ::-1], TRAIN[5:10, :, ::-1], moved(TRAIN[10:15], 1, -1), FRESH])
    told = audit(samples, TRAIN, TEST, flips=True, shifts=1).document
    assert told["copies"] == 0
    assert (told["changed_copies"]["mirrored"]["count"], told["changed_copies"]["shifted"]["count"]) == (10, 5)


def test_one_bad_file_stops_nothing(tmp_path):
    """fastdup 52, cleanvision 177: one damaged file ended a run of hours, and did not say which it was."""
    folder = save_images(tmp_path / "s", [*TRAIN[:3], *FRESH[:30]])
    (folder / "7.png").write_bytes((folder / "7.png").read_bytes()[:90])
    (folder / "8.png").unlink()
    (folder / "8.png").symlink_to(tmp_path / "nothing")
    found = audit(folder, TRAIN, TEST)
    skipped = {one["name"]: one["cause"] for one in found.document["inputs"]["samples"]["skipped"]}
    assert skipped.keys() == {"7.png", "8.png"} and all(skipped.values())
    assert found.document["samples"] == 31 and found.document["copies"] == 3


def test_features_that_somebody_has_computed(tmp_path):
    """fastdup 68: no way to use one's own embedding."""
    rng = np.random.default_rng(0)
    train, test, fresh = (rng.normal(size=(200, 64)).astype(np.float16) for _ in range(3))
    np.savez(tmp_path / "f.npz", train=train, test=test, samples=np.concatenate([2 * train[:20], fresh[:80]]))
    found = audit(*(f"{tmp_path / 'f.npz'}:{name}" for name in ("samples", "train", "test")), features=True)
    assert found.document["rules"]["cosine"]["count"] == 20


def test_collapsed_samples_are_counted_as_what_they_are():
    """Samples that are all one image are one copied image, not a hundred."""
    told = audit(TRAIN[[3] * 100], TRAIN, TEST).document
    assert told["distinct"] == {"samples": 1, "samples_up_to_twins": 1, "copied_training_points": 1}
    assert told["most_copied"][0]["copies"] == 100


def test_sets_that_were_exchanged_are_named():
    """The audit runs with exchanged sets, so the report says which set it took for which."""
    digits = data.digits().events
    told = audit(digits[:900], digits[:300], digits[1300:]).document
    assert told["inputs"]["samples"]["points"] == 900 and told["inputs"]["train"]["points"] == 300
    assert "exchanged" in told["roles"]
    same = audit(digits[:300], digits[:300]).document
    assert any("compared with itself" in limit for limit in same["limits"])
