"""Published tiers: what every account was said to be, since when, and by which version; pure values.

A score says the tier by the rule alone, whatever was said before. Who acts on tiers (a sync, a target list) publishes
them: `published` goes on from what was published last, so that an account keeps its tier within the band, and `since`
is the date on which it entered it. `leap.registry.tier_file` keeps them in the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from leap.errors import UsageError
from leap.icp import ICPProfile, TierPolicy, steady
from leap.scoring.tier_looks import Look, ids_now, looks_before
from leap.tables import AccountTables


@dataclass(frozen=True)
class Held:
    """The tier of an account, the date it was entered, and the version that said so."""

    tier: str
    since: str
    version: str

    def to_json(self) -> dict[str, str]:
        """As kept."""
        return {"tier": self.tier, "since": self.since, "version": self.version}


@dataclass(frozen=True)
class PublishedTiers:
    """The tiers of a company at a date, by account id, with what they were made from.

    `kept` counts the accounts whose tier would be another by the rule alone. `watched_from` is the date of the first
    look: who is in a tier since then was in it then, or entered it earlier.
    """

    company: str
    version: str
    data_until: str
    as_of: str
    band: float
    accounts: Mapping[str, Held] = field(default_factory=dict)
    kept: int = 0
    watched_from: str = ""

    def to_json(self) -> dict[str, Any]:
        """As kept in the store, the accounts in order."""
        return {
            "company": self.company,
            "version": self.version,
            "data_until": self.data_until,
            "as_of": self.as_of,
            "watched_from": self.watched_from,
            "band": self.band,
            "kept": self.kept,
            "accounts": {account: self.accounts[account].to_json() for account in sorted(self.accounts)},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PublishedTiers:
        """The inverse of `to_json`."""
        texts = {name: str(document[name]) for name in ("company", "version", "data_until", "as_of", "watched_from")}
        accounts = {
            str(account): Held(str(held["tier"]), str(held["since"]), str(held["version"]))
            for account, held in document["accounts"].items()
        }
        return cls(**texts, band=float(document["band"]), accounts=accounts, kept=int(document["kept"]))

    @property
    def counts(self) -> dict[str, int]:
        """How many accounts are in each tier."""
        return dict(sorted(Counter(held.tier for held in self.accounts.values()).items()))

    def known_as(self, tables: AccountTables) -> PublishedTiers:
        """The same under the ids that accounts have now; of accounts that became one, the one of that id goes on."""
        if tables.lineage is None:
            return self
        ids = sorted(self.accounts)
        moved: dict[str, Held] = {}
        for account, now in zip(ids, ids_now(tables, ids, tables.data_until), strict=True):
            if account == now or now not in moved:
                moved[now] = self.accounts[account]
        return replace(self, accounts=moved)

    def changed_since(self, before: PublishedTiers | None) -> dict[str, tuple[str | None, str]]:
        """Accounts whose tier is another than before, or that are new, with both tiers."""
        then = {} if before is None else before.accounts
        changed = {}
        for account, held in sorted(self.accounts.items()):
            was = then[account].tier if account in then else None
            if was != held.tier:
                changed[account] = (was, held.tier)
        return changed


def published_without_state(
    tables: AccountTables,
    now: Look,
    profiles: tuple[ICPProfile, ...],
    policy: TierPolicy,
    *,
    company: str,
    version: str,
) -> PublishedTiers | None:
    """What stands in for the tiers published before where none were: those of the year before, one date after another.

    None if there is no earlier date.
    """
    before: PublishedTiers | None = None
    for earlier in looks_before(tables, profiles, pd.Timestamp(now.as_of)):
        before = published(before, earlier, profiles, policy, company=company, version=version)
    return before


def published(
    before: PublishedTiers | None,
    now: Look,
    profiles: tuple[ICPProfile, ...],
    policy: TierPolicy,
    *,
    company: str,
    version: str,
) -> PublishedTiers:
    """The tiers of a look, going on from those published before; UsageError if these are of a later date.

    Accounts that are neither customers nor prospects any more are left out. The same look again changes nothing.
    """
    if before is not None and before.as_of > now.as_of:
        raise UsageError(
            f"The tiers of {before.as_of} are published already; these are of {now.as_of}.",
            remedy="Publish a later date: tiers go on from those before them.",
        )
    then = {} if before is None else before.accounts
    raw = now.tiers(profiles, policy)
    tiers = steady([then[a].tier if a in then else None for a in now.account_ids], raw, policy).tolist()
    accounts = {
        account: then[account] if account in then and then[account].tier == tier else Held(tier, now.as_of, version)
        for account, tier in zip(now.account_ids, tiers, strict=True)
        if tier is not None
    }
    kept = sum(tier != by_rule for tier, by_rule in zip(tiers, raw.letters.tolist(), strict=True))
    begun = now.as_of if before is None else before.watched_from
    return PublishedTiers(company, version, now.data_until, now.as_of, policy.band, accounts, kept, begun)
