"""From months to real dates: the terms of the subscriptions as known at the end of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.demo.firms import Firms
from leap.demo.life import Life
from leap.demo.world import DATA_UNTIL, PRODUCTS, Bools, Dates, date_of


def terms_of(life: Life, firms: Firms) -> pd.DataFrame:
    """Closed and open terms with real dates, as known at the end of the data; one row a product and price."""
    terms = pd.DataFrame({name: np.concatenate([row[name] for row in life.rows]) for name in life.rows[0]})
    terms = terms[terms["start"] < terms["end"]]
    day = firms.billing_day[terms["customer"].to_numpy()]
    started = date_of(terms["start"].to_numpy(), day)
    ended = date_of(terms["end"].to_numpy(), day)
    notice = life.notice_days[terms["customer"].to_numpy()]
    cancelled = np.maximum(ended - notice.astype("timedelta64[D]"), started + np.timedelta64(1, "D"))
    left = (terms["left"].to_numpy() == 1) & (notice > 0) & (cancelled < ended) & (cancelled < DATA_UNTIL)
    known_end = (ended < DATA_UNTIL) | left
    yearly = life.yearly[terms["customer"].to_numpy()]
    renewal = np.where(yearly, terms["renewal"].to_numpy(), 0)
    terms = terms.assign(
        started_on=started.astype("datetime64[s]"),
        ended_on=np.where(known_end, ended, np.datetime64("NaT")).astype("datetime64[s]"),
        renews_on=np.where(yearly, date_of(renewal, day), np.datetime64("NaT")).astype("datetime64[s]"),
        cancelled_at=np.where(left, cancelled, np.datetime64("NaT")).astype("datetime64[s]"),
        yearly=yearly,
    )
    terms = terms[terms["started_on"] < DATA_UNTIL]
    return terms.assign(account_id=firms.ids[terms["customer"]]).sort_values(["account_id", "started_on", "product"])


def subscriptions(terms: pd.DataFrame, firms: Firms) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subscription_id": [f"S{number:06d}" for number in range(1, len(terms) + 1)],
            "account_id": terms["account_id"].to_numpy(),
            "product": np.array(PRODUCTS)[terms["product"].to_numpy()],
            "billing": np.where(terms["yearly"], "yearly", "monthly"),
            "started_on": terms["started_on"].to_numpy(),
            "ended_on": terms["ended_on"].to_numpy(),
            "renews_on": terms["renews_on"].to_numpy(),
            "cancelled_at": terms["cancelled_at"].to_numpy(),
            "mrr": terms["cents"].to_numpy() / 100,
            "currency": "USD",
        }
    )


def running_on(terms: pd.DataFrame, firms: Firms, days: Dates) -> Bools:
    """Whether the platform runs on each day, shape (customers, days)."""
    platform = terms[terms["product"] == 0]
    customer = platform["customer"].to_numpy()
    start = np.searchsorted(days, platform["started_on"].to_numpy().astype("datetime64[D]"))
    ends = platform["ended_on"].fillna(pd.Timestamp(str(DATA_UNTIL))).to_numpy().astype("datetime64[D]")
    changes = np.zeros((firms.customers, len(days) + 1), dtype=np.int64)
    np.add.at(changes, (customer, start), 1)
    np.add.at(changes, (customer, np.searchsorted(days, ends)), -1)
    return np.cumsum(changes, axis=1)[:, :-1] > 0
