"""Networks of PyTorch and diffusers as a score and its process, in one line. Nothing of PyTorch is loaded before."""

from .from_diffusers import from_diffusers, scheduler_times
from .from_torch import from_torch

__all__ = ["from_diffusers", "from_torch", "scheduler_times"]
