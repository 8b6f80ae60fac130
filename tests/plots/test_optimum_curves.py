"""Excess losses and distances beside the optimum."""

import numpy as np
import pytest
from figures import labelled, optimum

from diffmem import plots


def test_curves_marks_and_steps():
    dataset = optimum()
    figure = plots.against_optimum(dataset)
    left, right = figure.axes
    names = labelled(left)
    curve = names["over the exact score, held-out points"]
    np.testing.assert_array_equal(curve.get_ydata(), dataset.excess_exact.sel(set="held_out"))
    np.testing.assert_array_equal(
        labelled(right)["from the fitted Gaussian"].get_ydata(), dataset.distance_gaussian.sel(set="train")
    )
    for label, name in (("$t_C$, collapse", "collapse"), ("stops following", "stops")):
        assert labelled(left)[label].get_xdata()[0] == float(dataset[name])
    assert "$t_S$, speciation" in names
    np.testing.assert_array_equal(names["own steps"].get_xdata(), [1.0, 0.3])  # those within the levels


def test_a_missing_variable():
    with pytest.raises(ValueError, match="lacks step"):
        plots.against_optimum(optimum().drop_vars("step"))
