"""Sets with known copies, and the shortest way to audit them."""

import io
import json

import numpy as np
from PIL import Image

from diffmem.auditing.near_duplicates import Closeness
from diffmem.auditing.procedure import audit
from diffmem.auditing.resumable import Work
from diffmem.auditing.sets import PointSet


def images(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    """Smooth random images of 8 bits, far apart: their neighbours are at distances that do not vary much."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, shape[0] // 2, shape[1] // 2, *shape[2:])).astype(np.uint8)
    return coarse.repeat(2, axis=1).repeat(2, axis=2)


def as_jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    found = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(stream)))
    return np.stack(found)


def moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Shifted; what comes in is black."""
    found = np.zeros_like(images)
    h, w = images.shape[1:3]
    found[:, max(0, down) : h + min(0, down), max(0, right) : w + min(0, right)] = images[
        :, max(0, -down) : h - max(0, down), max(0, -right) : w - max(0, right)
    ]
    return found


def copied(found, rule: str = "ratio") -> np.ndarray:
    return found.arrays[f"{rule}_copied"].values


def document(found) -> dict:
    """The document as a reader of the file has it."""
    return json.loads(found.to_json())


def save_images(folder, images, names=None):
    folder.mkdir(parents=True, exist_ok=True)
    for k, image in enumerate(images):
        path = folder / (names[k] if names else f"{k}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


WORK = Work(None, lambda done, total, stage: None)


def points(rows, role="train"):
    """A set in memory."""
    return PointSet(role, role, rows, rows.shape[1:], role)


def close_to(share=1 / 3, reach=50.0, fixed=None, level=0.0):
    """A rule for twins."""
    return Closeness(share, reach, fixed, level, 50.0, 8.0)


__all__ = ["audit"]
