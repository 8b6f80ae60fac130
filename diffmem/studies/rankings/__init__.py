"""All detectors and all mitigations on one benchmark each, for an exact score and a network of the same records."""

from .detector_ranking import detector_ranking
from .mitigation_ranking import mitigation_ranking
from .prompt_network import prompt_network

__all__ = ["detector_ranking", "mitigation_ranking", "prompt_network"]
