"""`python -m leap.models.warm`: compile the loops of contributions and features, so that nobody waits for it later.

Says in one line of JSON what computes contributions here and why (`reason` is empty for the exact kernel), in which
`folder` compiled code is kept (null: in memory only) and how many `seconds` it took. Exit 0 for the kernel, else 1.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from leap.errors import LeapError
from leap.models.boosting import Boosted, boosted_of, fit_boosted
from leap.models.engines import is_switched_off

_ROWS = 600


def main() -> int:
    """The exit code."""
    began = time.perf_counter()
    try:
        switched_off = is_switched_off()
        reason = small_model().engine("a small model").reason
    except LeapError as error:
        switched_off, reason = False, str(error)
    told = {
        "reason": reason,
        "switched_off": switched_off,
        "folder": None if reason else _folder(),
        "seconds": round(time.perf_counter() - began, 2),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if reason else 0


def small_model() -> Boosted:
    """Trees of the kind that training grows."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(_ROWS, 8))
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    outcome = np.nan_to_num(matrix, nan=1.0) @ random.normal(size=8)
    booster = fit_boosted(matrix, outcome, np.ones(_ROWS), "ratio", {"num_leaves": 31, "leaf_accounts": 5}, 5, 1.0)
    return boosted_of(booster, matrix, 5)


def _folder() -> str | None:
    """Where code is kept; the loops of features, which no small model runs, are made ready with the others.

    Not those for wide tables: no model that Leap trains has them.
    """
    from leap.compiled import Loop, folder_of
    from leap.features import kernels as of_features
    from leap.models.treeshap import kernels

    for loop in vars(of_features).values():
        if isinstance(loop, Loop):
            loop.ready()
    return folder_of(kernels.many)


if __name__ == "__main__":
    raise SystemExit(main())
