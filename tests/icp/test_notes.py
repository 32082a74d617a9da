"""Notes come from tables to the profiles' side: with owner and moment, never as a feature, never from the future."""

from leap.features import discover_features
from leap.icp.notes import notes_of
from tests.worlds import company_of, subscription

NOTES = {"shape": "events", "role": "notes", "source": "n.csv", "at": "said_on", "about": "about"}


def noted(*rows: dict[str, str], until: str = "2024-01-01"):
    return company_of(
        [subscription("a", "2023-01-01")], until, tables={"notes": NOTES}, records={"notes": list(rows)}
    )  # fmt: skip


def a_note(text: str, day: str, account: str = "a", owner: str = "Ana", about: str = "") -> dict[str, str]:
    return {"account_id": account, "said_on": day, "note": text, "owner": owner, "about": about}


def test_notes_are_read_the_latest_first_with_whom_they_are_of():
    tables = noted(a_note("old", "2023-02-01"), a_note("all", "2023-05-01", account="", about="industry"))
    assert [(n.on, n.account_id, n.text, n.owner, n.about) for n in notes_of(tables)] == [
        ("2023-05-01", "", "all", "Ana", "industry"),
        ("2023-02-01", "a", "old", "Ana", ""),
    ]
    assert list(tables.accounts) == ["a"], "a note of all accounts makes no account"


def test_a_note_makes_no_feature():
    tables = noted(a_note("x", "2023-02-01"))
    assert not [f.name for f in discover_features(tables).features if f.recipe.table == "notes"]


def test_a_note_of_a_later_day_does_not_exist_yet():
    tables = noted(a_note("early", "2023-02-01"), a_note("late", "2023-11-01"), until="2023-06-01")
    assert [note.text for note in notes_of(tables)] == ["early"]


def test_many_and_long_notes_are_cut():
    rows = [a_note("x" * 900 + str(i), f"2023-{1 + i % 12:02}-{1 + i % 28:02}") for i in range(250)]
    found = notes_of(noted(*rows))
    assert len(found) == 200 and {len(note.text) for note in found} == {500}
