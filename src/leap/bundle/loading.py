"""A bundle's folder as the kind of model it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from leap.bundle import files
from leap.bundle.document import FLAT, kind_of
from leap.bundle.flat_bundle import FlatBundle
from leap.bundle.model_bundle import ModelBundle


def load_bundle(folder: Path) -> ModelBundle | FlatBundle:
    """Read a bundle of either kind; BundleError says what is wrong with it."""
    is_flat = kind_of(files.read_folder(folder)) == FLAT
    return FlatBundle.load(folder) if is_flat else ModelBundle.load(folder)


def parse_bundle(found: Mapping[str, bytes]) -> ModelBundle | FlatBundle:
    """A bundle of either kind from the contents of its files; nothing is handed to LightGBM yet."""
    return FlatBundle.parse(found) if kind_of(found) == FLAT else ModelBundle.parse(found)
