"""`leap report`: the pack of a store's versions over the tables of a workspace, as files and as JSON, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.reports.markup import Markup
from tests.training.test_icp import workspace
from tests.training.test_icp_diff import Ask, ask, made  # noqa: F401 (fixtures)
from training import report, review


def test_the_champion_is_put_beside_the_one_before(made: Path, ask: Ask, tmp_path: Path):  # noqa: F811
    out = tmp_path / "pack.html"
    code, told, error = ask(made / "acme", "--out", out, command=report)
    assert code == 0, error
    assert "Quarterly ICP review of Acme: version 2" in told and told.rstrip().endswith(f"-> {out}")
    page = Markup(out.read_text(encoding="utf-8"))
    assert {"What changed", "Decisions to take", "Seven places that this must change"} <= set(page.text)
    sources = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")]
    assert all(value is None or value.startswith(("#", "data:")) for value in sources)
    assert "script" not in {tag for tag, _ in page.tags}


def test_the_pack_says_what_its_parts_say_by_themselves(made: Path, ask: Ask):  # noqa: F811
    _, out, _ = ask(made / "acme", "--json", command=report)
    found = json.loads(out)
    _, alone, _ = ask("diff", made / "acme", "--json")
    assert found["diff"] == json.loads(alone)
    _, agenda, _ = ask(made / "acme", "--json", command=review)
    asked = json.loads(agenda)
    assert [one["key"] for one in found["decisions"]["to_take"]] == [one["key"] for one in asked["open"]]
    assert found["waterfall"]["of"]["before"]["version"] == "1" and found["waterfall"]["after"] == pytest.approx(
        found["portfolio"]["nrr"]
    )
    assert len(found["retention"]) == 5 and found["retention"][-1]["nrr"] is not None
    assert len(found["at_risk"]) == 10 and len(found["data"]) == 5


def test_the_first_version_says_that_there_is_nothing_to_compare(made: Path, ask: Ask):  # noqa: F811
    code, out, _ = ask(made / "acme", "--version", "1", "--json", command=report)
    found = json.loads(out)
    assert code == 0 and found["diff"] is None and found["no_diff"].startswith("There is no earlier version")


def test_a_version_that_is_not_the_champion_is_compared_with_the_one_before_it(made: Path, ask: Ask):  # noqa: F811
    _, out, _ = ask(made / "acme", "--version", "3", "--json", command=report)
    found = json.loads(out)
    assert found["diff"]["from"]["version"] == "2" and found["no_profiles"] and found["places"] == []


def test_what_cannot_be_asked_is_refused_before_anything_is_read(made: Path, ask: Ask, tmp_path: Path):  # noqa: F811
    for arguments, said in (
        (("--out", tmp_path / "pack.pdf"), "expected a name ending in .html, .md or .json"),
        (("--against", "2"), "is the one the pack is of"),
        (("--against", "4"), "of different customers"),
        (("--since", "1999-01-01"), "before the first revenue"),
    ):
        code, _, error = ask(made / "acme", *arguments, command=report)
        assert code == 2 and said in error, error


def test_a_flat_table_has_no_pack(made: Path, ask: Ask, tmp_path: Path):  # noqa: F811
    flat = '[tables]\nfirms = { source = "f.csv", shape = "snapshot", outcome = "left" }\n'
    folder = workspace(tmp_path / "flat", "Flat", flat)
    code, _, error = ask(folder, command=report)
    assert code == 2 and "leap report is not defined for a workspace of a flat table (firms" in error
