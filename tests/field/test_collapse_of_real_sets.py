"""Faults people meet in studies of real data: repeated pictures, few points, many pixels."""

import numpy as np
import pytest

from diffmem import data, studies
from diffmem.data import Dataset

DIGITS = data.reduce_dimension(data.digits(), 16).points[:128]


def study(points, n, **options):
    found = studies.collapse(Dataset(points), n=(n,), d=(points.shape[1],), samples=16, **options)
    return found.squeeze(("n", "d"))


@pytest.mark.slow
def test_repetitions_weigh_and_are_no_other_points():
    """PlantSeg 11, RIAWELC 2: pictures that are in the data set several times."""
    once, twice = study(DIGITS, 128), study(np.concatenate([DIGITS, DIGITS]), 256)
    for name in ("measured", "predicted", "own_weight", "entropy", "generated"):
        np.testing.assert_allclose(twice[name], once[name], rtol=1e-4)
    for some in (13, 64):
        found = study(np.concatenate([DIGITS, DIGITS[:some]]), 128 + some)
        assert found.measured_low < once.measured < found.measured_high
        assert found.predicted == pytest.approx(once.predicted.item(), rel=0.03)


@pytest.mark.slow
def test_intervals_include_the_draw_of_the_training_set():
    """Ten points of fifty dimensions: sets differ far more than queries of one set."""
    points = np.random.default_rng(0).normal(size=(2000, 50)).astype(np.float32)
    found = [study(points, 10, seeds=6, seed=seed, queries=64) for seed in (0, 100)]
    assert found[0].measured_ratio_low < found[1].measured_ratio < found[0].measured_ratio_high
    assert found[0].measured_deviation > 0.01 and found[0].attrs["seeds"] == 6
    bias = np.mean([one.measured_ratio.item() for one in found]) / found[0].predicted_ratio.item()
    assert 1.10 < bias < 1.22  # stated as 16 %


@pytest.mark.slow
def test_pictures_in_their_own_dimension():
    """A folder of pictures of 32 x 32: all d coordinates by default, at the cost of n, and the way down is said."""
    blocks = np.random.default_rng(1).normal(size=(60, 8, 8))
    pictures = np.kron(blocks, np.ones((4, 4))) + 0.1 * np.random.default_rng(2).normal(size=(60, 32, 32))
    found = studies.collapse(Dataset(pictures.astype(np.float32)), n=(16,), samples=16, queries=64)
    assert found.d.values.tolist() == [64, 256, 1024]
    assert found.reduction.values.tolist() == ["pooled to 8 x 8", "pooled to 16 x 16", "as given"]
    assert found.generated.values.tolist() == [[1.0, 1.0, 1.0]]
    near = np.abs(found.example.sel(d=1024) - found.example_neighbour.sel(d=1024)).max()
    assert near < 0.05
