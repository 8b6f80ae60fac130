"""Areas of detectors: a mark at each, from the end to the end of its interval."""

import numpy as np
import xarray as xr

from diffmem import plots


def test_each_area_has_its_interval():
    rows = np.array([[0.9, 0.6, 0.5], [0.8, 0.7, 1.0]])
    curves = {
        name: (("detector", "pair"), rows + by) for name, by in {"auc": 0, "auc_low": -0.1, "auc_high": 0.05}.items()
    }
    found = xr.Dataset(curves, {"detector": ["a", "b"], "pair": ["x / y", "x / 3 of z", "u / v"]})
    (ax,) = plots.detection_areas(found).axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["x\n/ y", "x\n/ 3\nof z", "u\n/ v"]
    for container, row in zip(ax.containers, rows):
        line, _, (bars,) = container.lines
        np.testing.assert_allclose(line.get_ydata(), row)
        np.testing.assert_allclose(
            [bar[:, 1] for bar in bars.get_segments()], np.stack([row - 0.1, row + 0.05], axis=1)
        )
