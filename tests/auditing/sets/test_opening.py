"""Sets from arrays and files: read where they lie, in the numbers of the training set."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from diffmem import data
from diffmem.auditing.sets import Reading, agreeing, opened, unit_of

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(30, 4, 5)).astype(np.float32)


def quiet(done, total, stage):
    pass


def open_one(source, tmp_path, role="samples", **reading):
    return opened(source, role, Reading(**reading), tmp_path / "store", quiet)


def open_two(samples, train, tmp_path, features=False, **reading):
    sets = [open_one(source, tmp_path, role, **reading) for source, role in ((samples, "samples"), (train, "train"))]
    return agreeing(sets, Reading(**reading), features=features)


def sentence(function, *arguments, **options):
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_an_npy_file_stays_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    found = open_one(tmp_path / "a.npy", tmp_path)
    assert isinstance(found.rows, np.memmap) and not list((tmp_path).glob("store/*"))
    np.testing.assert_array_equal(found.block(slice(3, 9)), POINTS[3:9].reshape(6, 20))
    assert np.shares_memory(found.block(slice(3, 9)), found.rows)

    assert found.sha256 == hashlib.sha256((tmp_path / "a.npy").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "change", [np.asfortranarray, lambda a: a.astype(">f4"), lambda a: a.astype("f8"), lambda a: a]
)
def test_order_of_memory_and_bytes_do_not_matter(tmp_path, change):
    np.save(tmp_path / "a.npy", change(POINTS))
    found = open_one(tmp_path / "a.npy", tmp_path)
    np.testing.assert_array_equal(found.block(slice(None)), POINTS.reshape(30, 20))
    assert found.flat.flags.c_contiguous and found.rows.dtype.isnative


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_any_array_of_an_archive_by_name(tmp_path, save):
    save(tmp_path / "a.npz", first=POINTS, second=2 * POINTS, labels=np.arange(30))
    found = open_one(f"{tmp_path / 'a.npz'}:second", tmp_path)
    np.testing.assert_array_equal(found.rows, 2 * POINTS)
    assert found.labels.tolist() == list(range(30)) and found.source.endswith("a.npz:second")
    message = sentence(open_one, tmp_path / "a.npz", tmp_path)
    assert "must say which array of a.npz is meant" in message and "first, second, labels" in message
    assert "but is 'third'" in sentence(open_one, f"{tmp_path / 'a.npz'}:third", tmp_path)


def test_each_array_of_an_archive_has_the_hash_of_its_own_file(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", first=POINTS, second=2 * POINTS, third=POINTS)
    np.save(tmp_path / "first.npy", POINTS)
    names = [*(f"{tmp_path / 'a.npz'}:{name}" for name in ("first", "second", "third")), tmp_path / "first.npy"]
    first, second, third, alone = (open_one(name, tmp_path).sha256 for name in names)
    assert first == third == alone == hashlib.sha256((tmp_path / "first.npy").read_bytes()).hexdigest() != second


def test_equal_bytes_of_another_kind_are_other_numbers():
    whole = RNG.integers(0, 100, (9, 4)).astype(np.int32)
    kinds = [opened(rows, "train", Reading(), Path("."), quiet) for rows in (whole, whole.view(np.float32))]
    assert (
        kinds[0].sha256
        != kinds[1].sha256
        == opened(whole.view("f4").copy(), "train", Reading(), Path("."), quiet).sha256
    )


def test_arrays_and_data_sets():
    digits = data.digits()
    for source in (digits, digits.events, digits.events.astype(np.float64)):
        found = opened(source, "train", Reading(), Path("."), quiet)
        np.testing.assert_array_equal(found.block(slice(None)), digits.points)
    assert opened(digits, "train", Reading(), Path("."), quiet).labels is not None


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(POINTS).bfloat16().requires_grad_()
    found = opened(tensor, "samples", Reading(), Path("."), quiet)
    np.testing.assert_array_equal(found.rows, tensor.detach().float().numpy())
    assert opened([[1, 2], [3, 4]], "samples", Reading(), Path("."), quiet).n == 2


def test_rows_with_nan_are_left_out_and_listed():
    rows = POINTS.copy()
    rows[3, 0, 0], rows[17, 1, 1] = np.nan, np.inf
    found = opened(rows, "samples", Reading(), Path("."), quiet)
    assert found.n == 28 and [one.name for one in found.skipped] == ["3", "17"]
    assert found.position(3) == 4 and found.name_of(16) == "18"
    assert np.isfinite(found.extremes).all()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.full((3, 2), np.nan), "must hold a finite point"),
        (np.zeros((0, 2)), "must have shape (n, d)"),
        (np.zeros(5), "must have shape (n, d)"),
        (np.zeros((2, 2), complex), "must hold real numbers"),
        (np.array([["a", "b"]]), "must hold real numbers"),
        ("nowhere.npy", "must be a file or folder that exists"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(source, message, tmp_path):
    assert message in sentence(open_one, source, tmp_path)


def test_damaged_and_hostile_files_are_one_sentence(tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    (tmp_path / "short.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:200])
    (tmp_path / "junk.npz").write_bytes(b"PKjunk")
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object), allow_pickle=True)
    (tmp_path / "text.txt").write_text("1 2 3")
    for name in ("short.npy", "junk.npz", "objects.npy", "text.txt"):
        assert name in sentence(open_one, tmp_path / name, tmp_path)


# agreement


@pytest.mark.parametrize("kind", [np.uint8, np.bool_])
def test_equal_integers_are_compared_as_they_are(tmp_path, kind):
    pixels = RNG.integers(0, 2, (20, 4, 4)).astype(kind)
    samples, train = open_two(pixels, pixels, tmp_path)
    assert not train.mapped and train.block(slice(0, 1)).dtype == np.uint8
    assert unit_of(train) == 2.0  # 0 and 1 stand for -1 and 1
    assert "Values from 0 to 1" in samples.notes[0]


def test_pixels_beside_numbers_in_the_range_of_diffusion_models(tmp_path):
    pixels = RNG.integers(0, 256, (20, 4, 4, 3)).astype(np.uint8)
    pixels[0, 0, 0] = 0, 255, 255
    numbers = (pixels / 127.5 - 1).astype(np.float32)
    for a, b in ((pixels, numbers), (np.moveaxis(numbers, -1, 1), pixels), (numbers.reshape(20, -1), pixels)):
        samples, train = open_two(a, b, tmp_path)
        np.testing.assert_allclose(samples.block(slice(None)), train.block(slice(None)), atol=1e-6)
        assert unit_of(train) == 1.0 and train.event_shape == (4, 4, 3)


def test_ranges_that_differ_are_named(tmp_path):
    unit, signed = RNG.random((50, 9)), 2 * RNG.random((60, 9)) - 1
    message = sentence(open_two, unit, signed, tmp_path)
    assert "seem to be in different units" in message and "`samples_range`" in message
    assert "in different units" in sentence(open_two, unit, (127.5 * (signed + 1)).astype(np.uint8), tmp_path)
    samples, _ = open_two(unit, signed, tmp_path, samples_range=(0, 1))
    np.testing.assert_allclose(samples.block(slice(None)), 2 * unit - 1)
    open_two(unit, signed, tmp_path, samples_range=(-1, 1))  # meant as they are
    open_two(unit, 9 * signed, tmp_path, features=True)


def test_grey_images_beside_colour_ones(tmp_path):
    grey, colour = (RNG.integers(0, 256, (20, 4, 4, *rest)).astype(np.uint8) for rest in ((), (3,)))
    samples, train = open_two(grey, colour, tmp_path)
    np.testing.assert_array_equal(samples.events(slice(None)), grey[..., None].repeat(3, axis=-1))
    assert "colour" in samples.notes[0] and train.event_shape == samples.event_shape


@pytest.mark.parametrize("grey_shape", [(20, 4, 5), (20, 4, 5, 1), (20, 1, 4, 5)])
@pytest.mark.parametrize("colour_shape", [(20, 4, 5, 3), (20, 3, 4, 5)])
@pytest.mark.parametrize("swapped", [False, True])
def test_one_channel_is_grey_wherever_its_axis_is(grey_shape, colour_shape, swapped, tmp_path):
    grey = RNG.integers(0, 256, (20, 4, 5)).astype(np.uint8)
    colour = grey[..., None].repeat(3, axis=-1)
    given = grey.reshape(grey_shape), np.moveaxis(colour, -1, 1) if colour_shape[1] == 3 else colour
    sets = open_two(*(given[::-1] if swapped else given), tmp_path)
    for one in sets:
        assert one.event_shape == (4, 5, 3)
        np.testing.assert_array_equal(one.events(slice(None)), colour)
    assert sum("colour" in note for one in sets for note in one.notes) == 1


def test_one_channel_beside_none_is_no_colour(tmp_path):
    grey = RNG.integers(0, 256, (20, 4, 5)).astype(np.uint8)
    sets = open_two(grey, grey.reshape(20, 1, 4, 5), tmp_path)
    np.testing.assert_array_equal(*(one.block(slice(None)) for one in sets))
    assert not any("colour" in note for one in sets for note in one.notes)


def test_a_shape_is_for_flat_rows_only(tmp_path):
    """Where images came with their channels last and `shape` named them first, their numbers were once scrambled."""
    colour = RNG.integers(0, 256, (20, 4, 5, 3)).astype(np.uint8)
    first = np.moveaxis(colour, -1, 1)
    for given in (first, first.reshape(20, -1)):
        samples, train = open_two(given, colour, tmp_path, shape=(3, 4, 5))
        np.testing.assert_array_equal(samples.block(slice(None)), train.block(slice(None)))
        np.testing.assert_array_equal(train.events(slice(None)), colour)


def test_shapes_that_differ_are_named(tmp_path):
    assert "must hold points of one shape, but have (4, 5) and (4, 6)" in sentence(
        open_two, POINTS, RNG.normal(size=(9, 4, 6)), tmp_path
    )
    assert "`shape` must hold 20 numbers" in sentence(open_one, POINTS.reshape(30, 20), tmp_path, shape=(3, 3))
    assert open_one(POINTS.reshape(30, 20), tmp_path, shape=(4, 5)).event_shape == (4, 5)


def test_numbers_beyond_single_precision_are_refused(tmp_path):
    """Their squares overflow in sums."""
    for rows in (POINTS.astype(float) * 1e200, np.float32(3e38) * np.sign(POINTS).astype(float) * 2):
        assert "`samples` must hold numbers of at most 3.4e+38" in sentence(open_one, rows, tmp_path)
    assert open_one(POINTS * np.float32(1e37), tmp_path).n == 30


def test_units_are_told_as_they_were_found_and_as_they_were_taken(tmp_path):
    unit, pixels = RNG.random((30, 4)), RNG.integers(0, 256, (30, 4)).astype(np.uint8)
    assert "(`train` holds 0 to 255, taken for -1 to 1)" in sentence(open_two, unit, pixels, tmp_path)
