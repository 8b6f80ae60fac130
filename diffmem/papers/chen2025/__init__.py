"""Chen et al.: prompt re-anchoring and prompt search (PRSS), against rewrites alone and optimised embeddings."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
