"""One thing written in several ways is named and kept apart; keys that two tables write differently explain orphans."""

import pandas as pd
import pytest

from leap.sources import inspect_workspace
from tests.tables.companies import SUBSCRIPTIONS, USAGE, conserved, found, one_table, problem_of, said, workspace

ATTRIBUTES = {"shape": "attributes", "columns": {"country": {}}}


def accounts(*countries: str) -> str:
    return "account_id,country\n" + "".join(f'a{i},"{country}"\n' for i, country in enumerate(countries))


@pytest.mark.parametrize(
    ("countries", "count", "shown"),
    [
        (["US", "us", "US", "DE"], 1, "'US' and 'us'"),
        (["US", "US ", "US", " US"], 2, "'US' and ' US' and 'US '"),
        (["New York", "New  York", "New\u00a0York"], 2, "'New  York' and 'New York' and 'New\\xa0York'"),
        (["Zürich", "Zürich", "Zu\u0308rich"], 1, "'Z\\xfcrich' and 'Zu\\u0308rich'"),
        (["Straße", "STRASSE", "DE"], 1, "'STRASSE' and 'Straße'"),
    ],
)
def test_categories_in_several_spellings_are_named_and_kept_apart(countries, count, shown):
    tables = one_table(accounts(*countries), **ATTRIBUTES)
    assert said(tables) == [("warn", "country", "spelled_differently", count)]
    assert problem_of(tables, "t", "spelled_differently").examples == (shown,)
    assert tables.tables["t"].rows["country"].tolist() == countries


@pytest.mark.parametrize("countries", [["NA", "DE", "US"], ["None", "NULL", "nan"], ["a b", "ab", "a-b"]])
def test_other_words_are_no_spellings(countries):
    assert said(one_table(accounts(*countries), **ATTRIBUTES)) == []


def test_space_around_kinds_is_taken_off_and_said():
    tables = one_table(
        "account_id,day,kind\na,2023-01-01,login\na,2023-01-02,login \na,2023-01-03,Login\n",
        shape="events",
        at="day",
        kind="kind",
    )
    assert said(tables) == [("warn", "kind", "surrounding_space", 1), ("warn", "kind", "spelled_differently", 1)]
    assert tables.tables["t"].rows["_kind"].tolist() == ["login", "login", "Login"]


def test_an_account_spelled_in_two_ways_in_one_table_is_named():
    tables = one_table("account_id,country\nacme,DE\nAcme,US\nzoo,FR\n", **ATTRIBUTES)
    assert said(tables) == [("warn", "account_id", "spelled_differently", 1)]
    assert tables.tables["t"].rows_used == 3


def test_ids_in_which_capitals_mean_something_are_told_apart():
    text = "account_id,country\n001A0000abCdE1f,DE\n001A0000abCdE1F,US\n001A0000abcdE1f,FR\n"
    assert said(one_table(text, **ATTRIBUTES)) == []


@pytest.mark.parametrize("key", ["00a1", "A1", "a1.0", "Acme", " a1 "])
def test_orphans_that_are_others_but_for_spelling_say_so(key, tmp_path):
    text = "account_id,country,employees\na1,NA,10\n123,DE,20\nacme,US,30\n"
    keys = {"00a1": "00123", "a1.0": "123.0"}
    usage = USAGE.replace("a2,", f"{keys.get(key, key)},")
    tables = inspect_workspace(workspace(tmp_path, accounts=text, usage=usage))
    assert conserved(tables)
    if key == " a1 ":
        assert ("warn", "usage", "account_id", "surrounding_space", 1) in found(tables)
        assert not [p for p in tables.problems if (p.table, p.rule) == ("usage", "orphan")]
        return
    orphan = problem_of(tables, "usage", "orphan")
    assert (orphan.level, orphan.count) == ("warn", 1)
    assert "1 of the 1 are there but for leading zeros, space or case" in orphan.remedy
    spelled = problem_of(tables, "usage", "key_spelling")
    assert (spelled.level, spelled.column, spelled.count) == ("warn", "account_id", 1)
    assert tables.tables["usage"].rows_used == 3


def test_without_attributes_keys_are_compared_with_those_of_revenue(tmp_path):
    folder = workspace(tmp_path, subscriptions=SUBSCRIPTIONS, usage=USAGE.replace("a2", "A2").replace("a1", "zz"))
    toml = (folder / "leap.toml").read_text()
    (folder / "leap.toml").write_text(
        toml[: toml.index("[tables.accounts]")] + toml[toml.index("[tables.subscriptions]") :]
    )
    problem = problem_of(inspect_workspace(folder), "usage", "key_spelling")
    assert (problem.count, problem.examples) == (1, ("'A2' and 'a2'",))


def test_whole_keys_of_any_type_are_one_key():
    for keys in (
        [123, 7],
        [123.0, 7.0],
        ["123", "7"],
        pd.array([123, 7], "Int32"),
        pd.Series([123.0, "7"], dtype=object),
    ):
        tables = one_table(pd.DataFrame({"account_id": keys, "country": ["DE", "US"]}), **ATTRIBUTES)
        assert (tables.tables["t"].rows["_account_id"].tolist(), said(tables)) == (["123", "7"], [])


def test_float_keys_that_cannot_be_told_apart_are_refused():
    frame = pd.DataFrame({"account_id": [float(2**53), 2.0**60, 5.0, None], "country": list("abcd")})
    assert said(one_table(frame, **ATTRIBUTES)) == [
        ("quarantine", "account_id", "missing_key", 1),
        ("quarantine", "account_id", "inexact_key", 2),
    ]
    large = one_table(pd.DataFrame({"account_id": [2**53 + 1, 2**63 - 1], "country": ["a", "b"]}), **ATTRIBUTES)
    assert large.tables["t"].rows["_account_id"].tolist() == [str(2**53 + 1), str(2**63 - 1)]
    assert said(large) == []


def test_keys_that_a_spreadsheet_has_shortened_or_that_stand_for_nothing_are_named():
    tables = one_table("account_id,country\n1.23457E+17,DE\nNULL,US\nNone,FR\nNA,NO\n1e5,SE\n", **ATTRIBUTES)
    assert said(tables) == [("warn", "account_id", "scientific_key", 1), ("warn", "account_id", "placeholder_key", 2)]
    assert tables.tables["t"].rows["_account_id"].tolist() == ["1.23457E+17", "NULL", "None", "NA", "1e5"]


def test_signs_that_are_not_seen_tell_no_words_apart():
    text = "account_id,plan\na,gold\nb,gold\nc,go\u200bld\nd,\u202egold\n"
    tables = one_table(text, shape="attributes", columns={"plan": {}})
    assert said(tables) == [("warn", "plan", "spelled_differently", 2)]
    assert problem_of(tables, "t", "spelled_differently").examples == (r"'gold' and 'go\u200bld' and '\u202egold'",)
