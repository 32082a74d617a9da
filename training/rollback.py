"""`leap rollback`: make the previous champion the champion again."""

import argparse

from leap.registry import Store
from training.console import Console, Result, command_parser, run
from training.models import document


def main(argv: list[str] | None = None) -> int:
    """Swap champion and previous."""
    return run(
        command_parser("rollback", "Make the previous champion the champion again.", workspace=False),
        argv,
        rollback,
    )


def rollback(args: argparse.Namespace, console: Console) -> Result:
    """The champion becomes `previous`, so that a second rollback undoes the first."""
    store = Store(args.store)
    with console.stage("checking the bundle and rolling back"):
        version = store.rollback()
    aliases = store.aliases()
    text = f"Version {version} is the champion again; {aliases['previous'] or 'none'} is previous."
    return Result({**document(store.glance(), aliases), "version": version}, text)


if __name__ == "__main__":
    raise SystemExit(main())
