"""Copies after pruning, by whose weights are pruned, and the overlap of these weights."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Single labels; groups for each network; overlaps with the first group."""
    found = results.curves
    networks, percent = found.network.values, 100 * found.share.values
    drawn, axes = style.panels(3.2 * (2 + len(networks)), 3.0, 2 + len(networks))
    labels = {"one_copied": "its own weights", "one_others": "of another label", "one_random": "random"}
    for name, label in labels.items():
        axes[0].plot(percent, found[name], markersize=4, label=label)
    axes[0].set(ylabel="copies of one label")
    for ax, network in zip(axes[1:], networks):
        for name in found.pruned_by.values:
            part = found.copied.sel(network=network, pruned_by=name)
            ax.plot(percent, part, markersize=4, label=f"pruned by: {name}")
        ax.set(ylabel="copies of the first group", title=f"label vector of {network}")
    for network, line in zip(networks, style.LINES):
        for colour, name in zip(style.COLOURS, found.pruned_by.values[1:]):
            look = {"color": colour, "linestyle": line, "markersize": 4, "label": f"{name}, {network}"}
            axes[-1].plot(percent, found.overlap.sel(network=network, pruned_by=name), **look)
    axes[-1].set(ylabel="overlap with the first group")
    for ax in axes:
        ax.set(xlabel="top % of a row", xscale="log", ylim=(-0.03, 1.75))
        style.mark_values(ax.xaxis, percent)
    axes[-1].set_ylim(0, 1.9 * float(found.overlap.isel(pruned_by=slice(1, None)).max()))
    return style.with_legends(drawn)
