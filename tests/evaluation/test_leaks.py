"""The audit finds columns and tables that know the outcome, one planted in each test, and leaves honest ones alone."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.bundle.make import _provenance
from leap.config import parse_settings
from leap.evaluation import admissible, audit, left_out, near_perfect, telling_names, without_near_perfect
from leap.evaluation.leaks.dated import written_at_the_end
from leap.evaluation.leaks.lives import Lives
from leap.evaluation.leaks.signed import signed_months
from leap.evaluation.leaks.survivors import missing_churners
from leap.evaluation.leaks.telling import tells as telling_of
from leap.evaluation.leaks.undated import _left_alone, retrospective
from leap.features import discover_features
from leap.models.frames import health_frame
from leap.tables import AccountTables, Problem, assemble
from tests.worlds import MONTHS_FROM, PLANTED_SETTINGS, TrainedWorld, planted_frames, planted_tables

UNTIL = MONTHS_FROM + pd.DateOffset(months=36) + pd.Timedelta(days=1)
Frames = dict[str, pd.DataFrame]


@cache
def _frames(accounts: int) -> Frames:
    return planted_frames(accounts, 36, seed=1, prospects=20)


def world(
    accounts: int = 200,
    change: Callable[[Frames, pd.DataFrame], None] | None = None,
    tables: dict[str, Any] | None = None,
    **settings: Any,
) -> AccountTables:
    """A company in which usage and retail tell, after `change` has planted something; it sees `lives`:
    `start`, `end` (missing: still there) and `left` of every account that ever paid.
    """
    frames = {name: frame.copy() for name, frame in _frames(accounts).items()}
    terms = frames["subscriptions"]
    ends = terms.groupby("account_id")["ended_on"].agg(lambda ends: ends.iloc[-1])
    lives = pd.DataFrame({"start": terms.groupby("account_id")["started_on"].min(), "end": ends}).apply(pd.to_datetime)
    lives["left"] = lives["end"].notna()
    if change is not None:
        change(frames, lives)
    declared = {**PLANTED_SETTINGS["tables"], **(tables or {})}
    parsed = parse_settings({**PLANTED_SETTINGS, "tables": declared, **settings})
    return assemble(parsed, frames, [], f"{UNTIL:%Y-%m-%d}")


def account_column(
    name: str, make: Callable[[pd.DataFrame], Any], accounts: int = 200, **settings: Any
) -> AccountTables:
    """The company with one more declared column of accounts; `make` gets the lives in the order of the accounts."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        firms = frames["accounts"]
        frames["accounts"] = firms.assign(**{name: np.asarray(make(lives.reindex(firms["account_id"])), dtype=object)})

    spec = PLANTED_SETTINGS["tables"]["accounts"]
    declared = {"accounts": {**spec, "columns": {**spec["columns"], name: {}}}}
    return world(accounts, change, declared, **settings)


def history(name: str, make: Callable[[str, pd.Series], list[tuple[Any, Any]]]) -> AccountTables:
    """The company with a history of one column; `make` gives (observed_at, value) of an account from its life."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        rows = [(a, at, value) for a, life in lives.iterrows() for at, value in make(str(a), life)]
        frames["seen"] = pd.DataFrame(rows, columns=["account_id", "observed_at", name])

    declared = {"seen": {"shape": "history", "source": "s.csv", "scope": "fit", "columns": {name: {}}}}
    return world(200, change, declared)


def named(leaks: list[Any]) -> list[str]:
    return [leak.name for leak in leaks]


def monthly(life: pd.Series) -> pd.DatetimeIndex:
    """First days of the months of a life."""
    return pd.date_range(life["start"], UNTIL if pd.isna(life["end"]) else life["end"], freq="MS")


RNG = np.random.default_rng(0)


def noise(lives: pd.DataFrame) -> np.ndarray:
    return np.random.default_rng(0).normal(size=len(lives))


# --- honest companies


def test_the_audit_of_an_honest_company_finds_nothing(planted: TrainedWorld):
    assert audit(planted.tables) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_audit_of_other_honest_companies_finds_nothing(seed: int):
    assert audit(planted_tables(150, 36, seed=seed + 10)) == []


def test_a_strong_but_honest_attribute_is_kept():
    """One that doubles the odds of leaving: AUC about 0.7."""
    tables = account_column("segment_score", lambda lives: lives["left"].astype(float) * 0.8 + noise(lives))
    assert audit(tables) == []


def test_what_was_true_at_the_start_is_kept_although_it_goes_with_age():
    """Older accounts have left more often, and have had longer lives: neither is known by the year they began in."""
    tables = account_column("signup_month", lambda lives: (lives["start"] - MONTHS_FROM).dt.days // 30)
    assert audit(tables) == []


# --- names


def noisy_words(lives: pd.DataFrame) -> list[str]:
    rng = np.random.default_rng(0)
    return [str(rng.choice(["a", "b"])) for _ in range(len(lives))]


@pytest.mark.parametrize(
    "column",
    [
        "churn_date", "cancellation_reason", "is_active", "status", "terminated", "Churned", "accountStatus", "closed",
        "last_login_days", "lifetime_months", "current_plan", "days_since_login", "LTV", "exit_reason", "isCustomer",
        "renewal_status",
    ],
)  # fmt: skip
def test_a_column_whose_name_tells_the_end_is_left_out(column: str):
    tables = account_column(column, noisy_words)
    assert named(telling_names(tables)) == [f"accounts.{column}"]
    catalog, leaks = admissible(tables)
    assert leaks and not [f.name for f in catalog.features if f.recipe.column == column]


@pytest.mark.parametrize(
    "column", ["industry_group", "closest_office", "employees_now", "statutory_seat", "leftover_budget"]
)
def test_an_innocent_name_is_kept(column: str):
    assert left_out(telling_names(account_column(column, noisy_words))) == []


def test_a_column_kept_by_name_is_used_and_said_so_in_the_notes():
    tables = account_column("status", noisy_words, leaks={"keep_columns": ["accounts.status", "accounts.other"]})
    catalog, leaks = admissible(tables)
    assert [(leak.name, leak.kept) for leak in leaks] == [("accounts.status", True)]
    assert left_out(leaks) == [] and "status" in catalog.names
    notes = _provenance(tables, health_frame(tables, catalog), [], leaks, 0, 0)["notes"]
    assert any("accounts.status" in note and "names it" in note for note in notes)
    assert any("accounts.other" in note and "does not name" in note for note in notes)


def test_a_table_that_changed_its_unit_is_said_of_the_model_that_learned_from_it():
    tables = account_column("segment_score", noise)
    odd = [Problem("warn", "usage", "n", rule, 1, 0.1, (), f"Of {rule}.") for rule in ("unit_change", "constant")]
    catalog, leaks = admissible(tables)
    notes = _provenance(replace(tables, problems=tuple(odd)), health_frame(tables, catalog), [], leaks, 0, 0)["notes"]
    assert "usage.n: Of unit_change." in notes and not any("constant" in note for note in notes)


def test_a_column_known_only_afterwards_is_no_feature_and_no_leak():
    spec = PLANTED_SETTINGS["tables"]["accounts"]
    declared = {"accounts": {**spec, "columns": {**spec["columns"], "churn_reason": {"available": "after"}}}}

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        frames["accounts"]["churn_reason"] = noisy_words(frames["accounts"])

    tables = world(200, change, declared)
    assert telling_names(tables) == []
    assert "churn_reason" not in discover_features(tables).names


# --- undated values written afterwards


@pytest.mark.parametrize(
    ("column", "make"),
    [
        ("segment_score", lambda lives: lives["left"].astype(float) * 3 + noise(lives)),
        ("tier", lambda lives: np.where(lives["left"], "bronze", "gold")),
        ("owner_region", lambda lives: np.where(lives["left"] & (noise(lives) > -1), "unassigned", noisy_words(lives))),
        ("partner_code", lambda lives: np.where(lives["left"], noise(lives), np.nan)),
        ("months_of_service", lambda lives: (lives["end"].fillna(UNTIL) - lives["start"]).dt.days / 30 + noise(lives)),
        ("invoices", lambda lives: np.exp(0.4 * noise(lives)) * (lives["end"].fillna(UNTIL) - lives["start"]).dt.days),
        ("touched_on", lambda lives: lives["end"].fillna(UNTIL).dt.strftime("%Y-%m-%d")),
        ("segment", lambda lives: np.where(lives["left"] & (noise(lives) > 0.3), "dormant", noisy_words(lives))),
        ("seats", lambda lives: np.where(lives["left"] & (noise(lives) > 0.3), 0, 30 + noise(lives))),
        ("area", lambda lives: np.where(lives["left"] & (noise(lives) > 0.3), np.nan, 30 + noise(lives))),
    ],
)  # fmt: skip
def test_an_undated_column_that_knows_the_ends_is_left_out(column: str, make: Callable[[pd.DataFrame], Any]):
    tables = account_column(column, make)
    assert named(retrospective(tables)) == [f"accounts.{column}"]
    assert not [f for f in admissible(tables)[0].features if f.recipe.column == column]


def test_a_total_is_found_although_its_table_says_when_a_row_was_known_if_that_was_before_the_end():
    """`known_at` at the start, the value as of the end: the date does not excuse it. Known after the end, it is no leak."""
    spec = PLANTED_SETTINGS["tables"]["accounts"]
    for when, found in (("start", ["accounts.paid_so_far"]), ("end", [])):

        def change(frames: Frames, lives: pd.DataFrame, when: str = when) -> None:
            own = lives.reindex(frames["accounts"]["account_id"])
            frames["accounts"] = frames["accounts"].assign(
                paid_so_far=((own["end"].fillna(UNTIL) - own["start"]).dt.days).to_numpy(),
                seen=own[when].fillna(UNTIL - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%d").to_numpy(),
            )

        declared = {"accounts": {**spec, "known_at": "seen", "columns": {**spec["columns"], "paid_so_far": {}}}}
        assert named(retrospective(world(200, change, declared))) == found


def test_a_flag_of_terms_that_is_set_when_they_end_is_left_out():
    """`auto_renew` as it stands today: false for the terms of those who left."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        terms = frames["subscriptions"]
        gone = terms["account_id"].map(lives["left"])
        wrong = np.random.default_rng(0).random(len(terms)) < 0.05
        frames["subscriptions"] = terms.assign(auto_renew=(~gone ^ wrong).map({True: "true", False: "false"}))

    spec = PLANTED_SETTINGS["tables"]["subscriptions"]
    tables = world(200, change, {"subscriptions": {**spec, "columns": {**spec["columns"], "auto_renew": {}}}})
    assert named(retrospective(tables)) == ["subscriptions.auto_renew"]


def test_a_table_without_those_who_left_is_left_out_as_a_whole():
    """Enrichment bought for today's customers only: being in it at all tells who stays."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        stay = lives.index[~lives["left"]]
        frames["enriched"] = pd.DataFrame({"account_id": stay, "score": noise(lives)[: len(stay)]})

    enriched = {"shape": "attributes", "source": "e.csv", "scope": "fit", "columns": {"score": {}}}
    tables = world(200, change, {"enriched": enriched})
    assert named(retrospective(tables)) == ["enriched.account_id"]
    assert not [f for f in admissible(tables)[0].features if f.recipe.table == "enriched"]


@pytest.mark.parametrize("words", [False, True])
def test_a_table_that_only_began_later_is_kept(words: bool):
    """Those who left before it began cannot be in it, and that is honest."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        began = pd.Timestamp("2023-01-01")
        there = lives[~(lives["end"] < began)]
        rng = np.random.default_rng(0)
        score = rng.choice(["low", "high"], len(there)) if words else rng.normal(size=len(there))
        frames["seen"] = pd.DataFrame({"account_id": there.index, "observed_at": f"{began:%Y-%m-%d}", "score": score})

    seen = {"shape": "history", "source": "s.csv", "columns": {"score": {}}}
    assert retrospective(world(200, change, {"seen": seen})) == []


def events_of(rate_a_year: float, missing: bool) -> AccountTables:
    """Events at one rate while an account lives; of those who left none, if they are missing."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        rng, rows = np.random.default_rng(5), []
        for account, life in lives.iterrows():
            end = UNTIL - pd.Timedelta(days=1) if pd.isna(life["end"]) else life["end"]
            days = (end - life["start"]).days
            if days > 0 and not (missing and life["left"]):
                n = rng.poisson(rate_a_year * days / 365)
                rows += [(account, life["start"] + pd.Timedelta(days=int(d))) for d in rng.integers(0, days, n)]
        frames["talks"] = pd.DataFrame(rows, columns=["account_id", "occurred_at"])

    return world(200, change, {"talks": {"shape": "events", "source": "t.csv"}})


def test_rare_events_of_which_a_short_life_has_none_are_no_leak():
    assert retrospective(events_of(0.6, missing=False)) == []
    assert retrospective(events_of(30, missing=False)) == []
    assert named(retrospective(events_of(30, missing=True))) == ["talks.account_id"]


def test_a_history_filled_backwards_is_found_by_its_first_value():
    """One row per account dated at its start, with what was known only at its end."""
    tables = history("fit_score", lambda a, life: [(life["start"], float(life["left"]) * 4 + RNG.normal())])
    assert named(retrospective(tables)) == ["seen.fit_score"]


# --- dated values written later than they claim


def test_an_attribute_that_always_changes_at_the_end_is_left_out():
    def rows(account: str, life: pd.Series) -> list[tuple[Any, Any]]:
        first = [(life["start"], "small")]
        return first + ([(life["end"], "dormant")] if life["left"] and hash(account) % 10 else [])

    assert named(written_at_the_end(history("band", rows))) == ["seen.band"]


def test_an_attribute_set_weeks_before_every_end_is_left_out():
    """Dated back to the notice, which nobody knew of then."""

    def rows(account: str, life: pd.Series) -> list[tuple[Any, Any]]:
        first = [(life["start"], 10)]
        back = life["end"] - pd.Timedelta(days=20)
        return first + ([(back, 0)] if life["left"] and back > life["start"] + pd.Timedelta(days=9) else [])

    assert named(written_at_the_end(history("seats", rows))) == ["seen.seats"]


def test_enrichment_that_goes_empty_at_the_end_is_left_out():
    def rows(account: str, life: pd.Series) -> list[tuple[Any, Any]]:
        seen = monthly(life)
        return [(at, None if life["left"] and at >= seen[-1] and len(seen) > 2 else 5) for at in seen]

    assert named(written_at_the_end(history("visits", rows))) == ["seen.visits"]


def test_a_history_that_changes_all_the_time_is_kept():
    """Seats counted every month change at the end as they do at any time."""
    rng = np.random.default_rng(3)
    tables = history("seats", lambda a, life: [(at, int(rng.integers(5, 50))) for at in monthly(life)])
    assert written_at_the_end(tables) == [] and retrospective(tables) == []


# --- survivorship


def test_missing_early_leavers_are_named_with_the_month():
    def change(frames: Frames, lives: pd.DataFrame) -> None:
        gone = lives.index[lives["end"] < "2022-07-01"]
        assert len(gone) > 30
        for name, frame in frames.items():
            if "account_id" in frame:
                frames[name] = frame[~frame["account_id"].isin(gone)]

    tables = world(400, change)
    found = missing_churners(tables)
    assert named(found) == ["subscriptions.ended_on"]
    assert "before 2022-0" in found[0].why
    assert missing_churners(world(400)) == []


def test_young_companies_whose_first_contracts_run_a_year_are_not_blamed():
    """Nobody can leave in the first year of a yearly contract."""
    rng = np.random.default_rng(0)
    starts = pd.to_datetime("2021-03-01") + pd.to_timedelta(rng.integers(0, 900, 300), "D")
    years = rng.geometric(0.25, 300)
    ends = pd.Series(starts) + pd.to_timedelta(365 * years, "D")
    terms = pd.DataFrame({
        "account_id": [f"a{i}" for i in range(300)], "started_on": starts, "mrr": 100, "product": "x",
        "ended_on": ends.where(ends < UNTIL), "cancelled_at": pd.NaT,
    })  # fmt: skip
    spec = {**PLANTED_SETTINGS["tables"]["subscriptions"], "columns": {}}
    tables = assemble(parse_settings({"tables": {"subscriptions": spec}}), {"subscriptions": terms}, [], "2025-01-01")
    assert missing_churners(tables) == []


# --- one feature alone


def tells(planted: TrainedWorld, values: np.ndarray, column: str = "favourite_number") -> list[str]:
    """What the audit says of one column of the training rows that holds `values`."""
    frame = planted.health
    features = replace(frame.features, frame=frame.features.frame.assign(**{column: values}))
    found = near_perfect(planted.tables, features, frame.outcomes.churned, frame.rows.accounts)
    return [leak.column for leak in found]


def test_a_column_that_tells_who_leaves_almost_perfectly_is_found(planted: TrainedWorld):
    churned = planted.health.outcomes.churned
    for sign in (1, -1):
        told = sign * churned + np.random.default_rng(0).normal(0, 0.1, len(churned))
        assert tells(planted, told) == ["favourite_number"]


def test_what_accounts_pay_is_kept_although_only_the_largest_leave(planted: TrainedWorld):
    """The outcome starts from this very figure, so nothing can have been written into it afterwards."""
    told = 1000 * planted.health.outcomes.churned + np.random.default_rng(0).normal(
        500, 100, len(planted.health.outcomes.churned)
    )
    assert tells(planted, told, "subscriptions_mrr") == []


def test_a_good_but_honest_column_is_kept(planted: TrainedWorld):
    churned = planted.health.outcomes.churned
    assert tells(planted, churned + np.random.default_rng(0).normal(0, 0.6, len(churned))) == []


def test_a_column_filled_only_for_those_who_leave_is_found(planted: TrainedWorld):
    """An exit survey: any value at all tells, whatever it says."""
    churned = planted.health.outcomes.churned
    survey = np.where(churned == 1, np.random.default_rng(0).normal(size=len(churned)), np.nan)
    assert tells(planted, survey) == ["favourite_number"]


def test_a_category_that_names_the_end_is_found(planted: TrainedWorld):
    churned = planted.health.outcomes.churned
    assert tells(planted, np.where(churned == 1, "gone", "here").astype(object), "region") == ["region"]


def test_a_level_of_one_account_tells_nothing_of_the_others():
    """A name for every account: by its own rows it would tell everything."""
    accounts = np.repeat(np.arange(60), 5)
    event = np.repeat(np.arange(60) % 2, 5).astype(float)
    told = telling_of(accounts.astype(str).astype(object), "category", event, accounts)
    assert told.auc <= 0.5


def test_few_accounts_tell_nothing_by_luck():
    """Seven who left cannot convict a column; with noise hardly any column of twenty accounts is named."""
    rng = np.random.default_rng(1)
    few = np.append(np.ones(7), np.zeros(30))
    assert not telling_of(few, "number", few, np.arange(37)).at_least(0.85)
    event = np.append(np.ones(9), np.zeros(11))
    found = [telling_of(rng.normal(size=20), "number", event, np.arange(20)).at_least(0.85) for _ in range(300)]
    assert np.mean(found) < 0.02


def test_a_kind_of_event_that_tells_the_end_is_found_and_left_out():
    """Off-boarding entered for everyone who will leave, dated back to the beginning: it is named, so it must be gone."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        gone = lives[lives["left"]]
        at = np.maximum(gone["start"], gone["end"] - pd.DateOffset(months=6))
        off = pd.DataFrame({"account_id": gone.index, "occurred_at": at.to_numpy(), "kind": "offboarding"})
        early = MONTHS_FROM - pd.Timedelta(days=400)
        met = pd.DataFrame({"account_id": lives.index, "occurred_at": early, "kind": "meeting"})
        frames["touches"] = pd.concat([off, met])

    touches = {"shape": "events", "source": "t.csv", "kind": "kind", "windows_days": [182]}
    tables = world(200, change, {"touches": touches})
    frame, leaks = without_near_perfect(tables, health_frame(tables, discover_features(tables)), [])
    assert "touches.offboarding" in named(leaks)
    assert not [name for name in frame.features.catalog.names if "touches_offboarding" in name]


def test_a_kind_of_event_that_only_those_who_left_have_is_left_out_although_it_tells_no_row_when():
    """Off-boarding dated at any time of the last year: it is no near-perfect feature, but only leavers have it."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        gone = lives[lives["left"]]
        days = pd.to_timedelta(np.random.default_rng(0).integers(1, 300, len(gone)), unit="D")
        at = np.maximum(gone["start"], gone["end"] - days)
        off = pd.DataFrame({"account_id": gone.index, "occurred_at": at.to_numpy(), "kind": "data takeout"})
        met = pd.DataFrame({"account_id": lives.index, "occurred_at": lives["start"].to_numpy(), "kind": "welcome"})
        frames["touches"] = pd.concat([off, met])

    touches = {"shape": "events", "source": "t.csv", "kind": "kind"}
    catalog, leaks = admissible(world(200, change, {"touches": touches}))
    assert named(leaks) == ["touches.data takeout"]
    assert not [name for name in catalog.names if "data_takeout" in name]
    assert {f.recipe.kind for f in catalog.features if f.recipe.table == "touches"} == {"welcome"}


def test_a_kind_or_level_of_an_old_time_of_which_all_have_left_is_kept():
    """All of the first eighth have left, as everyone of that time: what only they have says how old they are."""
    lives = Lives(
        np.arange(400), np.repeat(np.arange(8), 50).astype("datetime64[us]"), np.full(400, np.datetime64("NaT", "us")),
        np.repeat([1, 1, 1, 1, 1, 0, 0, 0], 50).astype(bool), np.repeat(np.arange(8), 50),
    )  # fmt: skip
    assert not _left_alone(np.arange(50), lives)
    assert not _left_alone(np.arange(0, 100, 2), lives)
    lives.left[:] = np.arange(400) % 2 == 0
    assert _left_alone(np.arange(0, 100, 2), lives)


def test_a_value_of_events_that_is_filled_in_when_the_end_is_known_is_left_out():
    """The satisfaction of tickets, corrected after the account had left, on tickets long before the end as well."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        rng = np.random.default_rng(0)
        last = lives["end"].fillna(UNTIL)
        rows = []
        for days in (0.05, 0.3, 0.6, 0.9):
            at = (lives["start"] + (last - lives["start"]) * days).dt.floor("D")
            said = np.where(lives["left"], rng.integers(1, 3, len(lives)), rng.integers(2, 6, len(lives)))
            honest = rng.integers(1, 6, len(lives))
            rows.append(pd.DataFrame({"occurred_at": at, "satisfaction": said, "priority": honest}))
        frames["tickets"] = pd.concat(rows).reset_index(names="account_id")

    tickets = {"shape": "events", "source": "t.csv", "columns": {"satisfaction": {}, "priority": {}}}
    assert named(retrospective(world(200, change, {"tickets": tickets}))) == ["tickets.satisfaction"]


def test_how_often_events_give_a_value_is_no_knowledge_of_the_end():
    """Who stays longer has answered a survey at some time, who left early has not."""

    def change(frames: Frames, lives: pd.DataFrame) -> None:
        stayed = lives[~lives["left"]]
        asked = pd.DataFrame({"occurred_at": stayed["start"] + pd.Timedelta(days=30), "score": 1.0})
        asked["score"] = np.random.default_rng(0).integers(1, 6, len(asked))
        rest = pd.DataFrame({"occurred_at": lives["start"], "score": None})
        frames["surveys"] = pd.concat([asked, rest]).reset_index(names="account_id")

    surveys = {"shape": "events", "source": "s.csv", "columns": {"score": {}}}
    assert named(retrospective(world(200, change, {"surveys": surveys}))) == []


def contracts_of_a_month_to_three_years() -> AccountTables:
    """Short contracts are left far more often. `months` and `billing` say what was signed, `plan` and `invoices` what
    became of it.
    """
    rng = np.random.default_rng(1)
    until = pd.Timestamp("2026-01-01")
    chance = {1: 0.08, 12: 0.25, 24: 0.2, 36: 0.15}
    terms, firms = [], []
    for i, months in enumerate(rng.choice([1, 12, 24, 36], 300, p=[0.3, 0.4, 0.2, 0.1])):
        start = end = pd.Timestamp("2021-01-01") + pd.Timedelta(days=int(i * 4.8))
        gone = False
        while end < until and not gone:
            begun, end = end, end + pd.DateOffset(months=int(months))
            gone = rng.random() < chance[months]
            terms.append((f"a{i}", begun, end, 100))
        left = gone and end < until
        billing = {1: "monthly", 12: "yearly", 24: "two years", 36: "three years"}[months]
        firms.append(
            (f"a{i}", months, billing, f"{billing}{' ago' if left else ''}", (min(end, until) - start).days // 30)
        )
    frames = {
        "accounts": pd.DataFrame(firms, columns=["account_id", "months", "billing", "plan", "invoices"]),
        "subscriptions": pd.DataFrame(terms, columns=["account_id", "started_on", "ended_on", "mrr"]),
    }
    columns = {name: {} for name in ("months", "billing", "plan", "invoices")}
    accounts = {"shape": "attributes", "source": "a.csv", "columns": columns}
    subscriptions = {"shape": "periods", "role": "revenue", "source": "s.csv", "amount": "mrr"}
    settings = parse_settings({"tables": {"accounts": accounts, "subscriptions": subscriptions}})
    return assemble(settings, frames, [], f"{until:%Y-%m-%d}")


def test_how_long_was_signed_for_is_kept_and_what_became_of_it_is_not():
    tables = contracts_of_a_month_to_three_years()
    assert named(retrospective(tables)) == ["accounts.plan", "accounts.invoices"]
    lives = Lives.of(tables)
    assert lives is not None
    assert set(signed_months(tables, lives).dropna()) == {1, 12, 24, 36}


def test_lives_are_those_of_the_terms():
    terms = [("a", "2022-01-01", "2022-06-01"), ("a", "2022-06-01", None), ("b", "2022-02-01", "2022-08-01")]
    frame = pd.DataFrame(terms, columns=["account_id", "started_on", "ended_on"])
    spec = {"shape": "periods", "role": "revenue", "source": "s.csv", "amount": "mrr"}
    settings = parse_settings({"tables": {"subscriptions": spec}})
    lives = Lives.of(assemble(settings, {"subscriptions": frame.assign(mrr=10)}, [], "2023-01-01"))
    assert lives is not None
    assert lives.left.tolist() == [False, True]
    assert lives.end.astype(str).tolist() == ["NaT", "2022-08-01T00:00:00.000000"]
    assert lives.days[1] == 181
