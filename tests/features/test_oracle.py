"""The same aggregates by other means: DuckDB's SQL for events, plain loops for periods and market."""

import itertools
from functools import cache
from typing import Any
from unittest.mock import patch

import duckdb
import numpy as np
import pandas as pd
import pytest

from leap.features import build, build_features
from leap.snapshots import Snapshots
from leap.tables import AccountTables, tables_from_records
from tests.features.test_point_in_time import CATALOG
from tests.worlds import ACCOUNTS, ALL_SHAPES, KINDS, WEEK_ZERO, WINDOWS, Row, everyone_at, records_of_all_shapes

MOMENTS = [WEEK_ZERO + pd.Timedelta(weeks=n) for n in (13, 40, 66, 95)]
WORLDS = [11, 12]


@cache
def world(seed: int) -> dict[str, list[Row]]:
    return records_of_all_shapes(seed)


@cache
def tables_of(seed: int) -> AccountTables:
    return tables_from_records(ALL_SHAPES, world(seed), data_until="2026-01-01")


@cache
def computed(seed: int, moment: pd.Timestamp) -> pd.DataFrame:
    """Features by account."""
    tables = tables_of(seed)
    frame = build_features(tables, everyone_at(tables, moment), CATALOG).frame
    return frame.set_index(tables.accounts)


@cache
def computed_together(seed: int, moment: pd.Timestamp) -> pd.DataFrame:
    """The same, with the windows of all moments from one pass over the rows."""
    tables = tables_of(seed)
    everyone = pd.concat([everyone_at(tables, each).rows for each in MOMENTS]).sort_values(["code", "as_of"])
    with patch.object(build, "_MANY", 0):
        frame = build_features(tables, Snapshots(everyone.reset_index(drop=True)), CATALOG).frame
    return frame[everyone["as_of"].to_numpy() == moment].set_index(tables.accounts)


def day(text: str | None) -> pd.Timestamp | None:
    return pd.Timestamp(text) if text else None


EVENTS = """
WITH known AS (
    SELECT account_id, CAST(occurred_at AS TIMESTAMP) AS moment, kind, quantity, spent, rating, is_mobile = 'true' AS mobile
    FROM usage WHERE CAST(loaded_at AS TIMESTAMP) < $moment AND CAST(occurred_at AS TIMESTAMP) < $moment
), inside AS (
    SELECT * FROM known WHERE moment >= $moment - to_days($days)
)
SELECT ever.account_id,
    COALESCE(SUM(quantity), 0) AS usage_count,
    COUNT(DISTINCT CAST(moment AS DATE)) AS usage_active_days,
    COUNT(DISTINCT kind) AS usage_breadth,
    COALESCE(SUM(quantity) FILTER (kind = 'alpha'), 0) AS usage_alpha_count,
    COALESCE(SUM(spent), 0) AS usage_spent_sum,
    COUNT(moment) AS usage_events,
    AVG(spent) AS usage_spent_mean,
    AVG(rating) AS usage_rating_mean,
    AVG(CAST(mobile AS INTEGER)) AS usage_is_mobile_share
FROM (SELECT DISTINCT account_id FROM known) AS ever LEFT JOIN inside USING (account_id)
GROUP BY ever.account_id
"""

AGAINST = """
WITH known AS (
    SELECT account_id, CAST(occurred_at AS TIMESTAMP) AS moment, quantity, spent,
        MIN(CAST(occurred_at AS TIMESTAMP)) OVER (PARTITION BY account_id) AS first
    FROM usage WHERE CAST(loaded_at AS TIMESTAMP) < $moment AND CAST(occurred_at AS TIMESTAMP) < $moment
), sums AS (
    SELECT account_id, ANY_VALUE(first) AS first,
        SUM(quantity) FILTER (moment >= $moment - to_days($days)) AS n, SUM(spent) FILTER (moment >= $moment - to_days($days)) AS s,
        SUM(quantity) FILTER (moment >= $earlier AND moment < $earlier + to_days($days)) AS n_then,
        SUM(spent) FILTER (moment >= $earlier AND moment < $earlier + to_days($days)) AS s_then
    FROM known GROUP BY account_id
)
SELECT account_id,
    CASE WHEN n_then > 0 AND first < $earlier THEN COALESCE(n, 0) / n_then - 1 END AS usage_count,
    CASE WHEN s_then > 0 AND first < $earlier THEN COALESCE(s, 0) / s_then - 1 END AS usage_spent
FROM sums
"""


@pytest.mark.parametrize("found_by", [computed, computed_together])
@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_comparisons_of_windows_are_those_of_sql(seed: int, moment: pd.Timestamp, found_by: Any):
    """Against the equal window before, and the same days 52 weeks before, of accounts recorded before those began."""
    found = found_by(seed, moment)
    said = {f.name: f.recipe.window_days for f in CATALOG.features if f.recipe.operation.endswith(("_change", "_ago"))}
    said = {name: days for name, days in said.items() if name.startswith("usage")}
    assert len(said) == 2 * (len(WINDOWS) + 2)
    with duckdb.connect() as connection:
        connection.register("usage", pd.DataFrame(world(seed)["usage"]))
        for name, days in said.items():
            back = 364 + days if "ago" in name else 2 * days
            earlier = (moment - pd.Timedelta(days=back)).to_pydatetime()
            asked = {"moment": moment.to_pydatetime(), "days": days, "earlier": earlier}
            expected = (
                connection.execute(AGAINST, asked).df().set_index("account_id").reindex(found.index).astype(float)
            )
            column = "usage_count" if "count" in name else "usage_spent"
            np.testing.assert_allclose(found[name], expected[column], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("found_by", [computed, computed_together])
@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_windows_over_events_are_those_of_sql(seed: int, moment: pd.Timestamp, found_by: Any):
    """Half-open windows [T - days, T), of rows known before T, in a world whose rows lie on the edges."""
    records, found = world(seed), found_by(seed, moment)
    usage = pd.DataFrame(records["usage"])
    with duckdb.connect() as connection:
        connection.register("usage", usage)
        for days in WINDOWS:
            expected = (
                connection.execute(EVENTS, {"moment": moment.to_pydatetime(), "days": days})
                .df()
                .set_index("account_id")
            )
            expected = expected.reindex(found.index).astype(float)
            for name in expected.columns:
                np.testing.assert_allclose(
                    found[f"{name}_{days}d"], expected[name], rtol=1e-12, err_msg=f"{name} {days}"
                )


@pytest.mark.parametrize("found_by", [computed, computed_together])
@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_recency_and_trend_are_those_of_a_plain_loop(seed: int, moment: pd.Timestamp, found_by: Any):
    records, found = world(seed), found_by(seed, moment)
    for account in found.index:
        known = [
            row for row in records["usage"] if row["account_id"] == account and pd.Timestamp(row["loaded_at"]) < moment
        ]
        ages = {days: 0.0 for days in WINDOWS}
        for row in known:
            age = (moment - pd.Timestamp(row["occurred_at"])).days
            for days in WINDOWS:
                ages[days] += row["quantity"] if 0 < age <= days else 0
        last = min(((moment - pd.Timestamp(row["occurred_at"])).days for row in known), default=np.nan)
        trend = (ages[28] / 28) / (ages[91] / 91) if ages[91] else np.nan
        np.testing.assert_allclose(
            found.loc[account, ["usage_recency_days", "usage_trend_28d"]].astype(float), [last, trend]
        )


Known = list[tuple[pd.Timestamp, pd.Timestamp | None, Row]]
"""Start, end as far as it is known, and the row."""


def known_periods(rows: list[Row], moment: pd.Timestamp, known_at: str) -> Known:
    """What is known of one account's periods before a moment; an end that was not known leaves a period open."""
    known: Known = []
    for row in rows:
        start, end, cancelled = day(row["started_on"]), day(row["ended_on"]), day(row.get("cancelled_at"))
        assert start is not None
        if max(start, pd.Timestamp(row[known_at])) < moment:
            end_known = end is not None and (end < moment or (cancelled is not None and cancelled < moment))
            known.append((start, end if end_known else None, row))
    return known


def periods_by_loop(known: Known, moment: pd.Timestamp, name: str) -> dict[str, float]:
    """What is active, and what began and ended."""
    year = moment - pd.Timedelta(days=365)

    def open_at(start: pd.Timestamp, end: pd.Timestamp | None, at: pd.Timestamp) -> bool:
        return start < at and (end is None or end >= at)

    active = [row for start, end, row in known if open_at(start, end, moment)]
    begun = sum(start >= year for start, _, _ in known)
    stopped = sum(end is not None and year <= end < moment for _, end, _ in known)
    found: dict[str, float] = {
        f"{name}_active_count": float(len(active)),
        f"{name}_ever": float(bool(known)),
        f"{name}_tenure_days": float((moment - min(start for start, _, _ in known)).days) if known else np.nan,
        f"{name}_changes_365d": begun + stopped if known else np.nan,
    }
    if name == "technologies":
        for kind in KINDS:
            has = any(row["technology"] == kind for row in active)
            had = any(row["technology"] == kind for _, _, row in known)
            found[f"{name}_{kind}_active"] = float(has)
            found[f"{name}_{kind}_former"] = float(had and not has)
        return found
    found[f"{name}_mrr"] = now = sum(row["mrr"] for row in active)
    for days in (91, 365):
        ago = moment - pd.Timedelta(days=days)
        then = sum(row["mrr"] for start, end, row in known if open_at(start, end, ago))
        found[f"{name}_mrr_change_{days}d"] = now / then - 1 if then else np.nan
    ahead = [
        (pd.Timestamp(row["renews_on"]), start)
        for start, end, row in known
        if open_at(start, end, moment)
        and pd.Timestamp(row["renews_on"]) >= moment
        and not (row["cancelled_at"] and pd.Timestamp(row["cancelled_at"]) < moment)
    ]
    found[f"{name}_renews_on_days"] = (min(ahead)[0] - moment).days if ahead else np.nan
    found[f"{name}_renews_on_term_days"] = (min(ahead)[0] - min(ahead)[1]).days if ahead else np.nan
    found[f"{name}_terms"] = len(known) if known else np.nan
    return found


def weeks_of_an_account(known: Known, moment: pd.Timestamp, name: str) -> dict[str, float]:
    """The same account walked through week by week: rows of these worlds start and end on whole weeks only."""
    weeks = pd.date_range(WEEK_ZERO - pd.Timedelta(weeks=1), moment, freq="7D", inclusive="left")

    def rows_at(week: pd.Timestamp) -> list[Row]:
        return [row for start, end, row in known if start <= week and (end is None or end > week)]

    counts = [len(rows_at(week)) for week in weeks]
    since = [week >= min(start for start, _, _ in known) for week in weeks] if known else []
    share = np.mean([count > 0 for count, lived in zip(counts, since, strict=True) if lived]) if known else np.nan
    found = {f"{name}_active_share": float(share)}
    if name != "subscriptions":
        return found
    sums = [sum(row["mrr"] for row in rows_at(week)) for week in weeks]
    moves = [
        (week, before, after) for week, before, after in zip(weeks[1:], sums, sums[1:], strict=False) if before != after
    ]
    recent = [move for move in moves if move[0] >= moment - pd.Timedelta(days=365) and min(move[1:]) > 0]
    found[f"{name}_mrr_increases_365d"] = sum(after > before for _, before, after in recent) if moves else np.nan
    found[f"{name}_mrr_decreases_365d"] = sum(after < before for _, before, after in recent) if moves else np.nan
    found[f"{name}_mrr_last_change_days"] = (moment - moves[-1][0]).days if moves else np.nan
    return found


@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_periods_are_those_of_a_plain_loop(seed: int, moment: pd.Timestamp):
    records, found = world(seed), computed(seed, moment)
    told = 0
    for account in ACCOUNTS:
        for name, known_at in (("technologies", "noticed_on"), ("subscriptions", "booked_on")):
            rows = [row for row in records[name] if row["account_id"] == account]
            known = known_periods(rows, moment, known_at)
            expected = periods_by_loop(known, moment, name) | weeks_of_an_account(known, moment, name)
            for feature, value in expected.items():
                np.testing.assert_allclose(float(found.loc[account, feature]), value, err_msg=f"{account} {feature}")
                told += not np.isnan(value)
    assert told > 300, "a world in which hardly anything is known proves little"


@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_deals_are_those_of_a_plain_loop(seed: int, moment: pd.Timestamp):
    records, found = world(seed), computed(seed, moment)
    for account in ACCOUNTS:
        rows = [
            row
            for row in records["deals"]
            if row["account_id"] == account and pd.Timestamp(row["entered_on"]) < moment
        ]  # fmt: skip
        closed = [row for row in rows if row["closed_on"] and pd.Timestamp(row["closed_on"]) < moment]
        won = sum(row["won"] == "true" for row in closed)
        counts: dict[str, Any] = {"open": len(rows) - len(closed), "won": won, "lost": len(closed) - won}
        for result, count in counts.items():
            expected = count if rows else np.nan
            np.testing.assert_equal(float(found.loc[account, f"deals_{result}_count"]), expected)
        days = [(moment - pd.Timestamp(row["closed_on"])).days for row in closed]
        more = {
            "won_amount": sum(row["amount"] for row in closed if row["won"] == "true") if rows else np.nan,
            "open_amount": sum(row["amount"] for row in rows if row not in closed) if rows else np.nan,
            "closed_days": min(days, default=np.nan),
            "win_share": won / len(closed) if closed else np.nan,
        }
        np.testing.assert_equal({name: float(found.loc[account, f"deals_{name}"]) for name in more}, more)


@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_market_figures_are_those_of_a_plain_loop(seed: int, moment: pd.Timestamp):
    """The latest period known, at its last known vintage, and its change against the last period a year before it."""
    records, found = world(seed), computed(seed, moment)
    firms = {row["account_id"]: row for row in records["accounts"]}
    for account in ACCOUNTS:
        firm = firms[account]
        industry = firm["industry"] if pd.Timestamp(firm["seen_on"]) < moment else None
        for indicator in ("growth", "rate"):
            vintages: dict[pd.Timestamp, tuple[Any, ...]] = {}
            for row in records["market"]:
                known = max(pd.Timestamp(row["loaded_at"]), pd.Timestamp(row["published_at"]))
                if row["indicator"] == indicator and row["industry"] == industry and known < moment:
                    period = pd.Timestamp(row["period"])
                    candidate = (known, row["value"])
                    if period not in vintages or candidate[0] > vintages[period][0]:
                        vintages[period] = candidate
                    elif candidate[0] == vintages[period][0]:
                        vintages[period] = (known, None)  # two figures known at one moment: nothing says which holds
            level = vintages[max(vintages)][1] if vintages else np.nan
            if level is None:
                continue
            np.testing.assert_equal(float(found.loc[account, f"market_{indicator}"]), float(level))
            # A quarter of weeks has 91 days; that of months has 89 to 92, so that 89 are asked for.
            for window, days in ((365, 365), (91, 89)):
                ago = [p for p in vintages if p <= max(vintages) - pd.Timedelta(days=days)] if vintages else []
                base = vintages[max(ago)][1] if ago else np.nan
                if base is not None:
                    change = float(found.loc[account, f"market_{indicator}_change_{window}d"])
                    np.testing.assert_allclose(change, level / base - 1)


@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_histories_are_those_of_a_plain_loop(seed: int, moment: pd.Timestamp):
    """Every observation once, as last corrected; a change is against what was observed before the window."""
    records, found = world(seed), computed(seed, moment)
    for account in ACCOUNTS:
        rows = [
            (pd.Timestamp(row["observed_at"]), pd.Timestamp(row["loaded_at"]), row)
            for row in records["profiles"]
            if row["account_id"] == account and pd.Timestamp(row["loaded_at"]) < moment
        ]
        rows.sort(key=lambda row: row[:2])
        observed = {at: row for at, _, row in rows}
        expected: dict[str, float] = {"profiles_age_days": (moment - max(observed)).days if observed else np.nan}
        now = observed[max(observed)]["employees"] if observed else np.nan
        expected["employees"] = now
        for days in (91, 365):
            old = [at for at in observed if at < moment - pd.Timedelta(days=days)]
            then = observed[max(old)]["employees"] if old else np.nan
            expected[f"employees_change_{days}d"] = now - then
        expected["employees_growth_365d"] = now / then - 1 if then > 0 else np.nan
        scored = [at for at, _, row in rows if row["score"] is not None]
        expected["score_age_days"] = (moment - max(scored)).days if scored else np.nan
        expected |= changes_by_loop(observed, moment)
        audited = pd.Timestamp(observed[max(observed)]["audited_on"]) if observed else moment
        expected["audited_on_days"] = (moment - audited).days if audited < moment else np.nan
        for feature, value in expected.items():
            np.testing.assert_allclose(float(found.loc[account, feature]), value, err_msg=f"{account} {feature}")


def changes_by_loop(observed: dict[pd.Timestamp, Row], moment: pd.Timestamp) -> dict[str, float]:
    """How often a category or flag was another than the one before it."""
    times = sorted(observed)
    expected = {}
    for column in ("stage", "is_audited"):
        changes = [b for a, b in itertools.pairwise(times) if observed[a][column] != observed[b][column]]
        recent = [at for at in changes if at >= moment - pd.Timedelta(days=365)]
        expected[f"{column}_changed_365d"] = float(bool(recent)) if observed else np.nan
        if column == "stage":
            expected["stage_changes"] = float(len(changes)) if observed else np.nan
    return expected


@pytest.mark.parametrize("seed", WORLDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_attributes_are_those_of_a_plain_loop(seed: int, moment: pd.Timestamp):
    records, found = world(seed), computed(seed, moment)
    for row in records["accounts"]:
        known = pd.Timestamp(row["seen_on"]) < moment
        days = (moment - pd.Timestamp(row["founded_on"])).days
        at = row["account_id"]
        np.testing.assert_equal(float(found.loc[at, "founded_on_days"]), days if known and days > 0 else np.nan)
        np.testing.assert_equal(float(found.loc[at, "size"]), row["size"] if known else np.nan)
        industry = found.loc[at, "industry"]
        assert industry == row["industry"] if known else pd.isna(industry)
