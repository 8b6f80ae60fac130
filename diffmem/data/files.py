"""Training sets from files, by a reader for each kind of path; nothing is unpickled, and sizes are limited."""

import math
import os
from pathlib import Path

import numpy as np

from ..checks import check_count, described
from ..whole_files import as_text
from .dataset import Dataset
from .pixels import KEPT, Range, checked_range, from_range, range_note, range_of
from .reading import Labelled, read_images, read_npy, read_npz

ARRAYS = (".npy", ".npz")
SHOWN = 200  # characters of a path in a message


def load(
    path: str | os.PathLike[str],
    *,
    range: tuple[float, float] | None = None,
    array: str | None = None,
    labels: str | None = None,
    shape: tuple[int, ...] | None = None,
) -> Dataset:
    """The points in a .npy file, a .npz file or a folder of images.

    .npy: an array (n, d) or (n, *event). .npz: the array called `array`; by default points, x, data or images (in any
    case), or the only array that is not one of labels. Its labels are the array called `labels`; by default labels or
    y, or the one whose name fits, as y_train fits x_train, train_labels fits train_images and arr_1 fits arr_0. They
    may be a column, indicator rows (one-hot) or texts; labels that cannot be used are left out with a warning. `shape`
    is the shape of one point where the array holds them flat: (8, 8) makes images of rows of 64.

    Folder: its images in natural order of their names (2 before 10), all grey (h, w) or all colour (h, w, 3) and of one
    size: PNG, JPEG, BMP, GIF, TIFF, WebP and PNM, turned as their EXIF orientation says. If there are none, those of
    its subfolders, which are then classes. `names` of the result tells which image a row is. Hidden files and those of
    file managers are ignored. Images that are damaged, larger than 2^24 pixels, with transparency, of several frames or
    of 16 bits in colour are left out; `skipped` of the result lists them with their causes, and a warning tells of
    these and of what is no image.

    Unsigned 8-bit integers, and images, are taken for pixels and brought to [-1, 1]. Their range is 0 to 255 (grey
    images of 16 bits: 65535) where the data reach its upper half, else 0 to the largest in the data, so that masks of 0
    and 1 and digits of 0 to 16 fill [-1, 1], too. Other numbers are kept, and their extremes become the value range.
    `range` names the numbers that become -1 and 1, for any data; (-1, 1) keeps all numbers as they are. Read generated
    samples with `range=train.source_range`. What was done is said in `notes` of the result.

    Nothing is unpickled, and sizes are checked before memory is taken: 4 GiB of points in float32 or in their own
    precision (`reading.arrays.MAX_BYTES`) and a million files. Larger data that you trust: `Dataset(np.load(path))`.

    Raises ValueError for anything else: no such path, unknown extension, a folder without an image that can be read,
    images of several sizes or kinds, a damaged array, object, text or complex arrays, fewer than two axes, NaN or
    infinite entries, values beyond `range`.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"`path` must be the path of a file or folder, but is {described(path)}.")
    path = Path(path)
    ends = None if range is None else checked_range(range)
    if not os.path.exists(path):
        raise ValueError(f"`path` must be a file or folder that exists, but {str(path)[:SHOWN]} does not.")
    kind = path.suffix.lower()
    is_array = kind in ARRAYS and path.is_file()
    if not is_array and not path.is_dir():
        raise ValueError(f"`path` must be a .npy file, a .npz file or a folder of images, but is {path}.")
    for name, value in (("array", array), ("labels", labels)):
        if value is not None and not (is_array and kind == ".npz"):
            raise ValueError(f"`{name}` must be used with a .npz file, but `path` is {path}.")
    if shape is not None and not is_array:
        raise ValueError(f"`shape` must be used with a .npy or .npz file, but `path` is {path}.")
    if not is_array:
        return read_images(path, ends)
    found = read_npz(path, array, labels) if kind == ".npz" else Labelled(read_npy(path), None, None, ())
    return _dataset(found, as_text(path.stem), ends, shape)


def _dataset(found: Labelled, name: str, ends: Range | None, shape: tuple[int, ...] | None) -> Dataset:
    source = range_of(found.points) if ends is None and found.points.dtype == np.uint8 else ends
    points = found.points if source is None else from_range(found.points, source)
    for size in shape or ():
        check_count("shape", size)
    if shape is not None and math.prod(shape) != math.prod(points.shape[1:]):
        raise ValueError(f"`shape` must hold {math.prod(points.shape[1:])} entries, as one point does, but is {shape}.")
    return Dataset(
        points,
        found.labels,
        event_shape=shape,
        value_range=None if source in (None, KEPT) else (-1.0, 1.0),
        name=name,
        classes=found.classes,
        source_range=source,
        notes=found.notes if source is None else (range_note(source, ends is not None), *found.notes),
    )
