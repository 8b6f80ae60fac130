"""How each path comes to belong to one training point."""

import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.figure import Figure

from . import style
from .against_time import against_time
from .overlays import Mark, draw_paths

PATH_COLOUR = "#7F7F7F"
MOST = 40  # single paths that are drawn


def posterior_along_paths(
    times: Float[ArrayLike, "nodes"],
    own_weight: Float[ArrayLike, "nodes count"],
    entropy: Float[ArrayLike, "nodes count"],
    mark: Mark = None,
    *,
    log_time: bool = False,
) -> Figure:
    """Own weight (left) and entropy (right) of the posterior weights along paths, against time.

    The posterior weights w_i(x) are the probabilities that the state x came from training point i. `own_weight` is the
    weight of the point that the path belongs to: where it ends (a generated path), or where it began (a noised training
    point). `entropy` is `-sum_i w_i log w_i` in nats: log n while all n points are as likely, 0 when one is certain.
    Thin lines are the first 40 paths, the thick line is the mean over all in a band of 2 standard errors. `mark` is a
    time, or several by name: vertical labelled lines.

    Raises ValueError where the numbers of rows and of times differ, and for times <= 0 with `log_time`.
    """
    figure, axes = style.panels(8.4, 3.2, 2)
    labels = r"own weight $w_{\rm own}$ (1)", r"entropy $-\sum_i w_i\,\log\,w_i$ (nats)"
    for ax, values, label in zip(axes, (own_weight, entropy), labels):
        against_time(times, values, mark, statistic="mean", label=label, log_time=log_time, ax=ax)
        draw_paths(ax, np.asarray(times), np.asarray(values)[:, :MOST], PATH_COLOUR, "single paths")
        style.legend(ax)
    return figure
