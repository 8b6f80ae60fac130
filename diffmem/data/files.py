"""Training sets from files, by a reader for each kind of path; nothing is unpickled, and sizes are limited."""

import os
from pathlib import Path

from .arrays import read_npy, read_npz
from .dataset import Dataset
from .image_folders import read_images

READERS = {".npy": read_npy, ".npz": read_npz}
SHOWN = 200  # characters of a path in a message


def load(path: str | os.PathLike[str]) -> Dataset:
    """The points in a .npy file, a .npz file or a folder of images.

    .npy: an array (n, d) or (n, *event). .npz: the array called points, x, data or images (in any case), or the only
    array that is not called labels or y; labels if there are any. Folder: its PNG, JPEG, BMP, TIFF, WebP and PNM files
    in the order of their names, all grey (h, w) or all colour (h, w, 3) and of one size; other files and subfolders are
    ignored.

    8-bit integers are taken for pixels, `pixel / 127.5 - 1` in [-1, 1]; other numbers are kept, and their extremes
    become the value range. Nothing is unpickled, and sizes are checked before memory is taken: 4 GiB of points in
    float32 or in their own precision (`arrays.MAX_BYTES`), 2^24 pixels in an image and a million files. Larger data
    that you trust: `Dataset(np.load(path))`.

    Raises ValueError, one sentence, for anything else: no such path, unknown extension, empty folder, damaged file,
    object, text or complex arrays, fewer than two axes, NaN or infinite entries.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise ValueError(f"`path` must be a file or folder that exists, but {str(path)[:SHOWN]} does not.")
    if path.is_dir():
        return read_images(path)
    if path.suffix.lower() not in READERS or not path.is_file():
        raise ValueError(f"`path` must be a .npy file, a .npz file or a folder of images, but is {path}.")
    return READERS[path.suffix.lower()](path)
