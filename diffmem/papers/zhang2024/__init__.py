"""Zhang et al.: networks make the same samples where they memorize and where they generalize, and differ between."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
