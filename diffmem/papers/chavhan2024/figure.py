"""Copies after pruning, by whose weights are pruned, and the overlap of these weights."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Single labels; groups for each network; overlaps with the first group."""
    found = results.curves
    networks = found.network.values
    drawn, axes = style.panels(3.2 * (2 + len(networks)), 3.0, 2 + len(networks))
    for name, label in (
        ("one_copied", "its own weights"),
        ("one_others", "of another label"),
        ("one_random", "random"),
    ):
        axes[0].plot(100 * found.share, found[name], markersize=4, label=label)
    axes[0].set(xlabel="top % of a row", ylabel="copies of one label")
    for ax, network in zip(axes[1:], networks):
        for name in found.pruned_by.values:
            part = found.copied.sel(network=network, pruned_by=name)
            ax.plot(100 * found.share, part, markersize=4, label=f"pruned by: {name}")
        ax.set(xlabel="top % of a row", ylabel="copies of the first group", title=f"label vector of {network}")
    for network, line in zip(networks, style.LINES):
        for colour, name in zip(style.COLOURS, found.pruned_by.values[1:]):
            part = found.overlap.sel(network=network, pruned_by=name)
            axes[-1].plot(
                100 * found.share, part, color=colour, linestyle=line, markersize=4, label=f"{name}, {network}"
            )
    axes[-1].set(xlabel="top % of a row", ylabel="overlap with the first group")
    for ax in axes[:-1]:
        ax.set_ylim(-0.03, 1.75)
    axes[-1].set_ylim(0, 1.9 * float(found.overlap.isel(pruned_by=slice(1, None)).max()))
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xticks(100 * found.share, [f"{100 * top:g}" for top in found.share.values])
        ax.minorticks_off()
    return style.with_legends(drawn)
