"""What `data.load` says of data that it does not take."""

import pytest

from diffmem import data


def refused(path, said):
    """The sentence with which `path` is refused."""
    with pytest.raises(ValueError, match=said) as caught:
        data.load(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 500
