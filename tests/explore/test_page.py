import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from diffmem.explore import MOST_POINTS, page

FOLDER = files("diffmem.explore")
SCRIPTS = sorted(Path(str(FOLDER)).rglob("*.js"))
VOID = {"meta", "input", "br", "link", "img", "hr"}


class Structure(HTMLParser):
    """Tags that are open, all identifiers, and the labels and targets that name one."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.named, self.loaded, self.inputs = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.named += [attrs[key] for key in ("for", "aria-labelledby", "aria-describedby") if key in attrs]
        self.named += [attrs["href"][1:]] if attrs.get("href", "").startswith("#") else []
        self.loaded += [attrs[key] for key in ("src", "srcset", "data", "action") if key in attrs]
        self.loaded += [attrs["href"]] if not attrs.get("href", "#").startswith("#") else []
        if tag in ("input", "select"):
            self.inputs.append(attrs | {"inside a label": "label" in self.open})

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text():
    return page()


def test_it_is_one_file_that_loads_nothing(text):
    structure = Structure(text)
    assert structure.open == [] and structure.loaded == []
    assert "default-src 'none'" in text  # the browser itself refuses what would be loaded
    assert not re.search(r'@import|url\(|\bfetch\(|XMLHttpRequest|import\(|^import .* from "|^export ', text, re.M)
    assert "{{" not in text
    assert len(text.encode()) < 150_000


def test_identifiers_are_unique_and_what_is_named_exists(text):
    structure = Structure(text)
    assert len(structure.ids) == len(set(structure.ids))
    assert set(structure.named) <= set(structure.ids)
    # elements that scripts look up by a name in full
    for path in SCRIPTS:
        assert set(re.findall(r'element\("([\w-]+)"\)', path.read_text())) <= set(structure.ids), path.name


def test_every_field_has_a_label(text):
    structure = Structure(text)
    for field in structure.inputs:
        assert field["inside a label"] or "aria-label" in field or field["id"] in structure.named, field


def test_each_script_is_there_once_and_small(text):
    for path in SCRIPTS:
        assert text.count(f"// {path.parent.name}/{path.name}\n") == 1
        assert path.read_text().startswith("// ") and path.read_text().count("\n") < 300
        assert max(map(len, path.read_text().splitlines())) <= 130, path.name


def test_a_script_comes_after_those_whose_values_it_needs(text):
    """Tables at the top of a module are read at once: `SAMPLERS` by the form of settings, for example."""
    order = [text.index(f"// {name}.js\n") for name in ("formulas/samplers", "interface/controls", "interface/main")]
    assert order == sorted(order)


def test_names_and_points_cannot_leave_their_place():
    name = '</script><script>alert("x")</script> & "quotes"'
    text = page(np.zeros((1, 2)), name=name)
    assert text.count("<script") == 2 and text.count("</script>") == 2
    assert Structure(text).open == []


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 2)])
def test_points_on_a_line_and_in_the_plane(shape):
    points = np.arange(np.prod(shape), dtype=np.float64).reshape(shape) / 7
    found = re.search(r'"points": (\[\[.*?\]\]), "d": (\d)', page(points))
    pairs = np.array(eval(found[1]))
    d = int(found[2])
    assert d == (shape[1] if len(shape) == 2 else 1)
    np.testing.assert_array_equal(pairs[:, :d], points.reshape(5, d))
    assert (pairs[:, d:] == 0).all()


@pytest.mark.parametrize(
    "points, sentence",
    [
        (np.zeros((3, 3)), "`points` must have shape (n,), (n, 1) or (n, 2), but have shape (3, 3)."),
        (np.zeros((2, 2, 1)), "`points` must have shape (n,), (n, 1) or (n, 2), but have shape (2, 2, 1)."),
        (np.zeros((0, 2)), "`points` must be 1 to 500, but are 0."),
        (np.zeros((501, 2)), "`points` must be 1 to 500, but are 501."),
        (np.array([[0.0, np.nan]]), "`points` must be finite, but holds NaN or infinite values."),
        (np.array([[0.0, 2e9]]), "`points` must be at most 1e+09 in size, but one is 2e+09."),
    ],
)
def test_bad_points_are_refused_in_one_sentence(points, sentence):
    with pytest.raises(ValueError) as error:
        page(points)
    assert str(error.value) == sentence


def test_the_page_accepts_as_many_points_as_the_function(text):
    assert f"const MOST_POINTS = {MOST_POINTS};" in text and f'id="n" type="number" min="1" max="{MOST_POINTS}"' in text
