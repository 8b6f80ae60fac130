"""Training sets: real pixels, files, synthetic laws, and the same data in fewer dimensions."""

from .dataset import Dataset as Dataset
from .dimension import reduce_dimension as reduce_dimension
from .files import load as load
from .manifold import hidden_manifold as hidden_manifold
from .real import digits as digits
from .real import mnist as mnist
from .span import SpanCoordinates as SpanCoordinates
from .span import gaussian_span as gaussian_span
from .span import orthogonal_noise as orthogonal_noise
from .span import span_coordinates as span_coordinates
from .synthetic import clusters as clusters
from .synthetic import gaussian as gaussian
from .synthetic import spheres as spheres
