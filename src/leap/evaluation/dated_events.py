"""The days on which accounts churned, contracted or expanded, by the definitions of the outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.revenue import Revenue, us
from leap.revenue.changes import changes
from leap.tables import AccountTables

_COLUMNS = ["outcome", "code", "at"]


def dated_events(tables: AccountTables) -> pd.DataFrame:
    """`outcome`, `code` (the account as known at the end of the data) and `at`, sorted by `at`; one row a change.

    Churn is the day on which MRR became 0 and stayed so for longer than the days of grace; contraction and expansion
    are the days on which it fell or rose (by more than `min_uplift`) without being 0 before or after. Of orders, whose
    MRR trails, only churn has a date: the first month that begins without MRR.
    """
    revenue = Revenue(tables)
    found = _of_terms(tables, revenue) if revenue.by_periods else _of_orders(tables, revenue)
    found = found[(found["at"] < tables.data_until).to_numpy()]
    return found.sort_values(["at", "code", "outcome"], kind="stable").reset_index(drop=True)


def _of_terms(tables: AccountTables, revenue: Revenue) -> pd.DataFrame:
    # At the rates of one moment, so that a currency's moves are no change of what an account pays.
    dated = changes(revenue, tables.data_until, lineage_at=tables.data_until)
    before, after = dated["before"].to_numpy(dtype=float), dated["after"].to_numpy(dtype=float)
    uplift = tables.settings.outcome.min_uplift
    kinds = {
        "churn": (before > 0) & (after == 0) & _stays(tables, dated["code"], dated["at"]),
        "contraction": (before > after) & (after > 0),
        "expansion": (before > 0) & (after > before * (1 + uplift)),
    }
    return _rows([(outcome, dated[kept]) for outcome, kept in kinds.items()])


def _of_orders(tables: AccountTables, revenue: Revenue) -> pd.DataFrame:
    months = pd.date_range(revenue.first_moment.normalize(), tables.data_until, freq="MS")
    paid = np.column_stack([revenue.mrr_at(at, lineage_at=tables.data_until) > 0 for at in months])
    changed = paid[:, 1:] != paid[:, :-1]
    code, month = np.nonzero(changed)
    dated = pd.DataFrame({"code": code, "at": months[month + 1]})
    ends = paid[code, month] & _stays(tables, dated["code"], dated["at"])
    return _rows([("churn", dated[ends])])


def _stays(tables: AccountTables, code: pd.Series, at: pd.Series) -> np.ndarray:
    """Whether what a change led to lasted longer than the days of grace, as far as the data go."""
    end = us(tables.data_until)
    until = at.groupby(code).shift(-1).to_numpy().astype("datetime64[us]")
    lasted = np.minimum(np.where(np.isnat(until), end, until), end) - at.to_numpy().astype("datetime64[us]")
    return np.asarray(lasted > np.timedelta64(tables.settings.outcome.grace_days, "D"))


def _rows(parts: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    return pd.concat([part.assign(outcome=outcome)[_COLUMNS] for outcome, part in parts], ignore_index=True)


def last_events(events: pd.DataFrame, n_accounts: int) -> dict[str, np.ndarray]:
    """By outcome the day of every account's last such change, shape (n_accounts,); NaT where it had none."""
    last = {}
    for outcome, part in events.groupby("outcome"):
        days = np.full(n_accounts, np.datetime64("NaT", "us"))
        latest = part.groupby("code")["at"].max()
        days[latest.index.to_numpy()] = [us(moment) for moment in latest]
        last[str(outcome)] = days
    return last
