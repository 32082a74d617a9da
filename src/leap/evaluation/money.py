"""What a ranking of accounts is worth in use: what the top of each list holds, and what offers would have earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap import metrics
from leap.evaluation.calibration_report import one_sided
from leap.evaluation.out_of_time import OutOfTime
from leap.features import Scope
from leap.metrics import Depth, Lists, ProfitCurve
from leap.models.frames import ScopeFrame
from leap.offers import Offer, value_if_kept
from leap.tables import AccountTables
from leap.value import ValueTerms, margins, service_cost_a_year

SHARES = (0.05, 0.10, 0.20)
VALUE_12M, MRR_X_12 = "value_12m_if_kept", "mrr_x_12"


@dataclass(frozen=True)
class Stakes:
    """What offers keep and cost, and what the account of each row of `OutOfTime` is worth if kept, shape (n,).

    `by_margin` are the rows whose worth is their account value; of the others, without a margin, it is MRR x 12.
    """

    offer: Offer
    value: np.ndarray
    by_margin: np.ndarray

    @classmethod
    def of(cls, tables: AccountTables, frame: ScopeFrame, found: OutOfTime) -> Stakes:
        """From the settings and tables; contraction and expansion as they were predicted out of time."""
        terms, rows = ValueTerms.of(tables.settings), frame.snapshots.rows.iloc[found.rows]
        codes, cost = rows["code"].to_numpy(), np.zeros(len(rows))
        for moment, positions in rows.reset_index(drop=True).groupby("as_of").indices.items():
            cost[positions] = service_cost_a_year(tables, pd.Timestamp(str(moment)))[codes[positions]]
        value, by_margin = value_if_kept(
            found.labels.starting, found.prediction.d, found.prediction.u, margins(tables, terms)[codes], cost, terms
        )
        return cls(Offer.of(tables.settings.policy), value, by_margin)


def lists_of(found: OutOfTime, scope: Scope) -> np.ndarray:
    """Which rows are ranked together, shape (n,): those of one date, as in use.

    Fit models see each account at dates of its own; there the rows of one fold are.
    """
    if scope == Scope.FIT:
        return found.fold
    return np.asarray(np.unique(found.as_of, return_inverse=True)[1])


def lift_report(
    found: OutOfTime, keep: np.ndarray, scope: Scope, capacity: int | None, resamples: np.ndarray
) -> dict[str, Any]:
    """What the accounts ranked highest hold, as in the JSON of `train`, `outcomes.churn.lift`.

    Rows of one date (fit models: of one fold) are ranked together, the losses are those of `labels`, and `at` is as
    `gain_at` gives it.
    """
    lists = lists_of(found, scope)[keep]
    churned, starting, p = found.labels.churned[keep], found.labels.starting[keep], found.prediction.p[keep]
    together = "fold" if scope == Scope.FIT else "date"
    return {
        "ranked_together": together,
        **gain_at(lists, found.accounts[keep], churned, p, resamples, starting=starting, capacity=capacity),
    }


def gain_at(
    lists: np.ndarray,
    accounts: np.ndarray,
    happened: np.ndarray,
    probability: np.ndarray,
    resamples: np.ndarray,
    *,
    starting: np.ndarray | None = None,
    capacity: int | None = None,
) -> dict[str, Any]:
    """What the tops of lists hold of all that happened, with 95 % intervals over accounts.

    `at` has one entry a depth: `5%`, `10%`, `20%` and, where there is one, `capacity`. Each says for

    - `accounts`: those with the event,
    - `mrr`: the starting MRR of those with the event,
    - `mrr_by_expected_loss`: the same where accounts are ranked by probability times MRR,

    the `gain` (share of all of it that the top holds) and the `lift` (over what a random top would hold), each with the
    `baseline` of a random order and the `best` possible order. Every account counts once in each list; equal scores
    count by their expected value over all orders. Where nobody or everybody has the event, `at` is None with `reason`.
    """
    document: dict[str, Any] = {"n_lists": len(np.unique(lists)), "ties": "expected_value"}
    reason = one_sided(happened) if len(happened) else "no_rows"
    if reason:
        return {**document, "at": None, "reason": reason}
    depths = tuple(Depth(share) for share in SHARES) + ((Depth(count=capacity),) if capacity else ())
    once = metrics.once_per_list(accounts, lists)
    by_risk = Lists.of(lists, probability)
    looked = {"accounts": _gains(by_risk, Lists.of(lists, happened), happened, once, depths, resamples)}
    if starting is not None:
        lost, by_loss = happened * starting, Lists.of(lists, probability * starting)
        ideal = Lists.of(lists, lost)
        looked["mrr"] = _gains(by_risk, ideal, lost, once, depths, resamples)
        looked["mrr_by_expected_loss"] = _gains(by_loss, ideal, lost, once, depths, resamples)
    at = {depth.name: {name: part[i] for name, part in looked.items()} for i, depth in enumerate(depths)}
    return {**document, "at": at, "reason": None}


def _gains(
    ranked: Lists,
    ideal: Lists,
    amount: np.ndarray,
    once: np.ndarray,
    depths: tuple[Depth, ...],
    resamples: np.ndarray,
) -> list[dict[str, Any]]:
    """Gain and lift at each depth."""
    value, best = ranked.gain(amount, once, depths), ideal.gain(amount, once, depths)
    draws = np.array([ranked.gain(amount, once * times, depths) for times in resamples])
    result = []
    for i in range(len(depths)):
        gain, at_random = value[i]
        result.append(
            {
                "gain": _figure(gain, draws[:, i, 0], at_random, best[i, 0]),
                "lift": _figure(gain / at_random, draws[:, i, 0] / draws[:, i, 1], 1.0, best[i, 0] / at_random),
            }
        )
    return result


def money_report(found: OutOfTime, keep: np.ndarray, stakes: Stakes, resamples: np.ndarray) -> dict[str, Any]:
    """What offers would have earned out of time, as in the JSON of `train`, `outcomes.churn.money`.

    Amounts are money per account and date, expected over the share of leavers that an offer keeps, and what each
    account did is known; intervals are over accounts.

    - `offer`: what it keeps and costs; `value_is`: how many rows are worth their account value if kept, and how many
      (without a margin) MRR x 12.
    - `earned` by contacting accounts whose expected gain is positive, of each date at most the capacity: by the
      `model`, by a `plain_logistic` regression, by contacting `everybody` (any number), and with `hindsight`; nobody
      earns 0. `contacted` is the share of accounts the model and the plain regression contact.
    - `against`: earned by the model less that of `nobody`, `everybody` and the `plain_logistic`, with intervals.
    - `empb`: the expected maximum profit (`leap.metrics.empb_score`), one threshold for all rows chosen with
      hindsight; its `baseline` is the better of nobody and everybody, `best` earns from leavers only.
    """
    churned, value, offer = found.labels.churned[keep], stakes.value[keep], stakes.offer
    terms = {
        "save_rate": offer.save_rate,
        "alpha": offer.alpha,
        "beta": offer.beta,
        "offer_share": offer.offer_share,
        "contact_cost": offer.contact_cost,
        "capacity": offer.capacity,
    }
    by_margin = int(stakes.by_margin[keep].sum())
    document = {"offer": terms, "value_is": {VALUE_12M: by_margin, MRR_X_12: len(value) - by_margin}}
    if not len(churned):
        return {**document, **no_money("no_rows")}
    came_to = offer.gain(churned, value)
    accounts, lists = found.accounts[keep], lists_of(found, Scope.HEALTH)[keep]
    p, plain = found.prediction.p[keep], found.linear["churn"][keep]
    expected = {"model": offer.gain(p, value), "plain_logistic": offer.gain(plain, value), "hindsight": came_to}
    chosen = {name: offer.contacted(gain, accounts, lists) for name, gain in expected.items()}
    chosen["everybody"] = np.ones(len(churned), dtype=bool)
    earned = {name: np.where(contacts, came_to, 0.0) for name, contacts in chosen.items()}
    against = {"nobody": 0.0, "everybody": earned["everybody"], "plain_logistic": earned["plain_logistic"]}
    return {
        **document,
        "contacted": {name: float(chosen[name].mean()) for name in ("model", "plain_logistic")},
        "earned": {name: _mean(amount, resamples) for name, amount in earned.items()},
        "against": {name: _mean(earned["model"] - amount, resamples) for name, amount in against.items()},
        "empb": _empb(came_to, p, plain, resamples),
        "reason": None,
    }


def loses_money(money: Mapping[str, Any] | None) -> bool:
    """Whether contacting accounts by the model would have earned less than contacting nobody, beyond chance."""
    high = ((money or {}).get("against") or {}).get("nobody", {}).get("high")
    return high is not None and high < 0


def gains_unshown(money: Mapping[str, Any] | None) -> bool:
    """Whether chance may explain what contacting accounts by the model would have earned beside contacting nobody.

    >>> gains_unshown({"against": {"nobody": {"low": -9.0, "high": 52.0}}}), gains_unshown(None)
    (True, False)
    """
    low = ((money or {}).get("against") or {}).get("nobody", {}).get("low")
    return low is not None and low <= 0


def no_money(reason: str) -> dict[str, Any]:
    """The figures of `money_report` where there are none."""
    return {**dict.fromkeys(("contacted", "earned", "against", "empb")), "reason": reason}


def _mean(amount: np.ndarray, resamples: np.ndarray) -> dict[str, float | None]:
    return _interval(float(amount.mean()), (resamples @ amount) / resamples.sum(axis=1))


def _empb(came_to: np.ndarray, p: np.ndarray, plain: np.ndarray, resamples: np.ndarray) -> dict[str, Any]:
    one, curve = np.ones(len(p)), ProfitCurve.of(came_to, p)
    value, contacted = curve.best(one)
    draws = np.array([curve.best(times)[0] for times in resamples])
    figure = _figure(value, draws, max(0.0, float(came_to.mean())), float(np.maximum(came_to, 0.0).mean()))
    return {**figure, "contacted": contacted, "plain_logistic": ProfitCurve.of(came_to, plain).best(one)[0]}


def _figure(value: float, draws: np.ndarray, baseline: float, best: float) -> dict[str, float | None]:
    return {**_interval(value, draws), "baseline": float(baseline), "best": float(best)}


def _interval(value: float, draws: np.ndarray) -> dict[str, float | None]:
    draws = draws[np.isfinite(draws)]
    low, high = np.quantile(draws, [0.025, 0.975]).tolist() if len(draws) else (None, None)
    return {"value": float(value), "low": low, "high": high}


def found_at(lift: Mapping[str, Any] | None, depth: str, what: str) -> dict[str, Any] | None:
    """The gain at one depth, or None where there is none."""
    at = (lift or {}).get("at")
    return at[depth][what]["gain"] if at and depth in at else None
