"""Faults people meet in files: ranges, orientation, depth, frames, transparency, hidden files, names, labels.

What is right is known from the pixels that the test writes.
"""

import numpy as np
import pytest
from PIL import Image

from diffmem import data, metrics, studies
from diffmem.data import Dataset

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (4, 5, 7), dtype=np.uint8)


def saved(folder, name, image, **options):
    folder.mkdir(exist_ok=True, parents=True)
    image.save(folder / name, **options)
    return folder


def sentence(path, **options):
    """What `load` says of a path that it refuses: one sentence."""
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as caught:
        data.load(path, **options)
    return str(caught.value)


# ranges


@pytest.mark.parametrize(("name", "top"), [("binary digits", 1), ("digits of scikit-learn", 16), ("photographs", 255)])
def test_the_range_is_taken_from_the_data_and_said(tmp_path, name, top):
    """albumentations 148, vision 4272: arrays of 0 and 1, or of 0 to 16, were divided by 255."""
    pixels = RNG.integers(0, top + 1, (40, 6, 6), dtype=np.uint8)
    pixels[0, 0, :2] = 0, top
    np.save(tmp_path / "a.npy", pixels)
    loaded = data.load(tmp_path / "a.npy")
    np.testing.assert_allclose(loaded.events, 2 * pixels.astype(float) / top - 1, atol=1e-6)
    assert (loaded.source_range, loaded.value_range) == ((0, top), (-1, 1))
    assert f"Values from 0 to {top}" in loaded.notes[0]
    for part in (loaded.subset(slice(0, 9)), data.reduce_dimension(loaded, 4)):
        assert (part.source_range, part.notes) == (loaded.source_range, loaded.notes)


def test_the_range_is_settable(tmp_path):
    """albumentations 148: samples with fewer grey values than the training set, read in its range."""
    train, samples = np.array([[0, 200]], np.uint8), np.array([[50, 100]], np.uint8)
    for name, values in (("train", train), ("samples", samples)):
        np.save(tmp_path / f"{name}.npy", values)
        saved(tmp_path / name, "0.png", Image.fromarray(values))
    for kind in ("{}.npy", "{}"):
        first = data.load(tmp_path / kind.format("train"))
        second = data.load(tmp_path / kind.format("samples"), range=first.source_range)
        np.testing.assert_allclose(second.points, samples / 127.5 - 1, atol=1e-6)
        assert data.load(tmp_path / kind.format("samples"), range=(-1, 1)).points.tolist() == [[50, 100]]
    np.save(tmp_path / "unit.npy", np.array([[0.0, 1.0], [0.5, 0.25]]))
    np.testing.assert_allclose(data.load(tmp_path / "unit.npy", range=(0, 1)).points, [[-1, 1], [0, -0.5]])
    assert "`range` must hold the values, which run from 0 to 200" in sentence(tmp_path / "train.npy", range=(0, 1))


@pytest.mark.slow
def test_binary_digits_are_copied(tmp_path):
    """albumentations 148: of the exact score's samples all are copies; divided by 255 they ended before the collapse."""
    np.save(tmp_path / "a.npy", (data.digits().events > 0).astype(np.uint8))
    loaded = data.load(tmp_path / "a.npy")
    found = studies.collapse(loaded, n=(64,), d=(64,), samples=64, queries=64)
    assert found.generated.item() == 1.0
    assert found.attrs["preparation"] == loaded.notes[0]


# single images


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_pictures_are_turned_as_they_are_shown(tmp_path, suffix, orientation):
    """czkawka 1540, odiff 76: a picture and its turned copy with an orientation in EXIF are one picture."""
    upright = np.kron(RNG.integers(0, 2, (3, 4), dtype=np.uint8) * 200 + 20, np.ones((8, 8), np.uint8))
    turns = [
        lambda a: a,
        np.fliplr,
        lambda a: np.rot90(a, 2),
        np.flipud,
        np.transpose,
        np.rot90,
        lambda a: np.rot90(a, 2).T,
        lambda a: np.rot90(a, 3),
    ]  # what a camera stores for each orientation
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation - 1](upright)))
    lossless = {"lossless": True} if suffix == ".webp" else {}
    saved(tmp_path / "turned", f"0{suffix}", stored, exif=exif, **lossless)
    loaded = data.load(tmp_path / "turned", range=(0, 255)).events[0]
    shown = loaded if loaded.ndim == 2 else loaded[..., 0]
    np.testing.assert_allclose((shown + 1) * 127.5, upright, atol=12 if suffix == ".jpg" else 1e-4)


def deep_png(path, colour_type, channels):
    """A PNG of 16 bits, which Pillow cannot write in colour."""
    import struct
    import zlib

    values = RNG.integers(0, 2**16, (3, 4, channels), dtype=np.uint16).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = struct.pack(">IIBBBBB", 4, 3, 16, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return values


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_in_colour_are_refused(tmp_path, kind, channels):
    """Pillow 7723: the low byte was dropped silently."""
    deep_png(tmp_path / "a" / "0.png", kind, channels)
    assert "grey ones of 16 bits without transparency, but it has more than 8 bits" in sentence(tmp_path / "a")


@pytest.mark.parametrize("maximum", [65535, 1023])
@pytest.mark.parametrize("magic", [b"P6", b"P3"])
def test_portable_pixmaps_of_sixteen_bits_are_refused(tmp_path, magic, maximum):
    """Pillow 4073: values up to 65535 were brought to 8 bits."""
    values = np.arange(12) * (maximum // 12)
    body = b" ".join(b"%d" % value for value in values) if magic == b"P3" else values.astype(">u2").tobytes()
    (tmp_path / "0.ppm").write_bytes(magic + b"\n2 2\n%d\n" % maximum + body)
    assert "has more than 8 bits" in sentence(tmp_path)


def test_sixteen_bits_of_grey_are_kept(tmp_path):
    """Pillow 7723: neighbouring values stay apart."""
    values = deep_png(tmp_path / "png" / "0.png", 0, 1)[..., 0].astype(np.uint16)
    values[0, 0] = 65535
    for suffix in (".png", ".tif", ".pgm"):
        folder = saved(tmp_path / suffix, f"0{suffix}", Image.fromarray(values))
        loaded = data.load(folder)
        assert loaded.source_range == (0, 65535)
        np.testing.assert_allclose((loaded.events[0].astype(float) + 1) * 32767.5, values, atol=0.01)


def test_sixteen_bit_tiff_in_colour(tmp_path):
    """Pillow 7723: RGB of 16 bits in TIFF, written by hand."""
    import struct

    values = RNG.integers(0, 2**16, (2, 3, 3), dtype=np.uint16).astype("<u2")
    tags = [(256, 3, 1, 3), (257, 3, 1, 2), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 140)]
    tags += [(277, 3, 1, 3), (278, 3, 1, 2), (279, 4, 1, values.nbytes)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    head = head.ljust(134, b"\0") + struct.pack("<HHH", 16, 16, 16)
    (tmp_path / "0.tif").write_bytes(head + values.tobytes())
    assert "has more than 8 bits" in sentence(tmp_path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("0.tif", {"save_all": True}),
        ("0.png", {"save_all": True}),
        ("0.webp", {"save_all": True, "lossless": True}),
        ("0.gif", {"save_all": True}),
        ("0.jpg", {"format": "MPO", "save_all": True}),
    ],
)
def test_several_frames_are_refused(tmp_path, name, options):
    """aleph 20, jimp 816: all but the first page were dropped silently."""
    first, *others = (Image.fromarray(image) for image in GREY)
    saved(tmp_path / "a", name, first, append_images=others, **options)
    assert "images of one frame, but it has 4" in sentence(tmp_path / "a")


@pytest.mark.parametrize(
    ("mode", "transparency"), [("L", 7), ("RGB", (7, 7, 7)), ("1", 255), ("P", 7), ("P", bytes([255] * 7 + [0]))]
)
def test_a_transparent_colour_is_transparency(tmp_path, mode, transparency):
    """transformers 49003, Pillow 421: a transparent colour in PNG was taken for opaque."""
    image = Image.new("L", (5, 5), 7).convert(mode) if mode != "1" else Image.new("1", (5, 5), 1)
    saved(tmp_path / "a", "0.png", image, transparency=transparency)
    assert "without transparency, but it" in sentence(tmp_path / "a")


@pytest.mark.parametrize(("mode", "transparency"), [("L", 9), ("RGB", (9, 9, 9))])
def test_a_transparent_colour_that_no_pixel_has(tmp_path, mode, transparency):
    """transformers 49003: nothing is transparent, nothing is lost."""
    saved(tmp_path / "a", "0.png", Image.new("L", (5, 5), 7).convert(mode), transparency=transparency)
    np.testing.assert_allclose(data.load(tmp_path / "a", range=(0, 255)).points, 7 / 127.5 - 1, atol=1e-6)


# folders


def test_hidden_and_companion_files_are_ignored(tmp_path):
    """spatialdata-io 260: `._a.png` of another system and files of file managers made the whole folder unreadable."""
    saved(tmp_path / "a", "a.png", Image.fromarray(GREY[0]))
    for name in ("._a.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.jpg"):
        (tmp_path / "a" / name).write_bytes(b"\0\5\26\7")
    loaded = data.load(tmp_path / "a")
    assert loaded.names == ("a.png",) and len(loaded.notes) == 1


def test_which_picture_is_a_row(tmp_path):
    """fastdup 255: names, in the order in which people count."""
    for k in (10, 2, 1, 33):
        saved(tmp_path / "a", f"img{k}.png", Image.fromarray(np.full((3, 3), k + 200, np.uint8)))
    loaded = data.load(tmp_path / "a")
    assert loaded.names == ("img1.png", "img2.png", "img10.png", "img33.png")
    np.testing.assert_allclose((loaded.points[:, 0] + 1) * 127.5, [201, 202, 210, 233], atol=1e-4)
    assert loaded.subset(np.array([2, 0])).names == ("img10.png", "img1.png")


def test_subfolders_are_classes(tmp_path):
    """imagededup 127: one folder for each class."""
    for name, images in (("class10", GREY[:2]), ("class9", GREY[2:]), (".git", GREY), ("notes", ())):
        (tmp_path / name).mkdir()
        for k, image in enumerate(images):
            saved(tmp_path / name, f"{k}.png", Image.fromarray(image))
    with pytest.warns(UserWarning, match="Left out.*: notes"):
        loaded = data.load(tmp_path)
    assert loaded.labels.tolist() == [0, 0, 1, 1] and loaded.classes == ("class9", "class10")
    assert loaded.names == ("class9/0.png", "class9/1.png", "class10/0.png", "class10/1.png")
    np.testing.assert_allclose((loaded.events + 1) * 127.5, GREY[[2, 3, 0, 1]], atol=1e-4)


def test_what_is_skipped_is_listed(tmp_path):
    """imagededup 127: a folder of mixed kinds gave one picture, silently."""
    for k, name in enumerate(("0.png", "1.jfif", "2.gif", "3.jpe")):
        kind = {".jfif": "JPEG", ".jpe": "JPEG"}.get(name[1:])
        saved(tmp_path / "a", name, Image.fromarray(GREY[k]).convert("RGB"), format=kind)
    (tmp_path / "a" / "4.heic").write_bytes(b"")
    (tmp_path / "a" / "more").mkdir()
    with pytest.warns(UserWarning, match=r"Left out, as they are no images of a: more, 4\.heic\."):
        loaded = data.load(tmp_path / "a")
    assert loaded.n == 4 and "4.heic" in loaded.notes[-1]


# arrays


def test_the_channel_axis_is_recognised():
    """tensorflow-lpips 2: the same pictures with an axis of one channel, first or last, are pooled alike."""
    pictures = RNG.normal(size=(9, 8, 8)).astype(np.float32)
    plain = data.reduce_dimension(Dataset(pictures), 16)
    for axis in (1, 3):
        set_of = Dataset(np.expand_dims(pictures, axis))
        assert studies.default_dimensions(set_of) == studies.default_dimensions(Dataset(pictures)) == (4, 16, 64)
        np.testing.assert_array_equal(data.reduce_dimension(set_of, 16).points, plain.points)
    colours = RNG.normal(size=(9, 3, 8, 8)).astype(np.float32)
    first, last = (data.reduce_dimension(Dataset(c), 12) for c in (colours, np.moveaxis(colours, 1, 3)))
    assert (first.event_shape, last.event_shape) == ((3, 2, 2), (2, 2, 3))
    np.testing.assert_array_equal(np.moveaxis(first.events, 1, 3), last.events)


def test_rows_of_pixels_can_be_given_their_shape(tmp_path):
    """tensorflow-lpips 2: rows of 64 are 8 x 8 pictures only if somebody says so."""
    np.save(tmp_path / "a.npy", RNG.normal(size=(30, 64)))
    assert "principal components" in data.reduce_dimension(data.load(tmp_path / "a.npy"), 16).name
    assert "pooled to 4 x 4" in data.reduce_dimension(data.load(tmp_path / "a.npy", shape=(8, 8)), 16).name
    assert "`shape` must hold 64 entries" in sentence(tmp_path / "a.npy", shape=(8, 9))


def test_archives_of_other_projects(tmp_path):
    """guided-diffusion 117, MedMNIST, Keras: names of arrays, labels as columns, one-hot and text."""
    images = RNG.integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    for labels in (np.arange(6)[:, None], np.eye(6, dtype=np.uint8), np.array(list("abcdef"))):
        np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
        assert "holds 4: x_train, y_train, x_test, y_test" in sentence(tmp_path / "a.npz")
        loaded = data.load(tmp_path / "a.npz", array="x_train", labels="y_train")
        assert loaded.labels.tolist() == list(range(6)) and loaded.n == 6
    np.savez(tmp_path / "b.npz", images, np.arange(6))
    assert data.load(tmp_path / "b.npz").labels.tolist() == list(range(6))
    with pytest.warns(UserWarning, match="labels y_train were left out"):
        np.savez(tmp_path / "c.npz", x_train=images, y_train=np.full(6, np.nan))
        assert data.load(tmp_path / "c.npz").n == 6


def test_samples_read_beside_a_training_set(tmp_path):
    """Text2Earth 13: both in one range, so that a copy is a copy."""
    train = RNG.integers(0, 17, (20, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "train.npy", train)
    np.save(tmp_path / "samples.npy", train[:5] / 16)
    first = data.load(tmp_path / "train.npy")
    samples = data.load(tmp_path / "samples.npy", range=(0, 1))
    assert metrics.memorization(samples.points, first.points).fraction == 1.0
