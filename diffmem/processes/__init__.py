"""Noising processes `x_t = alpha(t) x_0 + sigma(t) z`: time grows from data (t_min) to noise (t_max)."""

from .base import AbstractProcess
from .cosine import CosineVariancePreserving
from .discrete import Discrete
from .edm import EDM
from .flow_matching import FlowMatching
from .ornstein_uhlenbeck import OrnsteinUhlenbeck
from .variance_exploding import VarianceExploding
from .variance_preserving import VariancePreserving

__all__ = [
    "EDM",
    "AbstractProcess",
    "CosineVariancePreserving",
    "Discrete",
    "FlowMatching",
    "OrnsteinUhlenbeck",
    "VarianceExploding",
    "VariancePreserving",
]
