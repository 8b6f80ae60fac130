"""Folders of images: what is read, and what is refused in one sentence."""

import numpy as np
import pytest
from PIL import Image
from refusal import refused

from diffmem import data
from diffmem.data.reading import image_folders as images

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 4, 6), dtype=np.uint8)
COLOURS = np.random.default_rng(2).integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)


def save_images(folder, pixels, suffix=".png", start=0):
    folder.mkdir(exist_ok=True)
    for k, image in enumerate(pixels, start):
        Image.fromarray(image).save(folder / f"{k:03d}{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".pgm"])
def test_grey_images_in_the_order_of_their_names(tmp_path, suffix):
    save_images(tmp_path / "grey", PIXELS[::-1], suffix)
    (tmp_path / "grey" / "notes.txt").write_text("not an image")
    (tmp_path / "grey" / "folder.png").mkdir()
    with pytest.warns(UserWarning, match=r"Left out, as they are no images of grey: folder.png, notes.txt\.$"):
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


def test_bad_folders(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    refused(folder, "must be a folder with images in it or in its subfolders, but .*a has none")
    (folder / "notes.txt").write_text("x")
    refused(folder, "has none")
    (folder / "notes.txt").unlink()
    save_images(folder, PIXELS)
    save_images(folder, PIXELS[:1, :3], start=5)
    refused(folder, r"one size and kind, but 000.png has shape \(4, 6\) of uint8 and 005.png has \(3, 6\)")
    Image.fromarray(COLOURS[0]).save(folder / "005.png")
    refused(folder, r"000.png has shape \(4, 6\) of uint8 and 005.png has \(4, 6, 3\)")
    for file in folder.iterdir():
        file.write_text("not a picture")
    refused(folder, "must hold an image that can be read, but .*a has none; 000.png: cannot identify image file")


def test_unreadable_images_are_left_out_and_listed_with_their_causes(tmp_path):
    """Also the first of all, from which sizes are taken, and in subfolders, whose labels stay those of the others."""
    for name, some in (("a", PIXELS[:3]), ("b", PIXELS[3:])):
        save_images(tmp_path / name, some)
    (tmp_path / "a" / "000.png").write_text("not a picture")
    whole = (tmp_path / "b" / "001.png").read_bytes()
    (tmp_path / "b" / "001.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGBA", (6, 4), (1, 2, 3, 4)).save(tmp_path / "b" / "002.png")
    with pytest.warns(UserWarning, match=r"3 files could not be read and were left out: a/000.png \(cannot .*\.$"):
        loaded = data.load(tmp_path, range=(0, 255))
    assert loaded.names == ("a/001.png", "a/002.png", "b/000.png") and loaded.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(loaded.events, PIXELS[1:4] / 127.5 - 1, atol=1e-6)
    assert [one.name for one in loaded.skipped] == ["a/000.png", "b/001.png", "b/002.png"]
    assert loaded.skipped[1].cause == "image file is truncated"
    assert (
        loaded.skipped[2].cause == "must hold images without transparency, but it has transparent pixels in mode RGBA"
    )
    assert "b/001.png (image file is truncated)" in loaded.notes[1]
    assert loaded.subset(slice(2)).skipped == loaded.with_points(loaded.points).skipped == loaded.skipped


def test_folder_limits(tmp_path, monkeypatch):
    save_images(tmp_path, PIXELS)
    monkeypatch.setattr(images, "MAX_BYTES", 5 * 24 * 4)
    assert data.load(tmp_path).n == 5
    monkeypatch.setattr(images, "MAX_BYTES", 5 * 24 * 4 - 1)
    refused(tmp_path, "must hold at most 479 bytes of points")
    monkeypatch.setattr(images, "MAX_FILES", 4)
    refused(tmp_path, "must hold at most 4 files")
