"""Local dimension against noise, and both dimensions of the three groups."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Mean dimension of the law and of the records; model's dimension against the true one, point by point."""
    curves = results.curves
    drawn, (left, right) = style.panels(8.0, 3.2, 2)
    for model in curves.model.values:
        left.plot(curves.scale, curves.lid.sel(model=model), label=f"model: the {model}")
    left.axhline(6, label="dimension of the manifold", **style.THEORY)
    left.set(xlabel=r"$\sigma$ over distance of nearest record", ylabel="local dimension at records")
    for group in curves.group.values:
        one = curves.sel(group=group)
        right.plot(one.true_lid, one.model_lid, linestyle="", markersize=4, label=group)
    right.axhline(3, **style.THEORY)
    right.axvline(3, **style.THEORY)
    right.set(xlabel="local dimension of the law", ylabel="local dimension of the model")
    return style.with_legends(drawn)
