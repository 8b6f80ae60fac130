"""Measured against exact shares of copies, and the effect of leaving out a word."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Prompts with and without the trigger, with guidance and without; the law after ablation of each slot."""
    found = results.curves
    drawn, (left, right) = style.panels(8.0, 3.0, 2)
    left.plot([0, 1], [0, 1], **style.THEORY)
    for weight in found.guidance.values:
        for words, marker in zip(found.words.values, "o^"):
            chosen = {"words": words}
            left.plot(
                found.exact.sel(chosen),
                found.rate.sel(chosen | {"guidance": weight}),
                linestyle="",
                marker=marker,
                markersize=4,
                label=f"{words}, guidance {weight:g}",
            )
    left.set(xlabel="exact share of copies", ylabel="share among samples")
    share = found.ablated / found.exact.isel(words=0)
    for slot in range(found.sizes["slot"]):
        label = "without trigger" if slot == 0 else f"without word {slot + 1}"
        right.plot(share.isel(slot=slot), marker="o", markersize=4, linestyle="", label=label)
    right.set(xlabel="prompt", ylabel="copies left, relative", ylim=(0, None))
    return style.with_legends(drawn)
