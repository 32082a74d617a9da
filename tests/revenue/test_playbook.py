"""The subscription periods of a published MRR playbook, month by month, against a loop that knows nothing of ours."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.revenue import Retention, retention
from leap.tables import AccountTables
from tests.worlds import company_of, subscription

pytestmark = pytest.mark.needs_data
KINDS = ("new", "expansion", "contraction", "churn", "reactivation")


@dataclass(frozen=True)
class Playbook:
    """The periods as they are in the file, and the tables made of them."""

    periods: list[dict[str, str]]
    tables: AccountTables

    def paid(self, moment: str) -> dict[str, int]:
        """Cents a month by customer, of those that pay."""
        total: dict[str, int] = defaultdict(int)
        for row in self.periods:
            if row["start_date"] <= moment and (not row["end_date"] or row["end_date"] > moment):
                total[row["customer_id"]] += round(float(row["monthly_amount"]) * 100)
        return {customer: cents for customer, cents in total.items() if cents}

    def movements(self, start: str, end: str) -> dict[str, int]:
        """Cents by kind, walking over every date on which anything begins or ends."""
        found = dict.fromkeys(KINDS, 0)
        ever: set[str] = set()
        before: dict[str, int] = {}
        for moment in sorted({m for row in self.periods for m in (row["start_date"], row["end_date"]) if m}):
            after = self.paid(moment)
            for customer in {*before, *after}:
                was, now = before.get(customer, 0), after.get(customer, 0)
                if was == 0:
                    kind = "reactivation" if customer in ever else "new"
                elif now == 0:
                    kind = "churn"
                else:
                    kind = "expansion" if now > was else "contraction"
                found[kind] += abs(now - was) if start < moment <= end else 0
            ever |= set(after)
            before = after
        return found

    def retained(self, start: str, end: str, **more: Any) -> Retention:
        return retention(self.tables, pd.Timestamp(start), pd.Timestamp(end), **more)


@pytest.fixture(scope="module")
def playbook(shared_data: Path) -> Playbook:
    with (shared_data / "mrr_playbook" / "subscription_periods.csv").open() as file:
        periods = [row for row in csv.DictReader(file) if row["start_date"]]
    rows = [
        subscription(f"c{r['customer_id']}", r["start_date"], r["end_date"] or None, float(r["monthly_amount"]))
        for r in periods
    ]
    return Playbook(periods, company_of(rows, "2022-01-01", revenue={"product": None}))


def assert_agrees(playbook: Playbook, start: str, end: str) -> None:
    found = playbook.retained(start, end)
    s, e = playbook.paid(start), playbook.paid(end)
    assert {kind: round(100 * amount) for kind, amount in (found.movements or {}).items()} == playbook.movements(
        start, end
    )
    assert (round(100 * found.book_starting_mrr), round(100 * found.book_ending_mrr)) == (
        sum(s.values()),
        sum(e.values()),
    )
    assert (found.figures.accounts, round(100 * found.figures.starting_mrr)) == (len(s), sum(s.values()))
    if s:
        assert found.figures.nrr == sum(e.get(c, 0) for c in s) / sum(s.values())
        assert found.figures.grr == sum(min(e.get(c, 0), s[c]) for c in s) / sum(s.values())
        assert found.figures.logo_churn == sum(c not in e for c in s) / len(s)


@pytest.mark.parametrize(
    ("start", "end"), [("2018-01-01", "2019-01-01"), ("2018-06-15", "2018-12-15"), ("2017-09-01", "2019-09-01")]
)
def test_windows_of_any_length_agree_with_a_plain_loop(playbook: Playbook, start: str, end: str):
    assert_agrees(playbook, start, end)


def test_the_movements_of_every_month_agree_and_lead_from_one_month_to_the_next(playbook: Playbook):
    dates = sorted({m for row in playbook.periods for m in (row["start_date"], row["end_date"]) if m})
    first, last = date.fromisoformat(dates[0]), date.fromisoformat(dates[-1])
    months = [
        f"{d:%Y-%m-%d}" for d in pd.date_range(first - pd.Timedelta(days=40), last + pd.Timedelta(days=40), freq="MS")
    ]
    assert len(months) > 20
    totals = dict.fromkeys(KINDS, 0)
    for start, end in pairwise(months):
        assert_agrees(playbook, start, end)
        for kind, amount in (playbook.retained(start, end).movements or {}).items():
            totals[kind] += round(100 * amount)
    assert totals == playbook.movements(months[0], months[-1])
    ups, downs = totals["new"] + totals["expansion"] + totals["reactivation"], totals["contraction"] + totals["churn"]
    assert ups - downs == sum(playbook.paid(months[-1]).values())
    assert all(totals.values()), "each kind happens in these periods"
