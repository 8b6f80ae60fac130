"""Settings changed by text: read by the type of the field, refused in one sentence."""

from typing import NamedTuple

import pytest

from diffmem.papers.settings import changed, changes


class Settings(NamedTuple):
    n: int = 1000
    share: float = 0.5
    mnist: bool = True
    name: str = "digits"
    sizes: tuple[int, ...] = (16, 32)
    bounds: tuple[float, float] = (0.1, 3.0)
    pairs: tuple[tuple[int, int], ...] = ((0, 1),)


@pytest.mark.parametrize(
    "text, name, value",
    [
        ("n=500", "n", 500),
        ("share=1", "share", 1.0),
        ("share=1e-3", "share", 1e-3),
        ("mnist=false", "mnist", False),
        ("mnist=False", "mnist", False),
        ("name=a=b", "name", "a=b"),
        ("sizes=8", "sizes", (8,)),
        ("sizes=8,16,32", "sizes", (8, 16, 32)),
        (" sizes = (8, 16) ", "sizes", (8, 16)),
        ("bounds=1,2", "bounds", (1.0, 2.0)),
        ("pairs=(1,7),(3,8)", "pairs", ((1, 7), (3, 8))),
    ],
)
def test_a_value_is_read_by_the_type_of_its_field(text, name, value):
    new = changed(Settings(), [text], "a2020")
    assert getattr(new, name) == value and type(getattr(new, name)) is type(value)
    assert changes(new, Settings()) == {name: value}


def test_the_last_of_several_holds_and_nothing_changes_without():
    assert changed(Settings(), ["n=1", "share=0.1", "n=2"], "a2020") == Settings(n=2, share=0.1)
    assert changed(Settings(), [], "a2020") == Settings() and changes(Settings(), Settings()) == {}


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("n", "`--set` must be NAME=VALUE, but is 'n'."),
        ("m=1", "`--set` must name a setting of a2020 (n, share, mnist, name, sizes, bounds, pairs), but names 'm'."),
        ("n=1.5", "`--set n` must be a whole number, but is '1.5'."),
        ("n=many", "`--set n` must be a whole number, but is 'many'."),
        ("n=", "`--set n` must be a whole number, but is ''."),
        ("n=true", "`--set n` must be a whole number, but is 'true'."),
        ("share=half", "`--set share` must be a number, but is 'half'."),
        ("mnist=1", "`--set mnist` must be true or false, but is '1'."),
        ("sizes=8,a", "`--set sizes` must be values separated by commas, but is '8,a'."),
        ("bounds=1", "`--set bounds` must be values separated by commas, but is '1'."),
        ("pairs=1,7", "`--set pairs` must be tuples separated by commas, but is '1,7'."),
    ],
)
def test_a_bad_text_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(ValueError) as refused:
        changed(Settings(), [text], "a2020")
    assert str(refused.value) == sentence
