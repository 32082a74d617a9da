"""`leap review`: listing, giving and reading verdicts, what they do elsewhere, and what it refuses."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.registry import RunRecord, Store
from leap.scoring import Scorer
from tests.reports.searches import bundle_with
from tests.training.test_icp import settings_of, workspace
from training import icp, review, waterfall
from training.console import Console
from training.loading import as_reviewed, target_overrides

Ask = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def made(demo_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one champion of a company that found profiles."""
    folder = tmp_path_factory.mktemp("reviewed")
    bundle_with(demo_bundle, demo_bundle.icp, name="Acme").save(folder / "bundle")
    store = Store(folder / "store", verify=lambda folder: None)
    store.log_training(RunRecord({}, {}, {"company": "Acme", "gate": "passed"}, folder / "bundle"))
    store.promote("1", by_hand=False, gate="passed")
    workspace(folder / "acme", "Acme", settings_of(demo_bundle))
    return folder


@pytest.fixture
def ask(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The command with the champion and an empty book."""
    defaults = {**(Store.__init__.__kwdefaults__ or {}), "verify": lambda folder: None}
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", defaults)
    monkeypatch.setattr(review.Room, "_accounts", lambda room: ["a1", "a2"])
    for file in (made / "store").glob("reviews.db*"):
        file.unlink()

    def ask(*arguments: str, command: Any = review) -> tuple[int, Any, str]:
        code = command.main([str(made / "acme"), "--store", str(made / "store"), *arguments])
        out = capsys.readouterr().out
        return code, json.loads(out) if "--json" in arguments else out, out

    return ask


def test_a_verdict_is_kept_listed_and_shown_beside_the_evidence(ask: Ask, demo_bundle: ModelBundle):
    first = demo_bundle.icp.profiles[0]
    code, listed, _ = ask("--json")
    assert code == 0 and first.id in [one["subject"] for one in listed["open"]] and listed["due"]["is_due"]
    code, kept, _ = ask("--reject", first.id, "--owner", "Ann", "--reason", "too few to sell to", "--json")
    assert code == 0 and kept["kept"]["version"] == "1" and kept["kept"]["words"] == first.rule.words
    listed = ask("--json")[1]
    assert [one["subject"] for one in listed["decided"]] == [first.id] and not listed["due"]["is_due"]
    document = ask("--json", command=icp)[1]
    shown = document["icps"][0]
    assert shown["review"]["state"] == "rejected" and "Shown but not counted" in shown["review"]["effect"]
    assert shown["evidence"] == json.loads(json.dumps(first.evidence.to_json()))
    assert "rejected by Ann" in ask(command=icp)[2]


def test_a_rejected_profile_gives_no_tier_when_accounts_are_scored(ask: Ask, made: Path, demo_bundle: ModelBundle):
    first = demo_bundle.icp.profiles[0].id
    ask("--reject", first, "--owner", "Ann", "--reason", "no", "--json")
    bundle = as_reviewed(demo_bundle, made / "store", "Acme")
    assert first not in [profile.id for profile in bundle.icp.counted]
    assert as_reviewed(demo_bundle, made / "store", "Another").icp == demo_bundle.icp
    assert bundle.trained == demo_bundle.trained, "the hash of the model is that of its training, whatever people say"


def test_the_service_and_an_earlier_version_mark_what_people_rejected(ask: Ask, made: Path, demo_bundle: ModelBundle):
    first = demo_bundle.icp.profiles[0].id
    ask("--reject", first, "--owner", "Ann", "--reason", "no", "--json")
    bundle = as_reviewed(demo_bundle, made / "store", "Acme")
    said = {
        one["id"]: one["rejected"] for one in Scorer(bundle, "1", None, pd.Timestamp(0), None).icp_document()["icps"]
    }
    assert said == {profile.id: profile.id == first for profile in demo_bundle.icp.profiles}
    args = argparse.Namespace(store=str(made / "store"), workspace=made / "acme", from_version="1")
    then = waterfall.version_before(args, Console(quiet=True), "Acme")
    assert then.bundle.icp.rejected == {first}


def test_attributes_drivers_and_accounts_are_judged_too(ask: Ask, made: Path, demo_bundle: ModelBundle):
    key = ask("--json", command=icp)[1]["attributes"][0]["review"]["key"]
    driver = demo_bundle.drivers[0].id
    for option, subject in (("--note", key), ("--accept", driver), ("--exclude", "a1"), ("--include", "a2")):
        assert ask(option, subject, "--owner", "Ann", "--reason", "because")[0] == 0
    assert ask("--include", "a1", "--owner", "Bo", "--reason", "signed", "--expires", "2999-01-01")[0] == 0
    document = ask("--json")[1]
    found = {one["account_id"]: (one["action"], one["owner"]) for one in document["overrides"]}
    assert found == {"a1": ("include", "Bo"), "a2": ("include", "Ann")}
    assert driver in [one["subject"] for one in document["decided"]] and len(document["notes"]) == 1
    args = argparse.Namespace(store=str(made / "store"), workspace=made / "acme")
    listed = {account: (one.verdict, one.owner) for account, one in target_overrides(args, "Acme").items()}
    assert listed == found and target_overrides(args, "Another") == {}
    history = ask("--history", "a1", "--json")[1]["history"]
    assert [one["verdict"] for one in history] == ["include", "exclude"]
    assert "Overrides of the target list (2)" in ask()[1]


def test_what_people_rejected_is_exported_to_no_crm(ask: Ask, demo_bundle: ModelBundle):
    exported = [ask("--format", "salesforce", command=icp)[1]]
    for profile in demo_bundle.icp.profiles:
        ask("--reject", profile.id, "--owner", "Ann", "--reason", "no")
    exported.append(ask("--format", "salesforce", command=icp)[1])
    assert [demo_bundle.icp.profiles[0].id in text for text in exported] == [True, False]
    assert "people rejected every profile" in exported[1]


def test_what_people_rejected_is_in_no_query_no_points_and_no_question(ask: Ask, demo_bundle: ModelBundle):
    found = demo_bundle.icp
    assert found.card is not None and found.card.lines, "the world has a card"
    rejected = next(p for p in found.profiles if p.rule in [line.rule for line in found.card.lines])
    forms = ("sql", "points", "qualification")
    before = {form: ask("--format", form, command=icp)[1] for form in forms}
    ask("--reject", rejected.id, "--owner", "Ann", "--reason", "no")
    after = {form: ask("--format", form, command=icp)[1] for form in forms}
    assert f"THEN '{rejected.id}'" in before["sql"] and f"THEN '{rejected.id}'" not in after["sql"]
    assert f"Left out, since people rejected it: {rejected.id}" in after["sql"]
    assert "Do not use this card" in after["points"] and "Salesforce" not in after["points"]
    exported = ask("--format", "points", "--json", command=icp)[1]["export"]
    assert not exported["use"] and exported["lines"] == exported["bands"] == []
    assert rejected.rule.words in exported["why_not"]
    assert f"“{rejected.rule.words}”" not in after["qualification"]
    for profile in found.profiles:
        ask("--reject", profile.id, "--owner", "Ann", "--reason", "no")
    assert "that was found. Qualify leads as before." in ask("--format", "qualification", command=icp)[1]
    nothing = ask("--format", "sql", command=icp)[1]
    assert "people rejected every profile" in nothing and "WHERE" not in nothing
    rows = list(csv.DictReader(io.StringIO(ask("--format", "csv", command=icp)[1])))
    assert {row["review"] for row in rows if row["id"]} == {"rejected"}, "a table of findings says what was decided"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--accept", "establishd-1", "--owner", "Ann"), "No profile, attribute, driver or account"),
        (("--include", "a", "--owner", "Ann", "--reason", "x"), "did you mean 'a2'"),
        (("--accept", "a1", "--owner", "Ann"), "included or excluded"),
        (("--include", "a1", "--owner", "Ann", "--reason", "x", "--expires", "2999-01-01T09:00"), "without an hour"),
        (("--reject", "driver:x", "--owner", "Ann", "--reason", "x"), "No group of drivers"),
        (("--include", "a1", "--owner", "Ann"), "include needs a reason"),
        (("--include", "a1", "--reason", "x"), "has an owner"),
        (("--withdraw", "a1", "--owner", "Ann", "--reason", "x"), "no verdict stands"),
        (("--owner", "Ann"), "belong to a verdict"),
        (("--include", "a1", "--owner", "Ann", "--reason", "x", "--expires", "2020-01-01"), "would never count"),
        (("--accept", "a1", "--reject", "a1"), "not allowed with"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(ask: Ask, made: Path, arguments: tuple[str, ...], said: str):
    code, document, _ = ask(*arguments, "--json")
    assert code == 2 and said in document["error"]["message"]
    assert not (made / "store" / "reviews.db").exists()


def test_without_a_champion_it_is_said_that_a_version_can_be_named(
    ask: Ask, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = [str(made / "acme"), "--store", str(tmp_path / "empty"), "--accept", "established-1", "--owner", "Ann"]
    assert review.main(arguments) == 2
    assert "no champion of this workspace" in (said := capsys.readouterr().err) and "--version V" in said
