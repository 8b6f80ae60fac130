"""Analytic simulator of memorization in diffusion models.

Closed-form empirical scores, Gaussian-mixture scores and learned scores plug into one shared ODE/SDE
integrator. `import diffmem as dm` costs nothing until a name is used: subpackages load on first access.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import (
        auditing,
        data,
        explaining,
        integrators,
        metrics,
        mitigations,
        networks,
        papers,
        plots,
        processes,
        pytorch,
        reductions,
        scores,
        studies,
        theory,
        training,
    )
    from .auditing import Audit, audit
    from .explaining import Explanation, explain
    from .integrators.likelihood import invert, log_likelihood
    from .integrators.sample import Samples, sample  # the function, which the package would hide behind its module
    from .level import NoiseLevel
    from .pytorch.from_diffusers import from_diffusers
    from .pytorch.from_torch import from_torch
    from .reductions import Posterior

__all__ = [
    "Audit",
    "Explanation",
    "NoiseLevel",
    "Posterior",
    "Samples",
    "audit",
    "auditing",
    "data",
    "explain",
    "explaining",
    "from_diffusers",
    "from_torch",
    "integrators",
    "invert",
    "log_likelihood",
    "metrics",
    "mitigations",
    "networks",
    "papers",
    "plots",
    "processes",
    "pytorch",
    "reductions",
    "sample",
    "scores",
    "studies",
    "theory",
    "training",
]

_HOMES = {
    "Audit": "auditing",
    "Explanation": "explaining",
    "NoiseLevel": "level",
    "Posterior": "reductions",
    "Samples": "integrators",
    "audit": "auditing",
    "explain": "explaining",
    "from_diffusers": "pytorch",
    "from_torch": "pytorch",
    "invert": "integrators",
    "log_likelihood": "integrators",
    "sample": "integrators",
}


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'diffmem' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
