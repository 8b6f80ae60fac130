"""Paths: what is data, and what is not."""

import os

from refusal import refused


def test_paths_that_are_no_data(tmp_path):
    refused(tmp_path / "missing.npy", "must be a file or folder that exists, but .*missing.npy does not")
    (tmp_path / "a.csv").write_text("1,2")
    refused(tmp_path / "a.csv", "must be a .npy file, a .npz file or a folder of images, but is .*a.csv")
    os.mkfifo(tmp_path / "pipe.npy")
    refused(tmp_path / "pipe.npy", "must be a .npy file")
    (tmp_path / "endless.npy").symlink_to("/dev/zero")
    refused(tmp_path / "endless.npy", "must be a .npy file")


def test_a_path_no_system_accepts():
    refused("x" * 5000, "must be a file or folder that exists")
