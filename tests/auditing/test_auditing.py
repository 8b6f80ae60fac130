"""Audits of sets of which it is known what was copied."""

import json

import numpy as np
import pytest
from audits import as_jpeg, copied, document, images, moved

import diffmem
from diffmem import data
from diffmem.auditing import demonstration
from diffmem.auditing.sets import Reading


@pytest.fixture(scope="module")
def digits():
    """Training, held-out and other digits of scikit-learn."""
    everything = data.digits().events
    return np.split(everything[np.random.default_rng(1).permutation(len(everything))], (900, 1300))


def test_three_lines_say_what_is_copied(digits):
    train, test, fresh = digits
    found = diffmem.audit(np.concatenate([train[:30], fresh[:270]]), train, test)
    assert found.fraction == 0.1 and found.verdict == "copies" and found.held_out == 0
    assert copied(found).tolist() == [True] * 30 + [False] * 270
    np.testing.assert_array_equal(found.arrays["nearest"][:30], np.arange(30))
    assert (
        repr(found) == f"Audit(copies: fraction=0.1 [{found.interval.low:.3g}, {found.interval.high:.3g}], held-out 0)"
    )
    np.testing.assert_allclose(found.interval, (0.0685, 0.1396), atol=1e-4)  # Clopper and Pearson's tables, 30 of 300


def test_fresh_digits_are_no_copies(digits):
    train, test, fresh = digits
    found = diffmem.audit(fresh, train, test)
    assert (found.fraction, found.verdict) == (0, "no excess")
    assert document(found)["rules"]["distance"]["count"] == 0


def test_neighbours_are_those_of_float64_in_the_order_of_rows(digits):
    train, test, fresh = digits
    found = diffmem.audit(fresh[:50], train, test)
    squares = np.square(fresh[:50, None].astype(float) - train[None]).sum(axis=(2, 3))
    np.testing.assert_array_equal(found.arrays["nearest"], squares.argmin(axis=1))
    np.testing.assert_allclose(found.arrays["d1"], np.sqrt(squares.min(axis=1)), rtol=1e-12)


def test_without_a_held_out_set_training_points_take_its_place_and_it_is_said(digits):
    train, _, fresh = digits
    found = diffmem.audit(np.concatenate([train[:20], fresh[:80]]), train)
    told = document(found)
    assert told["held_out"] is None and found.held_out is None and found.verdict == "copies"
    assert told["rules"]["ratio"]["control"]["of"] == 500
    assert any("no held-out set" in limit for limit in told["limits"])


def test_leaks_are_found_first_and_set_aside(digits):
    """Test points that the model was trained on say nothing of fresh ones."""
    train, test, fresh = digits
    leaky = np.concatenate([train[:15], train[15:20] + 0.01, test])
    found = diffmem.audit(np.concatenate([train[:40], fresh[:160]]), train, leaky)
    held = document(found)["held_out"]
    assert (held["leaks"]["equal"], held["leaks"]["near"]) == (15, 5)
    assert held["of"] == len(test) and held["fraction"] == 0
    assert held["with_leaks"]["count"] == 20
    assert [one["train"] for one in held["leaks"]["listed"]][:15] == [str(k) for k in range(15)]
    assert found.verdict == "copies"


def test_a_law_whose_points_repeat_gives_no_verdict_of_copying():
    """Where one in five points is drawn from ten fixed ones, fresh data repeat training points, too."""
    rng = np.random.default_rng(0)

    def drawn(count):
        often = np.random.default_rng(9).normal(size=(10, 20))
        return np.where(rng.random((count, 1)) < 0.2, often[rng.integers(10, size=count)], rng.normal(size=(count, 20)))

    found = diffmem.audit(drawn(300), drawn(500), drawn(300))
    assert 0.1 < found.fraction < 0.3 and found.verdict == "unclear"
    assert "where leaks are counted" in found.sentence


def test_all_points_leaked():
    points = np.random.default_rng(0).normal(size=(60, 5))
    found = diffmem.audit(points[:20], points, points[30:])
    assert found.verdict == "no control" and found.held_out is None
    assert document(found)["held_out"]["leaks"]["equal"] == 30


def test_duplicates_and_twins_of_training_points_hide_no_copy_and_are_grouped():
    train = images(120, 8, 8, 3)
    rng = np.random.default_rng(2)
    twins = np.clip(train[:40].astype(int) + rng.integers(-1, 2, (40, 8, 8, 3)), 0, 255).astype(np.uint8)
    whole = np.concatenate([train, train[:10], train[:10], twins])
    copies = np.clip(train[:60].astype(int) + rng.integers(-8, 9, (60, 8, 8, 3)), 0, 255).astype(np.uint8)
    found = diffmem.audit(np.concatenate([copies, images(60, 8, 8, 3, seed=5)]), whole, images(100, 8, 8, 3, seed=6))
    told = document(found)["duplicates"]
    assert found.fraction == 0.5 == told["fraction_twins_set_aside"]
    assert told["groups_of_equal"] == 10 and told["groups_up_to_twins"] == 40
    assert told["groups"][0] == ["0", "120", "130", "140"]
    assert told["fraction_without_merging"] == pytest.approx(20 / 120)  # copies of points without equals or twins
    assert told["fraction_equal_merged"] == pytest.approx(20 / 120)
    assert told["copies_of_points_in_groups"] == 40


@pytest.mark.parametrize("count", [8, 15, 40])
def test_copies_of_a_picture_with_many_near_duplicates_are_found(count):
    """czkawka 425: a picture that was saved again and again is the likeliest to be memorized."""
    pictures = np.kron(127.5 * (data.digits().events + 1), np.ones((1, 4, 4))).astype(np.uint8)
    train, test, fresh = pictures[:500], pictures[1200:1400], pictures[1000:1080]
    saved = np.concatenate([as_jpeg(train[:1], 99 - k) for k in range(count)])
    copies = np.concatenate([as_jpeg(train[:1], quality) for quality in (71, 77, 83, 89, 95)] * 4)
    whole = np.concatenate([train, saved])
    for held_out in (test, None):
        found = diffmem.audit(np.concatenate([copies, fresh]), whole, held_out)
        assert copied(found).tolist() == [True] * 20 + [False] * 80 and found.verdict == "copies"
        told = document(found)
        assert told["duplicates"]["rows_in_groups"] == count + 1
        assert told["most_copied"] == [{"train": "0", "row": 0, "copies": 20, "rows_in_group": count + 1}]


def test_twins_in_the_training_set_are_no_copies_among_the_controls():
    """Without a held-out set, training points stand for fresh ones, and their near-duplicates are not fresh."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 20))
    samples = rng.normal(size=(100, 20))
    samples[:10] = points[:10]
    found = diffmem.audit(samples, np.concatenate([points, points[100:200] + 1e-3 * rng.normal(size=(100, 20))]))
    rules = document(found)["rules"]
    assert rules["ratio"]["control"]["count"] == 0 and found.verdict == "copies"
    assert rules["distance"]["count"] == 10 and rules["distance"]["threshold"] > 0.5


def test_the_most_copied_training_points_and_distinct_samples(digits):
    """A collapsed set: all samples are one of three training points."""
    train, test, _ = digits
    told = document(diffmem.audit(train[[5] * 6 + [7] * 3 + [9]], train, test))
    assert [(one["train"], one["copies"]) for one in told["most_copied"]] == [("5", 6), ("7", 3), ("9", 1)]
    assert told["distinct"] == {"samples": 3, "samples_up_to_twins": 3, "copied_training_points": 3}


def test_mirrored_shifted_and_partial_copies():
    train, test, fresh = (images(150, 24, 24, seed=seed) for seed in (1, 2, 3))
    half = fresh[:6].copy()
    half[:, :12, :12] = train[40:46, :12, :12]
    parts = [train[:6], train[10:16, :, ::-1], moved(train[20:26], 0, 1), moved(train[30:36], -1, 1), half, fresh[6:30]]
    found = diffmem.audit(np.concatenate(parts), train, test, flips=True, shifts=1, tiles=2)
    told = document(found)["changed_copies"]
    assert found.fraction == 6 / 54
    assert {kind: one["count"] for kind, one in told.items()} == {"mirrored": 6, "shifted": 12, "in part": 6}
    assert all(one["control"]["count"] == 0 for one in told.values())
    by = {int(row["sample"]): row for row in found.rows}
    assert by[6]["by"].endswith("mirrored left to right") and by[6]["copy_of"] == "10"
    assert by[12]["by"].endswith("shifted by 0 down, 1 right") and by[12]["copy_of"] == "20"
    assert by[18]["by"].endswith("shifted by -1 down, 1 right") and by[18]["copy_of"] == "30"
    assert by[24]["by"].endswith("tile in row 1, column 1") and by[24]["copy_of"] == "40"
    assert [row["rank"] for row in found.rows] == list(range(1, 55))
    assert {row["by"] for row in found.rows[30:]} == {""}


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda copies: copies[:, :, ::-1], {"flips": True}, "mirrored, another"),
        (lambda copies: moved(copies, 0, 1), {"shifts": 1}, "shifted, another"),
    ],
)
@pytest.mark.parametrize("held_out", [True, False])
def test_copies_that_were_asked_for_are_in_the_verdict(change, options, said, held_out):
    """LAION's mirrored copies are copies; the control says how often a change makes one by chance."""
    train, test, fresh = (images(150, 12, 12, seed=seed) for seed in (1, 2, 3))
    samples = np.concatenate([change(train[:20]), fresh[:80]])
    found = diffmem.audit(samples, train, test if held_out else None, **options)
    beside = "held-out: 0 of 150" if held_out else "training points: 0 of 150"
    assert found.fraction == 0 and found.verdict == "copies" and f"{said} 20 of 100 ({beside}" in found.sentence
    told = document(found)
    assert told["in_any_way"]["count"] == 20 == told["in_any_way"]["copied_training_points"]
    assert {one["train"] for one in told["in_any_way"]["most_copied"]} == {str(k) for k in range(20)}
    assert {one.source_name for one in found.pictures} == {str(k) for k in range(20)}
    honest = diffmem.audit(fresh[:100], train, test if held_out else None, **options)
    assert honest.verdict == "no excess" and f"{said} 0 of 100 ({beside}" in honest.sentence


def test_an_excess_by_cosine_or_by_d1_alone_is_never_no_excess():
    rng = np.random.default_rng(0)
    train, test, fresh = rng.normal(size=(300, 32)), rng.normal(size=(200, 32)), rng.normal(size=(80, 32))
    longer = diffmem.audit(np.concatenate([3 * train[:20], fresh]), train, test, features=True)
    assert longer.fraction == 0 and longer.verdict == "copies"
    assert "by the cosine of features 20 of 100 (held-out: 0 of 200" in longer.sentence
    assert document(longer)["in_any_way"]["copied_training_points"] == 20
    assert {row["copy_of"] for row in longer.rows} == {"", *map(str, range(20))}
    away = rng.normal(size=(20, 32))
    away *= 3 / np.linalg.norm(away, axis=1, keepdims=True)
    farther = diffmem.audit(np.concatenate([train[:20] + away, fresh]), train, test)
    assert farther.fraction == 0 and farther.verdict == "unclear"
    assert "by d1 alone 20 of 100 (held-out: 0 of 200" in farther.sentence


def test_each_row_of_the_table_has_the_distances_of_the_point_that_it_names():
    """d1, d2 and the ratio are those of `train`, also where a mirrored copy is one of another point."""
    train, test, fresh = (images(150, 12, 12, seed=seed) for seed in (1, 2, 3))
    samples = np.concatenate([train[:20, :, ::-1], train[20:30], fresh[:70]])
    found = diffmem.audit(samples, train, test, flips=True)
    wide, points = (side.reshape(len(side), -1) / 127.5 for side in (samples, train))
    for row in found.rows:
        distance = np.linalg.norm(points - wide[row["sample_row"]], axis=1)
        assert row["d1"] == pytest.approx(distance[row["train_row"]]) == pytest.approx(distance.min())
        assert row["ratio"] * row["d2"] == pytest.approx(row["d1"]) and row["train"] == str(row["train_row"])
        source = str(row["sample_row"]) if row["sample_row"] < 30 else ""
        assert row["copy_of"] == source == str(row["copy_of_row"])


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_units_of_distances_are_said(kind):
    """Distances of pixels are those of numbers from -1 to 1, not of numbers from 0 to 255."""
    train, fresh = (images(60, 8, 8, seed=seed).astype(kind) for seed in (1, 3))
    found = diffmem.audit(fresh[:10], train)
    d1 = np.linalg.norm(fresh[:10, None].astype(float) - train[None], axis=(2, 3)).min(axis=1)
    units = "units in which 0 is -1 and 255 is 1" if kind == np.uint8 else "data units"
    assert document(found)["units"] == units == found.arrays["d1"].attrs["units"]
    np.testing.assert_allclose(found.arrays["d1"], d1 / 127.5 if kind == np.uint8 else d1)


def test_features_are_compared_by_cosine_whatever_their_length():
    rng = np.random.default_rng(0)
    train, test, fresh = rng.normal(size=(300, 32)), rng.normal(size=(200, 32)), rng.normal(size=(100, 32))
    copies = 3 * train[:25] + 0.05 * rng.normal(size=(25, 32))
    found = diffmem.audit(np.concatenate([copies, fresh]), train, test, features=True)
    assert copied(found, "cosine").tolist() == [True] * 25 + [False] * 100
    rule = document(found)["rules"]["cosine"]
    assert 0.7 < rule["threshold"] < 1 and rule["control"]["count"] == 0


def test_positive_controls_say_what_is_found_and_what_is_not():
    found = diffmem.audit(images(40, 12, 12, seed=3), images(150, 12, 12, seed=1))
    shares = {one["planted"]: one["fraction"] for one in document(found)["controls"]["positive"]}
    assert shares["an exact copy"] == shares["a copy compressed as JPEG of quality 90"] == 1
    assert shares["a mirrored copy"] == 0
    assert any("mirrored" in limit for limit in document(found)["limits"])


def test_the_demonstration_finds_what_it_plants():
    for share in (0.0, 0.05):
        shown = demonstration(share, seed=4)
        assert (shown.found, shown.false) == (shown.planted, 0) and shown.works
        assert shown.planted == round(450 * share)


def test_seed_and_sets_decide_everything(digits):
    train, test, fresh = digits
    first, second = (diffmem.audit(fresh[:40], train, test, seed=3) for _ in range(2))
    assert first.to_json() == second.to_json() and first.arrays.identical(second.arrays)


def test_the_document_is_complete_and_plain(digits):
    train, test, fresh = digits
    told = document(diffmem.audit(fresh[:40], train, test))
    top = "schema schema_version fraction interval verdict held_out controls intervals thresholds inputs versions seed limits"
    assert set(top.split()) <= set(told)
    assert told["schema_version"] == 1 and len(told["inputs"]["train"]["sha256"]) == 64
    assert told["thresholds"]["ratio"] == pytest.approx(1 / 3, abs=1e-15)
    assert "`samples` are what the model generated" in told["roles"] and told["roles"] in told["limits"]
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0.0}, "`ratio` must be above 0"),
        ({"ratio": True}, "`ratio` must be a number, but is True"),
        ({"twins": 2.0}, "`twins` must be between 0 and 1"),
        ({"twins": False}, "`twins` must be a number, but is False"),
        ({"reading": Reading(size=(8, 8))}, "`size` must be used with a folder of images"),
        ({"reading": Reading(shape=(2, 2))}, "`shape` must hold"),
        ({"shifts": -1}, "`shifts` must be at least 0"),
        ({"tiles": 1}, "`tiles` must be 0 or at least 2"),
        ({"seed": -1}, "`seed` must be between"),
        ({"flips": True}, "`flips` must be used with images"),
    ],
)
def test_arguments_out_of_range(options, message):
    points = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as caught:
        diffmem.audit(points, points + 1, **options)
    assert message in str(caught.value)


def test_a_shape_that_no_set_needs_is_told():
    rows = images(30, 4, 4)
    with pytest.raises(ValueError, match=r"`shape` must be used with an array that holds points flat, but .* \(4, 4\)"):
        diffmem.audit(rows, rows, reading=Reading(shape=(2, 8)))
    diffmem.audit(rows.reshape(30, 16), rows, reading=Reading(shape=(4, 4)))
