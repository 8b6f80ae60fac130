"""Labels as they come in other people's files."""

import numpy as np
import pytest

from diffmem.data.reading.class_labels import coded_labels


@pytest.mark.parametrize("dtype", ["i8", "u1", "f4", "f8", "f2"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_whole_numbers(dtype, shape):
    codes, classes = coded_labels(np.array([3, 0, 7, 3], dtype).reshape(shape), 4)
    assert codes.tolist() == [3, 0, 7, 3] and codes.dtype == np.int32 and classes is None


@pytest.mark.parametrize("dtype", [bool, "u1", "f8"])
def test_indicator_rows(dtype):
    codes, classes = coded_labels(np.eye(5, dtype=dtype)[[4, 0, 0, 2]], 4)
    assert codes.tolist() == [4, 0, 0, 2] and classes is None


@pytest.mark.parametrize("dtype", ["U3", "S3"])
def test_texts(dtype):
    codes, classes = coded_labels(np.array(["dog", "cat", "dog"], dtype), 3)
    assert codes.tolist() == [1, 0, 1] and classes == ("cat", "dog")


@pytest.mark.parametrize(
    "values", [np.zeros((2, 2)), np.ones((2, 2)), np.array([0.5, 1]), np.zeros(3), np.zeros(2, complex)]
)
def test_what_is_no_label(values):
    with pytest.raises(ValueError, match=r"^`labels` must be .*\.$"):
        coded_labels(values, 2)
