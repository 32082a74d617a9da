"""Everything the pack says, as plain values: parts of other reports beside each other, and why a part is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from leap.reports import icp_diff, waterfall_summary
from leap.reports.data import DataReport
from leap.reports.icp_diff import DiffReport
from leap.reports.icp_monday import Todo
from leap.reports.icp_summary import IcpSummary
from leap.reports.pack.book import BookNow
from leap.reports.pack.data_lines import data_lines
from leap.reports.pack.decisions import Decisions, decisions
from leap.reports.pack.kpis import KpiTable, kpi_tables
from leap.reports.pack.retaining import RetentionQuarter
from leap.reports.pack.short import Tile, expected_loss, in_short, tiles
from leap.reports.pack.texts import NAME, SENTENCE, cut, readable
from leap.reports.quality_words import held_words, portfolio_words, sentences
from leap.reports.rendering import day

MOST_TARGETS = 10
_MOST_CHANGED = 15


@dataclass(frozen=True)
class Given:
    """What a pack is put together from: the summaries and JSON of other commands, all of one version and one date.

    `agenda` is the JSON of `leap review`, `called` by key what a finding without a statement is called; `diff` the JSON
    of `leap icp diff` (None with the reason in `no_diff`); `targets` that of `leap targets` (None likewise).
    """

    icp: IcpSummary
    agenda: Mapping[str, Any]
    called: Mapping[str, str]
    due: str
    book: BookNow
    retention: tuple[RetentionQuarter, ...]
    diff: Mapping[str, Any] | None
    no_diff: str
    targets: Mapping[str, Any] | None
    no_targets: str
    data: DataReport
    today: date
    stale_after_days: int


@dataclass(frozen=True)
class AtRisk:
    """A customer from whom much is expected to be lost; `why` is what speaks most against keeping it."""

    name: str
    account_id: str
    mrr: float
    lost: float
    churn: float
    nrr: float
    low: float
    high: float
    why: str


@dataclass(frozen=True)
class Target:
    """A prospect near the top of the list, with what speaks most for and against it."""

    rank: int
    name: str
    account_id: str
    gain: float | None
    nrr: float | None
    tier: str
    speaks_for: str
    against: str


@dataclass(frozen=True)
class Pack:
    """The whole pack. A part that is empty has its reason beside it, with what would make it appear."""

    icp: IcpSummary
    made_on: str
    as_of: str
    since: str
    tiles: tuple[Tile, ...]
    short: tuple[Todo, ...]
    against: str
    diff: DiffReport | None
    no_diff: str
    changed_left_out: int
    retention: tuple[RetentionQuarter, ...]
    no_retention: str
    waterfall: waterfall_summary.Summary | None
    waterfall_words: str
    no_waterfall: str
    decisions: Decisions
    kpis: tuple[KpiTable, ...]
    at_risk: tuple[AtRisk, ...]
    targets: tuple[Target, ...]
    no_targets: str
    quality: tuple[tuple[str, tuple[str, ...]], ...]
    data: tuple[Todo, ...]

    @staticmethod
    def name(text: str) -> str:
        """A name that is no part of a report's summary, cut as the others are."""
        return cut(text)

    @staticmethod
    def cut(text: str) -> str:
        """A sentence that is no part of a report's summary, cut as the others are."""
        return cut(text, SENTENCE)

    @property
    def title(self) -> str:
        """What it is, and of whom."""
        return f"Quarterly ICP review of {self.icp.company}"

    @property
    def about(self) -> str:
        """Which version, which data, which definitions."""
        return (
            f"version {self.icp.version}, data until {day(self.as_of)}, compared with {day(self.since)}, definitions "
            f"{self.icp.definition_hash}, made on {day(self.made_on)}"
        )

    @property
    def without(self) -> tuple[str, ...]:
        """Kinds of profiles of which there is none, where there are others."""
        kinds = {profile.kind for profile in self.icp.profiles}
        return tuple(words for kind, words in _WITHOUT.items() if kinds and kind not in kinds)


_WITHOUT = {
    "established": "No established profile: no kind of company that most customers are of kept clearly more.",
    "emerging": "No emerging profile: nothing that is true of few customers so far did clearly better; it appears once "
    "enough of them have a whole horizon behind them.",
    "negative": "No negative profile: no kind of company did clearly worse.",
}


def summarise(given: Given) -> Pack:
    """The pack as values; every text that came from tables or people is one line with an end."""
    icp, book = given.icp, given.book
    asked = decisions(given.agenda, given.called, given.due, book.since)
    diff = icp_diff.summarise(given.diff) if given.diff is not None else None
    found = Pack(
        icp=_named(icp),
        made_on=given.today.isoformat(),
        as_of=book.as_of,
        since=book.since,
        tiles=tiles(book, given.retention, asked, icp.currency),
        short=in_short(icp, book, asked, given.diff, given.targets),
        against="" if given.diff is None else str(given.diff["from"]["version"]),
        diff=None if diff is None else _shortened(diff),
        no_diff=given.no_diff,
        changed_left_out=0 if diff is None else max(0, len(diff.changed) - _MOST_CHANGED),
        retention=given.retention,
        no_retention="" if given.retention else _no_retention(icp),
        waterfall=None if book.waterfall is None else waterfall_summary.summarise(book.waterfall),
        waterfall_words="" if book.waterfall is None else str(book.waterfall["words"]),
        no_waterfall=book.no_waterfall,
        decisions=asked,
        kpis=kpi_tables(icp.figures),
        at_risk=tuple(_at_risk(one) for one in book.at_risk),
        targets=tuple(_target(one) for one in given.targets["targets"][:MOST_TARGETS]) if given.targets else (),
        no_targets=given.no_targets or _no_targets(given.targets),
        quality=_quality(icp),
        data=data_lines(given.data, icp, given.today, given.stale_after_days),
    )
    return readable(found)


def to_json(given: Given, pack: Pack) -> dict[str, Any]:
    """The JSON of `leap report`: what the pack says that is its own, and the JSON of the commands it is made of."""
    icp = pack.icp
    return {
        "company": given.icp.company,
        "version": icp.version,
        "as_of": pack.as_of,
        "since": pack.since,
        "made_on": pack.made_on,
        "data_until": icp.data_until,
        "definition_hash": icp.definition_hash,
        "currency": icp.currency,
        "money_note": icp.money_note,
        "in_short": [asdict(one) for one in pack.short],
        "diff": given.diff,
        "no_diff": given.no_diff or None,
        "retention": [asdict(one) for one in pack.retention],
        "portfolio": dict(given.book.portfolio),
        "waterfall": given.book.waterfall,
        "no_waterfall": pack.no_waterfall or None,
        "profiles": [
            {"id": p.id, "kind": p.kind, "statement": p.statement, "people": p.verdict.words if p.verdict else None}
            for p in icp.profiles
        ],
        "no_profiles": None if icp.profiles else icp.none_because,
        "decisions": {**asdict(pack.decisions), "open": pack.decisions.open},
        "quarters": [asdict(table) for table in pack.kpis],
        "at_risk": [asdict(one) for one in pack.at_risk],
        "targets": [asdict(one) for one in pack.targets],
        "no_targets": pack.no_targets or None,
        "quality": {who: list(said) for who, said in pack.quality},
        "limits": list(icp.notes),
        "places": [asdict(place) for place in icp.places],
        "data": [asdict(line) for line in pack.data],
    }


def _named(icp: IcpSummary) -> IcpSummary:
    """With a company's name that is no longer than a name."""
    return replace(icp, company=cut(icp.company))


def _shortened(diff: DiffReport) -> DiffReport:
    """Of the accounts whose tier changed those that are told first."""
    rows = tuple({**one, "name": cut(one["name"]), "account_id": cut(one["account_id"])} for one in diff.changed)
    return replace(diff, changed=rows[:_MOST_CHANGED])


def _no_retention(icp: IcpSummary) -> str:
    return (
        f"No quarter is told: exact retention needs {icp.horizon_months} months of revenue before its end, and the "
        "days of grace after it to be over."
    )


def _at_risk(one: Mapping[str, Any]) -> AtRisk:
    nrr, reason = one["nrr"], one["main_reason"]
    return AtRisk(
        name=cut(one["name"]),
        account_id=cut(one["account_id"]),
        mrr=float(one["mrr"]),
        lost=expected_loss(one),
        churn=float(one["churn"]["p"]),
        nrr=float(nrr["point"]),
        low=float(nrr["low"]),
        high=float(nrr["high"]),
        why=cut(reason["phrase"], SENTENCE) if reason else "",
    )


def _target(one: Mapping[str, Any]) -> Target:
    return Target(
        rank=int(one["rank"]),
        name=cut(one["name"]),
        account_id=cut(one["account_id"]),
        gain=one["expected_gain"],
        nrr=one["who"]["nrr"],
        tier=str(one["who"]["icp_tier"] or ""),
        speaks_for=cut(one["for"][0], NAME * 2) if one["for"] else "",
        against=cut(one["against"][0], NAME * 2) if one["against"] else "",
    )


def _no_targets(targets: Mapping[str, Any] | None) -> str:
    if targets is None or targets["targets"]:
        return ""
    if not targets["prospects"]:
        return "No target list: the tables hold no account that never paid. It appears once prospects stand in them."
    return "No prospect is worth the work on it at what winning one costs (leap targets DIR says why of each)."


def _quality(icp: IcpSummary) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """By outcome what is said of its model of customers, then of everyone and of the intervals."""
    found = [(outcome.label, sentences(outcome, icp.horizon_months)) for outcome in icp.outcomes]
    if icp.portfolio is not None:
        said = (portfolio_words(icp.portfolio, "all customers"), held_words(icp.portfolio, "customers"))
        found.append(("Portfolio", tuple(one for one in said if one)))
    return tuple((label, said) for label, said in found if said)
