"""Folders of images of others: subfolders, damage, sizes, colours, and a second run."""

import numpy as np
import pytest
from audits import save_images
from PIL import Image

from diffmem import data
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


@pytest.mark.parametrize("size", [None, (3, 5)])
@pytest.mark.parametrize("deep_first", [False, True])
def test_images_of_two_depths_are_refused_and_none_is_dropped(tmp_path, size, deep_first):
    """One of 16 bits that came first once threw out all others; `data.load` refuses the same folder."""
    deep = RNG.integers(0, 65536, (1, 6, 7)).astype(np.uint16)
    folder = save_images(tmp_path / "mixed", [*deep, *GREY[:2]] if deep_first else [*GREY[:2], *deep])
    message = sentence(folder, tmp_path, size=size)
    assert message.startswith("`train` must hold images of one size and kind, but 0.png has shape ")
    assert "of uint8" in message and "of uint16" in message and ("1.png" if deep_first else "2.png") in message
    with pytest.raises(ValueError, match="must hold images of one size and kind"):
        data.load(folder)


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


def linked(place, target):
    try:
        place.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")


def test_folders_that_are_links_are_read_as_data_load_reads_them(tmp_path):
    save_images(tmp_path / "elsewhere", GREY[:2])
    folder = save_images(tmp_path / "set", GREY[2:], ["a/0.png", "a/1.png", "a/2.png"])
    linked(folder / "b", tmp_path / "elsewhere")
    linked(folder / "c", "a")  # a second name of a folder beside it is no loop
    found, loaded = read(folder, tmp_path), data.load(folder)
    assert (
        found.names
        == loaded.names
        == tuple(f"{name}/{k}.png" for name, n in (("a", 3), ("b", 2), ("c", 3)) for k in range(n))
    )
    assert found.classes == loaded.classes == ("a", "b", "c")
    np.testing.assert_array_equal(found.rows, np.concatenate([GREY[2:], GREY[:2], GREY[2:]]))


def test_links_to_folders_above_are_left_out_and_told(tmp_path):
    folder = save_images(tmp_path / "set", GREY, [f"a/b/{k}.png" for k in range(5)])
    linked(folder / "a" / "b" / "loop", folder)
    linked(folder / "a" / "again", "../a")
    found = read(folder, tmp_path)
    assert found.names == tuple(f"a/b/{k}.png" for k in range(5))
    assert found.notes == ("Left out, as they are no images of set: a/again, a/b/loop.",)


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


def test_pixels_of_another_folder_that_was_not_read_to_its_end_are_not_taken(tmp_path, monkeypatch):
    """A folder that is refused, and Ctrl-C in the middle, once left their pixels under the record of the first."""
    first, sizes = save_images(tmp_path / "a", GREY), [*GREY[::-1, ::-1], GREY[0, :4, :4]]
    second, third = save_images(tmp_path / "b", sizes), save_images(tmp_path / "c", GREY[::-1, :, ::-1])
    read(first, tmp_path)
    sentence(second, tmp_path)
    np.testing.assert_array_equal(read(first, tmp_path).rows, GREY)
    original = picture_folders.read_pixels

    def interrupted(file):
        if file.name == "3.png":
            raise KeyboardInterrupt
        return original(file)

    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt):
        during.setattr(picture_folders, "read_pixels", interrupted)
        read(third, tmp_path)
    np.testing.assert_array_equal(read(first, tmp_path).rows, GREY)
    small = read(first, tmp_path, size=(3, 5)).rows.shape
    assert small == (5, 3, 5) and read(first, tmp_path).rows.shape == GREY.shape


@pytest.mark.parametrize("damage", ["short", "other", "gone"])
def test_pixels_that_are_not_as_they_were_written_are_read_again(tmp_path, damage):
    folder = save_images(tmp_path / "set", GREY)
    read(folder, tmp_path)
    (pixels,) = (tmp_path / "store").glob("*.npy")
    if damage == "short":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "other":
        np.save(pixels, COLOUR)
    else:
        pixels.unlink()
    np.testing.assert_array_equal(read(folder, tmp_path).rows, GREY)
    assert len(list((tmp_path / "store").glob("*.npy"))) == 1
