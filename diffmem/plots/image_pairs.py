"""Pairs of images, the sample above its neighbour."""

import numpy as np
from matplotlib.figure import Figure

from . import style
from .pairs import COPY_COLOUR, NEIGHBOUR_LABEL, OTHER_COLOUR, SAMPLE_LABEL, Pairs

COLUMNS = 8  # pairs a row


def is_image(event_shape: tuple[int, ...]) -> bool:
    """Whether events are grey or colour images, channels first or last."""
    return len(event_shape) == 2 or (len(event_shape) == 3 and (event_shape[-1] in (1, 3) or event_shape[0] in (1, 3)))


def draw_images(pairs: Pairs) -> Figure:
    """Rows of generated images above rows of their neighbours, copies in a frame."""
    count = len(pairs.samples)
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    lines = len(pairs.caption(0).splitlines())
    figure = style.new_figure(1.6 + 0.9 * columns, 0.1 + rows * (1.8 + 0.15 * lines))
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    low, high = float(pairs.neighbours.min()), float(pairs.neighbours.max())
    for row, name in enumerate((SAMPLE_LABEL, NEIGHBOUR_LABEL.replace(" ", "\n", 1)) * rows):
        grid[row, 0].set_ylabel(name, size=style.SMALL, rotation=0, ha="right", va="center")
    for slot in range(rows * columns):
        above, below = grid[2 * (slot // columns) : 2 * (slot // columns) + 2, slot % columns]
        if slot >= count:
            above.set_axis_off()
            below.set_axis_off()
            continue
        above.set_title(pairs.caption(slot), size=style.SMALL, pad=3)
        for ax, image in ((above, pairs.samples[slot]), (below, pairs.neighbours[slot])):
            picture = _show(ax, image, low, high)
            _frame(ax, pairs.is_copy(slot))
    if picture.get_array().ndim == 2:
        bar = figure.colorbar(picture, ax=grid, shrink=0.6, pad=0.01, aspect=30)
        bar.set_label("pixel value $x$ (data units)", size=style.SMALL)
        bar.ax.tick_params(labelsize=style.SMALL)
    return figure


def _show(ax, image, low, high):
    """One image: grey levels on the common range, colours rescaled to it."""
    pixels = _channels_last(image)
    if pixels.ndim == 3:
        span = (high - low) or 1.0  # an all-black set has no range
        pixels = np.clip((pixels.astype(float) - low) / span, 0, 1)
    return ax.imshow(pixels, cmap="gray", vmin=low, vmax=high, interpolation="nearest")


def _channels_last(image):
    if image.ndim == 3 and image.shape[-1] not in (1, 3):
        image = np.moveaxis(image, 0, -1)
    return image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image


def _frame(ax, copied):
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(color=COPY_COLOUR if copied else OTHER_COLOUR, linewidth=2.2 if copied else 0.6)
