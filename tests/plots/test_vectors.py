"""Pairs of points that are not images."""

import numpy as np
import pytest
from figures import labelled, pairs

from diffmem import plots


def test_points_in_the_plane_are_the_coordinates():
    samples, neighbours = pairs((2,), 20)
    (ax,) = plots.samples_beside_neighbours(samples, neighbours, (2,), most=20).axes
    clouds = labelled(ax)
    np.testing.assert_array_equal(clouds["generated"].get_offsets(), samples)
    np.testing.assert_array_equal(clouds["nearest training point"].get_offsets(), neighbours)
    np.testing.assert_array_equal(ax.get_lines()[3].get_xydata(), [samples[3], neighbours[3]])


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 2, 2)])
def test_other_events_are_profiles(shape):
    samples, neighbours = pairs(shape, 20)
    figure = plots.samples_beside_neighbours(samples, neighbours, shape)
    panels = [ax for ax in figure.axes if ax.get_lines()]
    assert len(panels) == 16
    for i, ax in enumerate(panels):
        below, above = ax.get_lines()
        np.testing.assert_array_equal(above.get_ydata(), samples[i].ravel())
        np.testing.assert_array_equal(below.get_ydata(), neighbours[i].ravel())
    assert figure.get_supxlabel() == "coordinate $i$ (index)"
    assert figure.get_supylabel() == "value $x_i$ (data units)"
