"""How a Gibbs sum over centres is computed."""

from .base import Posterior as Posterior
