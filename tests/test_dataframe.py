"""Results as data frames."""

import subprocess
import sys

import numpy as np

from diffmem import metrics, scores
from diffmem.level import NoiseLevel

TRAIN = np.array([[0.0], [1.0], [4.0]])
SAMPLES = np.array([[0.1], [2.5], [3.9]])


def test_one_row_for_each_sample():
    found = metrics.memorization(SAMPLES, TRAIN)
    frame = found.to_dataframe()
    assert frame.columns.tolist() == ["d1", "d2", "index", "ratio", "copied", "twins", "twin_distance"]
    np.testing.assert_array_equal(frame["d1"], found.d1)
    assert frame["copied"].tolist() == [True, False, True]
    assert (frame.attrs["fraction"], frame.attrs["interval"]) == (found.fraction, found.interval)
    assert "by_label" not in frame.attrs


def test_columns_of_a_matrix():
    frame = metrics.nearest(SAMPLES, TRAIN, 2).to_dataframe()
    assert frame.columns.tolist() == ["distance_0", "distance_1", "index_0", "index_1"]
    assert frame["index_1"].tolist() == [1, 2, 1]


def test_attractors_have_a_row_each_and_starts_do_not():
    score, starts = scores.Empirical(np.array([[-1.0], [1.0]])), np.array([[-1.1], [0.9]])
    frame = metrics.attractors(score, starts, NoiseLevel(1.0, 0.1)).to_dataframe()
    assert frame.columns.tolist() == ["points_0", "log_prob", "leader", "leader_weight", "memorized"]
    assert len(frame) == 2


def test_pandas_is_loaded_at_the_call_only():
    code = "import sys, diffmem.metrics; print('pandas' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
