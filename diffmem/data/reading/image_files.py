"""One image file read as untrusted input: its size is known before a pixel is decoded, and nothing is lost silently."""

import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt

from .arrays import readable

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 2**24  # 4096 x 4096
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM", "GIF")
BITS_PER_SAMPLE = 258  # tag of TIFF


def read_pixels(file: Path) -> UInt[np.ndarray, "..."]:
    """The pixels of an image, grey (h, w) or colour (h, w, 3), of 8 bits or, if grey, of 16, turned as its EXIF says.

    Raises ValueError, one sentence, for an image of several frames, with transparency, of more than 16 bits, of 16 bits
    in colour, in another mode, damaged, or larger than 2^24 pixels.
    """
    from PIL import Image, ImageOps

    # a stream, since of a path pillow maps uncompressed TIFF into memory, and turns it before it knows the sides
    with ExitStack() as opened:
        # pillow's plugins answer damage with whatever their parsers met
        with warnings.catch_warnings(), readable(file.name, Exception):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = opened.enter_context(Image.open(opened.enter_context(file.open("rb")), formats=FORMATS))
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(
                f"`path` must hold images of at most {MAX_PIXELS} pixels, "
                f"but {file.name} claims {image.width} x {image.height}."
            )
        with readable(file.name, Exception):
            frames = getattr(image, "n_frames", 1)
        if frames != 1:
            raise ValueError(f"`path` must hold images of one frame, but {file.name} has {frames}.")
        deep = _is_deep(image)
        with readable(file.name, Exception):
            image.load()
            upright = ImageOps.exif_transpose(image)
        return _deep_grey(upright, file.name) if deep else np.asarray(_grey_or_colour(upright, file.name))


def _is_deep(image: "Image") -> bool:
    """Whether the file holds more than 8 bits of a sample, which Pillow's modes do not tell: it drops the low ones."""
    if image.format == "TIFF":
        return max(getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (1,))) > 8
    parts = [part for tile in image.tile for part in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))]
    if image.format == "PPM":  # the largest value of a sample, or the name of a layout
        return image.mode in ("I", "F") or any(isinstance(part, int) and part > 255 for part in parts)
    return image.format == "PNG" and any(str(part).endswith(";16B") for part in parts)


def _deep_grey(image: "Image", name: str) -> UInt[np.ndarray, "h w"]:
    if (image.mode == "I" or image.mode.startswith("I;16")) and "transparency" not in image.info:
        pixels = np.asarray(image)
        if pixels.min() >= 0 and pixels.max() < 2**16:
            return pixels.astype(np.uint16)
    raise ValueError(
        "`path` must hold images of 8 bits, or grey ones of 16 bits without transparency, "
        f"but {name} has more than 8 bits and mode {image.mode}."
    )


def _grey_or_colour(image: "Image", name: str) -> "Image":
    """The image in mode L or RGB; other modes are converted only where no information is lost."""
    kinds = {"1": "L", "L": "L", "LA": "L", "RGB": "RGB", "RGBA": "RGB", "P": "RGB", "PA": "RGB"}
    if image.mode not in kinds:
        raise ValueError(f"`path` must hold grey or colour images, but {name} has mode {image.mode}.")
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        wide = (image.convert("L") if image.mode == "1" else image).convert("RGBA")
        if wide.getextrema()[-1] != (255, 255):
            raise ValueError(
                f"`path` must hold images without transparency, but {name} has transparent pixels in mode {image.mode}."
            )
    return image.convert(kinds[image.mode])
