"""How often accounts stood among the highest before their event, beside chance and beside those that stayed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.ranks import mean_of, share_of
from leap.evaluation.said_before import LEADS, TOPS, SaidBefore, said_by_predictions
from leap.models.composition import COMPONENTS
from leap.models.frames import ScopeFrame
from leap.tables import AccountTables


def said_in_training(tables: AccountTables, frame: ScopeFrame, found: OutOfTime) -> dict[str, Any]:
    """The part of a bundle's quality that says what was said before accounts churned, by the judged predictions."""
    said = said_by_predictions(tables, frame, found)
    return {"summary": summarised(said), "note": said.note, "counts": dict(said.counts["churn"])}


def summarised(said: SaidBefore) -> list[dict[str, Any]]:
    """By outcome and lead, how often the accounts stood among the highest, beside chance and beside those that stayed.

    Left out of the shares and counted are look-ups of accounts whose end was already known (`already_leaving`), and
    those of models that only had the base rate, which puts nobody before anyone (`unranked`). Shares have Wilson's
    95 % interval for the accounts; `chance` is what a model without any skill would give.
    """
    found = []
    for outcome in COMPONENTS:
        for days in LEADS:
            rows = said.rows[(said.rows["outcome"] == outcome) & (said.rows["at_days"] == days)]
            if len(rows):
                found.append({"outcome": outcome, "at_days": days, **_summary(rows)})
    return found


def _summary(rows: pd.DataFrame) -> dict[str, Any]:
    leaving = rows["already_leaving"].to_numpy(dtype=bool)
    unranked = rows["model"].to_numpy() == "base_rate"
    own = rows[~leaving & ~unranked]
    n = int(own["account_id"].nunique())
    ranked = own["ranked_accounts"].to_numpy(dtype=float)
    result: dict[str, Any] = {
        "accounts": n,
        "look_ups": len(own),
        "already_leaving": int(leaving.sum()),
        "unranked": int((unranked & ~leaving).sum()),
        "beyond_horizon": int((~own["within_horizon"].to_numpy(dtype=bool)).sum()),
    }
    for top in TOPS:
        name = f"top_{round(100 * top)}"
        stayed = mean_of(own[f"stayed_{name}"].to_numpy(dtype=float))["value"]
        chance = mean_of(np.ceil(top * ranked - 1e-9) / ranked)["value"]
        result[name] = {**share_of(own[name].to_numpy(dtype=float), n), "chance": chance, "stayed": stayed}
    result["mean_rank"] = {**mean_of(own["rank_percentile"].to_numpy(dtype=float), n), "chance": 0.5}
    result["mean_probability"] = mean_of(own["probability"].to_numpy(dtype=float))["value"]
    result["mean_base_rate"] = mean_of(own["base_rate"].to_numpy(dtype=float))["value"]
    return result
