"""Own weights with intervals and bounds."""

import numpy as np
from figures import labelled, transition
from matplotlib.figure import Figure

from diffmem import plots


def test_transition_draws_weights_intervals_and_bounds():
    dataset = transition()
    mine = Figure()
    ax = mine.subplots()
    assert plots.transition(dataset.isel(scaled=[2, 0, 1], growth=[1, 0]).transpose("scaled", "growth"), ax=ax) is mine
    names = [container.get_label() for container in ax.containers]
    assert names == ["$n = 2000$", "$n = 10^{100}$"]
    for container, (_, curve) in zip(ax.containers, dataset.groupby("growth")):
        curve = curve.squeeze()
        points, _, (bars,) = container.lines
        np.testing.assert_array_equal(points.get_xydata(), np.stack([curve.scaled, curve.own_weight], axis=1))
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        low = curve.own_weight - 1.96 * curve.own_weight_error
        high = curve.own_weight + 1.96 * curve.own_weight_error + curve.own_weight_bulk
        np.testing.assert_allclose(ends, np.stack([low, high], axis=1))
    drawn = [tuple(line.get_ydata()) for line in ax.get_lines()]
    assert all(tuple(bound) in drawn for bound in dataset.own_weight_bound.values)
    np.testing.assert_array_equal(labelled(ax)[r"$I = \log n$"].get_xdata(), 1)
