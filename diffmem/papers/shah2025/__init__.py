"""Shah et al., ambient training at high noise: what one noisy copy of each point changes, and what it does not."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
