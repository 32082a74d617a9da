"""Scores in words for the terminal: a whole batch, and one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.explanation.wording import money
from leap.scoring import Batch


def text(document: Mapping[str, Any], batch: Batch, bundle: ModelBundle) -> str:
    """Counts, what is expected of the portfolio, and the accounts with most money at risk."""
    portfolio, company = document["portfolio"], bundle.settings.company
    lines = [
        f"{document['rows']:,} rows ({document['customers']:,} customers, {document['prospects']:,} prospects, "
        f"{document['abstained']} abstained) as of {document['as_of']} by version "
        f"{document['version']} -> {document['out']}"
    ]
    if portfolio["nrr"] is not None:
        months = bundle.settings.outcome.horizon_months
        lines.append(
            f"Expected over {months} months: NRR {portfolio['nrr']:.1%} ({bundle.intervals.level:.0%} interval "
            f"{portfolio['nrr_low']:.1%} to {portfolio['nrr_high']:.1%}), GRR {portfolio['grr']:.1%}, "
            f"churn {portfolio['churn']:.1%} of {money(portfolio['mrr'], company.currency)} MRR."
        )
    at_risk = batch.most_at_risk(5)
    if at_risk:
        lines.append("Most money at risk, and what speaks most against keeping it:")
        for one in at_risk:
            lines += account_lines(one, bundle, reasons=0)
            lines += [f"    - {one['main_reason']['phrase']}"] if one["main_reason"] else []
    if company.money_note:
        lines.append(f"Note: {company.money_note}")
    return "\n".join(lines)


def account_lines(score: Mapping[str, Any], bundle: ModelBundle, reasons: int = 5) -> list[str]:
    """One score in words."""
    company = bundle.settings.company
    mrr = "no MRR" if score["mrr"] is None else f"{money(score['mrr'], company.currency)} a month"
    head = f"  {score['name']} ({score['account_id']}), {mrr}"
    if score["abstained"]:
        return [f"{head}: no score, {score['abstained']}"]
    nrr, value = score["nrr"], score["value_12m"]["point"]
    head += (
        f": churn {score['churn']['p']:.0%}, NRR {nrr['point']:.0%} ({nrr['level']:.0%} interval "
        f"{nrr['low']:.0%} to {nrr['high']:.0%})"
    )
    if value is not None:
        head += f", value of 12 months {money(value, company.currency)}"
    return [head, *[f"    - {reason['phrase']}" for reason in score["reasons"][:reasons]]]
