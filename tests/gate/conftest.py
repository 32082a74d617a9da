"""Trained flat tables, for checks that need whole bundles."""

from tests.flat.conftest import boosted, boosted_folder, linear, number  # noqa: F401 (fixtures)
