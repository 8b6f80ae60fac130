"""Tensors of PyTorch, read without importing it."""

from typing import Any

import numpy as np


def read_tensor(values: Any) -> Any:
    """A PyTorch tensor as a NumPy array, wherever it is, with or without gradients; everything else as it is.

    Half precisions, of which NumPy lacks one, become float32. PyTorch is not imported.
    """
    if type(values).__module__.split(".")[0] != "torch":
        return values
    tensor = values.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype.itemsize < 4 and tensor.dtype.is_floating_point else tensor)
