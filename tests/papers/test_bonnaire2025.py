"""Summary of the training times of networks, on times that are known."""

import numpy as np
import pytest
import xarray as xr

from diffmem.papers.bonnaire2025.experiment import network_summary


def test_summary_of_known_times():
    n, early = np.array([32, 64, 128]), np.array([64, 128])
    loss = np.array([[1.0, 0.9, 2.0], [1.0, 0.8, 3.0], [1.0, 0.7, 0.75]])
    found = xr.Dataset(
        {
            "network_time": ("network_n", 7.0 * n**1.5),
            "network_held_out_loss": (("network_n", "network_step"), loss),
            "network_copied": (("network_n", "network_step"), [[0, 0.01, 0.7], [0, 0.03, 0.5], [0, 0, 0.1]]),
            "network_score_error": (("network_n", "network_step"), loss),
            "early_time": ("early_n", [30.0, 60.0]),
        },
        {"network_n": n, "early_n": early, "network_step": [1, 2, 3]},
    )
    summary = network_summary(found)
    assert summary["network_slope"] == pytest.approx(1.5) and summary["network_rise"] == pytest.approx(2**1.5)
    assert summary["network_level_slope"] == pytest.approx(1.0)
    assert summary["network_least_copied"] == 0.03 and summary["network_last_copied"] == 0.5
    assert summary["network_error"] == pytest.approx(0.75 / 0.7)
