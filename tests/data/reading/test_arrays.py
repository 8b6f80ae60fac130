"""Arrays in files: what is read, and what is refused in one sentence; nothing is ever unpickled."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from refusal import refused

from diffmem import data
from diffmem.data.reading import arrays

POINTS = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)
PIXELS = np.random.default_rng(1).integers(0, 256, (5, 4, 6), dtype=np.uint8)


class Trap:
    """Unpickling this would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def npy_bytes(header, payload=b"", version=(1, 0)):
    text = header.encode("latin1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + payload


def header(shape, dtype="<f4"):
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f2", "i4", "?"])
def test_npy_round_trip(tmp_path, dtype, order):
    saved = np.asarray(POINTS * 3, dtype=dtype, order=order)
    np.save(tmp_path / "mine.NPY", saved)
    (tmp_path / "mine.NPY.npy").rename(tmp_path / "mine.NPY")
    loaded = data.load(str(tmp_path / "mine.NPY"))
    np.testing.assert_array_equal(loaded.events, saved.astype(np.float32))
    assert (loaded.event_shape, loaded.labels, loaded.name) == ((2, 3), None, "mine")
    assert loaded.value_range == (float(saved.min()), float(saved.max()))


def test_eight_bit_integers_are_pixels(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    loaded = data.load(tmp_path / "a.npy")
    np.testing.assert_allclose(loaded.events, PIXELS / 127.5 - 1, atol=1e-7)
    assert (loaded.value_range, loaded.points.dtype) == ((-1.0, 1.0), np.float32)
    ends = np.array([[0, 255]], np.uint8)
    np.save(tmp_path / "b.npy", ends)
    assert data.load(tmp_path / "b.npy").points.tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[1.0, np.nan]]), "`points` must be finite"),
        (np.array([[1.0, np.inf]]), "`points` must be finite"),
        (np.zeros((0, 4)), r"hold at least one, but have \(0, 4\)"),
        (np.zeros(4), r"must have shape \(n, d\)"),
        (np.float64(1), r"must have shape \(n, d\)"),
        (np.zeros((2, 2), complex), "must hold real numbers.*complex128"),
        (np.array([["a", "b"]]), "must hold real numbers.*<U1"),
        (np.zeros((2, 2), [("a", "f4"), ("b", "f4")]), "must hold real numbers"),
        (np.zeros((2, 2), "M8[s]"), "must hold real numbers"),
    ],
)
def test_bad_npy(tmp_path, array, said):
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", said)


def test_objects_are_never_unpickled(tmp_path):
    sprung = tmp_path / "sprung"
    trap = np.empty((1, 1), object)
    trap[0, 0] = Trap(sprung)
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "b.npz", points=trap, allow_pickle=True)
    np.savez(tmp_path / "c.npz", points=POINTS, labels=trap, allow_pickle=True)
    (tmp_path / "d.npy").write_bytes(pickle.dumps(Trap(sprung)))
    (tmp_path / "e.npz").write_bytes(pickle.dumps(Trap(sprung)))
    refused(tmp_path / "a.npy", "nothing is unpickled, but .* has dtype object")
    with pytest.warns(UserWarning, match="The labels labels were left out: .* nothing is unpickled"):
        assert data.load(tmp_path / "c.npz").labels is None
    for name in ("b.npz", "d.npy", "e.npz"):
        refused(tmp_path / name, "`path` must")
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung))).close()
    assert sprung.exists()  # the trap works


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must be readable, but a.npy is not"),
        (b"not an array at all", "must be readable"),
        (npy_bytes("{'descr': '<f4'}"), "must be readable"),
        (npy_bytes("__import__('os').getpid()"), "must be readable"),
        (npy_bytes("(" * 9000), "must be readable"),
        (npy_bytes("-" * 9000 + "1"), "must be readable"),
        (npy_bytes(" " * 20000 + header((1, 2))), "must be readable"),
        (npy_bytes(" " * 20000 + header((1, 2)), version=(2, 0)), "must be readable"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "must be readable"),
        (npy_bytes(header((10**6, 10**6))), "must hold at most 4294967296 bytes"),
        (npy_bytes(header((2**40, 2**40))), "must hold at most 4294967296 bytes"),
        (npy_bytes(header((2**30, 2), "|u1")), "must hold at most 4294967296 bytes"),  # 8 GiB once in float32
        (npy_bytes(header((-1, 4))), "must hold at most"),
        (npy_bytes(header((-2, -4))), "must hold at most"),
        (npy_bytes(header((1000, 1000)), b"\0" * 100), "must hold a whole array, but a.npy ends before"),
        (npy_bytes(header((1, 2), "|O"), b"cos\nsystem\n"), "nothing is unpickled"),
    ],
)
def test_damaged_or_absurd_npy(tmp_path, content, said):
    (tmp_path / "a.npy").write_bytes(content)
    refused(tmp_path / "a.npy", said)


def test_the_second_header_version_is_read(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy_bytes(header((1, 2)), np.array([1, 2], "<f4").tobytes(), version=(2, 0)))
    assert data.load(tmp_path / "a.npy").points.tolist() == [[1.0, 2.0]]


def write_zip(path, content, compression=zipfile.ZIP_DEFLATED, name="points.npy"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, content)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_bomb(tmp_path, compression):
    content = npy_bytes(header((70, 10**6), "|u1"), bytes(70 * 10**6))
    write_zip(tmp_path / "a.npz", content, compression)
    assert os.path.getsize(tmp_path / "a.npz") < 100_000
    refused(tmp_path / "a.npz", "must hold arrays that expand at most 200 times, but points.npy in a.npz grows")


def test_a_member_may_not_claim_more_than_the_limit(tmp_path):
    write_zip(tmp_path / "a.npz", npy_bytes(header((10**6, 10**6)), bytes(1000)))
    refused(tmp_path / "a.npz", "must hold at most 4294967296 bytes")
    write_zip(tmp_path / "b.npz", npy_bytes(header((1000, 1000)), bytes(1000)))
    refused(tmp_path / "b.npz", "must hold a whole array, but points.npy in b.npz ends")


def test_a_long_header_in_an_archive_is_not_read(tmp_path):
    text = b" " * (60 * 2**20)
    write_zip(tmp_path / "a.npz", b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text)
    refused(tmp_path / "a.npz", "must be readable")


def test_small_arrays_may_compress_well(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", points=np.zeros((2000, 500), np.float32))
    assert data.load(tmp_path / "a.npz").points.shape == (2000, 500)


def test_damaged_archives(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 and nothing else")
    refused(tmp_path / "a.npz", "must be readable, but a.npz is not")
    np.savez(tmp_path / "b.npz", points=POINTS)
    content = bytearray((tmp_path / "b.npz").read_bytes())
    content[content.index(POINTS.tobytes()[:8])] ^= 1
    (tmp_path / "b.npz").write_bytes(content)
    refused(tmp_path / "b.npz", "must be readable.*CRC")


def test_an_archive_that_lies_about_its_size(tmp_path):
    good = npy_bytes(header((4, 4)), bytes(64))
    write_zip(tmp_path / "a.npz", good)
    content = (tmp_path / "a.npz").read_bytes()
    grown = npy_bytes(header((9, 9)), bytes(64))
    assert len(grown) == len(good)
    write_zip(tmp_path / "a.npz", grown)
    content = (tmp_path / "a.npz").read_bytes().replace(struct.pack("<I", len(good)), struct.pack("<I", 10**6))
    (tmp_path / "a.npz").write_bytes(content)
    refused(tmp_path / "a.npz", "must be readable")


def test_the_limit_on_bytes_is_exact(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", POINTS)
    monkeypatch.setattr(arrays, "MAX_BYTES", POINTS.nbytes)
    assert data.load(tmp_path / "a.npy").n == 7
    monkeypatch.setattr(arrays, "MAX_BYTES", POINTS.nbytes - 1)
    refused(tmp_path / "a.npy", "must hold at most 167 bytes")


def test_buffers_of_arrays_read_from_memory():
    buffer = io.BytesIO()
    np.save(buffer, POINTS)
    buffer.seek(0)
    np.testing.assert_array_equal(arrays.read_array(buffer, buffer.getbuffer().nbytes, "memory"), POINTS)
