"""Scenarios of the market as text for a terminal, and by segment as a flat table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from leap.reports import rendering

_MOST = 20


def render_text(document: Mapping[str, Any]) -> str:
    """The statement, then MRR at risk by segment and profile, the market, and the limits."""
    currency = document["currency"]
    lines = [
        f"{document['company']}: the market in {document['horizon_months']} months, version {document['version']}, "
        f"as of {document['as_of']}"
    ]
    lines += [f"Note: {document['money_note']}"] if document["money_note"] else []
    lines += ["", document["statement"]]
    others = [name for name in document["scenarios"] if name not in ("low", "base", "high")]
    nrr = {name: rendering.share(value) for name, value in document["all"]["nrr"].items()}
    lines += [f"Scenario {name}: NRR {nrr[name]}, base {nrr['base']}" for name in others]
    if document["reacts"] and document["reaction"]["drivers"]:
        ends = ", ".join(f"{rendering.line(one['indicator'])} {one['end']}" for one in document["low_is"])
        lines += ["", f"Low, as the model has it: {ends}"]
        column = document["by"]["column"] or "all customers"
        lines += _block(f"MRR at risk a month, low against base, by {column}", document["by"]["segments"], currency)
        lines += _block("By profile", document["profiles"], currency)
    lines += ["", "The market as published (latest, change over a year; low / base / high of the scenarios)"]
    lines += _market(document)
    lines += ["", "Limits", *(f"  {limit}" for limit in document["limits"])]
    return "\n".join(lines).replace("−", "-")


def frame(document: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each segment, then for each profile."""
    parts = (("segment", document["by"]["segments"]), ("profile", document["profiles"]))
    return pd.DataFrame(
        [
            {
                "part": part,
                "value": one["segment"],
                "accounts": one["accounts"],
                "mrr": one["mrr"],
                **{f"nrr_{name}": nrr for name, nrr in one["nrr"].items()},
                "at_risk": one["at_risk"],
                "at_risk_low": one["at_risk_low"],
                "at_risk_high": one["at_risk_high"],
                "currency": document["currency"],
                "as_of": document["as_of"],
                "model_version": document["version"],
            }
            for part, rows in parts
            for one in rows
        ]
    )


def _block(title: str, rows: list[Mapping[str, Any]], currency: str) -> list[str]:
    lines = [f"  {rendering.line(one['segment'])}: {_figures(one, currency)}" for one in rows[:_MOST]]
    more = [f"  and {len(rows) - _MOST} more: --json has all"] if len(rows) > _MOST else []
    return ["", title, *lines, *more]


def _figures(one: Mapping[str, Any], currency: str) -> str:
    nrr = one["nrr"]
    low, high = one["at_risk_low"], one["at_risk_high"]
    span = "" if low is None else f" [{rendering.money(low, currency)} to {rendering.money(high, currency)}]"
    return (
        f"{rendering.money(one['at_risk'], currency)}{span} of {rendering.money(one['mrr'], currency)}, "
        f"{one['accounts']:,} customers; NRR {rendering.share(nrr['low'])} low, {rendering.share(nrr['base'])} base, "
        f"{rendering.share(nrr['high'])} high"
    )


def _market(document: Mapping[str, Any]) -> list[str]:
    places = {name: {_key(move): move for move in moves} for name, moves in document["scenarios"].items()}
    lines = []
    for series in document["market"][:_MOST]:
        to = [_number(places[name][_key(series)]["to"]) for name in ("low", "base", "high")]
        change = series["change_year"]
        year = "no figure a year before" if change is None else f"{rendering.points(change)} % over a year"
        segment = f", {rendering.line(series['segment'])}" if series["segment"] else ""
        lines.append(
            f"  {rendering.line(series['indicator'])}{segment}: {_number(series['latest'])} of {series['period']}, "
            f"published {series['published']}, {year}; {' / '.join(to)}"
        )
    more = len(document["market"]) - _MOST
    lines += [f"  and {more} more: --json has all"] if more > 0 else []
    for name in ("base", "low"):
        sources = sorted({move["source"] for move in document["scenarios"][name]})
        also = f" and {len(sources) - 3} others" if len(sources) > 3 else ""
        lines.append(f"  {name} comes from: {'; '.join(sources[:3])}{also}")
    return lines


def _key(one: Mapping[str, Any]) -> tuple[str, str, str | None]:
    return one["table"], one["indicator"], one["segment"]


def _number(value: float) -> str:
    return f"{value:,.4g}"
