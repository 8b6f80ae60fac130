import numpy as np
import pytest

from diffmem.metrics import memorization, wilson


def test_copies_of_each_class():
    train = np.array([[0.0], [10.0], [20.0]])
    samples = np.array([[0.1], [5.0], [10.2], [20.1], [15.0], [4.9]])
    labels = np.array([7, 7, 2, 2, 2, 7])
    found = memorization(samples, train, labels=labels).by_label
    assert found.label.tolist() == [2, 7] and found.count.tolist() == [3, 3] and found.copied.tolist() == [2, 1]
    np.testing.assert_allclose(found.fraction, [2 / 3, 1 / 3])
    assert [(low, high) for low, high in zip(found.low, found.high)] == [tuple(wilson(2, 3)), tuple(wilson(1, 3))]
    frame = found.to_dataframe()
    assert frame.columns.tolist() == ["label", "count", "copied", "fraction", "low", "high"]
    assert frame.set_index("label").loc[7, "copied"] == 1


def test_labels_are_one_for_each_sample():
    with pytest.raises(ValueError, match=r"`labels` must be one for each of 2 samples, but have shape \(3,\)\."):
        memorization(np.zeros((2, 1)), np.array([[0.0], [1.0]]), labels=np.arange(3))
