"""Expected gross margin of the months ahead: MRR that survives and grows, discounted, less what serving costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from leap.config import Settings
from leap.tables import AccountTables, values
from leap.tables.canonical import KEY

_YEAR = 12


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
        return _discount(self.discount_rate, months)


@lru_cache(maxsize=64)
def _discount(rate: float, months: int) -> np.ndarray:
    return _constant((1 + rate) ** (-np.arange(1, months + 1) / _YEAR))


def _constant(values: np.ndarray) -> np.ndarray:
    """The same, which nobody who shares it can change."""
    values.setflags(write=False)
    return values


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


@lru_cache(maxsize=64)
def growth_share(months: int, horizon_months: int) -> np.ndarray:
    """How much of the growth of one horizon has come by months 1 .. `months`: `m / h` for a year, and then no more.

    u and d are known of one horizon. A year of the same pace is what the definitions' formula says of twelve months;
    carried on for three years, a tenth a quarter would make an account 2.2 times as large, which nothing observed says.

    >>> growth_share(36, 3)[[2, 11, 35]].tolist(), growth_share(36, 12)[[5, 11, 35]].tolist()
    ([1.0, 4.0, 4.0], [0.5, 1.0, 1.0])
    """
    return _constant(np.minimum(np.arange(1, months + 1), _YEAR) / horizon_months)


def value_along(
    mrr: np.ndarray, survival: np.ndarray, growth: np.ndarray, margin: np.ndarray, terms: ValueTerms
) -> np.ndarray:
    """Expected discounted gross margin of the months of a survival curve, shape (n,); NaN without a margin.

    `E[MRR_m] = S * S_i(m) * (1 + (u-d) * growth share)` with `survival` S_i of shape (n, months) and `growth` u - d.
    """
    months = survival.shape[1]
    grown = np.maximum(1 + growth[:, None] * growth_share(months, terms.horizon_months), 0.0)
    return np.asarray(mrr * margin * ((survival * grown) @ terms.discount(months)))


def served(cost_a_year: np.ndarray, terms: ValueTerms, months: int) -> np.ndarray:
    """What serving an account costs over months 1 .. `months`, a twelfth of a year's each, discounted; shape (n,)."""
    return np.asarray(cost_a_year / _YEAR * terms.discount(months).sum())


def account_value(
    mrr: np.ndarray,
    p: np.ndarray,
    d: np.ndarray,
    u: np.ndarray,
    margin: np.ndarray,
    terms: ValueTerms,
    months: int = _YEAR,
) -> np.ndarray:
    """The same without a curve, the churn probability spread evenly over the horizon; shape (n,).

    `E[MRR_m] = S (1-p)^(m/h) (1 + (u-d) m/h)` for the months of a year.
    """
    survival = (1 - p)[:, None] ** (np.arange(1, months + 1) / terms.horizon_months)
    return value_along(mrr, survival, u - d, margin, terms)


def value_of_ratio(ratio: np.ndarray, terms: ValueTerms, months: int = _YEAR) -> np.ndarray:
    """Discounted months of starting MRR that a realised ratio is worth, moving evenly towards it over the horizon.

    A ratio of 0 (churn) is taken to happen at the middle of the horizon.
    """
    share = np.arange(1, months + 1) / terms.horizon_months
    path = 1 + (np.asarray(ratio)[..., None] - 1) * np.minimum(share, 1.0)
    lost = np.asarray(ratio)[..., None] <= 0
    path = np.where(lost, (share <= 0.5).astype(float), path)
    return np.asarray(path @ terms.discount(months))
