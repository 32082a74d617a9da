"""The answer of `leap review`: what is open, what has to be looked at again, what was decided; as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from leap.reviews import on_evidence
from leap.reviews.due import Due, due
from leap.reviews.overriding import overrides
from leap.reviews.records import Review
from leap.reviews.standing import Standing, standings, today
from leap.reviews.verdicts import Judged, Verdicts

_MOST_LINES = 15


@dataclass(frozen=True)
class Agenda:
    """What a company's people have to decide on a day, for one version (None: there is none yet)."""

    company: str
    version: str | None
    verdicts: Verdicts
    reviews: tuple[Review, ...]
    every_months: int
    at: date

    @classmethod
    def of(
        cls,
        company: str,
        version: str | None,
        verdicts: Verdicts,
        reviews: Sequence[Review],
        every_months: int,
        at: date | None = None,
    ) -> Agenda:
        """With today as the day unless another is given."""
        return cls(company, version, verdicts, tuple(reviews), every_months, at or today())

    def to_json(self) -> dict[str, Any]:
        """The keys of `leap review --json`."""
        own = self.verdicts
        return {
            "company": self.company,
            "version": self.version,
            "at": self.at.isoformat(),
            "due": self.due.to_json(),
            "open": [_finding(judged) for judged in own.undecided],
            "again": [_finding(judged) for judged in own.again] + [_elsewhere(s) for s in self.expired_elsewhere],
            "decided": [_finding(judged) for judged in own.decided],
            "not_in_this_version": [_elsewhere(standing) for standing in own.elsewhere],
            "notes": [
                {"subject": review.words, "key": review.subject.key, **review.to_json()}
                for review in reversed(self.reviews)
                if review.verdict == "note"
            ],
            "overrides": [
                {"account_id": account, **override.to_json()}
                for account, override in overrides(self.reviews, self.at).items()
            ],
            "overrides_expired": [
                {"account_id": standing.subject.key, **standing.to_json()} for standing in self.expired_accounts
            ],
        }

    def text(self, directory: str = "DIR") -> str:
        """For a terminal: first what is to be done."""
        own, document = self.verdicts, self.to_json()
        version = f"version {self.version}" if self.version else "no version yet"
        lines = [f"{self.company}: review of {version} on {self.at}"]
        lines.append(self.due.words)
        lines += _block("To decide", [_open_line(judged) for judged in own.undecided])
        lines += _block("To look at again", [*map(_line, own.again), *map(_gone_line, self.expired_elsewhere)])
        lines += _block("Decided", [_line(judged) for judged in own.decided])
        lines += _block("Decided, not measured in this version", [_gone_line(standing) for standing in self.others])
        lines += _block("Overrides of the target list", [_override_line(one) for one in document["overrides"]])
        lines += _block("Overrides that expired", [_gone_line(standing) for standing in self.expired_accounts])
        lines += _block("Notes", [_note_line(one) for one in document["notes"]])
        if own.undecided or own.again:
            name = (own.undecided + own.again)[0].name
            lines += ["", f"Decide: leap review {directory} --accept {name} --owner NAME (or --reject, with --reason)"]
        return "\n".join(lines)

    @property
    def due(self) -> Due:
        """When the next review is due."""
        return due(self.reviews, self.every_months, self.at)

    @property
    def others(self) -> list[Standing]:
        """What was decided of findings that this version did not measure, and still counts or was withdrawn."""
        return [standing for standing in self.verdicts.elsewhere if standing not in self.expired_elsewhere]

    @property
    def accounts(self) -> list[Standing]:
        """Accounts that an override put on the target list or took off it, as it counts on the day."""
        found = standings(self.reviews, self.at).values()
        return [standing for standing in found if standing.subject.kind == "account" and standing.counts]

    @property
    def expired_accounts(self) -> list[Standing]:
        """Accounts whose override expired."""
        found = standings(self.reviews, self.at).values()
        return [standing for standing in found if standing.subject.kind == "account" and standing.state == "expired"]

    @property
    def expired_elsewhere(self) -> list[Standing]:
        """Findings that this version did not measure, whose verdict expired."""
        return [standing for standing in self.verdicts.elsewhere if standing.state == "expired"]


def verdict_lines(verdicts: Verdicts) -> list[str]:
    """Findings with their keys, those first of which something was said, for the end of a text about them."""
    shown = [judged for judged in verdicts.findings if judged.standing.subject.kind == "rule"]
    judged = [one for one in shown if one.standing.latest is not None]
    rest = [f"  {_name(one)}: {one.words}" for one in shown if one.standing.latest is None]
    title = "Without a verdict (leap review --accept or --reject, by id or key)"
    return _block("What people decided", map(_line, judged), most=len(shown)) + _block(title, rest, most=len(shown))


def history_text(words: str, key: str, history: Sequence[Review]) -> str:
    """Everything ever said of a subject, the latest first."""
    lines = [f"{words} [{key}]"]
    for one in reversed(history):
        until = f", until {one.expires}" if one.expires else ""
        version = f" on version {one.version}" if one.version else ""
        lines.append(
            f"  {one.given_at} {one.owner}: {one.verdict}{version}{until}{f': {one.reason}' * bool(one.reason)}"
        )
    return "\n".join(lines if history else [*lines, "  nothing was said of it yet"])


def results_text(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Overridden accounts beside those the list would have chosen."""
    lines = ["What became of them, until the end of the data:"]
    new = sum(one["too_new"] for one in results.values())
    lines += [f"  {new} were overridden on or after the end of the data: nothing is known of them yet"] if new else []
    for name, one in results.items():
        lines.append(
            f"  {name}: {one['accounts']} accounts; of {one['prospects']} prospects {one['won']} won, {one['lost']} "
            f"lost, {one['open']} open (won {_figure(one['win_share'])}); of {one['payers']} that paid "
            f"{one['churned']} churned ({_figure(one['churn_share'])}); NRR {_figure(one['nrr'])}"
        )
    return "\n".join(lines)


def _figure(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return str(figure["reason"])
    return f"{figure['value']:.0%} [{figure['low']:.0%}, {figure['high']:.0%}]"


def _block(title: str, lines: Iterable[str], most: int = _MOST_LINES) -> list[str]:
    found = list(lines)
    more = [f"  and {len(found) - most:,} more: --json has all"] if len(found) > most else []
    return ["", f"{title} ({len(found):,})", *found[:most], *more] if found else []


def _finding(judged: Judged) -> dict[str, Any]:
    return {
        "subject": judged.name,
        "words": judged.words,
        "statement": judged.entry.get("statement"),
        "kind": judged.entry.get("kind") if judged.standing.subject.kind == "rule" else "driver",
        **judged.to_json(),
    }


def _elsewhere(standing: Standing) -> dict[str, Any]:
    said = {"subject": standing.subject.key, "words": standing.history[-1].words, "statement": None, "kind": None}
    return {**said, **standing.to_json(), "effect": None}


def _open_line(judged: Judged) -> str:
    statement = judged.entry.get("statement")
    return f"  {_name(judged)}: {statement or f'{judged.words} ({on_evidence.in_words(judged.entry)})'}"


def _line(judged: Judged) -> str:
    effect = f" {judged.effect}" if judged.effect else ""
    return f"  {_name(judged)}: {judged.words} - {judged.standing.words}.{effect}"


def _gone_line(standing: Standing) -> str:
    return f"  {standing.subject.key}: {standing.history[-1].words} - {standing.words}."


def _override_line(one: Mapping[str, Any]) -> str:
    until = f", until {one['expires']}" if one["expires"] else ""
    return f"  {one['action']} {one['account_id']}: {one['owner']}, {one['since']}{until}: {one['reason']}"


def _note_line(one: Mapping[str, Any]) -> str:
    return f"  {one['given_on']} {one['owner']} on {one['subject']} [{one['key']}]: {one['reason']}"


def _name(judged: Judged) -> str:
    key = judged.standing.subject.key
    return key if judged.name == key else f"{judged.name} [{key}]"
