"""Features: declarations with words, and the one path that computes them from what was known."""

from leap.features.build import TENURE, FeatureFrame, build_features, discover_features, feature_matrix
from leap.features.spec import Feature, FeatureCatalog, Kind, Recipe, Scope, Signal
from leap.features.streams import EventStream, StreamedWindows, stream_windows

__all__ = [
    "TENURE",
    "EventStream",
    "Feature",
    "FeatureCatalog",
    "FeatureFrame",
    "Kind",
    "Recipe",
    "Scope",
    "Signal",
    "StreamedWindows",
    "build_features",
    "discover_features",
    "feature_matrix",
    "stream_windows",
]
