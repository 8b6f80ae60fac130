import numpy as np
import pytest
from audits import moved

from diffmem.auditing.sets import PointSet
from diffmem.auditing.variants import AS_IT_IS, DIRECTION, flips, shifts, spatial_axes, tiles

SHAPES = [(6, 5), (6, 5, 3), (3, 6, 5)]


def both(variant, sample, train, shape):
    sides = (PointSet("s", "s", rows, shape) for rows in (sample, train))
    a, b = sides
    return variant.of_sample(a, slice(None)), variant.of_train(b, slice(None))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mirrored_image_is_found_by_one_variant(shape):
    train = np.random.default_rng(0).integers(0, 256, (1, *shape))
    high, wide = spatial_axes(shape)
    for axes in ((wide,), (high,), (high, wide)):
        pairs = [both(variant, np.flip(train, axes), train, shape) for variant in flips(shape)]
        assert sum(np.array_equal(a, b) for a, b in pairs) == 1


def test_a_moved_image_agrees_where_both_show_it():
    train = np.random.default_rng(1).integers(1, 256, (1, 6, 5))
    found = {variant.name: variant for variant in shifts((6, 5), 2)}
    assert len(found) == 24
    for down, right in ((0, 1), (-2, 1), (2, -2), (1, 0)):
        equal = [
            name for name, one in found.items() if np.array_equal(*both(one, moved(train, down, right), train, (6, 5)))
        ]
        assert equal == [f"shifted by {down} down, {right} right"]


@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_cover_each_pixel_once(shape):
    image = np.arange(np.prod(shape)).reshape(1, *shape)
    parts = [both(variant, image, image, shape)[0] for variant in tiles(shape, 2)]
    assert len(parts) == 4
    np.testing.assert_array_equal(np.sort(np.concatenate(parts, axis=None)), image.ravel())


def test_what_is_no_image_has_no_sides():
    assert spatial_axes((5,)) is None and spatial_axes((4, 5, 6)) is None
    for make in (lambda: list(flips((5,))), lambda: list(shifts((6, 5), 5)), lambda: list(tiles((6, 5), 6))):
        with pytest.raises(ValueError, match=r"^`(flips|shifts|tiles)` must be [^\n]*\.$"):
            make()


def test_the_text_of_a_variant_tells_all_that_it_does():
    """Saved searches are known again by it: the same in every process, and different for different changes."""
    shape = (6, 6, 3)
    made = [[*flips(shape), *shifts(shape, 2), *tiles(shape, 2), *tiles(shape, 3), AS_IT_IS, DIRECTION] for _ in "ab"]
    texts = [[repr(one) for one in some] for some in made]
    assert texts[0] == texts[1] and len(set(texts[0])) == 3 + 24 + 4 + 9 + 2
    assert not any(" at 0x" in text or "lambda" in text for text in texts[0])
