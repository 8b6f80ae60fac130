"""Archives of arrays: which array is taken for points, which for labels, and labels in other people's forms."""

import numpy as np
import pytest
from refusal import refused

from diffmem import data

POINTS = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ["points", "x", "X", "data", "images", "anything"])
@pytest.mark.parametrize("label", ["labels", "y"])
def test_npz_round_trip(tmp_path, save, name, label):
    save(tmp_path / "a.npz", **{name: POINTS, label: np.arange(7)})
    loaded = data.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.events, POINTS)
    assert loaded.labels.tolist() == list(range(7))


def test_npz_takes_the_known_name_among_others(tmp_path):
    np.savez(tmp_path / "a.npz", mean=np.zeros(3), points=POINTS)
    loaded = data.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.events, POINTS)
    assert loaded.labels is None


def test_a_saved_dataset_comes_back_with_its_fingerprint(tmp_path):
    digits = data.digits()
    np.savez(tmp_path / "digits.npz", points=digits.events, labels=digits.labels)
    loaded = data.load(tmp_path / "digits.npz")
    assert (loaded.fingerprint, loaded.event_shape, loaded.value_range) == (digits.fingerprint, (8, 8), (-1.0, 1.0))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"points": POINTS, "x": POINTS}, "one called points, x, data, images.*holds 2: points, x"),
        ({"a": POINTS, "b": POINTS}, "must hold one array.*holds 2: a, b"),
        ({"labels": np.arange(7)}, "holds 1: labels"),
        ({"points": POINTS, "y": np.arange(7), "labels": np.arange(7)}, "at most one of labels"),
        ({}, "holds 0: none"),
        ({"points": POINTS * np.nan}, "must be finite"),
        ({"points": np.zeros(3)}, r"must have shape \(n, d\)"),
    ],
)
def test_bad_npz(tmp_path, held, said):
    np.savez(tmp_path / "a.npz", **held)
    refused(tmp_path / "a.npz", said)


@pytest.mark.parametrize(
    ("points", "labels"),
    [
        ("x_train", "y_train"),
        ("train_images", "train_labels"),
        ("arr_0", "arr_1"),
        ("X_test", "Y_test"),
        ("val_data", "val_labels"),
    ],
)
def test_names_that_belong_together(tmp_path, points, labels):
    np.savez(tmp_path / "a.npz", **{points: POINTS, labels: np.arange(7)[:, None]})
    loaded = data.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.events, POINTS)
    assert loaded.labels.tolist() == list(range(7))


def test_several_sets_need_a_name(tmp_path):
    held = {"x_train": POINTS, "y_train": np.arange(7), "x_test": POINTS[:3], "y_test": np.arange(3)}
    np.savez(tmp_path / "a.npz", **held)
    refused(tmp_path / "a.npz", "unless `array` names one, but a.npz holds 4: x_train, y_train, x_test, y_test")
    assert data.load(tmp_path / "a.npz", array="x_test").labels.tolist() == [0, 1, 2]
    both = data.load(tmp_path / "a.npz", array="x_train", labels="y_train")
    assert (both.n, both.labels.tolist()) == (7, list(range(7)))
    with pytest.raises(ValueError, match=r"`array` must name an array in a\.npz, which holds 4: .*, but is 'x_val'"):
        data.load(tmp_path / "a.npz", array="x_val")
    with pytest.raises(ValueError, match="`labels` must name an array in"):
        data.load(tmp_path / "a.npz", array="x_train", labels="nothing")


def test_two_sets_without_names_are_not_points_and_labels(tmp_path):
    np.savez(tmp_path / "a.npz", POINTS, POINTS[:3])
    refused(tmp_path / "a.npz", "unless `array` names one, but a.npz holds 2: arr_0, arr_1")
    assert data.load(tmp_path / "a.npz", array="arr_1", labels=None).n == 3


def test_hidden_members_are_no_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", **{"points": POINTS, "__MACOSX/._points": np.zeros(3), "._x": np.zeros(2)})
    np.testing.assert_array_equal(data.load(tmp_path / "a.npz").events, POINTS)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.arange(6), "`labels` must be one for each of 7 points"),
        (np.arange(14).reshape(7, 2), "`labels` must be one for each of 7 points"),
        (np.full(7, np.nan), "`labels` must be whole numbers that 32 bits hold"),
        (np.full(7, 0.5), "`labels` must be whole numbers"),
        (np.full(7, 2**40), "`labels` must be whole numbers"),
        (np.zeros(7, "M8[s]"), "must hold real numbers"),
        (np.array([None] * 7), "nothing is unpickled"),
    ],
)
def test_bad_labels_never_block_the_points(tmp_path, labels, said):
    np.savez(tmp_path / "a.npz", points=POINTS, y=labels)
    with pytest.warns(UserWarning, match=f"The labels y were left out: .*{said}"):
        loaded = data.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.events, POINTS)
    assert loaded.labels is None and len(loaded.notes) == 1


def test_the_labels_of_an_array_whose_name_has_an_x_in_a_word(tmp_path):
    points = np.zeros((3, 4), np.float32)
    for kind in ("train", "extra"):
        np.savez(tmp_path / f"{kind}.npz", **{f"X_{kind}": points, f"y_{kind}": np.array([1, 0, 1])})
        assert data.load(tmp_path / f"{kind}.npz", array=f"X_{kind}").labels.tolist() == [1, 0, 1]
