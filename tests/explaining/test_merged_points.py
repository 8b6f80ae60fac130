"""Near-duplicates are merged, and points of a dense class are not."""

from pathlib import Path

import numpy as np
import pytest

from diffmem.auditing.resumable import Work
from diffmem.auditing.sets import Reading, opened
from diffmem.data import Dataset
from diffmem.explaining.merged_points import distinct_points


def merged(points):
    inputs = opened(Dataset(points), "train", Reading(), Path(), lambda *_: None)
    return distinct_points(inputs, Work(None, lambda *_: None), 0)


def cloud(n, seed=0, d=8):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_points_at_random_are_all_distinct():
    assert len(merged(cloud(300)).rows) == 300


def test_points_of_a_dense_class_are_not_near_duplicates():
    points = np.concatenate([cloud(60), 0.1 * cloud(40, 1) + 3])
    assert len(merged(points).rows) == 100


@pytest.mark.parametrize("copies", [1, 5, 10, 13, 40])
def test_re_saved_copies_of_a_point_are_one_point(copies):
    points = cloud(200)
    twins = points[[9]] + 1e-3 * cloud(copies, 2)
    found = merged(np.concatenate([points, twins, points[[4]]]))
    assert len(found.rows) == 200
    assert found.repeats[found.rows == 9] == copies + 1 and found.repeats[found.rows == 4] == 2
    assert found.groups.component[200] == 9


def test_twins_in_a_dense_class_are_found_by_the_distances_there():
    points = np.concatenate([cloud(60), 0.1 * cloud(40, 1) + 3])
    found = merged(np.concatenate([points, points[[70]] + 1e-4]))
    assert len(found.rows) == 100 and found.groups.component[100] == 70


def test_images_that_differ_by_one_level_are_one_point():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 12, 12)).astype(np.float64)
    images[119] = np.clip(images[3] + rng.integers(-1, 2, (12, 12)), 0, 255)
    found = merged(images / 127.5 - 1)
    assert found.groups.component[119] == 3 and len(found.rows) == 119


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="at least 3 distinct points, but hold 2 among 4"):
        merged(np.array([[0.0], [1.0], [0.0], [1.0]]))
