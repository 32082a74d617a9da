"""The target list for people: as text, a page, Markdown, and CSV for a spreadsheet or a CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from leap.exports import csv_text
from leap.reports import rendering

FORMATS = ("html", "json", "md", "csv", "xlsx", "parquet")
TABLES = ("csv", "xlsx", "parquet")
MOST_ON_A_PAGE = 200
MOST_IN_TEXT = 10

PART_WORDS = {
    "value": "by expected gain",
    "emerging": "for an emerging profile",
    "exploration": "drawn at random, to learn from",
    "override": "kept by its owner",
}
_WHO = ("nrr", "nrr_low", "nrr_high", "value_12m", "value_low", "value_high", "icp_id", "icp_tier")
_COLUMNS = (
    "rank", "account_id", "name", "part", "who_score", *_WHO, "when_score", "win_probability", "worth_if_won", "cost",
    "expected_gain", "expected_new_mrr", "propensity", "who_reasons", "when_reasons", "for", "against",
    "override_owner", "override_reason", "currency", "as_of", "model_version", "definition_hash",
)  # fmt: skip


def render_csv(document: Mapping[str, Any]) -> str:
    """One row an account of the list; no cell is a formula, and figures stay figures."""
    return csv_text(frame(document))


def frame(document: Mapping[str, Any]) -> pd.DataFrame:
    """The same as a table; a whole number stays one beside what is missing."""
    about = {"currency": document["currency"], "as_of": document["as_of"], "model_version": document["version"]}
    about["definition_hash"] = document["definition_hash"]
    rows = [{**about, **_cells(target)} for target in document["targets"]]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


def _cells(target: Mapping[str, Any]) -> dict[str, Any]:
    who, when, override = target["who"], target["when"], target["override"] or {}
    return {
        **{name: target[name] for name in _COLUMNS if name in target and name not in ("for", "against")},
        **{name: who[name] for name in _WHO},
        "who_score": who["score"],
        "when_score": when["score"],
        "who_reasons": "; ".join(who["reasons"]),
        "when_reasons": "; ".join(when["reasons"]),
        "for": "; ".join(target["for"]),
        "against": "; ".join(target["against"]),
        "override_owner": override.get("owner"),
        "override_reason": override.get("reason"),
    }


def render_text(document: Mapping[str, Any]) -> str:
    """What the list is, its first accounts with what speaks for and against each, and the others counted."""
    lines = [f"{title(document)} (version {document['version']})", *headlines(document)]
    for target in document["targets"]:
        lines += ["", *_account_lines(target, document["currency"])]
    if document["shown"] < document["totals"]["accounts"]:
        rest = document["totals"]["accounts"] - document["shown"]
        lines += ["", f"… and {rest:,} more; --limit or --out shows them."]
    lines += [
        "",
        *(f"Not on the list: {row['accounts']:,} - {row['words']}" for row in document["left_out"]["by_reason"]),
    ]
    lines += [f"How: {line}" for line in basis(document)]
    lines += [f"Note: {note}" for note in notes(document)]
    return "\n".join(lines)


def _account_lines(target: Mapping[str, Any], currency: str) -> list[str]:
    gain = _money(target["expected_gain"], currency)
    when = "-" if target["when"]["score"] is None else f"{target['when']['score']:.2f}"
    who = _money(target["who"]["score"], currency)
    head = (
        f"{target['rank']}. {rendering.line(target['name'])} ({rendering.line(target['account_id'])}): expected gain "
        f"{gain}; whom {who}, when {when}; {PART_WORDS[target['part']]}"
    )
    said = [("+", one) for one in target["for"]] + [("-", one) for one in target["against"]]
    return [head, *(f"   {sign} {rendering.line(one)}" for sign, one in said)]


def render_markdown(document: Mapping[str, Any]) -> str:
    """The same as Markdown."""
    return rendering.render("targets.md", **_page(document))


def render_html(document: Mapping[str, Any]) -> str:
    """One page without scripts or anything from elsewhere."""
    return rendering.render("targets.html", **_page(document))


def _page(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "d": document,
        "title": title(document),
        "headlines": headlines(document),
        "basis": basis(document),
        "notes": notes(document),
        "parts": PART_WORDS,
    }


def title(document: Mapping[str, Any]) -> str:
    """Whose list it is, as of when."""
    return f"{document['company']}: whom to sell to next, as of {rendering.day(document['as_of'])}"


def headlines(document: Mapping[str, Any]) -> list[str]:
    """What the list costs and is expected to bring, whether the quota is reached, and how good the choice is."""
    totals, asked, currency = document["totals"], document["asked"], document["currency"]
    said = [
        f"{totals['accounts']:,} of {document['prospects']:,} prospects, for {_money(totals['cost'], currency)} of "
        f"work: expected gain {_money(totals['expected_gain'], currency)}, expected new MRR "
        f"{_money(totals['expected_new_mrr'], currency)} a month.",
        f"Asked for: {_asked(asked, currency)}.",
    ]
    if totals["quota_short"]:
        said.append(
            f"The quota of {_money(asked['quota'], currency)} new MRR cannot be reached within the limits: "
            f"{_money(totals['quota_short'], currency)} are missing."
        )
    if totals["accounts"]:
        parts = ", ".join(f"{n:,} {PART_WORDS[part]}" for part, n in totals["by_part"].items() if n)
        said.append(f"On the list: {parts}.")
    return [*said, _proof(document["program"])]


def _asked(asked: Mapping[str, Any], currency: str) -> str:
    limits = [
        "no budget" if asked["budget"] is None else f"a budget of {_money(asked['budget'], currency)}",
        "no limit of accounts" if asked["capacity"] is None else f"at most {asked['capacity']:,} accounts",
    ]
    if asked["quota"] is not None:
        limits.append(f"a quota of {_money(asked['quota'], currency)} new MRR")
    if asked["per_segment"] is not None:
        limits.append(f"at most {asked['per_segment']:,} a segment")
    limits += [
        f"{asked[name]:.0%} for {words}"
        for name, words in (("emerging_share", "emerging profiles"), ("exploration_share", "exploration"))
        if asked[name]
    ]
    mode = "profiles prioritise" if asked["mode"] == "prioritise" else "accounts without a profile are excluded"
    return f"{', '.join(limits)}; {mode}"


def _proof(program: Mapping[str, Any]) -> str:
    if program["status"] == "optimal":
        return "The choice is proven to be the best within these limits."
    gap = "how far it is from the best is not known"
    if program["gap"] is not None:
        gap = f"at most {program['gap']:.2%} less than the best there could be"
    if program["status"] == "greedy":
        return f"No program was solved: accounts were taken by gain for money and places, one after another; {gap}."
    if program["status"] == "time_limit":
        return f"Not proven best after {program['time_limit_seconds']:g} s: {gap}."
    return f"Not proven best: {gap}."


def basis(document: Mapping[str, Any]) -> Sequence[str]:
    """How each figure is made, one sentence each."""
    names = {
        "who": "Whom",
        "when": "When",
        "win": "Win probability",
        "worth": "Worth if won",
        "cost": "Cost of working on an account",
        "gain": "Expected gain",
        "propensity": "Propensity",
    }
    return [f"{label}: {document['basis'][name]}" for name, label in names.items()]


def notes(document: Mapping[str, Any]) -> list[str]:
    """What to know beside it."""
    return [*document["notes"], *([document["money_note"]] if document["money_note"] else [])]


def _money(amount: float | None, currency: str) -> str:
    return rendering.money(amount, currency)
