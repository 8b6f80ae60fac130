"""A report holds the files of its own samples only."""

import numpy as np
from audits import audit, images

POINTS = tuple(np.random.default_rng(0).normal(size=(count, 5)) for count in (8, 20))  # no images


def test_a_report_without_pictures_takes_away_those_of_an_earlier_one(tmp_path):
    written = {path.name for path in audit(images(8, 8, 8, seed=2), images(20, 8, 8, seed=1)).save(tmp_path)}
    assert "copies.png" in written
    written = {path.name for path in audit(*POINTS).save(tmp_path)}
    assert "copies.png" not in written and {path.name for path in tmp_path.iterdir()} == written


def test_a_picture_of_others_stays_where_there_was_no_report(tmp_path):
    (tmp_path / "copies.png").write_bytes(b"mine")
    audit(*POINTS).save(tmp_path)
    assert (tmp_path / "copies.png").read_bytes() == b"mine"
