"""Marion and Wu: distances to the data do not see copies, losses do, and larger networks memorize sooner."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
