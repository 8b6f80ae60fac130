"""Training sets: real pixels, files, synthetic laws, and the same data in fewer dimensions."""

from .dataset import Dataset as Dataset
from .dimension import reduce_dimension as reduce_dimension
from .files import load as load
from .manifold import hidden_manifold as hidden_manifold
from .real import digits as digits
from .real import mnist as mnist
from .synthetic import clusters as clusters
from .synthetic import gaussian as gaussian
from .synthetic import spheres as spheres
