"""Folders of images of others: subfolders, damage, sizes, colours, and a second run."""

import numpy as np
import pytest
from audits import save_images
from PIL import Image

from diffmem.auditing.sets import picture_folders
from diffmem.auditing.sets.picture_folders import read_pictures

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 6, 7)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (5, 6, 7, 3)).astype(np.uint8)


def read(folder, tmp_path, size=None, role="train"):
    return read_pictures(folder, role, size, tmp_path / "store", lambda done, total, stage: None)


def sentence(*arguments, **options):
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as caught:
        read(*arguments, **options)
    return str(caught.value)


def test_subfolders_natural_order_and_classes(tmp_path):
    names = ["b/2.png", "b/10.png", "a/deep/1.pgm", "a/x.tif", "a/y.bmp"]
    folder = save_images(tmp_path / "set", GREY, names)
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    found = read(folder, tmp_path)
    assert found.names == ("a/x.tif", "a/y.bmp", "a/deep/1.pgm", "b/2.png", "b/10.png")
    assert found.classes == ("a", "b") and found.labels.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(found.rows, GREY[[3, 4, 2, 0, 1]])
    assert isinstance(found.rows, np.memmap) and found.skipped == ()
    assert found.notes == ("Left out, as they are no images of set: notes.txt.",)


def test_one_bad_file_among_many_is_listed(tmp_path):
    folder = save_images(tmp_path / "set", GREY)
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:50])
    (folder / "zero.jpg").write_bytes(b"")
    Image.fromarray(COLOUR[0]).convert("RGBA").save(folder / "opaque.png")
    see_through = Image.fromarray(COLOUR[0]).convert("RGBA")
    see_through.putalpha(7)
    see_through.save(folder / "transparent.png")
    found = read(folder, tmp_path)
    assert found.names == ("0.png", "1.png", "2.png", "4.png", "opaque.png")
    assert {one.name for one in found.skipped} == {"3.png", "zero.jpg", "transparent.png"}
    assert all(one.cause for one in found.skipped)
    np.testing.assert_array_equal(found.rows[2], GREY[2][..., None].repeat(3, axis=-1))


def test_grey_images_until_the_first_in_colour(tmp_path):
    folder = save_images(tmp_path / "set", [*GREY[:3], *COLOUR[:2]])
    found = read(folder, tmp_path)
    np.testing.assert_array_equal(found.rows[:3], GREY[:3, ..., None].repeat(3, axis=-1))
    np.testing.assert_array_equal(found.rows[3:], COLOUR[:2])


def test_sixteen_bits(tmp_path):
    deep = RNG.integers(0, 65536, (3, 6, 7)).astype(np.uint16)
    found = read(save_images(tmp_path / "deep", deep), tmp_path)
    np.testing.assert_array_equal(found.rows, deep)
    mixed = read(save_images(tmp_path / "mixed", [*GREY[:2], deep[0]]), tmp_path, role="samples")
    assert mixed.names == ("0.png", "1.png") and "16 bits" in mixed.skipped[0].cause


def test_several_sizes_need_a_size(tmp_path):
    folder = save_images(tmp_path / "set", [*GREY[:2], GREY[0, :4, :4]])
    message = sentence(folder, tmp_path)
    assert "images of one size" in message and "6 x 7 (0.png), 4 x 4 (2.png)" in message
    found = read(folder, tmp_path, size=(3, 5))
    assert found.rows.shape == (3, 3, 5) and "resized to 3 x 5" in found.notes[0]


def test_resizing_averages_and_keeps_depth(tmp_path):
    flat = np.full((1, 8, 8), 77, np.uint8)
    checks = (np.indices((8, 8)).sum(axis=0) % 2 * 200).astype(np.uint8)[None]
    found = read(save_images(tmp_path / "set", [*flat, *checks]), tmp_path, size=(2, 2))
    assert (found.rows[0] == 77).all() and np.abs(found.rows[1].astype(int) - 100).max() <= 2
    deep = read(save_images(tmp_path / "deep", flat.astype(np.uint16) * 300), tmp_path, size=(2, 2))
    assert (deep.rows == 77 * 300).all() and deep.rows.dtype == np.uint16


def test_nothing_to_read(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "has none" in sentence(tmp_path / "empty", tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"no image")
    assert "has none; a.png" in sentence(tmp_path / "bad", tmp_path)


def test_pixels_are_read_once_until_a_file_changes(tmp_path, monkeypatch):
    folder, reads = save_images(tmp_path / "set", GREY), []
    original = picture_folders.read_pixels

    def counted(file):
        reads.append(file.name)
        return original(file)

    monkeypatch.setattr(picture_folders, "read_pixels", counted)
    first = read(folder, tmp_path)
    again = read(folder, tmp_path)
    assert len(reads) == 5 and again.sha256 == first.sha256
    np.testing.assert_array_equal(again.rows, GREY)
    save_images(folder, [GREY[0, ::-1, ::-1], *GREY[1:]])
    changed = read(folder, tmp_path)
    assert len(reads) == 10 and changed.sha256 != first.sha256
