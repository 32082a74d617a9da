"""Scores in words for the terminal: a whole batch, and one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.evaluation.money import loses_money
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
    lines += offer_lines(batch, bundle)
    at_risk = batch.most_at_risk(5)
    if at_risk:
        lines.append("Most money at risk, and what speaks most against keeping it:")
        for one in at_risk:
            lines += account_lines(one, bundle, reasons=0)
            lines += [f"    - {one['main_reason']['phrase']}"] if one["main_reason"] else []
    if company.money_note:
        lines.append(f"Note: {company.money_note}")
    return "\n".join(lines)


def offer_lines(batch: Batch, bundle: ModelBundle) -> list[str]:
    """How many customers are worth an offer to stay, and what contacting them is expected to gain."""
    actions, policy = batch.customers.actions, bundle.settings.policy
    worth = int((actions.gain > 0).sum())
    if not len(batch.customers):
        return []
    limit = f", {int(actions.contact.sum()):,} within the capacity" if worth > actions.contact.sum() else ""
    gain = money(float(actions.gain[actions.contact].sum()), bundle.settings.company.currency)
    return [
        f"Worth an offer to stay: {worth:,} of {len(batch.customers):,} customers{limit}, expected to gain {gain} (an "
        f"offer keeps {policy.save_rate:.0%} of those that would leave and costs {policy.offer_share:.0%} of what the "
        "account is worth)."
        + (" Do not act on it: out of time, offers by this model would have lost money." if _lost_money(bundle) else "")
    ]


def _lost_money(bundle: ModelBundle) -> bool:
    """Whether offers by this model would have lost money, as its training warned."""
    return loses_money(bundle.quality["health"]["outcomes"]["churn"].get("money"))


def account_lines(score: Mapping[str, Any], bundle: ModelBundle, reasons: int = 5) -> list[str]:
    """One score in words."""
    company = bundle.settings.company
    mrr = "no MRR" if score["mrr"] is None else f"{money(score['mrr'], company.currency)} a month"
    head = f"  {score['name']} ({score['account_id']}), {mrr}"
    if score["abstained"]:
        return [f"{head}: no score: {score['abstained'].replace('_', ' ')}"]
    nrr, value = score["nrr"], score["value_12m"]["point"]
    head += (
        f": churn {score['churn']['p']:.0%}, NRR {nrr['point']:.0%} ({nrr['level']:.0%} interval "
        f"{nrr['low']:.0%} to {nrr['high']:.0%})"
    )
    if value is not None:
        head += f", value of 12 months {money(value, company.currency)}"
    advice = [] if not reasons and _lost_money(bundle) else _action_line(score, bundle)
    lines = [head, *advice, *(_ahead(score, company.currency) if reasons else [])]
    said = [f"    - {reason['phrase']}" for reason in score["reasons"][:reasons]]
    return [*lines, *said, *(_beside(score, reasons) if said else [])]


def _beside(score: Mapping[str, Any], reasons: int) -> list[str]:
    """Where the reasons start from, and what those not told come to, so that base, reasons and rest are the NRR."""
    rest = score["nrr"]["point"] - score["base"]["nrr"] - sum(r["nrr_points"] for r in score["reasons"][:reasons])
    others = f"; all other reasons {100 * rest:+z.1f} points" if abs(rest) >= 0.0005 else ""
    return [f"    from {score['base']['nrr']:.1%}, the NRR of an account of which nothing is known{others}"]


def _action_line(score: Mapping[str, Any], bundle: ModelBundle) -> list[str]:
    action = score["action"]
    if not action["contact"]:
        return []
    gain = money(action["expected_gain"], bundle.settings.company.currency)
    doubt = "; such offers would have lost money out of time" if _lost_money(bundle) else ""
    return [f"    worth an offer: {gain} expected gain (from a churn of {action['threshold_p']:.0%} on{doubt})"]


def _ahead(score: Mapping[str, Any], currency: str) -> list[str]:
    """How likely it is to stay, what 36 months are worth, and when what winning it cost has come back."""
    left = [f"{one['survival']:.0%} after {one['months']}" for one in score["survival"] if one["months"] >= 6]
    lines = [f"    still a customer: {', '.join(left)} months"]
    value, cac = score["value_36m"]["point"], score["cac"]
    if value is not None:
        lines.append(f"    value of 36 months {money(value, currency)}")
    if cac is not None:
        lines[-1] += f"; won for {money(cac, currency)}"
    if score["payback_months_survival"] is not None:
        lines[-1] += f", back in month {score['payback_months_survival']}"
    return lines
