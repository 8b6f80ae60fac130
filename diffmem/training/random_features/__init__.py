"""Denoisers linear in random features, fitted exactly or along gradient flow."""

from .feature_descent import descend_random_features
from .feature_equivalent import equivalent_feature_moments, equivalent_modes
from .feature_fit import FeatureFit, FeatureModes, FitErrors, fit_random_features
from .feature_moments import FeatureMoments, exact_feature_moments, sampled_feature_moments

__all__ = [
    "FeatureFit",
    "FeatureModes",
    "FeatureMoments",
    "FitErrors",
    "descend_random_features",
    "equivalent_feature_moments",
    "equivalent_modes",
    "exact_feature_moments",
    "fit_random_features",
    "sampled_feature_moments",
]
