"""Folders of images: what is read, and what is refused in one sentence."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from refusal import refused

from diffmem import data
from diffmem.data import image_folders as images

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 4, 6), dtype=np.uint8)
COLOURS = np.random.default_rng(2).integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)


def write_png(path, width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))


def save_images(folder, pixels, suffix=".png", start=0):
    folder.mkdir(exist_ok=True)
    for k, image in enumerate(pixels, start):
        Image.fromarray(image).save(folder / f"{k:03d}{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".pgm"])
def test_grey_images_in_the_order_of_their_names(tmp_path, suffix):
    save_images(tmp_path / "grey", PIXELS[::-1], suffix)
    (tmp_path / "grey" / "notes.txt").write_text("not an image")
    (tmp_path / "grey" / "folder.png").mkdir()
    loaded = data.load(tmp_path / "grey")
    np.testing.assert_allclose(loaded.events, PIXELS[::-1] / 127.5 - 1, atol=1e-7)
    assert (loaded.event_shape, loaded.value_range, loaded.name) == ((4, 6), (-1.0, 1.0), "grey")


def test_colour_images(tmp_path):
    save_images(tmp_path / "colour", COLOURS)
    loaded = data.load(tmp_path / "colour")
    np.testing.assert_allclose(loaded.events, COLOURS / 127.5 - 1, atol=1e-7)
    assert loaded.event_shape == (4, 6, 3)


def test_jpeg_up_to_its_compression(tmp_path):
    smooth = np.add.outer(np.arange(0, 160, 10), np.arange(0, 80, 5)).astype(np.uint8)[None]
    save_images(tmp_path / "jpeg", smooth, ".jpg")
    np.testing.assert_allclose(data.load(tmp_path / "jpeg").events, smooth / 127.5 - 1, atol=8 / 127.5)


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


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "CMYK"])
def test_modes_that_would_lose_something(tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(PIXELS[0].astype(np.uint16) * 200)
    else:
        image = Image.new(mode, (6, 4), 7 if mode == "LA" else (1, 2, 3, 4))
    folder = tmp_path / "odd"
    folder.mkdir()
    image.save(folder / ("0.tif" if mode == "CMYK" else "0.png"))
    refused(folder, f"8-bit grey or colour images without transparency, but 0.* has mode {mode}")


def test_bad_folders(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    refused(folder, "must be a folder with images directly in it, but .*a has none")
    (folder / "notes.txt").write_text("x")
    refused(folder, "has none")
    save_images(folder, PIXELS)
    save_images(folder, PIXELS[:1, :3], start=5)
    refused(folder, r"one size and kind, but 000.png has shape \(4, 6\) and 005.png has \(3, 6\)")
    Image.fromarray(COLOURS[0]).save(folder / "005.png")
    refused(folder, r"000.png has shape \(4, 6\) and 005.png has \(4, 6, 3\)")
    (folder / "005.png").write_text("not a picture")
    refused(folder, "must be readable, but 005.png is not")
    Image.fromarray(PIXELS[0]).save(folder / "005.png")
    whole = (folder / "005.png").read_bytes()
    (folder / "005.png").write_bytes(whole[: len(whole) // 2])
    refused(folder, "must be readable, but 005.png is not")


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (2**31 - 1, 2**31 - 1, "must be readable, but 0.png is not: Image size .* exceeds limit"),
        (12000, 12000, "must be readable, but 0.png is not: Image size .* exceeds limit"),
        (4097, 4096, "at most 16777216 pixels, but 0.png claims 4097 x 4096"),
        (0, 5, "must be readable"),
    ],
)
def test_image_bomb(tmp_path, width, height, said):
    write_png(tmp_path / "0.png", width, height)
    refused(tmp_path, said)


def test_a_bomb_after_an_innocent_image(tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / "0.png")
    write_png(tmp_path / "1.png", 5000, 5000)
    refused(tmp_path, "1.png claims 5000 x 5000")


def test_folder_limits(tmp_path, monkeypatch):
    save_images(tmp_path, PIXELS)
    monkeypatch.setattr(images, "MAX_BYTES", 5 * 24 * 4)
    assert data.load(tmp_path).n == 5
    monkeypatch.setattr(images, "MAX_BYTES", 5 * 24 * 4 - 1)
    refused(tmp_path, "must hold at most 479 bytes of points")
    monkeypatch.setattr(images, "MAX_FILES", 4)
    refused(tmp_path, "must hold at most 4 files")
