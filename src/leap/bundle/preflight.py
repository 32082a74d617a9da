"""`python -m leap.bundle.preflight FOLDER`: load a bundle and score its golden rows, in a process that may
crash.

Exit 0 if they hold; 1 with the reason on stderr; 3 if memory ran out; 4 if `bundle.json` is no bundle; 5 if its trees
look at columns that it does not have.
`leap.bundle.ladder` starts it with limits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from leap.bundle.ladder import BAD_SCHEMA, BAD_STRUCTURE, OUT_OF_MEMORY
from leap.errors import LeapError

if TYPE_CHECKING:
    from leap.bundle.flat_bundle import FlatBundle
    from leap.bundle.model_bundle import ModelBundle


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the check of the folder named by the only argument."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("usage: python -m leap.bundle.preflight FOLDER", file=sys.stderr)
        return 2
    folder, code = Path(arguments[0]), BAD_SCHEMA
    try:
        parse(folder)
        code = BAD_STRUCTURE
        bundle = load(folder)
        code = 1
        bundle.check_golden()
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


def load(folder: Path) -> ModelBundle | FlatBundle:
    """The bundle, whose golden rows are then compared with what they were when it was written."""
    from leap.bundle.loading import load_bundle
    from leap.models.lean import import_lightgbm

    import_lightgbm()
    return load_bundle(folder)


if __name__ == "__main__":
    from leap.models.engines import SWITCH

    # What is checked is the model. The kernel of contributions would be compiled in this process's little memory.
    os.environ[SWITCH] = "lightgbm"
    raise SystemExit(main())
