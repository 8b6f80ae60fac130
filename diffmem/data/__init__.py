"""Training sets: real images, files, synthetic laws, and data in fewer dimensions."""

from .dataset import Dataset
from .dimension import reduce_dimension
from .files import load
from .manifold import hidden_manifold
from .real import digits, mnist
from .span import SpanCoordinates, gaussian_span, orthogonal_noise, span_coordinates
from .synthetic import clusters, gaussian, spheres

__all__ = [
    "Dataset",
    "SpanCoordinates",
    "clusters",
    "digits",
    "gaussian",
    "gaussian_span",
    "hidden_manifold",
    "load",
    "mnist",
    "orthogonal_noise",
    "reduce_dimension",
    "span_coordinates",
    "spheres",
]
