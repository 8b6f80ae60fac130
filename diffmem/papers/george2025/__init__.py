"""George, Veiga and Macris: learning curves of denoising with random features, and where more noise draws help."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
