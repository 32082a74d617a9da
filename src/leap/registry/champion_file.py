"""champion.json: the champion as decided. It is believed only if every part of it is of its kind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from leap.bundle.files import unique_keys
from leap.registry.records import ChampionRecord

CHAMPION_FILE: Final = "champion.json"
_MOST_BYTES: Final = 64 * 1024
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAMAGED: Final = "is damaged, so that only the registry knows the champion; `leap promote VERSION` writes it anew"


def read_champion(folder: Path) -> tuple[ChampionRecord | None, str]:
    """What champion.json of a store says, and what is wrong with it; no file is no fault."""
    path = folder / CHAMPION_FILE
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        record = ChampionRecord(**json.loads(content.decode("utf-8"), object_pairs_hook=unique_keys))
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        return None, f"{path} cannot be read: {error.strerror or error}."
    except (ValueError, TypeError, RecursionError):
        return None, f"{path} {_DAMAGED}."
    return (record, "") if _is_sound(record) else (None, f"{path} {_DAMAGED}.")


def _is_sound(record: ChampionRecord) -> bool:
    texts = (record.folder, record.sha256, record.gate, record.decided_at)
    return (
        all(isinstance(text, str) for text in texts)
        and _is_version(record.version)
        and (record.previous is None or _is_version(record.previous))
        and _SHA256.fullmatch(record.sha256) is not None
        and "\0" not in record.folder
        and isinstance(record.by_hand, bool)
        and isinstance(record.settled, bool)
    )


def _is_version(found: object) -> bool:
    return isinstance(found, str) and _VERSION.fullmatch(found) is not None
