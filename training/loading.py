"""What commands that score begin with: a model of the store and the tables of the workspace."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.console import Console

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.scoring.changes import Earlier
    from leap.scoring.targets.asked import Override
    from leap.tables import AccountTables


def model_and_tables(args: argparse.Namespace, console: Console) -> "tuple[ModelBundle, str, AccountTables]":
    """The bundle of `--version` (else the champion) with its version, and the tables until `--data-until`."""
    from leap.bundle.explaining import ready_to_explain
    from leap.bundle.model_bundle import ModelBundle
    from leap.registry import Store
    from leap.sources import read_workspace

    store = Store(args.store, args.workspace)
    with console.stage("loading the model"):
        fetched = store.load(args.version or "champion")
        bundle = ModelBundle.load(fetched.folder)
        ready_to_explain(bundle)
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    return as_reviewed(bundle, store.folder, tables.settings.company.name), fetched.version, tables


def as_reviewed(bundle: "ModelBundle", store: Path, company: str) -> "ModelBundle":
    """The bundle with the profiles marked that people of the company rejected: they give no tier and choose nobody."""
    from leap.reviews import ReviewBook, with_rejections

    return replace(bundle, icp=with_rejections(bundle.icp, ReviewBook(store).of(company)))


def earlier_version(args: argparse.Namespace, console: Console) -> "Earlier":
    """The bundle of `--from-version`, which scored an earlier date."""
    from leap.bundle.model_bundle import ModelBundle
    from leap.registry import Store
    from leap.scoring.changes import Earlier

    with console.stage("loading the earlier model"):
        fetched = Store(args.store, args.workspace).load(args.from_version)
        return Earlier(ModelBundle.load(fetched.folder), fetched.version)


def target_overrides(args: argparse.Namespace, company: str) -> "dict[str, Override]":
    """What people of a company decided of accounts of the target list, as counts today, by account."""
    from leap.registry import Store
    from leap.reviews import ReviewBook, overrides
    from leap.scoring.targets.asked import Override

    found = overrides(ReviewBook(Store(args.store, args.workspace).folder).of(company))
    return {account: Override(one.action, one.owner, one.reason) for account, one in found.items()}
