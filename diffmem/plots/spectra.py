"""Eigenvalues of covariances against their rank."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import ArrayLike, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .overlays import Mark, draw_marks


def spectra(
    spectrum: Real[ArrayLike, "d"] | Mapping[str, Real[ArrayLike, "..."]], mark: Mark = None, *, ax: Axes | None = None
) -> Figure:
    """Eigenvalues in descending order against rank, both axes logarithmic; a mapping draws a curve for each name.

    `mark` is an eigenvalue, or several by name: horizontal labelled lines. The one that matters is the squared
    noise-to-signal ratio `(sigma/alpha)^2`: directions above it stand out of the noise. Zeros, up to the
    rounding `d eps max` of an eigenvalue solver, are not on a log axis: the legend says how many there are. `ax` draws
    into a panel that exists.

    Raises ValueError for NaN or negative eigenvalues, and for a spectrum without a positive one.
    """
    named = spectrum if isinstance(spectrum, Mapping) else {"": spectrum}
    curves = {name: _descending(values, name) for name, values in named.items()}
    ax = style.panel(ax)
    for name, values in curves.items():
        positive = values[values > _rounding(values)]
        zeros = len(values) - len(positive)
        label = ", ".join(part for part in (name, f"zero: {zeros}" if zeros else "") if part)
        ax.plot(np.arange(1, len(positive) + 1), positive, markersize=3, linewidth=1.2, label=label or None)
    draw_marks(ax.axhline, mark, r"$\lambda = {:.3g}$")
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="rank $i$ (count)", ylabel=r"eigenvalue $\lambda_i$ (data units squared)")
    style.legend(ax)
    return ax.figure


def _descending(values, name):
    values = np.sort(np.asarray(values).ravel())[::-1]
    values = values if np.issubdtype(values.dtype, np.floating) else values.astype(float)
    # a NaN fails every comparison
    if not (values.size and values.max() > 0 and values.min() >= -_rounding(values)):
        low, high = (values.min(), values.max()) if values.size else ("no", "values")
        raise ValueError(
            f"`spectrum`{name and ' ' + name} must be non-negative and not all zero, but spans {low} to {high}."
        )
    return values


def _rounding(values):
    return len(values) * np.finfo(values.dtype).eps * values.max()
