"""What the retention report says, as plain values: figures, bars of a waterfall, starting years, segments, remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leap.config import Company
from leap.revenue import Movements, Retention, RetentionFigures, StartingYear

MOST_SEGMENTS = 40
_REASONS = {
    "empty_cohort": "no account paid at the start",
    "no_foreign_amounts": "all amounts are in the reporting currency",
    "no_renewal_dates": "the revenue table names no renewal dates (its key renews)",
    "no_renewal_in_the_window": "no paid term of the start was up for renewal in the window",
    "usage_based_revenue": "revenue from orders has no dated changes",
}
_MOVED = {
    "new": "New", "reactivation": "Back again", "expansion": "Expansion", "contraction": "Contraction",
    "churn": "Churn",
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One bar of a waterfall: a level (from zero) or a change, which begins where the bar before it ended."""

    label: str
    amount: float
    begins: float
    ends: float
    kind: str
    """level, up or down."""

    @property
    def low(self) -> float:
        """The smaller of its two ends."""
        return min(self.begins, self.ends)

    @property
    def high(self) -> float:
        """The larger of its two ends."""
        return max(self.begins, self.ends)


@dataclass(frozen=True)
class Waterfall:
    """Bars from what was paid at the start to what was paid at the end, and whom they are of."""

    title: str
    about: str
    bars: tuple[Bar, ...]

    @property
    def reach(self) -> float:
        """The highest point of all bars."""
        return max((bar.high for bar in self.bars), default=0.0)


@dataclass(frozen=True)
class Fact:
    """A figure with what it says in a sentence."""

    label: str
    value: float | None
    about: str


@dataclass(frozen=True)
class SegmentRow:
    """A value of the column and the figures of its accounts; `share` is of the starting MRR."""

    name: str
    figures: RetentionFigures
    share: float | None


@dataclass(frozen=True)
class RetentionSummary:
    """All that a page or a terminal lays out; money is in `currency` a month."""

    company: str
    currency: str
    money_note: str
    start: str
    end: str
    months: float
    definition_hash: str
    figures: RetentionFigures
    undefined: str | None
    facts: tuple[Fact, ...]
    waterfalls: tuple[Waterfall, ...]
    years: tuple[StartingYear, ...]
    after_months: tuple[int, ...]
    by: str | None
    segments: tuple[SegmentRow, ...]
    segments_left_out: int
    remarks: tuple[str, ...]

    @property
    def reach(self) -> float:
        """The highest point of all waterfalls, which are drawn to one scale."""
        return max((waterfall.reach for waterfall in self.waterfalls), default=0.0)


def summarise(measured: Retention, company: Company) -> RetentionSummary:
    """The values of a report from measured figures."""
    figures = measured.figures
    years = measured.by_starting_year
    shown, left_out = _segments(measured)
    return RetentionSummary(
        company=company.name,
        currency=company.currency,
        money_note=company.money_note,
        start=f"{measured.start:%Y-%m-%d}",
        end=f"{measured.end:%Y-%m-%d}",
        months=(measured.end - measured.start).days / 365.25 * 12,
        definition_hash=measured.definition_hash,
        figures=figures,
        undefined=in_words(figures.reason),
        facts=_facts(measured),
        waterfalls=tuple(_waterfalls(measured)),
        years=years,
        after_months=tuple(sorted({cell.months for year in years for cell in year.after if cell.nrr is not None})),
        by=measured.by,
        segments=shown,
        segments_left_out=left_out,
        remarks=tuple(_remarks(measured, company.currency)),
    )


def in_words(reason: str | None) -> str | None:
    """Why a figure is not defined."""
    return None if reason is None else _REASONS.get(reason, reason.replace("_", " "))


def _facts(measured: Retention) -> tuple[Fact, ...]:
    found = measured.figures
    return (
        Fact("NRR", found.nrr, "of the starting MRR was paid by the same accounts at the end"),
        Fact("GRR", found.grr, "without what some of them pay more"),
        Fact("Logo churn", found.logo_churn, "of the accounts paid nothing at the end"),
        Fact("Churn", found.churn_rate, "of the starting MRR was lost with them"),
        Fact("Contraction", found.contraction_rate, "of it was lost with accounts that pay less"),
        Fact("Expansion", found.expansion_rate, "of it was won with accounts that pay more"),
    )


def _waterfalls(measured: Retention) -> list[Waterfall]:
    found, drawn = measured.figures, []
    if found.reason is None:
        changes = [
            ("Churn", -_of(found.churn_rate, found)),
            ("Contraction", -_of(found.contraction_rate, found)),
            ("Expansion", _of(found.expansion_rate, found)),
        ]
        about = f"{found.accounts:,} accounts that paid at the start; start against end, whatever happened between"
        drawn.append(
            Waterfall("The accounts of the start", about, _bars(found.starting_mrr, changes, found.ending_mrr))
        )
    if measured.movements is not None:
        # What raises comes first: no level in between can fall below zero.
        moved = {k: -a if k in Movements.LOWERING else a for k, a in measured.movements.items()}
        changes = [(words, moved[kind]) for kind, words in _MOVED.items()]
        about = "every change dated in the window, as billing shows it; new accounts count here"
        bars = _bars(measured.book_starting_mrr, changes, measured.book_ending_mrr)
        drawn.append(Waterfall("Everyone", about, bars))
    return drawn


def _of(rate: float | None, figures: RetentionFigures) -> float:
    return (rate or 0.0) * figures.starting_mrr


def _bars(start: float, changes: Sequence[tuple[str, float]], end: float) -> tuple[Bar, ...]:
    bars, level = [Bar("Start", start, 0.0, start, "level")], start
    for label, change in changes:
        bars.append(Bar(label, change, level, level + change, "up" if change >= 0 else "down"))
        level += change
    return (*bars, Bar("End", end, 0.0, end, "level"))


def _segments(measured: Retention) -> tuple[tuple[SegmentRow, ...], int]:
    """The segments with the most starting MRR, in the order of their values, and how many are left out."""
    total = measured.figures.starting_mrr
    by_size = sorted(measured.segments, key=lambda name: -measured.segments[name].starting_mrr)
    kept = set(by_size[:MOST_SEGMENTS])
    rows = tuple(
        SegmentRow(name, figures, figures.starting_mrr / total if total else None)
        for name, figures in measured.segments.items()
        if name in kept
    )
    return rows, len(measured.segments) - len(rows)


def _remarks(measured: Retention, currency: str) -> list[str]:
    remarks = [_of_rates(measured, currency), _of_renewals(measured)]
    gaps = measured.gaps
    if gaps is not None and gaps.accounts:
        remarks.append(
            f"Accounts that left and were back by the end: {gaps.accounts:,} (longest gap {gaps.longest:,} days). That "
            "is no churn in the ratios, and churn and back again in the movements."
        )
    if measured.movements is None:
        remarks.append(f"No movements: {in_words('usage_based_revenue')}.")
    return [*remarks, *measured.notes]


def _of_rates(measured: Retention, currency: str) -> str:
    effect = measured.rates_effect
    if effect.effect is None:
        return f"Effect of rates: none, {in_words(effect.reason)}."
    return (
        f"Both ends are converted at the rates of {measured.start:%Y-%m-%d}. At those of {measured.end:%Y-%m-%d} the "
        f"ending MRR is {effect.ending_mrr_at_end_rates:,.2f} {currency} ({effect.effect:+,.2f} by rates alone), that "
        f"of everyone {effect.book_ending_mrr_at_end_rates:,.2f} ({effect.book_effect:+,.2f})."
    )


def _of_renewals(measured: Retention) -> str:
    found = measured.renewal_eligible
    if found.reason is not None:
        return f"Renewals: not told apart, {in_words(found.reason)}."
    return (
        f"Up for renewal in the window: {found.accounts:,} accounts, NRR {found.nrr or 0:.2%}, GRR {found.grr or 0:.2%}"
        f", logo churn {found.logo_churn or 0:.2%}."
    )
