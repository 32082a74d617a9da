"""What was spent to win accounts and to serve them, from the tables with role `costs`.

Only rows of the kind `acquisition` (all, where no kinds are told apart) are spent to win new customers: what expansion,
onboarding or service cost is none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.revenue import PARTS, Revenue, us
from leap.tables import AccountTables
from leap.tables.canonical import AMOUNT, AT, KEY, KIND

ACQUISITION, SERVICE = "acquisition", "service"
_FEWEST = 3
_MOST_SEGMENTS = 12
_MOSTLY = 0.9
_YEARS = 2


def acquisition_cost(tables: AccountTables) -> np.ndarray:
    """What was spent to win each account itself, shape (n_accounts,); NaN where nothing is given."""
    result = np.full(len(tables.accounts), np.nan)
    for rows in _spent_to_win(tables):
        spent = _sums(rows[AMOUNT], tables.codes_of(rows[KEY]))
        spent = spent[spent.index >= 0]
        result[spent.index] = np.nan_to_num(result[spent.index]) + spent.to_numpy()
    return result


def service_cost_a_year(tables: AccountTables, moment: pd.Timestamp) -> np.ndarray:
    """Cost to serve of the year before a moment, shape (n_accounts,); zero where none is given."""
    result = np.zeros(len(tables.accounts))
    for table in tables.with_role("costs"):
        rows = table.rows
        if KIND not in rows:
            continue
        rows = rows[_is_kind(rows, SERVICE) & (rows[AT] < moment) & (rows[AT] >= moment - pd.Timedelta(days=365))]
        spent = _sums(rows[AMOUNT], tables.codes_of(rows[KEY], moment))
        result[spent.index] += spent.to_numpy()
    return result


@dataclass(frozen=True)
class Acquisition:
    """Cost to win every account, how it is known, and the MRR it began with; shape (n_accounts,) each.

    `basis` is `account` where costs of its own are given; else what was spent on, divided by the new customers of:
    `segment_and_quarter`, `quarter`, `segment`, or `all`; empty where nothing is known. `groups` are those averages.
    """

    cac: np.ndarray
    basis: np.ndarray
    new_mrr: np.ndarray
    segment: str | None
    groups: tuple[dict[str, Any], ...]
    recent_cac: float | None
    """Spent in the last two years (as far as costs are given) by the new customers of that time."""
    recent_mrr: float | None
    """The median of what these paid at first."""

    def to_json(self) -> dict[str, Any]:
        """`economics` of a bundle."""
        return {
            "new_mrr": self.recent_mrr,
            "cac": self.recent_cac,
            "cac_segment": self.segment,
            "cac_groups": [dict(group) for group in self.groups],
        }


def own_acquisition(tables: AccountTables) -> Acquisition:
    """Of accounts that are no company together: what each cost and began with by itself."""
    revenue = Revenue(tables)
    as_bought, first = revenue.bought_as(), _first_mrr(revenue)
    cac = acquisition_cost(tables)
    cac = np.where(np.isnan(cac), cac[as_bought], cac)
    basis = np.where(np.isnan(cac), "", "account").astype(object)
    return Acquisition(cac, basis, np.where(first > 0, first, first[as_bought]), None, (), None, None)


def _first_mrr(revenue: Revenue) -> np.ndarray:
    """MRR of every account when it can first be told, shape (n_accounts,); zero where it never paid."""
    return np.asarray(revenue.mrr_at_own(revenue.starts_at(None)) / PARTS)


def acquisition_of(tables: AccountTables) -> Acquisition:
    """From the costs and the first payments of a company; NaN where there is none."""
    revenue = Revenue(tables)
    bought, starts, as_bought = revenue.purchases(), revenue.starts_at(None), revenue.bought_as()
    first = _first_mrr(revenue)
    name, segment = _segments(tables)
    codes = bought["code"].to_numpy()
    won = _dated(codes, bought["at"].to_numpy(), segment)
    spent = _spending(tables, segment)
    cac = acquisition_cost(tables)
    basis = np.where(np.isnan(cac), "", "account").astype(object)
    groups: list[dict[str, Any]] = []
    for level, keys in _levels(name):
        found = _averages(spent, won, keys)
        groups += [{"level": level, **dict(zip(keys, key, strict=True)), **row} for key, row in found.items()]
        for code, key in zip(codes, _keys(won, keys), strict=True):
            if np.isnan(cac[code]) and key in found:
                cac[code], basis[code] = found[key]["cac"], level
    unknown = np.isnan(cac)
    cac[unknown], basis[unknown] = cac[as_bought[unknown]], basis[as_bought[unknown]]
    known = won[starts[codes] <= us(tables.data_until)]
    return Acquisition(
        cac=cac,
        basis=basis,
        new_mrr=np.where(first > 0, first, first[as_bought]),
        segment=name,
        groups=tuple(groups),
        **_recent(tables.data_until, spent, known, first),
    )


def _sums(amounts: pd.Series, codes: np.ndarray) -> pd.Series:
    """Sums by account, added from the smallest amount on: the order of rows in a file changes no digit."""
    values = amounts.to_numpy(dtype=float)
    order = np.lexsort((values, codes))
    return pd.Series(values[order]).groupby(codes[order]).sum()


def _spent_to_win(tables: AccountTables) -> Iterator[pd.DataFrame]:
    for table in tables.with_role("costs"):
        rows = table.rows
        yield rows[_is_kind(rows, ACQUISITION)] if KIND in rows else rows


def _is_kind(rows: pd.DataFrame, kind: str) -> np.ndarray:
    codes, words = pd.factorize(rows[KIND])
    return np.array([str(word).strip().lower() == kind for word in words], dtype=bool)[codes]


def _spending(tables: AccountTables, segment: np.ndarray) -> pd.DataFrame:
    """Every row spent to win an account, whether it was won or not."""
    parts = [_dated(np.zeros(0, dtype=np.int64), np.zeros(0, dtype="datetime64[us]"), segment).assign(spent=0.0)]
    for rows in _spent_to_win(tables):
        rows = rows[tables.codes_of(rows[KEY]) >= 0]
        codes = tables.codes_of(rows[KEY])
        parts.append(_dated(codes, rows[AT].to_numpy(), segment).assign(spent=rows[AMOUNT].to_numpy(dtype=float)))
    joined = pd.concat(parts, ignore_index=True)
    return joined.sort_values(["code", "at", "spent"], kind="stable", ignore_index=True)


def _dated(codes: np.ndarray, at: np.ndarray, segment: np.ndarray) -> pd.DataFrame:
    moments = pd.Series(at.astype("datetime64[us]"))
    quarter = moments.dt.year.astype(str) + "-Q" + moments.dt.quarter.astype(str)
    return pd.DataFrame({"code": codes, "at": moments, "quarter": quarter, "segment": segment[codes]})


def _segments(tables: AccountTables) -> tuple[str | None, np.ndarray]:
    """The first declared fit category of accounts with 2 to 12 values, and each account's; empty where unknown."""
    nothing = np.full(len(tables.accounts), "", dtype=object)
    for table in tables.tables.values():
        if table.spec.shape != "attributes":
            continue
        for column, declared in table.spec.columns.items():
            fit = (declared.scope or table.spec.scope) == "fit" and declared.available == "before"
            if not fit or column not in table.rows:
                continue
            values = table.rows[column].astype("string").fillna("")
            numbers = pd.to_numeric(values[values != ""], errors="coerce").notna()
            if numbers.mean() > _MOSTLY or not 2 <= values[values != ""].nunique() <= _MOST_SEGMENTS:
                continue
            found = nothing.copy()
            found[tables.codes_of(table.rows[KEY])] = values.to_numpy(dtype=object)
            return column, found
    return None, nothing


def _levels(segment: str | None) -> list[tuple[str, tuple[str, ...]]]:
    """From narrow to wide."""
    narrow: list[tuple[str, tuple[str, ...]]] = [("segment_and_quarter", ("segment", "quarter"))] if segment else []
    wide: list[tuple[str, tuple[str, ...]]] = [("segment", ("segment",))] if segment else []
    return [*narrow, ("quarter", ("quarter",)), *wide, ("all", ())]


def _keys(frame: pd.DataFrame, keys: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(zip(*(frame[key] for key in keys), strict=True)) if keys else [()] * len(frame)


def _averages(
    spent: pd.DataFrame, won: pd.DataFrame, keys: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, float | int]]:
    """Spent by new customers of every group with at least three of them, where anything was spent.

    Only customers won since costs are given count: before, nothing spent means nothing known.
    """
    won = won[won["at"] >= _first_quarter(spent)] if len(spent) else won.iloc[:0]
    sums: dict[tuple[str, ...], float] = {}
    for key, money in zip(_keys(spent, keys), spent["spent"], strict=True):
        sums[key] = sums.get(key, 0.0) + float(money)
    return {
        key: {"cac": sums[key] / n, "customers": n}
        for key, n in sorted(Counter(_keys(won, keys)).items())
        if n >= _FEWEST and sums.get(key, 0.0) > 0
    }


def _first_quarter(spent: pd.DataFrame) -> pd.Timestamp:
    return pd.Timestamp(spent["at"].min()).to_period("Q").start_time


def _recent(until: pd.Timestamp, spent: pd.DataFrame, won: pd.DataFrame, first: np.ndarray) -> dict[str, Any]:
    since = until - pd.DateOffset(years=_YEARS)
    new = won[won["at"] >= since]
    paid = first[new["code"].to_numpy()]
    money = spent[spent["at"] >= since]["spent"].sum()
    counted = int((new["at"] >= _first_quarter(spent)).sum()) if len(spent) else 0
    return {
        "recent_mrr": float(np.median(paid)) if len(paid) else None,
        "recent_cac": float(money / counted) if money > 0 and counted else None,
    }
