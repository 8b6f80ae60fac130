"""Copying by the way of captioning, and against noise on the captions."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Bars for repeated and unique images at the widest kernel; the course with caption noise."""
    curves = results.curves
    drawn, (left, right) = style.panels(9.0, 3.2, 2)
    place = np.arange(curves.sizes["captions"])
    for i, images in enumerate(curves.images.values):
        heights = curves.mass.sel(images=images).isel(width=-1)
        left.bar(place + 0.4 * (i - 0.5), heights, 0.38, color=style.COLOURS[i], label=f"{images} images")
    left.set_xticks(place, list(curves.captions.values), rotation=25)
    left.set(ylabel="probability of own image", xlabel=f"captions ($h$ = {float(curves.width[-1]):g})")
    right.plot(curves.noise, curves.noised)
    right.set(xlabel="noise on training captions", ylabel="probability of own image", ylim=(0, 1.03))
    right.set_title("repeated images, $h$ = 0.5", fontsize=style.TEXT)
    return style.with_legends(drawn)
