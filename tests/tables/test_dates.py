"""Dates as they are written: the declared form is read to the day, anything else is named with what it seems to be."""

import datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap.tables.date_hints import date_hint
from leap.tables.moments import moments
from tests.tables.companies import one_table, problem_of, said

EVENTS = {"shape": "events", "at": "day"}


def events(*days: object) -> str:
    return "account_id,day\n" + "".join(f"a,{day}\n" for day in days)


def read(text: str, dates: str = "iso", zone: str = "UTC") -> str:
    return str(moments(pd.Series([text]), zone, dates)[0][0])


@pytest.mark.parametrize(
    ("text", "dates", "expected"),
    [
        ("2024-02-29", "iso", "2024-02-29 00:00:00"),
        ("2023-02-29", "iso", "NaT"),
        ("2023-11-31", "iso", "NaT"),
        ("2024-00-10", "iso", "NaT"),
        ("0000-01-01", "iso", "NaT"),
        ("2024-01-01 24:00", "iso", "NaT"),
        ("2024-01-01 23:59:60", "iso", "NaT"),
        ("2024-01-01 3:00", "iso", "2024-01-01 03:00:00"),
        ("2024-01-01T03:00:00.123456789Z", "iso", "2024-01-01 03:00:00.123456"),
        ("2024-01-01 03:00:00,5", "iso", "2024-01-01 03:00:00.500000"),
        ("2024-01-01 00:00:00+00", "iso", "2024-01-01 00:00:00"),
        ("2024-01-01 00:00:00+0530", "iso", "2023-12-31 18:30:00"),
        ("2024-01-01 00:00:00 -08:00", "iso", "2024-01-01 08:00:00"),
        ("2024-02", "YYYY-MM", "2024-02-01 00:00:00"),
        ("2024-13", "YYYY-MM", "NaT"),
        ("2024-02-01", "YYYY-MM", "NaT"),
        ("202402", "YYYYMM", "2024-02-01 00:00:00"),
        ("202400", "YYYYMM", "NaT"),
        ("31/12/2024", "DD/MM/YYYY", "2024-12-31 00:00:00"),
        ("1/2/2024 17:05", "DD/MM/YYYY", "2024-02-01 17:05:00"),
        ("12/31/2024", "DD/MM/YYYY", "NaT"),
        ("2024-12-31", "DD/MM/YYYY", "NaT"),
        ("29/02/2023", "DD/MM/YYYY", "NaT"),
        ("12/31/2024 12:30 AM", "MM/DD/YYYY", "2024-12-31 00:30:00"),
        ("12/31/2024 12:30 PM", "MM/DD/YYYY", "2024-12-31 12:30:00"),
        ("12/31/2024 13:30 PM", "MM/DD/YYYY", "NaT"),
        ("31.12.2024", "DD.MM.YYYY", "2024-12-31 00:00:00"),
        ("12-31-2024", "MM-DD-YYYY", "2024-12-31 00:00:00"),
        ("31-12-2024", "DD-MM-YYYY", "2024-12-31 00:00:00"),
        ("2024/12/31 08:00:00", "YYYY/MM/DD", "2024-12-31 08:00:00"),
        ("20241231", "YYYYMMDD", "2024-12-31 00:00:00"),
        ("20241301", "YYYYMMDD", "NaT"),
        ("1704067200", "seconds", "2024-01-01 00:00:00"),
        ("1704067200.5", "seconds", "2024-01-01 00:00:00.500000"),
        ("1704067200000", "milliseconds", "2024-01-01 00:00:00"),
        ("1704067200000000", "microseconds", "2024-01-01 00:00:00"),
        ("253402214400", "seconds", "9999-12-31 00:00:00"),
        ("0", "seconds", "1970-01-01 00:00:00"),
    ],
)
def test_a_date_is_read_as_it_is_declared_to_be_written(text, dates, expected):
    assert read(text, dates) == expected


@given(
    day=st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    form=st.sampled_from(
        ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d"]
    ),
)
def test_every_day_of_the_calendar_is_read_in_every_form(day, form):
    dates = form.replace("%Y", "YYYY").replace("%m", "MM").replace("%d", "DD").replace("YYYY-MM-DD", "iso")
    written = form.replace("%Y", f"{day.year:04d}").replace("%m", f"{day.month:02d}").replace("%d", f"{day.day:02d}")
    assert read(written, dates)[:10] == day.isoformat()


def test_a_count_since_1970_in_another_unit_is_named_and_not_read():
    seconds = one_table(events(1683000000, 1683000000000), **EVENTS, dates="seconds")
    assert said(seconds) == [("quarantine", "day", "bad_date", 1)]
    assert "milliseconds" in problem_of(seconds, "t", "bad_date").remedy
    millis = one_table(events(1683000000, 1683000000000, 1683000000001), **EVENTS, dates="milliseconds")
    assert said(millis) == [("quarantine", "day", "bad_date", 1)]
    assert "seconds since 1970" in problem_of(millis, "t", "bad_date").remedy


def test_counts_since_1970_may_be_numbers_of_parquet_and_keep_their_zone():
    frame = pd.DataFrame({"account_id": ["a", "a"], "day": [1704067200, 1704070800]})
    tables = one_table(frame, company={"timezone": "Europe/Berlin"}, **EVENTS, dates="seconds")
    assert [str(at) for at in tables.tables["t"].rows["_at"]] == ["2024-01-01 01:00:00", "2024-01-01 02:00:00"]


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (["13/04/2023", "03/04/2023"], 'Set dates = "DD/MM/YYYY" on [tables.t]'),
        (["04/13/2023", "03/04/2023"], 'Set dates = "MM/DD/YYYY" on [tables.t]'),
        (["04/05/2023"], "DD/MM/YYYY or MM/DD/YYYY, which cannot be told apart. Set dates to the true one"),
        (["13/04/2023", "04/13/2023", "01/02/2023"], "Some of these are DD/MM/YYYY, others MM/DD/YYYY"),
        (["2023/04/13"], 'dates = "YYYY/MM/DD"'),
        (["20230413"], 'dates = "YYYYMMDD"'),
        (["1683000000"], 'dates = "seconds"'),
        (["1683000000000"], 'dates = "milliseconds"'),
        (["1683000000000000"], 'dates = "microseconds"'),
        (["45292", "45293.5"], "Excel's serial days (45292 is 2024-01-01)"),
    ],
)
def test_what_is_no_date_is_quarantined_with_what_to_set(days, says):
    tables = one_table(events(*days), **EVENTS)
    assert said(tables)[0] == ("quarantine", "day", "bad_date", len(days))
    assert says in problem_of(tables, "t", "bad_date").remedy


def test_excel_days_as_numbers_of_parquet_are_named_and_not_guessed():
    tables = one_table(pd.DataFrame({"account_id": ["a", "b"], "day": [45292.0, 45293.0]}), **EVENTS)
    assert said(tables)[0] == ("quarantine", "day", "bad_date", 2)
    assert "Excel" in problem_of(tables, "t", "bad_date").remedy


def test_another_form_in_a_table_of_a_declared_form_is_named():
    tables = one_table(events("13/04/2023", "2023-04-13", "04/13/2023"), **EVENTS, dates="DD/MM/YYYY")
    assert said(tables) == [("quarantine", "day", "bad_date", 2)]
    assert 'dates = "DD/MM/YYYY" on [tables.t]' in problem_of(tables, "t", "bad_date").remedy


def test_hints_of_few_letters_never_fail():
    assert date_hint([], "t") and date_hint(["", "?"], "t", "seconds") and date_hint(["99999999999"], None)


def test_times_with_and_without_an_offset_in_one_column_are_named():
    tables = one_table(
        events("2024-01-01T10:00:00Z", "2024-01-01T11:00:00+01:00", "2024-01-01 10:00", "2024-01-02"), **EVENTS
    )
    assert said(tables) == [("warn", "day", "mixed_time_zones", 1)]
    assert [str(at)[:16] for at in tables.tables["t"].rows["_at"]] == ["2024-01-01 10:00"] * 3 + ["2024-01-02 00:00"]


def test_times_lost_and_repeated_by_daylight_saving_are_counted_and_kept():
    days = ["2024-03-31 02:30", "2024-03-31 03:00", "2024-10-27 02:00:00", "2024-10-27 02:59:59", "2024-10-27 03:00"]
    tables = one_table(events(*days), company={"timezone": "Europe/Berlin"}, **EVENTS)
    assert said(tables) == [("warn", "day", "nonexistent_time", 1), ("warn", "day", "ambiguous_time", 2)]
    assert tables.tables["t"].rows_used == 5
    stamped = one_table(events("2024-10-27T00:30:00Z", "2024-10-27"), company={"timezone": "Europe/Berlin"}, **EVENTS)
    assert said(stamped) == []
    assert said(one_table(events(*days), **EVENTS)) == []


PERIODS = {"shape": "periods", "cancelled": "cancelled_at"}
TERMS = "account_id,started_on,ended_on,cancelled_at\n"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,2023-01-01,9999-12-31,", ("warn", "ended_on", "sentinel_date", 1)),
        ("a,2023-01-01,1900-01-01,", ("quarantine", "ended_on", "sentinel_date", 1)),
        ("a,2023-01-01,1970-01-01,", ("quarantine", "ended_on", "sentinel_date", 1)),
        ("a,1970-01-01,,", ("quarantine", "started_on", "sentinel_date", 1)),
        ("a,9999-12-31,,", ("quarantine", "started_on", "sentinel_date", 1)),
        ("a,2023-01-01,,1900-01-01", ("warn", "cancelled_at", "sentinel_date", 1)),
        ("a,2023-01-01,NULL,", ("warn", "ended_on", "missing_word", 1)),
        ("a,2023-01-01,,n/a", ("warn", "cancelled_at", "missing_word", 1)),
        ("a,NULL,,", ("quarantine", "started_on", "missing_date", 1)),
        ("a,2023-02-29,,", ("quarantine", "started_on", "bad_date", 1)),
        ("a,2199-01-01,,", ("quarantine", "started_on", "future_date", 1)),
        ("a,2023-01-01,,2199-01-01", ("quarantine", "cancelled_at", "future_date", 1)),
    ],
)
def test_dates_that_stand_for_never_or_not_known_are_named(row, problem):
    tables = one_table(TERMS + row + "\nb,2023-05-01,,\n", **PERIODS)
    assert said(tables) == [problem]
    assert tables.tables["t"].rows_used == (1 if problem[0] == "quarantine" else 2)


def test_months_that_are_not_declared_say_what_to_set():
    for written, form in (("2024-02", "YYYY-MM"), ("202402", "YYYYMM")):
        tables = one_table(events(written, written, "2024-02-01"), **EVENTS)
        assert f'dates = "{form}"' in problem_of(tables, "t", "bad_date").remedy
