"""`leap models`: the versions in the store, and which of them is champion, challenger and previous."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from leap.errors import RegistryError
from leap.registry import Store, VersionInfo
from training.console import Console, Result, command_parser, run


def main(argv: list[str] | None = None) -> int:
    """List what is in the store."""
    return run(
        command_parser("models", "List versions, champion, challenger and previous.", workspace=False), argv, models
    )


def models(args: argparse.Namespace, console: Console) -> Result:
    """Every version with its gate and figures, the latest first."""
    store = Store(args.store)
    with console.stage("reading the store"):
        versions, aliases = store.versions(), store.aliases()
        # Runs of trainings that were killed; a store that only others may write is listed all the same.
        with suppress(RegistryError):
            store.reap()
    return Result(document(versions, aliases), listing(versions, aliases, str(store.folder)))


def document(versions: Sequence[VersionInfo], aliases: Mapping[str, str | None]) -> dict[str, object]:
    """What `models`, `promote` and `rollback` all answer."""
    return {**aliases, "versions": [asdict(version) for version in versions]}


def listing(versions: Sequence[VersionInfo], aliases: Mapping[str, str | None], folder: str) -> str:
    """One line a version."""
    if not versions:
        return f"There is no model in {folder}. Train one: leap train DIR"
    lines = [f"{'version':>7}  {'created (UTC)':<16}  {'stands as':<10}  {'gate':<10}  company"]
    for version in versions:
        stands_as = ", ".join(version.aliases) or "-"
        lines.append(
            f"{version.version:>7}  {version.created:%Y-%m-%d %H:%M}  {stands_as:<10}  "
            f"{version.gate or '-':<10}  {version.company}"
        )
    if not aliases["champion"]:
        lines.append("There is no champion. Make one: leap promote VERSION")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
