"""Account value, CAC, payback and LTV : CAC, as in the definitions; null with a reason where undefined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.config import Settings
from leap.tables import AccountTables, values
from leap.tables.canonical import AMOUNT, AT, KEY, KIND


@dataclass(frozen=True)
class ValueTerms:
    """What turns expected MRR into value: gross margin (one number, or NaN where none is given), discount, horizon."""

    gross_margin: float
    discount_rate: float
    horizon_months: int

    @classmethod
    def of(cls, settings: Settings) -> ValueTerms:
        """From the settings; a margin by account is looked up with `margins`."""
        given = settings.company.gross_margin
        margin = given if isinstance(given, float) else float("nan")
        return cls(margin, settings.company.discount_rate, settings.outcome.horizon_months)

    def discount(self, months: int) -> np.ndarray:
        """(1 + rate)^(-m/12) of months 1 .. months, shape (months,)."""
        return np.asarray((1 + self.discount_rate) ** (-np.arange(1, months + 1) / 12))


def margins(tables: AccountTables, terms: ValueTerms) -> np.ndarray:
    """Gross margin of every account, shape (n_accounts,); NaN where unknown."""
    column = tables.settings.company.gross_margin
    result = np.full(len(tables.accounts), terms.gross_margin)
    if isinstance(column, str):
        for table in tables.tables.values():
            if table.spec.shape == "attributes" and column in table.rows:
                parsed, _ = values.numbers(table.rows[column])
                result[tables.codes_of(table.rows[KEY])] = parsed.where(parsed.abs() <= 1).to_numpy()
        if tables.lineage is not None:
            now = tables.lineage.now(tables.data_until)
            unknown = np.isnan(result[now])
            result[now[unknown]] = result[unknown]
    return result


def account_value(
    mrr: np.ndarray,
    p: np.ndarray,
    d: np.ndarray,
    u: np.ndarray,
    margin: np.ndarray,
    terms: ValueTerms,
    months: int = 12,
) -> np.ndarray:
    """Expected discounted gross margin of the next months, shape (n,); NaN without a margin.

    `E[MRR_m] = S (1-p)^(m/h) (1 + (u-d) m/h)`.
    """
    share = np.arange(1, months + 1) / terms.horizon_months
    survival = (1 - p)[:, None] ** share
    growth = np.maximum(1 + (u - d)[:, None] * share, 0.0)
    return np.asarray(mrr * margin * ((survival * growth) @ terms.discount(months)))


def value_of_ratio(ratio: np.ndarray, terms: ValueTerms, months: int = 12) -> np.ndarray:
    """Discounted months of starting MRR that a realised ratio is worth, moving evenly towards it over the horizon.

    A ratio of 0 (churn) is taken to happen at the middle of the horizon.
    """
    share = np.arange(1, months + 1) / terms.horizon_months
    path = 1 + (np.asarray(ratio)[..., None] - 1) * np.minimum(share, 1.0)
    lost = np.asarray(ratio)[..., None] <= 0
    path = np.where(lost, (share <= 0.5).astype(float), path)
    return np.asarray(path @ terms.discount(months))


def acquisition_cost(tables: AccountTables) -> np.ndarray:
    """CAC of every account from the costs table (kind `acquisition`), shape (n_accounts,); NaN where none is given."""
    result = np.full(len(tables.accounts), np.nan)
    for table in tables.with_role("costs"):
        rows = table.rows
        if KIND in rows:
            rows = rows[rows[KIND] == "acquisition"]
        spent = rows.groupby(KEY)[AMOUNT].sum()
        result[tables.accounts.get_indexer(spent.index)] = spent.to_numpy()
    return result


def service_cost_a_year(tables: AccountTables, moment: pd.Timestamp) -> np.ndarray:
    """Cost to serve of the year before a moment, shape (n_accounts,); zero where none is given."""
    result = np.zeros(len(tables.accounts))
    for table in tables.with_role("costs"):
        rows = table.rows
        if KIND not in rows:
            continue
        rows = rows[(rows[KIND] == "service") & (rows[AT] < moment) & (rows[AT] >= moment - pd.Timedelta(days=365))]
        spent = rows[AMOUNT].groupby(tables.codes_of(rows[KEY], moment)).sum()
        result[spent.index] = spent.to_numpy()
    return result


def payback_months(cac: float, new_mrr: float, margin: float) -> float | None:
    """CAC / (new MRR * margin); null, never infinity, when the divisor is not positive.

    >>> payback_months(1040, 100, 0.8), payback_months(1040, 0, 0.8)
    (13.0, None)
    """
    monthly = new_mrr * margin
    return cac / monthly if monthly > 0 and np.isfinite(cac) else None


def payback_months_survival(cac: float, new_mrr: float, margin: float, monthly_retention: float) -> int | None:
    """The first month whose cumulated survival * MRR * margin reaches CAC; null if it never does.

    >>> payback_months_survival(1040, 100, 0.8, 0.98)
    15
    """
    monthly, total, survival = new_mrr * margin, 0.0, 1.0
    if monthly <= 0 or not np.isfinite(cac):
        return None
    for month in range(1, 601):
        total += survival * monthly
        if total >= cac - 1e-9:
            return month
        survival *= monthly_retention
    return None
