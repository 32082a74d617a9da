"""The difference of two ICP versions as text, Markdown, HTML and a table of accounts; made from its document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leap.reports import markdown_page, rendering
from leap.reports.rendering import DASH

Document = Mapping[str, Any]

_NO_TIER = "no tier"
_MOST_ON_SCREEN = 20
_METRICS = {"nrr": "NRR", "churn": "churn", "expansion_rate": "expansion", "contraction_rate": "contraction"}
_CHANGES = {
    "narrowed": "asks for more",
    "widened": "asks for less",
    "redrawn": "asks for something else",
    "promoted": "was emerging",
    "demoted": "was established",
    "figures": "other figures",
}


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """How many accounts of a tier went where."""

    tier: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class DiffReport:
    """What every form of the report says, in words."""

    title: str
    summary: str
    notes: tuple[str, ...]
    monday: tuple[str, ...]
    sections: tuple[Section, ...]
    no_tiers: str | None
    accounts: str
    tiers: tuple[str, ...]
    transitions: tuple[Row, ...]
    causes: str
    by_tier: tuple[Mapping[str, str], ...]
    meanings: tuple[Mapping[str, str], ...]
    changed: tuple[Mapping[str, str], ...]
    money_note: str


def summarise(document: Document) -> DiffReport:
    """The document of `icp diff` in words."""
    tiers = document["tiers"]
    names = _tiers_there(tiers["transitions"])
    return DiffReport(
        title=f"{document['company']}: ideal customer profiles, version {_version(document['from'])} to "
        f"{_version(document['to'])}",
        summary=summary_of(document),
        notes=tuple(document["notes"]),
        monday=tuple(document["monday"]),
        sections=sections_of(document),
        no_tiers=tiers["none_because"],
        accounts="" if tiers["none_because"] else _accounts(tiers),
        tiers=tuple(names),
        transitions=tuple(_row(name, names, tiers["transitions"]) for name in names),
        causes="" if tiers["none_because"] else _causes(tiers["by_cause"]),
        by_tier=tuple(_by_tier(row) for row in tiers["by_tier"]),
        meanings=tuple({"tier": tier, **words} for tier, words in tiers["meanings"].items()),
        changed=tuple(_changed(one, document["currency"]) for one in tiers["changed"]),
        money_note=document["money_note"] or "",
    )


def render_markdown(document: Document) -> str:
    """For a wiki or a pull request."""
    return rendering.render("icp_diff.md", report=summarise(document))


def render_html(document: Document) -> str:
    """The same as one page without script or outside request."""
    return markdown_page.page(render_markdown(document))


def render_text(document: Document) -> str:
    """For a terminal: the accounts that pay most; the files have all."""
    report = summarise(document)
    lines = [report.title, report.summary, *(f"Note: {note}" for note in report.notes)]
    if report.monday:
        lines += ["", "What to change on Monday", *(f"  - {sentence}" for sentence in report.monday)]
    for section in report.sections:
        if section.lines:
            lines += ["", section.heading, *(f"  {line}" for line in section.lines)]
    lines += ["", "Accounts by tier"]
    lines += [f"  {report.no_tiers}"] if report.no_tiers else _tier_lines(report)
    if report.money_note:
        lines += ["", f"Note: {report.money_note}"]
    return "\n".join(lines).replace("−", "-")


def frame(document: Document) -> pd.DataFrame:
    """A row for each account whose tier changed; the parts of data, model and policy add up to 1."""
    rows = [
        {**{k: v for k, v in one.items() if k != "parts"}, **{f"part_{name}": p for name, p in one["parts"].items()}}
        for one in document["tiers"]["changed"]
    ]
    columns = [
        "account_id", "name", "mrr", "from", "to", "cause", "why", "part_data", "part_model", "part_policy",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _version(side: Document) -> str:
    return f"{side['version']} (data until {side['data_until']})"


def summary_of(document: Document) -> str:
    """How many profiles there were and are, and how many entered, left and moved."""
    if document["none_because"]:
        return str(document["none_because"])
    counts = [
        f"{len(document[name])} {words}"
        for name, words in (("entered", "entered"), ("left", "left"), ("moved", "moved"), ("unchanged", "as before"))
    ]
    said = f"Profiles: {document['from']['profiles']} then, {document['to']['profiles']} now ({', '.join(counts)})."
    for side in ("from", "to"):
        if document[side]["none_because"] and not document[side]["profiles"]:
            said += f" Version {document[side]['version']} has none: {document[side]['none_because']}"
    return said


def sections_of(document: Document) -> tuple[Section, ...]:
    """Profiles that entered, left, moved or are as before, and attributes that are judged otherwise."""
    return (
        Section("Entered", tuple(_profile(one) for one in document["entered"])),
        Section("Left", tuple(_profile(one) for one in document["left"])),
        Section("Moved", tuple(_moved(one) for one in document["moved"])),
        Section("As before", tuple(_moved(one) for one in document["unchanged"])),
        Section("Attributes judged otherwise", tuple(_verdict(one) for one in document["attributes"])),
    )


def _profile(one: Document) -> str:
    counted = f" ({rendering.count(one['accounts'])} accounts now)" if "accounts" in one else ""
    figures = f": {_figure(one['figures'][0])}" if one["figures"] else ""
    return f"{one['id']}: {one['words']}{counted}{figures}"


def _moved(one: Document) -> str:
    was, now = one["was"], one["now"]
    changes = [f"was {was['id']}"] if "renamed" in one["changes"] else []
    changes += [_CHANGES[name] for name in one["changes"] if name in _CHANGES]
    if was["words"] != now["words"]:
        changes.append(f"it was {was['words']}")
    if "accounts" in now and was["words"] != now["words"]:
        changes.append(f"selects {now['accounts']:,} accounts of now, its old rule {was['accounts']:,}")
    figures = [_figure(figure) for figure in one["figures"]]
    said = f"{now['id']}: {now['words']}"
    how = f" [{'; '.join(changes)}]" if changes else ""
    return f"{said}{how}: {'; '.join(figures[:1])}"


def _figure(figure: Document) -> str:
    was, now = (rendering.points(figure[side]["lift"]) for side in ("was", "now"))
    between = f"{rendering.points(figure['low'])} to {rendering.points(figure['high'])}"
    noise = "more than noise" if figure["exceeds_noise"] else "no more than noise"
    name = _METRICS.get(figure["metric"], figure["metric"])
    return f"{name} {was} points then, {now} now (change {rendering.points(figure['change'])}, {between}: {noise})"


def _verdict(one: Document) -> str:
    before = f" (then {one['was_words']})" if one["was_words"] != one["words"] else ""
    figures = f": {_figure(one['figures'][0])}" if one["figures"] else ""
    return f"{one['words']}{before}: {_judged(one['was'])} then, {_judged(one['now'])} now{figures}"


def _judged(verdict: str) -> str:
    return {"stays": "did better", "leaves": "did worse", "not shown": "no difference shown"}.get(verdict, verdict)


def _accounts(tiers: Document) -> str:
    counts, dates = tiers["accounts"], tiers["as_of"]
    changed = len(tiers["changed"])
    return (
        f"{changed:,} of {counts['both']:,} accounts there on {dates['from']} and on {dates['to']} changed tier; "
        f"{counts['arrived']:,} arrived, {counts['gone']:,} are gone, and {counts['kept_by_band']:,} keep a tier that "
        "they miss by no more than the band."
    )


def _causes(by_cause: Document) -> str:
    data, model, policy = (rendering.decimals(by_cause[name], 1) for name in ("data", "model", "policy"))
    return (
        f"Of {by_cause['total']:,} changes {data} came from data, {model} from the model and {policy} from policy. "
        "Data are rows that became known and the later date, the model is the profiles found "
        "anew, policy the settings; each part is a mean over all orders of changing them."
    )


def _tiers_there(transitions: Sequence[Document]) -> list[str]:
    """The tiers on either side, in their order."""
    found = [_shown(one[side]) for one in transitions for side in ("from", "to")]
    order = ["A", "B", "C", "D", "excluded", _NO_TIER, "not there"]
    return [name for name in order if name in found]


def _shown(tier: str | None) -> str:
    return _NO_TIER if tier is None else tier


def _row(name: str, names: Sequence[str], transitions: Sequence[Document]) -> Row:
    counts = {_shown(one["to"]): one["accounts"] for one in transitions if _shown(one["from"]) == name}
    return Row(name, tuple(f"{counts[to]:,}" if to in counts else DASH for to in names))


def _by_tier(row: Document) -> dict[str, str]:
    counts = {name: rendering.count(row[name]) for name in ("then", "now")}
    parts = {
        name: "0" if row[name] == 0 else f"{row[name]:+,.1f}".replace("-", "−") for name in ("data", "model", "policy")
    }
    return {"tier": _shown(row["tier"]), **counts, **parts}


def _changed(one: Document, currency: str) -> dict[str, str]:
    return {
        "account_id": one["account_id"],
        "name": one["name"],
        "mrr": "prospect" if one["mrr"] is None else rendering.money(one["mrr"], currency),
        "was": _shown(one["from"]),
        "now": _shown(one["to"]),
        "cause": one["cause"],
        "why": one["why"],
    }


def _tier_lines(report: DiffReport) -> list[str]:
    width = max([len(name) for name in report.tiers] + [6]) + 2
    lines = [f"  {report.accounts}", "", "  " + "then \\ now".ljust(12) + "".join(t.rjust(width) for t in report.tiers)]
    lines += [
        "  " + row.tier.ljust(12) + "".join(cell.rjust(width) for cell in row.cells) for row in report.transitions
    ]
    lines += [
        "",
        f"  {report.causes}",
        "",
        "  " + "tier".ljust(12) + _columns("then", "data", "model", "policy", "now"),
    ]
    lines += [
        "  " + row["tier"].ljust(12) + _columns(*(row[k] for k in ("then", "data", "model", "policy", "now")))
        for row in report.by_tier
    ]
    lines += ["", *(f"  {one['tier']} {one['who']}: {one['what_to_do']}." for one in report.meanings)]
    if report.changed:
        lines += ["", "  Accounts whose tier changed: to and from A and D first, by MRR"]
    lines += [
        f"  {one['name']} ({one['account_id']}, {one['mrr']}): {one['was']} to {one['now']}, by {one['why']}"
        for one in report.changed[:_MOST_ON_SCREEN]
    ]
    if len(report.changed) > _MOST_ON_SCREEN:
        lines.append(f"  and {len(report.changed) - _MOST_ON_SCREEN:,} more; --out F.csv has all")
    return lines


def _columns(*cells: str) -> str:
    return "".join(cell.rjust(10) for cell in cells)
