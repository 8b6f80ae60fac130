"""Whole experiments in one call: measured beside predicted, as an xarray dataset."""

from .collapse import collapse as collapse
from .defaults import default_dimensions as default_dimensions
from .defaults import default_sizes as default_sizes
from .forecast import forecast as forecast
from .progress import shown_progress as shown_progress
from .random_features import feature_spectrum as feature_spectrum
from .random_features import feature_times as feature_times
from .sweep import sweep as sweep
from .transition import transition as transition
