"""The tables of what customers do: usage and support tickets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.demo.firms import Firms
from leap.demo.life import Life
from leap.demo.terms import running_on
from leap.demo.world import DATA_UNTIL, LOGS_FIRST_DAY, START_MONTH, TICKETS_A_MONTH, USAGE, Random


def usage_table(random: Random, firms: Firms, life: Life, terms: pd.DataFrame) -> pd.DataFrame:
    """One row a week, account and kind while the platform runs; disengaged accounts have weeks with none."""
    sundays = np.arange(LOGS_FIRST_DAY + np.timedelta64(2, "D"), DATA_UNTIL - np.timedelta64(1, "D"), 7)
    customer, week = np.nonzero(running_on(terms, firms, sundays))
    step = (sundays.astype("datetime64[M]") - START_MONTH).astype(np.int64)[week]
    engagement = life.engagement[customer, step] + random.normal(0.0, 0.35, len(customer))
    logs_in = random.random(len(customer)) < 1 / (1 + np.exp(-(2.4 + 1.1 * engagement)))
    customer, week, engagement, step = customer[logs_in], week[logs_in], engagement[logs_in], step[logs_in]
    habits = random.normal(0.0, 0.5, (firms.customers, len(USAGE)))
    frames = []
    for at, (level, strength) in enumerate(USAGE.values()):
        scale = level * np.sqrt(firms.employees[customer, step]) * np.exp(habits[customer, at])
        quantity = random.poisson(scale * np.exp(strength * engagement))
        some = quantity > 0
        frames.append(
            pd.DataFrame(
                {
                    "customer": customer[some],
                    "week": week[some],
                    "kind": np.int8(at),
                    "quantity": quantity[some],
                }
            )
        )
    usage = pd.concat(frames, ignore_index=True)
    delay = np.where(random.random(len(usage)) < 0.004, random.integers(2, 10, len(usage)), 1)
    occurred = sundays[usage["week"].to_numpy()]
    loaded = np.minimum(occurred + delay.astype("timedelta64[D]"), DATA_UNTIL - np.timedelta64(1, "D"))
    rank = np.empty(firms.customers, dtype=np.int64)
    rank[np.argsort(firms.ids[: firms.customers])] = np.arange(firms.customers)
    order = np.lexsort((usage["kind"].to_numpy(), usage["week"].to_numpy(), rank[usage["customer"].to_numpy()]))
    table = pd.DataFrame(
        {
            "account_id": firms.ids[usage["customer"].to_numpy()],
            "occurred_at": occurred.astype("datetime64[s]"),
            "loaded_at": loaded.astype("datetime64[s]"),
            "kind": np.array(list(USAGE))[usage["kind"].to_numpy()],
            "quantity": usage["quantity"].to_numpy(),
        }
    )
    return table.iloc[order].reset_index(drop=True)


def tickets_table(random: Random, firms: Firms, life: Life, terms: pd.DataFrame) -> pd.DataFrame:
    """Support tickets with their time; urgent ones come with friction."""
    days = np.arange(LOGS_FIRST_DAY, DATA_UNTIL)
    customer, day = np.nonzero(running_on(terms, firms, days))
    step = (days.astype("datetime64[M]") - START_MONTH).astype(np.int64)[day]
    size = (firms.employees[customer, step] / 85.0) ** 0.2
    frames = []
    for priority, (a_month, strength) in TICKETS_A_MONTH.items():
        rate = a_month / 30.4 * size * np.exp(strength * life.friction[customer, step] - strength**2 / 2)
        opened = random.random(len(rate)) < 1 - np.exp(-rate)
        second = random.integers(6 * 3600, 21 * 3600, int(opened.sum())).astype("timedelta64[s]")
        moment = days[day[opened]].astype("datetime64[s]") + second
        frames.append(
            pd.DataFrame({"account_id": firms.ids[customer[opened]], "opened_at": moment, "priority": priority})
        )
    tickets = pd.concat(frames).drop_duplicates().sort_values(["account_id", "opened_at", "priority"])
    tickets.insert(0, "ticket_id", [f"T{number:07d}" for number in range(1, len(tickets) + 1)])
    return tickets
