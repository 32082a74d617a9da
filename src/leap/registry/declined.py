"""declined.json: why the latest training of a company gave no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

DECLINED_FILE: Final = "declined.json"


def read_declined(folder: Path) -> dict[str, str]:
    """By company, the reasons; none where the file is absent or damaged."""
    try:
        found = json.loads((folder / DECLINED_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return (
        {company: text for company, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}
    )
