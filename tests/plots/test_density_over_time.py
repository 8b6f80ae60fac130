"""The map of a density over time, with paths."""

import numpy as np
from figures import DENSITY, GRID, TIMES, VALUES, labelled

from diffmem import plots


def test_density_over_time_draws_the_density_and_its_paths():
    figure = plots.density_over_time(TIMES, GRID, DENSITY, VALUES[:, :5], 0.7, points=GRID[:3])
    ax = figure.axes[0]
    cells = ax.collections[0]
    np.testing.assert_array_equal(cells.get_array().reshape(12, 9), DENSITY.T)
    corners = cells.get_coordinates()
    np.testing.assert_array_equal(corners[0, :, 0], TIMES)
    np.testing.assert_array_equal(corners[:, 0, 1], GRID)
    assert cells.get_clim() == (0, DENSITY.max())
    for i, line in enumerate(ax.get_lines()[:5]):
        np.testing.assert_array_equal(line.get_xydata(), np.stack([TIMES, VALUES[:, i]], axis=1))
    named = labelled(ax)
    np.testing.assert_array_equal(named["training points"].get_xydata(), [[TIMES[-1], x] for x in GRID[:3]])
    assert named["theory, $t = 0.7$"].get_xdata()[0] == 0.7
    assert ax.get_xlim() == (TIMES[-1], TIMES[0]) and ax.get_ylim() == (-1, 4)
