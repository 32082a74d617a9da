"""What `leap features` says of the matrix it wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from leap.evaluation import Leak, left_out
from leap.features import FeatureCatalog


def document(matrix: pd.DataFrame, catalog: FeatureCatalog, leaks: Iterable[Leak]) -> dict[str, Any]:
    """The JSON of the command."""
    return {
        "rows": len(matrix),
        "columns": list(matrix.columns),
        "catalog_fingerprint": catalog.fingerprint,
        "left_out": [leak.to_json() for leak in left_out(leaks)],
    }


def text(matrix: pd.DataFrame, catalog: FeatureCatalog, out: Path) -> str:
    """How many rows and features, then a line a feature."""
    lines = [f"{len(matrix):,} rows, {len(catalog.features)} features -> {out}"]
    lines += [f"  {f.name:<45} {f.label}{f' [{f.unit}]' if f.unit else ''} ({f.scope})" for f in catalog.features]
    return "\n".join(lines)
