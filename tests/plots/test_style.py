"""What the figures of papers share: legends where anything is labelled, ticks at given values only."""

from diffmem.plots import style


def test_legends_stand_in_labelled_panels_only_and_once():
    figure, (labelled, bare, own) = style.panels(6.0, 2.0, 3)
    labelled.plot([0, 1], label="a")
    bare.plot([0, 1])
    own.plot([0, 1], label="b")
    kept = own.legend(loc="lower left")
    assert style.with_legends(figure) is figure
    assert [text.get_text() for text in labelled.get_legend().get_texts()] == ["a"]
    assert bare.get_legend() is None and own.get_legend() is kept


def test_ticks_stand_at_the_values_only():
    _, (ax,) = style.panels(2.0, 2.0, 1)
    ax.set(xscale="log", xlim=(0.5, 2000))
    style.mark_values(ax.xaxis, (1, 0.5, 1024))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "0.5", "1024"]
    assert list(ax.get_xticks()) == [1, 0.5, 1024] and not len(ax.get_xticks(minor=True))
