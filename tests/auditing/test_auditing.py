"""Audits of sets of which it is known what was copied."""

import json

import numpy as np
import pytest
from audits import copied, document, images, moved

import diffmem
from diffmem import data
from diffmem.auditing import demonstration


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
    assert by[6]["by"].endswith("mirrored left to right") and by[6]["train"] == "10"
    assert by[12]["by"].endswith("shifted by 0 down, 1 right") and by[12]["train"] == "20"
    assert by[18]["by"].endswith("shifted by -1 down, 1 right") and by[18]["train"] == "30"
    assert by[24]["by"].endswith("tile in row 1, column 1") and by[24]["train"] == "40"
    assert [row["rank"] for row in found.rows] == list(range(1, 55))
    assert {row["by"] for row in found.rows[30:]} == {""}


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
        ({"twins": 2.0}, "`twins` must be between 0 and 1"),
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
