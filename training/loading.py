"""What commands that score begin with: a model of the store and the tables of the workspace."""

import argparse
from typing import TYPE_CHECKING

from training.console import Console

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.scoring.changes import Earlier
    from leap.tables import AccountTables


def model_and_tables(args: argparse.Namespace, console: Console) -> "tuple[ModelBundle, str, AccountTables]":
    """The bundle of `--version` (else the champion) with its version, and the tables until `--data-until`."""
    from leap.bundle.model_bundle import ModelBundle
    from leap.registry import Store
    from leap.sources import read_workspace

    with console.stage("loading the model"):
        fetched = Store(args.store, args.workspace).load(args.version or "champion")
        bundle = ModelBundle.load(fetched.folder)
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    return bundle, fetched.version, tables


def earlier_version(args: argparse.Namespace, console: Console) -> "Earlier":
    """The bundle of `--from-version`, which scored an earlier date."""
    from leap.bundle.model_bundle import ModelBundle
    from leap.registry import Store
    from leap.scoring.changes import Earlier

    with console.stage("loading the earlier model"):
        fetched = Store(args.store, args.workspace).load(args.from_version)
        return Earlier(ModelBundle.load(fetched.folder), fetched.version)
