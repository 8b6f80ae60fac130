"""audit.html needs nothing else, holds each picture once, and shows names of others as text."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from audits import audit, images, save_images

from diffmem.auditing.reporting.audit_page import page
from diffmem.auditing.reporting.written_files import drawn


class Reader(HTMLParser):
    """Tags, attributes that load something, pictures, and whether all elements are closed."""

    def __init__(self, text):
        super().__init__()
        self.sources, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.sources += [found[name] for name in ("src", "href", "srcset") if name in found]
        if tag == "img":
            assert found["alt"]
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    train = images(60, 8, 8, 3, seed=1)
    names = [f"<b>{k}&.png" for k in range(60)]
    save_images(folder / "train", train, names)
    save_images(folder / "samples", np.concatenate([train[[0, 0, 0, 1, 2]], images(20, 8, 8, 3, seed=2)]))
    (folder / "samples" / "broken.png").write_bytes(b"")
    found = audit(folder / "samples", folder / "train", images(40, 8, 8, 3, seed=3))
    return found, page(found, drawn(found))


def test_each_picture_is_there_once_and_nothing_is_loaded(shown):
    _, text = shown
    read = Reader(text)
    assert read.open == [] and read.sources and all(one.startswith("data:image/png;base64,") for one in read.sources)
    # two figures of curves, one of distances, three sources, and a copy of each: equal samples are shown once
    assert len(read.sources) == 3 + 3 + 3
    assert not re.search(r"https?://|<script|@import|url\(", text)


def test_names_of_files_are_text(shown):
    found, text = shown
    words = " ".join(Reader(text).words)
    assert "<b>0&.png" in words and "<b>" not in re.sub(r"<b>(samples|train|test)</b>", "", text)
    assert found.sentence in words and "broken.png" in words
    for limit in found.document["limits"]:
        assert limit in words


def test_light_dark_and_narrow_are_provided_for(shown):
    _, text = shown
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text and "overflow-x: auto" in text


def test_the_files_say_the_same(shown, tmp_path):
    import csv
    import json

    import xarray as xr
    from PIL import Image

    found, _ = shown
    paths = found.save(tmp_path / "report")
    assert {path.name for path in paths} == {
        *("audit.html", "audit.json", "copies.csv", "audit.nc", "curves.png", "distances.png", "copies.png")
    }
    told = json.loads((tmp_path / "report" / "audit.json").read_text())
    assert told == json.loads(found.to_json()) and told["fraction"] == 0.2
    rows = list(csv.DictReader((tmp_path / "report" / "copies.csv").open()))
    assert [row["train"] for row in rows[:5]] == ["<b>0&.png"] * 3 + ["<b>1&.png", "<b>2&.png"]
    assert [row["copied"] for row in rows] == ["True"] * 5 + ["False"] * 20
    with xr.open_dataset(tmp_path / "report" / "audit.nc", engine="h5netcdf") as arrays:
        assert arrays.attrs["fraction"] == 0.2 and int(arrays["ratio_copied"].sum()) == 5
    assert min(Image.open(tmp_path / "report" / "curves.png").size) > 300
