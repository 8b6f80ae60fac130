import numpy as np
import pytest

from diffmem.data import Dataset
from diffmem.studies import default_dimensions, default_sizes

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "n, sizes", [(2, (2,)), (5, (5,)), (40, (8, 32, 40)), (1797, (128, 512, 1797)), (5000, (128, 512, 2048))]
)
def test_sizes_end_with_all_points_or_a_cheap_number(n, sizes):
    assert default_sizes(Dataset(RNG.normal(size=(n, 2)))) == sizes


@pytest.mark.parametrize(
    "event, dimensions",
    [
        ((8, 8), (4, 16, 64)),
        ((28, 28), (49, 196, 784)),
        ((32, 32, 3), (48, 192, 3072)),
        ((7, 7), (4, 16, 49)),
        ((1,), (1,)),
        ((4,), (4,)),
        ((10,), (4, 10)),
        ((3000,), (4, 16, 3000)),
        ((5, 6), (4, 16, 30)),
        ((32, 32), (64, 256, 1024)),
    ],
)
def test_dimensions_are_pooled_or_powers_of_four(event, dimensions):
    assert default_dimensions(Dataset(RNG.normal(size=(40, *event)))) == dimensions
