"""Single images: modes and depths that are kept, and what is refused in one sentence."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from refusal import refused

from diffmem import data

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 4, 6), dtype=np.uint8)
COLOURS = np.random.default_rng(2).integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)


def write_png(path, width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))


def test_modes_that_lose_nothing(tmp_path):
    colour = Image.fromarray(COLOURS[0])
    folder = tmp_path / "opaque"
    folder.mkdir()
    colour.save(folder / "0.png")
    colour.convert("RGBA").save(folder / "1.png")
    colour.quantize(24).save(folder / "2.png")
    events = data.load(folder).events
    np.testing.assert_array_equal(events[1], events[0])
    palette = np.asarray(colour.quantize(24).convert("RGB"))
    np.testing.assert_allclose((events[2] + 1) * 127.5, palette, atol=1e-5)
    folder = tmp_path / "bits"
    folder.mkdir()
    Image.fromarray(PIXELS[0] > 127).save(folder / "0.png")
    np.testing.assert_array_equal(data.load(folder).events[0], np.where(PIXELS[0] > 127, 1, -1))


@pytest.mark.parametrize(
    ("mode", "said"), [("RGBA", "transparent pixels in mode RGBA"), ("LA", "in mode LA"), ("CMYK", "has mode CMYK")]
)
def test_modes_that_would_lose_something(tmp_path, mode, said):
    image = Image.new(mode, (6, 4), 7 if mode == "LA" else (1, 2, 3, 4))
    folder = tmp_path / "odd"
    folder.mkdir()
    image.save(folder / ("0.tif" if mode == "CMYK" else "0.png"))
    refused(folder, said)


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (2**31 - 1, 2**31 - 1, "none; 0.png: Image size .* exceeds limit"),
        (12000, 12000, "none; 0.png: Image size .* exceeds limit"),
        (4097, 4096, "none; 0.png: must hold images of at most 16777216 pixels, but it claims 4097 x 4096"),
        (0, 5, "must hold an image that can be read"),
    ],
)
def test_image_bomb(tmp_path, width, height, said):
    write_png(tmp_path / "0.png", width, height)
    refused(tmp_path, said)


def test_a_bomb_after_an_innocent_image(tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / "0.png")
    write_png(tmp_path / "1.png", 5000, 5000)
    with pytest.warns(UserWarning, match="1.png .*it claims 5000 x 5000"):
        assert data.load(tmp_path).names == ("0.png",)
