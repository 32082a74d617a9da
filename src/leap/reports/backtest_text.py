"""A backtest for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap.reports.backtest import DID, LEARNERS, OUTCOMES, BacktestSummary, counted, interval, signed
from leap.reports.rendering import DASH, decimals, known, share


def render_text(summary: BacktestSummary) -> str:
    """Sentences first, then each fold's figures, then what was said before."""
    found = summary.found
    folds = counted(len(found["folds"]), "fold")
    lines = [f"{found['company']}: backtest of {folds}, data until {found['data_until']}."]
    if found["money_note"]:
        lines.append(f"Note: {found['money_note']}")
    if not found["claimed"]:
        lines.append(f"No claim is made for these models: {found['reason']}")
    lines += ["", *summary.sentences, "", "Fold by fold (95 % intervals over accounts; AUC 0.50 is chance)"]
    for outcome, label in OUTCOMES.items():
        lines += [*_fold_lines(found, outcome, label), ""]
    lines += [f"  {'Portfolio NRR':<15}{'predicted':>10}   {'observed':<27}difference, points"]
    lines += [_portfolio_line(fold) for fold in found["folds"]]
    lines += ["", "  Churn of accounts without any training row"]
    lines += [_new_line(fold) for fold in found["folds"]]
    return "\n".join([*lines, "", *_said_lines(summary)])


def _fold_lines(found: Mapping[str, Any], outcome: str, label: str) -> list[str]:
    heads = ("model", "with it", "AUC", "Brier skill", "observed/predicted")
    lines = [f"  {label:<13}{heads[0]:<15}{heads[1]:>13}   {heads[2]:<20}{heads[3]:<25}{heads[4]}"]
    for fold in found["folds"]:
        said = fold["outcomes"].get(outcome)
        if said is None:
            lines.append(f"  {fold['cutoff']:<13}no rows")
            continue
        figures, of_all = said["metrics"], f"{said['n_events']:,} of {said['n_accounts']:,}"
        skill = {} if said["learner"] == "base_rate" else figures
        lines.append(
            f"  {fold['cutoff']:<13}{LEARNERS.get(said['learner'], said['learner']):<15}{of_all:>13}   "
            f"{_figure(skill.get('auc')):<20}{_figure(skill.get('brier_skill'), 3):<25}"
            f"{_figure(figures.get('calibration_ratio'))}"
        )
    return lines


def _figure(figure: Mapping[str, Any] | None, digits: int = 2) -> str:
    if figure is None:
        return DASH
    value, low, high = (decimals(figure[part], digits) for part in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _portfolio_line(fold: Mapping[str, Any]) -> str:
    p = fold["portfolio"]
    observed = f"{share(p['nrr_observed'])} [{share(p['nrr_observed_low'])}, {share(p['nrr_observed_high'])}]"
    value, low, high = (signed(100 * (known(p["error"][part]) or 0.0), 1) for part in ("value", "low", "high"))
    return f"  {fold['cutoff']:<15}{share(p['nrr_predicted']):>10}   {observed:<27}{value} [{low}, {high}]"


def _new_line(fold: Mapping[str, Any]) -> str:
    new = fold["new_accounts"]
    if new["auc"] is None:
        said = f"too few to judge ({new['n_events']} churned)"
    else:
        ratio = _figure(new["calibration_ratio"])
        said = f"{new['n_events']} churned; AUC {_figure(new['auc'])}; observed/predicted {ratio}"
    return f"  {fold['cutoff']:<13}{new['n_accounts']:>6,} accounts, {said}"


def _said_lines(summary: BacktestSummary) -> list[str]:
    """Shares by outcome and lead, and why what is absent is absent."""
    found = summary.found
    every = "Monday" if found["said_before_every"] == "week" else "first of the month"
    lines = [
        f"What was said before, looked up on the {every} before: share of accounts among the highest of all that paid",
        f"  {'accounts that':<13}{'days before':>12}{'accounts':>10}   "
        f"{'highest 10 %':<20}{'highest 20 %':<20}mean rank",
    ]
    unseen = {row["outcome"] for row in found["said_before_summary"]}
    unseen -= {row["outcome"] for row in found["said_before_summary"] if row["accounts"]}
    lines += [f"  {DID[outcome]:<13}none that a model ranked" for outcome in DID if outcome in unseen]
    for row in found["said_before_summary"]:
        if row["outcome"] in unseen:
            continue
        if not row["accounts"]:
            lines.append(f"  {DID[row['outcome']]:<13}{row['at_days']:>11}           none that a model ranked")
            continue
        days = f"{row['at_days']}{'*' if row['beyond_horizon'] else ' '}"
        lines.append(
            f"  {DID[row['outcome']]:<13}{days:>12}{row['accounts']:>10,}   {interval(row['top_10']):<20}"
            f"{interval(row['top_20']):<20}{_figure(row['mean_rank'])}"
        )
    lines.append(
        "  Chance is 10 %, 20 % and a rank of 0.50; 1.00 is most at risk (of expansion: most likely to expand)."
    )
    if any(row["beyond_horizon"] for row in found["said_before_summary"]):
        lines.append(f"  * of some the event lay beyond the horizon of {found['horizon_months']} months.")
    if found["said_before_note"]:
        lines.append(f"  {found['said_before_note']}")
    for outcome, kept in found["said_before_counts"].items():
        if found["said_before_note"] and not kept["accounts"]:
            continue
        sample = " (a fixed sample)" if kept["looked_up"] < kept["accounts"] - kept["before_the_first_model"] else ""
        own = [row for row in found["said_before_summary"] if row["outcome"] == outcome]
        left, unranked = (sum(row[why] for row in own) for why in ("already_leaving", "unranked"))
        lines.append(
            f"  {kept['accounts']:,} accounts {DID[outcome]}, {kept['looked_up']:,} of them looked up{sample} "
            f"({kept['before_the_first_model']:,} only before any model). Absent: {kept['absent_without_model']:,} "
            f"look-ups before any model, {kept['absent_not_a_customer']:,} before the account paid. Left out of the "
            f"shares: {left:,} of known leavers, {unranked:,} of base rates."
        )
    return lines
