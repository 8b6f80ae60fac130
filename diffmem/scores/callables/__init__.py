"""Scores of functions and networks that are written elsewhere: in JAX, or outside it."""

from .from_callable import FromFunction, FromNoisePrediction, FromVelocity
from .from_host import FromHost

__all__ = ["FromFunction", "FromHost", "FromNoisePrediction", "FromVelocity"]
