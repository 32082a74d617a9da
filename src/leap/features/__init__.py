"""Features: declarations with words, and the one path that computes them from what was known."""

from leap.features.build import TENURE, FeatureFrame, build_features, discover_features, feature_matrix
from leap.features.spec import Feature, FeatureCatalog, Kind, Recipe, Scope, Signal

__all__ = [
    "TENURE",
    "Feature",
    "FeatureCatalog",
    "FeatureFrame",
    "Kind",
    "Recipe",
    "Scope",
    "Signal",
    "build_features",
    "discover_features",
    "feature_matrix",
]
