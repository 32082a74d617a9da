"""`python -m leap.bundle.preflight FOLDER`: load a bundle and score its golden rows, in a process that may
crash.

Exit 0 if they hold; 1 with the reason on stderr; 3 if memory ran out; 4 if `bundle.json` is no bundle.
`leap.bundle.ladder` starts it with limits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from leap.bundle.ladder import BAD_SCHEMA, OUT_OF_MEMORY
from leap.errors import LeapError


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the check of the folder named by the only argument."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("usage: python -m leap.bundle.preflight FOLDER", file=sys.stderr)
        return 2
    folder, code = Path(arguments[0]), BAD_SCHEMA
    try:
        parse(folder)
        code = 1
        check(folder)
    except LeapError as error:
        print(error.message, file=sys.stderr)
        return code
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def parse(folder: Path) -> None:
    """Read the JSON as the kind of bundle that it says it is."""
    from leap.bundle.files import read_folder
    from leap.bundle.loading import parse_bundle

    parse_bundle(read_folder(folder))


def check(folder: Path) -> None:
    """Load the bundle and compare its golden rows with what they were when it was written."""
    from leap.bundle.loading import load_bundle
    from leap.models.lean import import_lightgbm

    import_lightgbm()
    load_bundle(folder).check_golden()


if __name__ == "__main__":
    from leap.models.engines import SWITCH

    # What is checked is the model. The kernel of contributions would be compiled in this process's little memory.
    os.environ[SWITCH] = "lightgbm"
    raise SystemExit(main())
