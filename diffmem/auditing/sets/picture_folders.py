"""Folders of pictures, with subfolders: each is read once into a file of pixels; what cannot be read is listed."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...data.reading.image_files import read_pixels
from ...data.reading.image_folders import MAX_FILES, entries_below, natural_order, others_note
from ...data.skipped import Skipped, check_some_read, name_in, skipping
from ...progress import Progress
from ...whole_files import as_json, as_text, read_record, replace_file, with_digest
from .point_set import PointSet, allocated

SHOWN = 4  # sizes of images in a message


class Stack:
    """Images of one size in a growing file of pixels, grey until the first in colour comes."""

    def __init__(self, path: Path, most: int):
        self.file, self.most, self.count = path, most, 0
        self.pixels: np.ndarray | None = None

    def append(self, image: np.ndarray) -> None:
        """One more image, of the dtype of the others."""
        if self.pixels is None:
            self.pixels = self._opened(image.shape, image.dtype)
        if image.ndim > self.pixels.ndim - 1:
            grey, self.file = self.pixels, self.file.with_suffix(".colour.npy")
            self.pixels = self._opened(image.shape, image.dtype)
            for k in range(self.count):
                self.pixels[k] = grey[k][..., None]
        self.pixels[self.count] = image if image.ndim == self.pixels.ndim - 1 else image[..., None]
        self.count += 1

    def _opened(self, shape, dtype):
        return allocated(self.file, dtype, (self.most, *shape))


def read_pictures(folder: Path, role: str, size: tuple[int, int] | None, store: Path, progress: Progress) -> PointSet:
    """The images in a folder and below it, in natural order of their names, as one set.

    `size` (height, width) resizes each. What cannot be read is listed with its cause. The pixels go to a file in
    `store`, from where the next run takes them while names, sizes and times of the images are the same.
    Raises ValueError for a folder without a readable image, for images of several sizes without `size`, and for images
    of 8 and of 16 bits.
    """
    files, others = _listed(folder, role)
    resized = "" if size is None else f"Images were resized to {size[0]} x {size[1]} pixels (Pillow, bicubic)."
    key = _listing_key(folder, files, size)
    kept = _kept(store, role, key)
    if kept is None:
        _forget(store, role)
        kept = _decoded(folder, files, role, size, store, progress)
        replace_file(store / f"{role}.json", as_json(with_digest(kept | {"key": key})))
    pixels = np.load(store / kept["file"], mmap_mode="r")[: len(kept["names"])]
    classes, labels = _classes(kept["names"])
    return PointSet(
        role=role,
        source=as_text(folder),
        rows=pixels,
        event_shape=pixels.shape[1:],
        sha256=kept["sha256"],
        names=tuple(kept["names"]),
        labels=labels,
        classes=classes,
        skipped=tuple(Skipped(*one) for one in kept["skipped"]),
        notes=tuple(filter(None, (resized, others_note(folder, others)))),
    )


def _listed(folder: Path, role: str) -> tuple[list[Path], list[Path]]:
    """The images in a folder and below it, and the other files."""
    found, others = [], []
    for here in entries_below(folder):
        found += here.images
        others += here.others
        if len(found) > MAX_FILES:
            raise ValueError(f"`{role}` must hold at most {MAX_FILES} images, but {folder} has more.")
    if not found:
        raise ValueError(f"`{role}` must be a folder with images in it or below it, but {folder} has none.")
    return found, others


def _listing_key(folder, files, size):
    """What must be the same for pixels of an earlier run to be used."""
    digest = hashlib.sha256(repr((str(folder.resolve()), size)).encode())
    for file in files:
        status = os.stat(file) if file.exists() else None
        digest.update(repr((str(file), status and (status.st_size, status.st_mtime_ns))).encode("utf-8", "replace"))
    return digest.hexdigest()


def _kept(store: Path, role: str, key: str) -> dict | None:
    """The description of pixels that an earlier run has left; None where there are none of this folder."""
    found = read_record(store / f"{role}.json")
    if found is None or found["key"] != key:
        return None
    return found if found.items() >= _described(store / found["file"]).items() else None


def _described(path: Path) -> dict:
    """What is the same as long as a file of pixels is the one that was written; of no such file its name alone."""
    about = {"file": path.name, "shape": None, "dtype": None, "bytes": None}
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return about
    return about | {"shape": [*pixels.shape], "dtype": pixels.dtype.str, "bytes": path.stat().st_size}


def _forget(store: Path, role: str) -> None:
    """Remove what an earlier run has left, the record first: it must never stand beside pixels of another folder."""
    (store / f"{role}.json").unlink(missing_ok=True)
    for path in store.glob(f"{role}-pixels*.npy"):
        with suppress(OSError):  # some systems keep files that are mapped
            path.unlink()


def _decoded(folder, files, role, size, store, progress: Progress) -> dict:
    """Read every image once, into a file of pixels; the description of that file."""
    # a name that was never used before: no other record, also of a run that was stopped, tells of this file
    stack, kinds = Stack(store / f"{role}-pixels-{secrets.token_hex(8)}.npy", len(files)), {}
    digest, names, skipped = hashlib.sha256(), [], []
    for k, file in enumerate(files):
        if k % 64 == 0:
            progress(k, len(files), f"reading the images of {role}")
        name = name_in(folder, file)
        with skipping(skipped, folder, file):
            image = _resized(read_pixels(file), size)
            kinds.setdefault((image.shape[:2], image.dtype), (name, image.shape))
            if len(kinds) == 1:
                stack.append(image)
            names.append(name)
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    _check(role, folder, kinds, skipped)
    assert stack.pixels is not None
    stack.pixels.flush()
    return {
        **_described(stack.file),
        "names": names,
        "skipped": skipped,
        "sha256": digest.hexdigest(),
    }


def _check(role, folder, kinds, skipped):
    check_some_read(role, folder, len(kinds), skipped)
    sizes = {}
    for (size, _), (name, _) in kinds.items():
        sizes.setdefault(size, name)
    if len(sizes) > 1:
        shown = ", ".join(f"{h} x {w} ({name})" for (h, w), name in list(sizes.items())[:SHOWN])
        raise ValueError(
            f"`{role}` must hold images of one size, unless `size` resizes them, but {folder} has {shown}."
        )
    if len(kinds) > 1:
        (name, shape, kind), (other, *of_other) = ((*first, kind) for (_, kind), first in list(kinds.items())[:2])
        raise ValueError(
            f"`{role}` must hold images of one size and kind, but {name} has shape {shape} of {kind} "
            f"and {other} has {of_other[0]} of {of_other[1]}."
        )


def _resized(image: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """By Pillow's bicubic filter, which averages where images become smaller."""
    if size is None or image.shape[:2] == size:
        return image
    from PIL import Image

    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))
    wide = Image.fromarray(image.astype(np.float32)).resize(size[::-1], Image.Resampling.BICUBIC)
    return np.clip(np.rint(np.asarray(wide)), 0, np.iinfo(image.dtype).max).astype(image.dtype)


def _classes(names):
    """The subfolders as classes, and the class of each image; None where all images lie in the folder itself."""
    tops = [name.split("/")[0] if "/" in name else "" for name in names]
    classes = sorted({*tops}, key=lambda name: natural_order(Path(name)))
    if classes == [""]:
        return None, None
    position = {name: k for k, name in enumerate(classes)}
    return tuple(classes), np.array([position[top] for top in tops])
