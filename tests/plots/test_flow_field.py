"""Arrows, basins, paths and points in the plane."""

import numpy as np
from figures import BASINS, FIELD, GRID, RNG

from diffmem import plots


def test_flow_field_draws_arrows_basins_paths_and_points():
    paths = FIELD[:, :3]
    (ax,) = plots.flow_field(GRID, GRID[:10], FIELD[:10], BASINS[:10], paths, points=FIELD[0, :4]).axes
    basins, arrows, points = ax.collections
    np.testing.assert_array_equal(basins.get_array(), BASINS[:10])
    np.testing.assert_array_equal(arrows.U, FIELD[:10, :, 0].ravel())
    np.testing.assert_array_equal(arrows.V, FIELD[:10, :, 1].ravel())
    np.testing.assert_array_equal(arrows.XY, [[x, y] for y in GRID[:10] for x in GRID])
    np.testing.assert_array_equal(points.get_offsets(), FIELD[0, :4])
    for i, line in enumerate(ax.get_lines()):
        np.testing.assert_array_equal(line.get_xydata(), paths[:, i])
    shades = basins.cmap(basins.norm(np.arange(4)))
    np.testing.assert_array_equal(shades[:, :3], points.get_facecolors()[:, :3])


def test_a_fine_flow_field_is_thinned_to_arrows_that_can_be_told_apart():
    fine = np.linspace(0, 1, 90)
    vectors = RNG.normal(size=(90, 90, 2))
    (arrows,) = plots.flow_field(fine, fine, vectors).axes[0].collections
    np.testing.assert_array_equal(arrows.U, vectors[::6, ::6, 0].ravel())
    np.testing.assert_array_equal(arrows.XY[:15, 0], fine[::6])
