"""The page of the tables behind a model: what was read and what not, how fresh, since when, and for whose eyes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.bundle.model_bundle import ModelBundle
from leap.config import Company
from leap.reports.data_definitions import definitions_of
from leap.reports.data_live import leaks_of, rhythm_of, rows_of, summarise_live
from leap.reports.glossary import TERMS
from leap.scoring import Scorer
from leap.sources import inspect_workspace
from leap.tables import AccountTables, Problem
from leap.tables.counted import Counted, counted
from serving.live import LiveModel, Served
from serving.pages import data as pages_data
from serving.workspace import Data, Reading, TableChange, reading_of
from tests.serving.conftest import ask
from tests.serving.pages.hostile import HOSTILE
from tests.serving.pages.parsing import Parsed, read
from tests.tables.companies import workspace
from tests.worlds import TrainedWorld

USAGE = "account_id,day,actions\n" + "".join(f"a1,2023-05-{day:02},{day}\n" for day in (1, 8, 15, 29))
REFUSED = "a1,never,1\n a1 ,2023-05-30,lots\na2,2023-05-31,-\n"


def small(folder: Path, **files: str) -> AccountTables:
    return inspect_workspace(workspace(folder, **{"usage": USAGE + REFUSED, **files}), data_until="2023-07-01")


def bundle_with(**trained: Any) -> ModelBundle:
    """As much of a bundle as the summary reads."""
    feature = SimpleNamespace(label="Actions, last 28 days", recipe=SimpleNamespace(table="usage"))
    notes: dict[str, Any] = {"notes": (), "problems": (), **trained}
    found: Any = SimpleNamespace(trained=notes, trained_on="2023-06-01", catalog=SimpleNamespace(features=[feature]))
    return found  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture
def served(scorer: Scorer) -> Served:
    return Served(scorer, Company(name="Planted"))


@pytest.fixture
def page(served: Served) -> Iterator[Any]:
    with ask(LiveModel(served)) as client:
        yield client


def test_every_row_read_is_used_or_quarantined_and_the_table_says_what_it_is_for(tmp_path: Path) -> None:
    tables = small(tmp_path)
    data = summarise_live(bundle_with(), tables, ["a1", "a2"])
    by_name = {one.summary.name: one for one in data.tables}
    usage = by_name["usage"]
    assert (usage.summary.rows_read, usage.summary.rows_used, usage.summary.rows_quarantined) == (7, 4, 3)
    assert usage.latest == date(2023, 5, 29) and usage.accounts == 1 and usage.customers_share == 0.5
    assert usage.features == ("Actions, last 28 days",) and by_name["accounts"].features == ()
    assert (by_name["accounts"].latest, by_name["accounts"].rhythm) == (None, None)
    assert "makes MRR" in by_name["subscriptions"].purpose and "What happened" in usage.purpose
    assert data.report.groups[0].level == "quarantine"


def test_a_table_is_behind_if_it_is_silent_longer_than_ever_before(tmp_path: Path) -> None:
    usage = next(t for t in summarise_live(bundle_with(), small(tmp_path), []).tables if t.summary.name == "usage")
    assert usage.rhythm is not None and (usage.rhythm.usual_days, usage.rhythm.longest_days) == (7, 14)
    assert usage.behind_days == 32 and usage.is_behind
    assert usage.age_days(date(2023, 6, 12)) == 14 and not usage.is_overdue(date(2023, 6, 12))
    assert usage.is_overdue(date(2023, 6, 13))
    late = small(tmp_path, usage=USAGE + "a1,2023-06-28,1\n")
    assert not next(t for t in summarise_live(bundle_with(), late, []).tables if t.summary.name == "usage").is_behind


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=4, max_size=30, unique=True))
def test_the_usual_gap_is_never_longer_than_the_longest(days: list[int]) -> None:
    moments = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"))
    found = rhythm_of(moments)
    assert found is not None and 1 <= found.usual_days <= found.longest_days <= 300
    assert rhythm_of(pd.concat([moments, moments])) == found, "several rows of a day are one"


def test_rows_of_an_account_are_counted_by_table_and_refused_ones_by_rule(tmp_path: Path) -> None:
    tables = small(tmp_path)
    found = {one.table: one for one in rows_of(tables, "a1")}
    assert (found["usage"].used, found["usage"].first, found["usage"].last) == (4, "2023-05-01", "2023-05-29")
    assert found["usage"].quarantined == 2 and len(found["usage"].rules) == 2
    assert (found["subscriptions"].used, found["accounts"].used) == (1, 1)
    total = sum(one.used for name in ("a1", "a2", "a3") for one in rows_of(tables, name))
    assert total == sum(table.rows_used for table in tables.tables.values())
    assert not any(one.used or one.quarantined for one in rows_of(tables, "nobody"))


def test_what_changed_since_the_training_is_told_by_table_and_by_rule(tmp_path: Path) -> None:
    tables = small(tmp_path)
    then = {name: one.to_json() for name, one in counted(tables).items()}
    then["usage"] = Counted(3, 3, 0, "2023-05-15").to_json()
    then["surveys"] = Counted(9, 9, 0, None).to_json()
    gone = {"level": "warn", "table": "accounts", "column": "size", "rule": "always_empty"}
    data = summarise_live(bundle_with(tables=then, problems=[gone]), tables, [])
    by_name = {one.summary.name: one for one in data.tables}
    assert by_name["usage"].then == Counted(3, 3, 0, "2023-05-15") and data.gone_tables == ("surveys",)
    assert any(one.startswith("usage.day: ") for one in data.new_problems)
    assert data.gone_problems == ("accounts.size: always empty",)
    same = summarise_live(
        bundle_with(tables=then, problems=[one.to_json() for one in tables.problems]), tables, []
    )  # fmt: skip
    assert not any("usage" in one for one in same.new_problems)
    assert not summarise_live(bundle_with(), tables, []).counts_known


def test_a_bundle_says_what_its_tables_were_and_which_leaks_were_left_out(planted: TrainedWorld) -> None:
    trained = planted.bundle.trained
    assert {name: Counted.from_json(one) for name, one in trained["tables"].items()} == counted(planted.tables)
    assert [leak.to_json() for leak in leaks_of(planted.bundle)] == list(trained["leaks"])
    noted = bundle_with(notes=["Left out as a possible leak: usage.closed (it tells (all)).", "Something else."])
    assert [(one.name, one.why) for one in leaks_of(noted)] == [("usage.closed", "it tells (all)")]


def test_every_definition_names_the_key_that_sets_it_and_its_term_is_in_the_glossary(planted: TrainedWorld) -> None:
    found = {one.name: one for one in definitions_of(planted.tables.settings)}
    assert found["Horizon"].value.endswith("months") and found["Horizon"].key == "[outcome] horizon_months"
    assert found["Definition hash"].value == planted.bundle.definition_hash
    assert {one.term for one in found.values() if one.term} <= dict(TERMS).keys()
    assert all(one.value and one.means and one.key for one in found.values())


def test_the_page_shows_tables_problems_and_definitions(page: Any, scorer: Scorer) -> None:
    words = read(page, "/data").words
    for table in scorer.tables.tables.values():  # type: ignore[union-attr]
        assert f"{table.rows_used:,}of {table.rows_read:,}" in words
    for part in ("Where are the rows of an account?", "Left out as leaks", "What the figures mean", "gross_margin",
                 "the same", "They do not change while it runs".lower()):  # fmt: skip
        assert part in words
    account = scorer.customers.account_ids[0]  # type: ignore[union-attr]
    found = read(page, f"/data?account={account}")
    assert found.linked(f"/accounts/{account}") and "Quarantined" in found.words
    assert "No table has a row of this id." in read(page, "/data?account=nobody").words
    for odd in ("account=%00", f"account={'x' * 199}", "account=%ff%e2%80%ae", "other=1"):
        assert read(page, f"/data?{odd}")


def test_the_summary_is_made_once_for_a_live_model(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = summarise_live
    monkeypatch.setattr("leap.reports.data_live.summarise_live", lambda *a: (made.append(1), original(*a))[1])
    assert read(page, "/data").words and read(page, "/data?account=x").words
    assert made == [1]


def test_while_the_report_is_made_others_get_a_page_that_looks_again(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.pages.data.WAIT_SECONDS", 0.01)
    with pages_data._one:
        answer = page.get("/data")
    assert answer.status_code == 429 and answer.headers["refresh"] == "5"
    assert "The report on the tables is being made" in Parsed(answer.text).words
    assert page.get("/data").status_code == 200


def test_cells_of_the_tables_are_shown_to_admins_alone(scorer: Scorer) -> None:
    problem = Problem("warn", "usage", "day", "odd", 3, 0.1, ("'secret cell'",), "Look at it.")
    tables = replace(scorer.tables, problems=(problem,))  # type: ignore[type-var]
    served = Served(Scorer.build(scorer.bundle, "7", tables), Company())
    client = ask(LiveModel(served), {"LEAP_TOKEN": "sesame read, aladdin"})
    seen = {
        name: client.get("/data", headers={"Authorization": f"Bearer {name}"}).text for name in ("sesame", "aladdin")
    }
    source = next(iter(tables.settings.tables.values())).source
    assert "secret cell" in seen["aladdin"] and source in seen["aladdin"]
    assert "secret cell" not in seen["sesame"] and source not in seen["sesame"]
    assert "Look at it." in seen["sesame"] and "scope admin" in seen["sesame"]


def test_tables_that_changed_while_the_service_runs_are_told(page: Any, served: Served) -> None:
    at = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
    served.reading = Reading(at)
    assert "No table has got more or fewer rows since the service was started." in read(page, "/data").words
    served.reading = Reading(at, (TableChange("usage", at, 1200, 1300),))
    words = read(page, "/data").words
    assert "1 Nov 2026 at 12:30 UTC" in words and "1,200" in words and "1,300" in words


def test_a_reading_knows_what_the_one_before_it_had(tmp_path: Path) -> None:
    first = small(tmp_path / "one")
    before = Data(first.settings, first, reading_of(None, Data(first.settings, first)))
    assert before.reading is not None and before.reading.changes == ()
    more = small(tmp_path / "two", usage=USAGE + "a2,2023-06-01,1\n")
    after = Data(more.settings, more)
    (change,) = reading_of(before, after).changes
    assert (change.table, change.before, change.now) == ("usage", 4, 5)
    again = reading_of(replace(after, reading=reading_of(before, after)), before)
    assert [(one.before, one.now) for one in again.changes] == [(5, 4), (4, 5)], "the latest first"


def test_names_of_tables_and_columns_and_their_cells_are_text(scorer: Scorer) -> None:
    problem = Problem("quarantine", HOSTILE, HOSTILE, HOSTILE, 3, 0.1, (HOSTILE, "\u202eabc"), HOSTILE)
    tables = replace(scorer.tables, problems=(problem,))  # type: ignore[type-var]
    served = Served(Scorer.build(scorer.bundle, "7", tables), Company(name=HOSTILE))
    served.reading = Reading(datetime.now(UTC), (TableChange(HOSTILE + "N" * 9_000, datetime.now(UTC), None, 1),))
    answer = ask(LiveModel(served)).get("/data", params={"account": HOSTILE})
    found = Parsed(answer.text)
    assert "<script>alert" not in answer.text and "\u202e" not in found.text and "N" * 200 not in answer.text
    assert not [n for _, attributes in found.tags for n in attributes if n == "style" or n.startswith("on")]


def test_without_tables_the_definitions_are_still_told(scorer: Scorer) -> None:
    bare = Served(Scorer.build(scorer.bundle, "7", None), Company())
    words = read(ask(LiveModel(bare)), "/data").words
    assert "There are no tables behind this model here." in words and "horizon_months" in words
