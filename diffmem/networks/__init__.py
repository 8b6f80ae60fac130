"""Networks for one point at one noise level, for learned denoisers.

A network is any `network(x, noise)` or `network(x, noise, label)` that returns an array of the shape of x, with
`noise = log(sigma / alpha)`; these are Equinox modules, but a user's own callable does as well (see `scores.Learned`).
"""

from .embedding import fourier_features
from .hidden_units import layer_input
from .plain_mlp import PlainMLP
from .residual_mlp import ResidualMLP
from .unet import UNet

__all__ = ["PlainMLP", "ResidualMLP", "UNet", "fourier_features", "layer_input"]
