"""The index of accounts says what looking at every account one after another says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.scoring.account_index import AccountIndex, Wanted

AMOUNTS = st.none() | st.sampled_from([0.0, 10.0, 250.5, 9000.0])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.none() | st.text("aAéİß \u202e=", max_size=4),
            "mrr": AMOUNTS,
            "nrr": st.none() | st.sampled_from([0.0, 0.5, 1.0, 1.25]),
            "churn_probability": st.none() | st.floats(0, 1),
            "value_12m": AMOUNTS,
            "icp_id": st.sampled_from([None, "e-1", "e-2"]),
            "icp_tier": st.sampled_from([None, "A", "B", "D"]),
            "abstained": st.sampled_from([None, "already_leaving", "unlike_customers"]),
        }
    ),
    max_size=12,
).map(lambda rows: [{**row, "account_id": f"{(7 * i) % 12:02}a"} for i, row in enumerate(rows)])
WANTED = st.builds(
    Wanted,
    words=st.sampled_from(["", "  ", "A", "é", "0", "ss", "x"]),
    tiers=st.sampled_from([(), ("A",), ("A", "none"), ("Z",)]),
    icps=st.sampled_from([(), ("e-1",), ("none",)]),
    statuses=st.sampled_from([(), ("scored",), ("leaving", "unscored")]),
    at_risk_from=st.sampled_from([None, 0.0, 100.0]),
    mrr_from=st.sampled_from([None, 10.0]),
    mrr_to=st.sampled_from([None, 250.5]),
)


def at_risk(row: dict[str, Any]) -> float | None:
    return None if row["mrr"] is None or row["nrr"] is None else row["mrr"] * (1 - row["nrr"])


def status(row: dict[str, Any]) -> str:
    if row["abstained"] == "already_leaving":
        return "leaving"
    return "unscored" if row["nrr"] is None else "scored"


def is_wanted(row: dict[str, Any], wanted: Wanted) -> bool:
    words, risk, mrr = wanted.words.strip().casefold(), at_risk(row), row["mrr"]
    name = " ".join((row["name"] or row["account_id"]).split()).casefold()
    return (
        (words in name or words in row["account_id"])
        and (not wanted.tiers or (row["icp_tier"] or "none") in wanted.tiers)
        and (not wanted.icps or (row["icp_id"] or "none") in wanted.icps)
        and (not wanted.statuses or status(row) in wanted.statuses)
        and (wanted.at_risk_from is None or (risk is not None and risk >= wanted.at_risk_from))
        and (wanted.mrr_from is None or (mrr is not None and mrr >= wanted.mrr_from))
        and (wanted.mrr_to is None or (mrr is not None and mrr <= wanted.mrr_to))
    )


@given(ROWS, WANTED, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_is_found_in_which_order_and_its_sums(
    rows: list[dict[str, Any]], wanted: Wanted, descending: bool
) -> None:
    index = AccountIndex(rows)
    found = index.found(wanted, "at_risk", descending=descending)
    kept = [i for i, row in enumerate(rows) if is_wanted(row, wanted)]

    def place(i: int) -> tuple[bool, float, str]:
        risk = at_risk(rows[i])
        return risk is None, (-1 if descending else 1) * (risk or 0.0), rows[i]["account_id"]

    assert found.tolist() == sorted(kept, key=place)
    sums, risks = index.sums(found), [risk for i in kept if (risk := at_risk(rows[i])) is not None]
    assert (sums.accounts, sums.unscored) == (len(kept), len(kept) - len(risks))
    assert sums.mrr == math.fsum(rows[i]["mrr"] or 0.0 for i in kept)
    assert (sums.losing, sums.growing) == (math.fsum(r for r in risks if r > 0), -math.fsum(r for r in risks if r < 0))


@pytest.mark.parametrize("sort", ["name", "mrr", "churn", "nrr", "value", "tier", "icp", "status"])
@given(rows=ROWS)
@settings(max_examples=15, deadline=None)
def test_every_column_sorts_both_ways_with_what_is_unknown_last(sort: str, rows: list[dict[str, Any]]) -> None:
    index, names = (
        AccountIndex(rows),
        {"churn": "churn_probability", "value": "value_12m", "tier": "icp_tier", "icp": "icp_id"},
    )
    for descending in (False, True):
        order = index.found(Wanted(), sort, descending=descending).tolist()  # type: ignore[arg-type]
        assert sorted(order) == list(range(len(rows)))
        if sort == "status":
            keys: list[Any] = [["scored", "leaving", "unscored"].index(status(rows[i])) for i in order]
        elif sort == "name":
            keys = [(rows[i]["name"] or rows[i]["account_id"]).casefold() for i in order]
        else:
            keys = [rows[i][names.get(sort, sort)] for i in order]
        known = [key for key in keys if key is not None]
        assert keys[: len(known)] == known == sorted(known, reverse=descending)


def test_counts_are_of_the_whole_list() -> None:
    rows = [{"account_id": str(i), "icp_tier": "AB"[i % 2] if i else None, "nrr": 1.0, "mrr": 1.0} for i in range(5)]
    index = AccountIndex(rows)
    assert index.counts("tier") == {"A": 2, "B": 2, "none": 1} and index.counts("icp") == {"none": 5}
    assert index.counts("status") == {"scored": 5}
