"""The ICP report: `summarise` into values, then render as HTML, Markdown, CSV, SQL or text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from leap.exports import csv_text
from leap.icp.tiers import AS_USUAL, TIERS
from leap.reports import query, rendering
from leap.reports.glossary import TERMS
from leap.reports.icp_evidence import METRICS, EvidenceRow, EvidenceSummary
from leap.reports.icp_monday import Todo
from leap.reports.icp_profile import KPIS, OF_ALL_YEARS, ProfileSummary
from leap.reports.icp_summary import AttributeSummary, IcpSummary, summarise, summarise_alone, with_reviews

__all__ = [
    "IcpSummary",
    "frame",
    "render_csv",
    "render_html",
    "render_markdown",
    "render_sql",
    "render_text",
    "summarise",
    "summarise_alone",
    "with_reviews",
]


def render_html(summary: IcpSummary) -> str:
    """One file without script or outside request, for a browser, a mail or paper."""
    return rendering.render("icp.html", report=summary, terms=TERMS)


def render_markdown(summary: IcpSummary) -> str:
    """The same for a wiki or a pull request."""
    return rendering.render("icp.md", report=summary, terms=TERMS)


def render_csv(summary: IcpSummary) -> str:
    """A row for each profile and each other attribute measured; no cell is a formula."""
    return csv_text(frame(summary))


def frame(summary: IcpSummary) -> pd.DataFrame:
    """The same as a table; a whole number stays one beside what is missing."""
    rows = [_profile_cells(profile, summary) for profile in summary.profiles]
    rows += [_attribute_cells(attribute) for attribute in summary.attributes if attribute.profile is None]
    return pd.DataFrame(rows, columns=_columns(), dtype=object)


def _columns() -> list[str]:
    ends = ("inside", "outside", "difference", "low", "high")
    return [
        "id", "kind", "verdict", "review", "conditions", "statement", "metric",
        *(f"{metric}_{end}" for metric in METRICS for end in ends),
        "accounts_measured", "accounts_matched", "share_matched", "measured_from", "measured_to",
        "accounts_found_on", "found_from", "found_to", "rules_tried", "false_discovery_rate",
        "customers_now", "prospects_now", "market_now", "size_note",
        *(f"{_when(name)}_{name}_{part}" for name, _, _ in KPIS for part in ("inside", "outside")),
        "yearly_revenue_lost_per_account", "won_last_year", "currency", "money_note",
    ]  # fmt: skip


def _when(name: str) -> str:
    return "all_years" if name in OF_ALL_YEARS else "last_year"


def _profile_cells(profile: ProfileSummary, summary: IcpSummary) -> dict[str, Any]:
    cells = _evidence_cells(profile.evidence) | {
        "id": profile.id,
        "kind": profile.kind,
        "verdict": "leaves" if profile.kind == "negative" else "stays",
        "review": profile.verdict.state if profile.verdict else None,
        "conditions": profile.rule.words,
        "statement": profile.statement,
        "currency": summary.currency,
        "money_note": summary.money_note or None,
    }
    if profile.size:
        cells |= {f"{name}_now": getattr(profile.size, name) for name in ("customers", "prospects", "market")}
        cells["size_note"] = profile.size.note
    for kpi in profile.kpis:
        when = _when(kpi.name)
        cells |= {f"{when}_{kpi.name}_inside": kpi.inside, f"{when}_{kpi.name}_outside": kpi.outside}
    if profile.price:
        cells |= {"yearly_revenue_lost_per_account": profile.price.lost, "won_last_year": profile.price.won_last_year}
    return cells


def _attribute_cells(attribute: AttributeSummary) -> dict[str, Any]:
    about = {"kind": "attribute", "verdict": attribute.verdict, "conditions": attribute.words}
    return _evidence_cells(attribute.evidence) | about


def _evidence_cells(evidence: EvidenceSummary) -> dict[str, Any]:
    cells: dict[str, Any] = {
        f"{row.metric}_{end}": getattr(row, end)
        for row in evidence.rows
        for end in ("inside", "outside", "difference", "low", "high")
    }
    return cells | {
        "metric": evidence.headline.metric,
        "accounts_measured": evidence.accounts,
        "accounts_matched": evidence.matched,
        "share_matched": evidence.support,
        "measured_from": evidence.measured_on.first,
        "measured_to": evidence.measured_on.last,
        "accounts_found_on": evidence.found_on.accounts,
        "found_from": evidence.found_on.first,
        "found_to": evidence.found_on.last,
        "rules_tried": evidence.tried,
        "false_discovery_rate": evidence.false_discovery_rate,
    }


def render_sql(summary: IcpSummary, table: str = "features", band: float = AS_USUAL.band) -> str:
    """One query a profile and one for the tier of every account; comments say which is which and where they run.

    Profiles that people rejected are in none of them, as in `leap score`.
    """
    profiles = [profile for profile in summary.profiles if not profile.rejected]
    rejected = ", ".join(profile.id for profile in summary.profiles if profile.rejected)
    lines = [f"-- {rendering.line(_title(summary))}"]
    lines += [f"-- {said}" for said in query.about([profile.rule for profile in profiles])]
    lines += [f"-- Left out, since people rejected it: {rendering.line(rejected)}"] if rejected else []
    if not profiles:
        why = "people rejected every profile that was found" if rejected else summary.none_because or "none was found"
        lines.append(f"-- No profile: {rendering.line(why)}")
    for profile in profiles:
        lines += ["", f"-- {profile.id}: {rendering.line(profile.statement)}"]
        lines += [query.select(profile.rule, table)]
    if profiles:
        lines += ["", "-- Every account with its profile and tier, as `leap score` says:"]
        lines += [f"-- {tier} {meaning.who}." for tier, meaning in TIERS.items()]
        lines += [query.tiers(profiles, table, band)]
    return "\n".join(lines) + "\n"


def render_text(summary: IcpSummary) -> str:
    """Statements and evidence for a terminal."""
    lines = [_title(summary)]
    if summary.money_note:
        lines.append(f"Note: {summary.money_note}")
    lines += ["", "What to do on Monday", *(_todo_line(todo) for todo in summary.monday)]
    lines += [line for profile in summary.profiles for line in ("", *_profile_lines(profile))]
    if not summary.profiles:
        lines += ["", f"No profile: {summary.none_because or 'none was found'}"]
    if summary.places:
        lines += ["", "Seven places that this must change"]
        lines += [f"  {place.name:<15} {place.sentence}" for place in summary.places]
    if summary.suggested:
        lines += ["", "Hypotheses, not shown", *(f"  {h.id}: {h.statement}" for h in summary.suggested)]
    if summary.best:
        lines += ["", f"Best customers: {summary.best.words}"]
    if summary.attributes:
        lines += ["", "Everything measured (difference inside less outside; false-discovery rate)"]
        lines += [_attribute_line(attribute) for attribute in summary.attributes]
    if summary.hypotheses:
        lines += ["", "What people believe (hypotheses, with what was measured)"]
        lines += [
            f"  {h.on} {h.owner}: {h.text} [{h.about or 'no attribute'}: {h.evidence}]" for h in summary.hypotheses
        ]
    lines += [f"Note: {note}" for note in summary.notes]
    return "\n".join(lines)


def _todo_line(todo: Todo) -> str:
    return f"  {todo.lead:<11} {todo.text}{f'  [{todo.command}]' if todo.command else ''}".replace("−", "-")


def _title(summary: IcpSummary) -> str:
    parts = [f"{summary.company}: ideal customer profiles"]
    parts += [f"version {summary.version}"] if summary.version else []
    parts += [f"data until {summary.data_until}"] if summary.data_until else []
    return ", ".join([*parts, f"horizon {summary.horizon_months} months ({summary.definition_hash})"])


def _profile_lines(profile: ProfileSummary) -> list[str]:
    evidence, later, earlier = profile.evidence, profile.evidence.measured_on, profile.evidence.found_on
    lines = [f"{profile.id}: {profile.statement}"]
    for row in evidence.rows:
        figures = f"inside {_plain_share(row.inside)}, outside {_plain_share(row.outside)}, {_plain_difference(row)}"
        lines.append(f"  {row.label:<10} {figures}{' (decides)' if row.decides else ''}")
    lines.append(
        f"  measured on {evidence.matched:,} of {evidence.accounts:,} other accounts ({later.first} to {later.last}), "
        f"found on {earlier.accounts:,} earlier ones ({earlier.first} to {earlier.last}); {evidence.tried:,} rules "
        f"tried, false-discovery rate {rendering.rate(evidence.false_discovery_rate)}"
    )
    if evidence.years:
        years = (f"{y.year} {_plain_share(y.inside)} against {_plain_share(y.outside)}" for y in evidence.years)
        lines.append(f"  churn by year: {', '.join(years)}")
    lines += [f"  {words}" for words in (profile.because, profile.saturation) if words]
    if profile.verdict:
        lines.append(f"  people: {profile.verdict.words}{'; not counted' if profile.rejected else ''}")
    if size := profile.size:
        note = f"; {size.note}" if size.note else ""
        lines.append(f"  now {size.customers:,} customers and {size.prospects:,} prospects of {size.market:,}{note}")
    if profile.price and profile.price.lost is not None:
        price = profile.price
        lines.append(
            f"  price: each such account later pays {rendering.money(price.lost, price.currency)} a year less than "
            f"others that paid as much before (95 % interval {rendering.money(price.low, price.currency)} to "
            f"{rendering.money(price.high, price.currency)}); {price.won_last_year:,} won in the last year"
        )
    return [line.replace("−", "-") for line in lines]


def _attribute_line(attribute: AttributeSummary) -> str:
    row, rate = attribute.evidence.headline, rendering.rate(attribute.evidence.false_discovery_rate)
    verdict = f"{attribute.verdict_words}{f', {attribute.grade}' if attribute.grade else ''}"
    said = f"{verdict:<20} {attribute.words}: {row.label} {_plain_difference(row)}; {rate}"
    more = attribute.profile or attribute.why_else
    return f"  {said}{f' ({more})' if more else ''}"


def _plain_difference(row: EvidenceRow) -> str:
    low, high = rendering.points(row.low), rendering.points(row.high)
    return f"{rendering.points(row.difference)} points [{low}, {high}]".replace("−", "-")


def _plain_share(value: float | None) -> str:
    return rendering.share(value).replace("−", "-")
