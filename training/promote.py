"""`leap promote VERSION`: make a version the champion by hand."""

import argparse

from leap.errors import RegistryError
from leap.registry import Store
from training.console import Console, Result, command_parser, run
from training.models import PASSED, document


def main(argv: list[str] | None = None) -> int:
    """Promote the version named."""
    parser = command_parser("promote", "Make a version the champion.", workspace=False)
    parser.add_argument("version", help="a version's number (see: leap models), or challenger")
    return run(parser, argv, promote)


def promote(args: argparse.Namespace, console: Console) -> Result:
    """Any version whose bundle passes the loading checks will do; that the gate did not pass is recorded."""
    store = Store(args.store)
    version = store.resolve(args.version)
    gate = gate_of(store, version)
    with console.stage("checking the bundle and promoting"):
        store.promote(version, by_hand=True, gate=gate)
    text = f"Version {version} is the champion."
    if gate != PASSED:
        text += f" Its gate had not passed ({gate}); that you promoted it by hand is recorded."
    answer = document(store.glance(), store.aliases())
    return Result({**answer, "version": version, "gate": gate}, text)


def gate_of(store: Store, version: str) -> str:
    """The gate's verdict at training, or that there was none."""
    found = {info.version: info for info in store.glance()}
    if version not in found:
        raise RegistryError(
            f"there is no version {version} in {store.folder}; found {', '.join(found) or 'none'}.",
            details=list(found),
            remedy="See: leap models",
        )
    return found[version].gate or "no gate"


if __name__ == "__main__":
    raise SystemExit(main())
