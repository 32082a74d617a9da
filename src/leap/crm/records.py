"""A score batch as records for a CRM: one for each customer and prospect, in texts and numbers that a CRM takes."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leap.crm.fields import BY_KEY, FIELDS, LONGEST_TEXT, RUN, CrmField, TargetName
from leap.crm.target import Record, Value
from leap.scoring import Batch
from leap.scoring.tier_state import PublishedTiers

LEFT: Final = "left"
_CUT: Final = "…"
# Marks that reverse the order of reading; a record of a company must not turn what stands beside it.
_STEERING: Final = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
_FROM_SCORES: Final = {
    "churn_probability": "churn_probability", "contraction": "contraction_rate", "expansion": "expansion_rate",
    **{key: key for key in ("nrr", "nrr_low", "nrr_high", "grr", "value_12m", "value_12m_low", "value_12m_high")},
    "icp_id": "icp_id", "reason_1": "reason_1", "reason_2": "reason_2", "reason_3": "reason_3",
    "abstained": "abstained", "model_version": "model_version", "definition_hash": "definition_hash",
}  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """A record that did not arrive, and why."""

    external_id: str
    code: str
    why: str

    def to_json(self) -> dict[str, str]:
        """As listed under `failed`."""
        return {"external_id": self.external_id, "code": self.code, "why": self.why}


@dataclass(frozen=True)
class Table:
    """What a CRM shall say at one date.

    `records` have our keys and no `run`; `names` are those of accounts; `known` are the ids of all customers and
    prospects, also of those that are not sent. `cleaned` and `cut` count records with texts that were.
    """

    as_of: str
    model_version: str
    definition_hash: str
    records: tuple[Record, ...]
    names: Mapping[str, str]
    known: frozenset[str]
    refused: tuple[Failure, ...] = ()
    cleaned: int = 0
    cut: int = 0

    @property
    def content(self) -> str:
        """A checksum of all that is said."""
        digest = hashlib.sha256()
        for one in self.records:
            digest.update(json.dumps([one.external_id, dict(one.fields)], sort_keys=True).encode())
        return digest.hexdigest()


@dataclass
class _Texts:
    """Makes texts fit, and keeps whether anything was lost."""

    cleaned: bool = False
    cut: bool = False

    def fit(self, text: str, length: int) -> str | None:
        """On one line, without what no CRM holds, of so many UTF-16 units; None for nothing.

        >>> texts = _Texts()
        >>> texts.fit("Acme" + chr(7), 255), texts.cleaned, texts.fit("a" * 300, 5), texts.cut
        ('Acme', True, 'aaaa…', True)
        """
        kept = text
        if not text.isprintable():
            kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or _is_text(c))
            self.cleaned |= len(kept) < len(text)
        found = " ".join(kept.split())
        if _units(found) > length:
            self.cut = True
            found = _first_units(found, length - 1).rstrip() + _CUT
        return found or None


def fitted(text: str, length: int) -> str | None:
    """A text of others for a message: on one line, without what steers, of so many characters at most."""
    return _Texts().fit(text, length)


def _is_text(character: str) -> bool:
    """Not a control character, half of a pair, something that is no character, or a mark that turns the text."""
    if character in _STEERING or ord(character) & 0xFFFE == 0xFFFE:
        return False
    return unicodedata.category(character) not in ("Cc", "Cs")


def _units(text: str) -> int:
    """The length as CRMs count it, in which most emoji are two."""
    return len(text) + sum(ord(c) > 0xFFFF for c in text)


def _first_units(text: str, most: int) -> str:
    """As many of the first characters as have so many units."""
    return text[:most].encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")


def records_of(batch: Batch, tiers: PublishedTiers, target: TargetName, *, prospects: bool = True) -> Table:
    """The records of a batch with the tiers that are published for it."""
    rows = batch.frame()
    accounts = [str(account) for account in rows["account_id"]]
    refused = _unfit(accounts, target)
    sent = ~rows["account_id"].isin(list(refused)) & (prospects | (rows["status"] != "prospect"))
    made = [_Made.of(row, tiers) for row in rows[sent].to_dict("records")]
    return Table(
        as_of=tiers.as_of,
        model_version=batch.customers.version,
        definition_hash=batch.customers.bundle.definition_hash,
        records=tuple(one.record for one in made),
        names={one.record.external_id: one.name for one in made},
        known=frozenset(accounts),
        refused=tuple(refused[account] for account in sorted(refused)),
        cleaned=sum(one.cleaned for one in made),
        cut=sum(one.cut for one in made),
    )


@dataclass(frozen=True)
class _Made:
    """A record with the account's name, and whether a text of it was cleaned or cut."""

    record: Record
    name: str
    cleaned: bool
    cut: bool

    @classmethod
    def of(cls, row: Mapping[Any, Any], tiers: PublishedTiers) -> _Made:
        account, texts = str(row["account_id"]), _Texts()
        held = tiers.accounts.get(account)
        said: dict[str, Any] = {key: row[column] for key, column in _FROM_SCORES.items()}
        said |= {
            "status": "prospect" if row["status"] == "prospect" else "customer",
            "mrr_at_risk": row["mrr"] * (1 - row["nrr"]),
            "tier": held.tier if held else None,
            "tier_since": held.since if held else None,
            "as_of": tiers.as_of,
        }
        fields = {field.key: _value(said[field.key], field, texts) for field in FIELDS if field.key != RUN}
        name = texts.fit(str(row["name"]), LONGEST_TEXT) or account
        return cls(Record(account, fields), name, texts.cleaned, texts.cut)


def cleared(table: Table) -> dict[str, Value]:
    """What is said of an account that is neither customer nor prospect any more."""
    said = {
        "status": LEFT, "as_of": table.as_of, "model_version": table.model_version,
        "definition_hash": table.definition_hash,
    }  # fmt: skip
    return {key: said.get(key) for key in BY_KEY if key != RUN}


def _value(value: Any, field: CrmField, texts: _Texts) -> Value:
    """A number rounded as the field holds it, a text that fits, or None for what is not known."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if field.kind == "number":
        return field.canonical(float(value))
    return texts.fit(str(value), field.length)


def _unfit(accounts: Sequence[str], target: TargetName) -> dict[str, Failure]:
    """Ids that no CRM can find a record by again, with what to do."""
    alike = Counter(account.casefold() for account in accounts)
    found = {}
    for account in accounts:
        if _Texts().fit(account, LONGEST_TEXT) != account:
            why = f"an id has 1 to {LONGEST_TEXT} characters, on one line, without control characters or spaces around"
            found[account] = Failure(_shown(account), "id_unfit", f"{why}: give the account another id.")
        elif target == "hubspot" and alike[account.casefold()] > 1:
            why = "another id differs only in upper and lower case, which HubSpot may take for the same"
            found[account] = Failure(account, "ids_alike", f"{why}: give one of them another id.")
    return found


def _shown(account: str) -> str:
    """An id that can be printed."""
    plain = account.encode("unicode_escape").decode()
    return plain if len(plain) <= LONGEST_TEXT else plain[: LONGEST_TEXT - 1] + _CUT
