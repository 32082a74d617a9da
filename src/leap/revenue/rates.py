"""Rates of currencies: reporting units for one unit, the latest period that has begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.errors import RevenueError
from leap.revenue.definitions import us
from leap.tables import AccountTables
from leap.tables.canonical import INDICATOR, PERIOD, VALUE


@dataclass(frozen=True)
class Rates:
    """When the rates of each currency begin, and what they are."""

    reporting: str
    by_currency: Mapping[str, tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, tables: AccountTables) -> Rates:
        """The tables with role `rates` together; none are needed where all amounts are in the reporting currency."""
        given = [table.rows for table in tables.with_role("rates") if len(table.rows)]
        reporting = tables.settings.company.currency
        if not given:
            return cls(reporting, {})
        rows = pd.concat(given)
        rows = rows.assign(**{INDICATOR: rows[INDICATOR].str.upper()}).sort_values([INDICATOR, PERIOD], kind="stable")
        by_currency = {
            str(name): (group[PERIOD].to_numpy().astype("datetime64[us]"), group[VALUE].to_numpy(dtype=float))
            for name, group in rows.groupby(INDICATOR)
        }
        return cls(reporting, by_currency)

    def at(self, moment: pd.Timestamp, currency: str) -> float:
        """The rate of a currency at a moment; an error where none is valid yet."""
        if currency == self.reporting:
            return 1.0
        if currency not in self.by_currency:
            raise RevenueError(
                f"No rate for {currency}; there are rates for {', '.join(self.by_currency) or 'no currency'}.",
                remedy="Add it to the table with role 'rates' (indicator = currency).",
            )
        periods, rates = self.by_currency[currency]
        last = int(np.searchsorted(periods, us(moment), side="right")) - 1
        if last < 0:
            raise RevenueError(
                f"No rate for {currency} at {moment:%Y-%m-%d}; the first is of {pd.Timestamp(periods[0]):%Y-%m-%d}.",
                remedy="Add earlier rates to the table with role 'rates'.",
            )
        return float(rates[last])

    def at_each(self, moments: np.ndarray, currency: str) -> np.ndarray:
        """The rates of a currency at many moments, shape (n,); an error where none is valid yet at one of them."""
        if not len(moments):
            return np.ones(0)
        self.at(pd.Timestamp(moments.min()), currency)
        if currency == self.reporting:
            return np.ones(len(moments))
        periods, rates = self.by_currency[currency]
        return np.asarray(rates[np.searchsorted(periods, moments, side="right") - 1])
