"""The calendar, the kinds and the sizes of the made-up world."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]
Random = np.random.Generator

MONTHS = 48
FIRST_DAY = np.datetime64("2022-10-01", "D")
LOGS_FIRST_DAY = np.datetime64("2021-10-01", "D")
"""Usage, tickets and news are known for a year more, so that the first windows of a year are full."""
DATA_UNTIL = np.datetime64("2026-10-02", "D")
EARLIER_MONTHS = 36
"""The first customers of the book came up to this long before the first day."""
STEPS = EARLIER_MONTHS + MONTHS + 4
"""Months simulated: what is cancelled in time may end after the data, so the simulation runs on a little."""
FIRST_STEP = EARLIER_MONTHS
START_MONTH = np.datetime64("2022-10", "M") - EARLIER_MONTHS
PROSPECTS_PER_CUSTOMER = 0.3

INDUSTRIES = {
    "Software": 0.20,
    "Financial services": 0.13,
    "Healthcare": 0.12,
    "Manufacturing": 0.13,
    "Retail": 0.13,
    "Logistics": 0.10,
    "Education": 0.07,
    "Hospitality": 0.12,
}
COUNTRIES = {
    "US": ("North America", 0.38),
    "CA": ("North America", 0.07),
    "GB": ("Europe", 0.12),
    "DE": ("Europe", 0.11),
    "FR": ("Europe", 0.07),
    "NL": ("Europe", 0.05),
    "SE": ("Europe", 0.04),
    "AU": ("Asia Pacific", 0.06),
    "SG": ("Asia Pacific", 0.03),
    "BR": ("Latin America", 0.04),
    "MX": ("Latin America", 0.03),
}
TECHNOLOGIES = {
    "cloud_data_warehouse": 0.34,
    "crm": 0.62,
    "marketing_automation": 0.41,
    "single_sign_on": 0.30,
    "legacy_erp": 0.22,
    "mobile_app": 0.45,
}
TRIGGERS_A_YEAR = {"funding": 0.12, "hiring": 0.5, "new_executive": 0.25, "new_country": 0.14}
USAGE = {"logins": (0.9, 0.30), "reports": (0.25, 0.40), "api_calls": (3.0, 0.35)}
"""Kind of usage: weekly actions per root of employees, and how strongly engagement moves the log of it."""
TICKETS_A_MONTH = {"low": (0.22, 0.0), "normal": (0.35, 0.15), "urgent": (0.13, 0.75)}
"""Priority: tickets a month, and how strongly friction moves the log of it."""
REVENUE_BANDS = ("under 1M", "1M to 5M", "5M to 20M", "20M to 100M", "over 100M")
FUNDING_STAGES = ("bootstrapped", "seed", "series A", "series B", "series C or later", "public")
PRODUCTS = ("Platform", "Insights")


def date_of(step: Ints, day: Ints) -> Dates:
    """The day of the month of each step."""
    months = (START_MONTH + step).astype("datetime64[D]")
    dates: Dates = months + (day - 1).astype("timedelta64[D]")
    return dates


def some_days(random: Random, low: int, high: int, count: int) -> npt.NDArray[np.timedelta64]:
    """Random lengths of time, in whole days."""
    return random.integers(low, high, count).astype("timedelta64[D]").astype("timedelta64[s]")
