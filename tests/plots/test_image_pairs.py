"""Pairs of images show their pixels, and which are copies."""

import numpy as np
import pytest
from figures import RNG, pairs

from diffmem import plots


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (1, 4, 5)])
def test_grey_images_are_the_pixels(shape):
    samples, neighbours = pairs(shape, 11)
    figure = plots.samples_beside_neighbours(samples.reshape(11, -1), neighbours, shape, ratio=np.linspace(0, 1, 11))
    shown = [ax.get_images()[0] for ax in figure.axes if ax.get_images()]
    assert len(shown) == 22
    order = [*range(8), *range(11, 19), *range(8, 11), *range(19, 22)]
    pixels = np.concatenate([samples, neighbours]).reshape(22, 4, 5)[order]
    for image, expected in zip(shown, pixels):
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_clim() == (neighbours.min(), neighbours.max())
    assert figure.axes[0].get_ylabel() == "generated"
    assert figure.axes[8].get_ylabel() == "nearest\ntraining point"
    assert figure.axes[1].get_title() == "$d_1/d_2$ = 0.1"
    assert figure.axes[-1].get_ylabel() == "pixel value $x$ (data units)"


@pytest.mark.parametrize("axis", [0, 2])
def test_colour_images_are_scaled_to_the_range_of_the_neighbours(axis):
    colours = RNG.uniform(-1, 1, size=(2, 4, 4, 3))
    events = np.moveaxis(colours, -1, axis + 1)
    figure = plots.samples_beside_neighbours(2 * events, events, events.shape[1:])
    low, span = colours.min(), np.ptp(colours)
    np.testing.assert_allclose(figure.axes[2].get_images()[0].get_array(), (colours[0] - low) / span)
    np.testing.assert_allclose(figure.axes[0].get_images()[0].get_array(), np.clip((2 * colours[0] - low) / span, 0, 1))


def test_copies_are_told_by_words_and_by_frames():
    copied = np.array([True, False])
    figure = plots.samples_beside_neighbours(*pairs((2, 2), 2), (2, 2), np.array([0.5, 3.0]), copied)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["$d_1$ = 0.5\ncopy", "$d_1$ = 3\nno copy"]
    widths = [ax.spines["left"].get_linewidth() for ax in figure.axes[:4]]
    assert widths[0] == widths[2] > widths[1] == widths[3]
