"""Analytic simulator of memorization in diffusion models.

Closed-form empirical scores, Gaussian-mixture scores and learned scores plug into one shared ODE/SDE
integrator. `import diffmem as dm` costs nothing until a name is used: subpackages load on first access.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import data as data
    from . import integrators as integrators
    from . import metrics as metrics
    from . import networks as networks
    from . import papers as papers
    from . import plots as plots
    from . import processes as processes
    from . import reductions as reductions
    from . import scores as scores
    from . import studies as studies
    from . import theory as theory
    from . import training as training
    from .integrators import Samples as Samples
    from .integrators import invert as invert
    from .integrators import log_likelihood as log_likelihood
    from .integrators import sample as sample
    from .level import NoiseLevel as NoiseLevel
    from .reductions import Posterior as Posterior

_MODULES = (
    "data",
    "integrators",
    "metrics",
    "networks",
    "papers",
    "plots",
    "processes",
    "reductions",
    "scores",
    "studies",
    "theory",
    "training",
)
_NAMES = {
    "NoiseLevel": "level",
    "Posterior": "reductions",
    "Samples": "integrators",
    "invert": "integrators",
    "log_likelihood": "integrators",
    "sample": "integrators",
}


def __getattr__(name: str):
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module 'diffmem' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, *_NAMES])
