"""`leap icp`: profiles of the champion or of a version in every form, and what it says where there is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.icp import ICPSearch
from leap.registry import RunRecord, Store
from tests.reports.searches import SCRIPT, bundle_with
from tests.worlds import TrainedWorld
from training import icp

Answer = tuple[int, str, str]
Ask = Callable[..., Answer]

REVENUE = '{{ shape = "periods", role = "revenue", source = "subscriptions.csv", amount = "mrr" }}'


def workspace(folder: Path, name: str, tables: str) -> Path:
    """A folder with settings alone: the command needs no table unless the past is asked for."""
    folder.mkdir()
    (folder / "leap.toml").write_text(f"[company]\nname = {json.dumps(name)}\n{tables}", encoding="utf-8")
    return folder


def settings_of(bundle: ModelBundle) -> str:
    """The tables of a bundle as TOML."""
    lines = []
    for name, table in bundle.settings.model_dump(mode="json", exclude_defaults=True)["tables"].items():
        lines.append(f"[tables.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if key != "columns"]
        for column, spec in table.get("columns", {}).items():
            lines.append(f"[tables.{name}.columns.{json.dumps(column)}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in spec.items()]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def made(demo_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of a company, the first of which is the champion."""
    folder = tmp_path_factory.mktemp("made")
    store = Store(folder / "store", verify=lambda folder: None)
    without = bundle_with(demo_bundle, ICPSearch((), (), "None held."), name="Acme")
    for number, bundle in enumerate((bundle_with(demo_bundle, demo_bundle.icp, name="Acme"), without)):
        bundle.save(folder / str(number))
        store.log_training(RunRecord({}, {}, {"company": "Acme", "gate": "passed"}, folder / str(number)))
    store.promote("1", by_hand=False, gate="passed")
    workspace(folder / "acme", "Acme", settings_of(demo_bundle))
    workspace(folder / "other", f"Other {SCRIPT}", f"[tables]\nsubscriptions = {REVENUE.format()}\n")
    return folder


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.setattr(
        Store.__init__, "__kwdefaults__", {**(Store.__init__.__kwdefaults__ or {}), "verify": lambda f: None}
    )

    def ask(*arguments: object) -> Answer:
        code = icp.main([str(argument) for argument in arguments])
        found = capsys.readouterr()
        return code, found.out, found.err

    return ask


def test_json_has_the_profiles_every_attribute_and_the_version(made: Path, ask: Ask, demo_bundle: ModelBundle) -> None:
    code, out, _ = ask(made / "acme", "--store", made / "store", "--json")
    document: dict[str, Any] = json.loads(out)
    assert code == 0 and document["version"] == "1" and document["company"] == "Acme"
    expected = demo_bundle.icp.to_json()
    assert all(entry.pop("review")["state"] == "open" for entry in document["icps"])  # nobody has judged them
    assert document["icps"] == expected["icps"] and document["none_because"] == expected["none_because"]
    assert len(document["attributes"]) == len(expected["attributes"]) > 0
    assert document["data_until"] == demo_bundle.trained_on


def test_a_version_is_shown_instead_of_the_champion(made: Path, ask: Ask) -> None:
    code, out, _ = ask(made / "acme", "--store", made / "store", "--version", "2", "--json")
    document = json.loads(out)
    assert (code, document["version"], document["icps"], document["none_because"]) == (0, "2", [], "None held.")


def test_text_has_what_was_measured(made: Path, ask: Ask, demo_bundle: ModelBundle) -> None:
    code, out, _ = ask(made / "acme", "--store", made / "store")
    assert code == 0 and "Acme: ideal customer profiles, version 1" in out
    assert all(attribute.rule.words in out for attribute in demo_bundle.icp.attributes)


@pytest.mark.parametrize(
    ("name", "begins"),
    [("r.html", "<!doctype html>"), ("r.md", "# Ideal"), ("r.csv", "id,kind"), ("r.sql", "-- Acme"), ("r.json", "{")],
)
def test_the_form_follows_the_name_of_the_file(made: Path, ask: Ask, tmp_path: Path, name: str, begins: str) -> None:
    code, out, _ = ask(made / "acme", "--store", made / "store", "--out", tmp_path / name, "--json")
    assert code == 0 and json.loads(out)["format"] == name.split(".")[1]
    assert (tmp_path / name).read_text(encoding="utf-8").lstrip().startswith(begins)


def test_a_form_may_be_named_and_goes_to_the_screen(made: Path, ask: Ask) -> None:
    assert ask(made / "acme", "--store", made / "store", "--format", "md")[1].startswith("# Ideal")


@pytest.mark.parametrize(
    ("kind", "name", "begins"),
    [
        ("salesforce", "accounts.txt", "# Acme: account lists for Salesforce"),
        ("hubspot", "lists", "{"),
        ("hubspot", "lists.md", "# Acme: company lists for HubSpot"),
        ("qualification", "leads.md", "# Acme: is this lead"),
        ("qualification", "leads.json", "{"),
        ("points", "points.md", "# Acme: points card"),
        ("points", "points.csv", "points,words"),
    ],
)
def test_an_export_is_named_and_its_file_may_be_called_anything(
    made: Path, ask: Ask, tmp_path: Path, kind: str, name: str, begins: str
) -> None:
    shown = ask(made / "acme", "--store", made / "store", "--format", kind, "--out", tmp_path / name, "--json")
    document = json.loads(shown[1])
    assert shown[0] == 0 and document["format"] == kind and document["export"]["company"] == "Acme"
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    assert ask(made / "acme", "--store", made / "store", "--format", kind)[1][0] in "{#"


def test_exports_use_the_names_that_the_workspace_gives_to_fields(
    made: Path, ask: Ask, tmp_path: Path, demo_bundle: ModelBundle
) -> None:
    feature = next(iter(demo_bundle.icp.profiles[0].rule.features))
    for name, expected in ((feature, 0), (feature + "s", 2)):
        named = f"[crm.fields.salesforce]\n{json.dumps(name)} = 'Own_Field__c'\n" + settings_of(demo_bundle)
        mapped = workspace(tmp_path / name, "Acme", named)
        code, out, err = ask(mapped, "--store", made / "store", "--format", "salesforce")
        assert (code != 0) == bool(expected)
        assert "WHERE Own_Field__c" in out if not expected else f"did you mean '{feature}'" in err


def test_exports_of_a_declined_training_say_why_there_is_nothing(made: Path, ask: Ask, tmp_path: Path) -> None:
    Store(tmp_path / "store").declined("Acme", "12 events, 40 needed.")
    for kind in icp.EXPORTS:
        assert "12 events, 40 needed." in ask(made / "acme", "--store", tmp_path / "store", "--format", kind)[1]


@pytest.mark.parametrize(("name", "said"), [("r.pdf", "ending in .html"), ("no/r.html", "no such folder")])
def test_a_file_that_cannot_be_is_refused(made: Path, ask: Ask, tmp_path: Path, name: str, said: str) -> None:
    code, _, err = ask(made / "acme", "--store", made / "store", "--out", tmp_path / name)
    assert code == 2 and said in err and not list(tmp_path.iterdir())


def test_without_a_champion_it_says_what_to_do(made: Path, ask: Ask, tmp_path: Path) -> None:
    code, out, _ = ask(made / "acme", "--store", tmp_path / "empty", "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (1, "no_model") and "leap train" in error["message"]


def test_a_declined_training_is_an_answer(made: Path, ask: Ask, tmp_path: Path) -> None:
    Store(tmp_path / "store").declined("Acme", "12 events, 40 needed.")
    code, out, _ = ask(made / "acme", "--store", tmp_path / "store", "--json", "--out", tmp_path / "r.html")
    document = json.loads(out)
    assert (code, document["icps"], document["none_because"]) == (0, [], "12 events, 40 needed.")
    assert document["version"] is None and "12 events, 40 needed." in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert ask(made / "other", "--store", tmp_path / "store")[0] == 1  # of another workspace nothing is known


def test_a_champion_older_than_a_declined_training_is_shown_with_a_remark(made: Path, ask: Ask, tmp_path: Path) -> None:
    shutil.copytree(made / "store", tmp_path / "store")
    Store(tmp_path / "store").declined("Acme", "No skill.")
    code, out, err = ask(made / "acme", "--store", tmp_path / "store", "--json")
    assert code == 0 and json.loads(out)["version"] == "1" and "No skill." in err


def test_the_champion_of_another_company_is_not_shown(made: Path, ask: Ask) -> None:
    code, out, _ = ask(made / "other", "--store", made / "store", "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (1, "no_model") and "a model of Acme" in error["message"]


def test_the_same_tables_under_another_name_may_use_it(
    made: Path, ask: Ask, tmp_path: Path, demo_bundle: ModelBundle
) -> None:
    twin = workspace(tmp_path / "twin", "Acme Europe", settings_of(demo_bundle))
    assert ask(twin, "--store", made / "store")[0] == 0


def test_an_earlier_end_of_the_data_is_searched_anew(
    made: Path, ask: Ask, tmp_path: Path, planted: TrainedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would have been said then: nothing in the answer was measured later, and no later model is shown."""
    from leap import sources

    until = "2023-07-01"
    earlier = planted.tables.known_before(pd.Timestamp(until))
    monkeypatch.setattr(sources, "read_workspace", lambda folder, data_until: earlier)
    report = tmp_path / "r.html"
    code, out, _ = ask(made / "acme", "--store", made / "store", "--data-until", until, "--json", "--out", report)
    document = json.loads(out)
    assert code == 0 and document["data_until"] == until
    assert document["attributes"] or document["none_because"]
    assert all(a["evidence"]["measured_on"]["to"] < until for a in document["attributes"])
    page = report.read_text(encoding="utf-8")
    assert "How good the models are" not in page and "known before 2023-07-01" in page


def test_the_end_of_the_training_data_is_the_version_itself(made: Path, ask: Ask, demo_bundle: ModelBundle) -> None:
    """No table is read: the folder has none."""
    _, out, _ = ask(made / "acme", "--store", made / "store", "--data-until", demo_bundle.trained_on, "--json")
    attributes = [{k: v for k, v in entry.items() if k != "review"} for entry in json.loads(out)["attributes"]]
    assert attributes == json.loads(json.dumps(demo_bundle.icp.to_json()["attributes"]))
