"""Own weight and entropy along paths."""

import numpy as np
from figures import TIMES, VALUES

from diffmem import plots


def test_posterior_along_paths_draws_every_path_and_the_mean():
    entropy = VALUES[:, ::-1] + 2
    figure = plots.posterior_along_paths(TIMES, VALUES[:, :7], entropy[:, :7], {"t_C": 0.7})
    for ax, values in zip(figure.axes, (VALUES, entropy)):
        mean, mark, *paths = ax.get_lines()
        np.testing.assert_allclose(mean.get_ydata(), values[:, :7].mean(1))
        assert mark.get_xdata()[0] == 0.7
        np.testing.assert_array_equal([path.get_ydata() for path in paths], values.T[:7])
    assert "w_{" in figure.axes[0].get_ylabel() and "nats" in figure.axes[1].get_ylabel()
