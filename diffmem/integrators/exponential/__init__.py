"""Exponential multistep methods: the linear part of the flow exactly, the denoiser as a polynomial."""

from .multistep import AbstractMultistep, DPMSolverPP, ExponentialAdamsBashforth

__all__ = ["AbstractMultistep", "DPMSolverPP", "ExponentialAdamsBashforth"]
