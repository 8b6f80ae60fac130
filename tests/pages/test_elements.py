"""Parts of a report: nothing of the data becomes markup, and each picture is in the file."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from diffmem import pages

HOSTILE = "<script>alert('&')</script>\"'"


def embedded(html):
    """The images in a piece of a page."""
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in re.findall(r"base64,([^']+)'", html)]


def test_a_page_holds_its_style_and_its_parts_in_order():
    page = pages.whole_page(HOSTILE, ["<p>first</p>", "", pages.section(HOSTILE, "<p>second</p>")])
    assert page.startswith("<!doctype html>") and "color-scheme" in page and "--ink" in page
    assert "<script>" not in page and page.index("first") < page.index("second")


def test_tables_and_lists_show_texts_as_they_are_and_numbers_to_three_digits():
    table = pages.grid([HOSTILE, "b"], [[HOSTILE, 0.123456], [None, 7]])
    assert "<script>" not in table and "0.123" in table and "0.1234" not in table
    assert "<td>-</td><td>7</td>" in table
    assert "<script>" not in pages.bullets([HOSTILE])


def test_a_figure_is_embedded_once_with_words_for_those_who_do_not_see_it():
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([0, 1])
    html = pages.plot(figure, HOSTILE)
    assert len(embedded(html)) == 1 and "<script>" not in html
    assert "alt='other words'" in pages.plot(figure, "caption", "other words")


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3)])
def test_pictures_run_from_black_to_white(shape):
    image = np.zeros(shape)
    image[0], image[1, 0], image[1, 1] = -1.0, 1.0, 7.0
    (shown,) = embedded(pages.picture(image, (-1.0, 1.0), HOSTILE))
    levels = np.asarray(shown).reshape(2, 3, -1)[..., 0]
    np.testing.assert_array_equal(levels, [[0, 0, 0], [255, 255, 128]])


def test_files_are_made_in_memory_and_written_whole(tmp_path):
    rows = [{"name": 'a "b", c', "value": 0.1}, {"name": "d", "value": 2}]
    contents = {"rows.csv": pages.csv_of(rows), "figure.png": pages.png_of(Figure(figsize=(1, 1)))}
    paths = pages.write_all(contents, tmp_path / "new")
    assert [path.name for path in paths] == ["rows.csv", "figure.png"]
    assert paths[0].read_bytes() == b'name,value\r\n"a ""b"", c",0.1\r\nd,2\r\n'
    assert Image.open(paths[1]).format == "PNG"
