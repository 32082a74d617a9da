"""The tiers a company published last, in one small file under the store.

STORE/tiers/acme-1f2e3d4c.json    one a company: readers see the old content or the new one, never a part of it
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from leap.bundle.files import sha256, write_file
from leap.errors import BundleError, RegistryError
from leap.registry.locks import FileLock, private
from leap.registry.store import WRITE_WAIT_SECONDS, Store
from leap.scoring.tier_state import PublishedTiers


@dataclass(frozen=True)
class TierFile:
    """Where the tiers of a company are kept."""

    path: Path
    company: str

    @classmethod
    def of(cls, store: Store, company: str) -> TierFile:
        """The file of a company in a store."""
        plain = re.sub(r"[^a-z0-9]+", "-", company.lower()).strip("-")[:40] or "company"
        return cls(store.folder / "tiers" / f"{plain}-{sha256(company.encode())[:8]}.json", company)

    def read(self) -> PublishedTiers | None:
        """The tiers published last; None if there were none."""
        try:
            found = PublishedTiers.from_json(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RegistryError(
                f"{self.path}: expected the tiers published for {self.company}, found no such document "
                f"({type(error).__name__}: {error}).",
                remedy="Restore the file from a backup, or move it aside: tiers then begin anew.",
            ) from error
        if found.company != self.company:
            raise RegistryError(
                f"{self.path}: expected the tiers of {self.company}, found those of {found.company}.",
                remedy="Move the file aside: tiers then begin anew.",
            )
        return found

    def publish(self, tiers: PublishedTiers) -> None:
        """Write them in place of those before, durably; RegistryError if another process published a later date."""
        lock = FileLock(self.path.parent.parent / ".lock", WRITE_WAIT_SECONDS)
        with lock.held("publish tiers"), private():
            before = self.read()
            if before is not None and before.as_of > tiers.as_of:
                raise RegistryError(
                    f"{self.path}: the tiers of {before.as_of} were published meanwhile, these are of {tiers.as_of}.",
                    remedy="Run this again with a later date.",
                )
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_file(self.path, (json.dumps(tiers.to_json(), indent=1, sort_keys=True) + "\n").encode())
            except (BundleError, OSError) as error:
                raise RegistryError(
                    f"{self.path}: the tiers cannot be written: {error}.",
                    remedy="Check the permissions of the store, or choose another one with --store.",
                ) from error
