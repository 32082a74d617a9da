"""What people are told after a run: accounts whose tier changed, and what went wrong; as JSON and as Slack messages.

Pure values. Names of accounts are others' texts: they are shortened, hold no control characters, and can neither ping
anybody nor become links in Slack.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from leap.crm.records import Failure, fitted
from leap.errors import LeapError
from leap.scoring.freshness import Freshness
from leap.scoring.tier_state import PublishedTiers

Kind = Literal["tier_changes", "features_stale", "definitions_differ", "too_many_changes", "sync_failed"]
MOST_TOLD: Final = 20
"""Changes that a message names; the others are counted."""
LONGEST_NAME: Final = 80
_LONGEST_TEXT: Final = 600
_LONGEST_SECTION: Final = 2900
"""Slack takes 3,000 characters in the text of a block."""


@dataclass(frozen=True)
class Alert:
    """One thing to tell: in a line, in more lines, and as figures. The same `key` is the same alert, told once."""

    kind: Kind
    title: str
    lines: tuple[str, ...]
    key: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        kind: Kind,
        title: str,
        lines: Sequence[str],
        about: Sequence[object],
        data: Mapping[str, Any] | None = None,
    ) -> Alert:
        """`about` tells it from others of its kind."""
        key = hashlib.sha256(json.dumps([kind, *map(str, about)]).encode()).hexdigest()[:32]
        shown = tuple(fitted(line, _LONGEST_TEXT) or "" for line in lines)
        return cls(kind, fitted(title, _LONGEST_TEXT) or kind, shown, key, data or {})


@dataclass(frozen=True)
class Speaker:
    """Who tells: the company, the date of its scores and the version that made them, as far as they are known."""

    company: str
    as_of: str | None = None
    version: str | None = None

    def webhook(self, alert: Alert) -> dict[str, Any]:
        """The body for a webhook."""
        return {
            "id": alert.key,
            "kind": alert.kind,
            "company": fitted(self.company, LONGEST_NAME),
            "as_of": self.as_of,
            "model_version": self.version,
            "title": alert.title,
            "lines": list(alert.lines),
            **alert.data,
        }

    def slack(self, alert: Alert) -> dict[str, Any]:
        """The body for an incoming webhook of Slack."""
        about = ", ".join(
            part for part in (fitted(self.company, LONGEST_NAME), self.as_of and f"scores of {self.as_of}") if part
        )
        blocks = [_section(f"*{mrkdwn(alert.title)}*")]
        part = ""
        for line in alert.lines:
            told = f"• {mrkdwn(line)}\n"
            if len(part) + len(told) > _LONGEST_SECTION:
                blocks.append(_section(part))
                part = ""
            part += told[:_LONGEST_SECTION]
        if part:
            blocks.append(_section(part))
        context = {"type": "mrkdwn", "text": mrkdwn(f"Leap: {about}"), "verbatim": True}
        return {"text": mrkdwn(alert.title), "blocks": [*blocks, {"type": "context", "elements": [context]}]}


def mrkdwn(text: str) -> str:
    """Text in which Slack finds no link, mention or markup (Slack, "Formatting text for app surfaces").

    >>> mrkdwn("<!channel> & *A*")
    '&lt;!channel&gt; &amp; ∗A∗'
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.translate(_MARKUP)


_MARKUP: Final = str.maketrans({"*": "∗", "`": "'", "~": "∼"})


def _section(text: str) -> dict[str, Any]:
    # Without `verbatim` Slack would turn addresses and names of channels in a text into links.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def tier_changes(
    told: Mapping[str, str] | None, now: PublishedTiers, names: Mapping[str, str], kept: int = 0
) -> Alert | None:
    """Accounts whose tier is another than when tiers were told last; None where nothing changed or nothing was told.

    Accounts that are new or gone are no change. `kept` is how many alerts there were before: what changed back and
    changes again is told again.
    """
    changed = [
        (account, told[account], held)
        for account, held in sorted(now.accounts.items())
        if told is not None and account in told and told[account] != held.tier
    ]
    if not changed:
        return None
    changed.sort(key=lambda one: (-ord(one[2].tier[:1] or " "), one[0]))  # those that fell farthest first
    rows = [
        {
            "account_id": account,
            "name": fitted(names.get(account, account), LONGEST_NAME) or account,
            "was": was,
            "tier": held.tier,
            "since": held.since,
        }
        for account, was, held in changed[:MOST_TOLD]
    ]
    lines = [f"{row['name']} ({row['account_id']}): {row['was']} to {row['tier']} since {row['since']}" for row in rows]
    more = len(changed) - len(rows)
    if more:
        lines.append(f"and {more:,} more")
    about = [now.company, now.as_of, kept, *(f"{account}:{was}:{held.tier}" for account, was, held in changed)]
    title = f"{len(changed):,} account(s) changed tier as of {now.as_of}"
    return Alert.of("tier_changes", title, lines, about, {"count": len(changed), "changes": rows, "more": more})


def features_stale(freshness: Freshness) -> Alert | None:
    """The scores speak of a date that is too long ago."""
    if not freshness.stale:
        return None
    title = f"The scores are {freshness.days:,} days old"
    lines = [
        f"They speak of {freshness.as_of}; more than {freshness.limit:,} days are called stale.",
        "What to do: load newer tables, and see why they did not come.",
    ]
    data = {"days": freshness.days, "limit": freshness.limit}
    return Alert.of("features_stale", title, lines, [freshness.as_of], data)


def definitions_differ(version: str, of_model: str, of_tables: str) -> Alert | None:
    """The champion was trained on other definitions than leap.toml states now."""
    if of_model == of_tables:
        return None
    lines = [
        f"Version {version} was trained on definitions {of_model}; leap.toml now states {of_tables}.",
        "What to do: train a model for them (leap train), or take the change of leap.toml back.",
    ]
    data = {"of_model": of_model, "of_tables": of_tables}
    title = "The model in use was made by other definitions than the tables are read with"
    return Alert.of("definitions_differ", title, lines, [version, of_model, of_tables], data)


def stopped(target: str, error: LeapError, run: str, at: datetime | None = None) -> Alert:
    """A run that was refused or could not be carried out: once for the same run, else once a day."""
    day = (at or datetime.now(UTC)).date().isoformat()
    kind: Kind = "too_many_changes" if error.code == "too_many_changes" else "sync_failed"
    title = f"The sync to {target} was {'refused' if kind == 'too_many_changes' else 'not carried to its end'}"
    lines = [error.message, *([error.remedy] if error.remedy else [])]
    return Alert.of(kind, title, lines, [target, error.code, run or day], {"target": target, "code": error.code})


def some_failed(target: str, failed: Sequence[Failure], run: str) -> Alert | None:
    """Records that did not arrive although the run came to its end."""
    if not failed:
        return None
    lines = [f"{one.external_id[:LONGEST_NAME]}: {one.code}: {one.why}" for one in failed[:MOST_TOLD]]
    more = len(failed) - len(lines)
    if more:
        lines.append(f"and {more:,} more")
    about = [target, run, *sorted(f"{one.external_id}:{one.code}" for one in failed)]
    data = {"target": target, "count": len(failed), "failed": [one.to_json() for one in failed[:MOST_TOLD]]}
    return Alert.of("sync_failed", f"{len(failed):,} record(s) did not arrive in {target}", lines, about, data)
