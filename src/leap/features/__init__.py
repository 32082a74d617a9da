"""Features: declarations with words, and the one path that computes them from what was known."""

from leap.features.build import TENURE, FeatureFrame, build_features, discover_features, feature_matrix
from leap.features.spec import (
    CHANGE,
    LAYERS,
    RATE,
    SHARE,
    Feature,
    FeatureCatalog,
    Kind,
    Layer,
    Nature,
    Recipe,
    Scope,
    Signal,
)
from leap.features.streams import EventStream, StreamedWindows, stream_windows

__all__ = [
    "CHANGE",
    "LAYERS",
    "RATE",
    "SHARE",
    "TENURE",
    "EventStream",
    "Feature",
    "FeatureCatalog",
    "FeatureFrame",
    "Kind",
    "Layer",
    "Nature",
    "Recipe",
    "Scope",
    "Signal",
    "StreamedWindows",
    "build_features",
    "discover_features",
    "feature_matrix",
    "stream_windows",
]
