"""Noising processes `x_t = alpha(t) x_0 + sigma(t) z`: time grows from data (t_min) to noise (t_max)."""

from .base import AbstractProcess as AbstractProcess
from .cosine import CosineVariancePreserving as CosineVariancePreserving
from .edm import EDM as EDM
from .flow_matching import FlowMatching as FlowMatching
from .ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .variance_exploding import VarianceExploding as VarianceExploding
from .variance_preserving import VariancePreserving as VariancePreserving
