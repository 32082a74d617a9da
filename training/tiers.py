"""Tiers that are published with scores: what they were, what they become, and the file in the store that keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leap.registry.tier_file import TierFile
    from leap.scoring import Batch
    from leap.scoring.tier_state import PublishedTiers
    from leap.tables import AccountTables


@dataclass(frozen=True)
class TierPlan:
    """The tiers of a batch, those before them, and where they are kept; nothing is written before `publish`."""

    file: TierFile
    before: PublishedTiers | None
    now: PublishedTiers

    @classmethod
    def of(cls, store: str | None, workspace: Path, batch: Batch, tables: AccountTables) -> TierPlan:
        """Refused now if they cannot be published."""
        from leap.icp import TierPolicy
        from leap.registry import Store
        from leap.registry.tier_file import TierFile
        from leap.scoring.tier_looks import look_of
        from leap.scoring.tier_state import published, published_without_state

        bundle, company = batch.customers.bundle, tables.settings.company.name
        file = TierFile.of(Store(store, workspace), company)
        seen, profiles, policy = look_of(batch, tables), bundle.icp.counted, TierPolicy.of(bundle.settings.policy)
        about = {"company": company, "version": batch.customers.version}
        kept = file.read()
        # Where nothing was published yet, the year before says since when an account is what it is.
        before = kept.known_as(tables) if kept else published_without_state(tables, seen, profiles, policy, **about)
        return cls(file, before, published(before, seen, profiles, policy, **about))

    def publish(self) -> None:
        """Write them in place of those before."""
        self.file.publish(self.now)

    def to_json(self) -> dict[str, Any]:
        """What changes."""
        changed = self.now.changed_since(self.before)
        arrived = sum(was is None for was, _ in changed.values())
        return {
            "file": str(self.file.path),
            "as_of": self.now.as_of,
            "watched_from": self.now.watched_from,
            "compared_with": self.before.as_of if self.before else None,
            "counts": self.now.counts,
            "changed": len(changed) - arrived,
            "arrived": arrived,
            "kept_by_band": self.now.kept,
        }

    def text(self, *, dry_run: bool = False) -> str:
        """The same in a line."""
        tiers = self.to_json()
        counts = ", ".join(f"{count:,} in {tier}" for tier, count in tiers["counts"].items())
        said = "would be published" if dry_run else "published"
        return (
            f"Tiers {said} as of {tiers['as_of']}: {counts or 'none: no ICP gives tiers'}; "
            f"{tiers['changed']:,} changed, {tiers['arrived']:,} are new, {tiers['kept_by_band']:,} keep theirs within "
            f"the band -> {tiers['file']}"
        )
