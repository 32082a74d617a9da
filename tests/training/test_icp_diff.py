"""`leap icp diff`: two versions of one store compared over the tables as each knew them, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.icp import Condition, ICPProfile, ICPSearch, Rule
from leap.registry import RunRecord, Store
from leap.scoring.icp_versions import Named, compare
from leap.tables import AccountTables
from tests.reports.searches import evidence
from tests.training.test_icp import REVENUE, settings_of, workspace
from tests.worlds import TrainedWorld
from training import icp, models, score

Ask = Callable[..., tuple[int, str, str]]
THEN = "2023-07-01"
NAMES = {"1": "then", "2": "now", "3": "none", "4": "other company"}


def profiles(bundle: ModelBundle, *each: tuple[str, str, str, Any]) -> ICPSearch:
    """Profiles of one condition each: id, feature, test, value."""
    found = []
    for name, feature, op, value in each:
        rule = Rule((Condition(bundle.catalog.by_name[feature], op, value),))  # type: ignore[arg-type]
        found.append(ICPProfile(name, name.partition("-")[0], rule, evidence(), f"Prefer {rule.words}."))
    return ICPSearch(tuple(found), (), None if found else "None held.")


def version_of(bundle: ModelBundle, found: ICPSearch, until: str, company: str = "Acme", **policy: Any) -> ModelBundle:
    """The trained bundle as one that found this, knew the data until then and had this policy."""
    settings = bundle.settings.model_dump(exclude_defaults=True)
    settings |= {"company": {**settings["company"], "name": company}, "policy": {**settings["policy"], **policy}}
    return replace(
        bundle, settings=parse_settings(settings), icp=found, trained={**bundle.trained, "trained_on": until}
    )


@pytest.fixture(scope="module")
def made(demo_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions 1 and 2 of Acme (1 is the previous champion), 3 without a profile, and 4 of another company."""
    folder = tmp_path_factory.mktemp("made")
    store = Store(folder / "store", verify=lambda folder: None)
    big = ("established-1", "employees", ">=", 200.0)
    now = demo_bundle.trained_on
    versions = (
        version_of(demo_bundle, profiles(demo_bundle, big), THEN),
        version_of(
            demo_bundle,
            profiles(demo_bundle, ("established-1", "region", "==", "north"), ("established-2", *big[1:3], 150.0),
                     ("negative-1", "industry", "==", "retail")),
            now, tier_band=0.05,
        ),
        version_of(demo_bundle, profiles(demo_bundle), now),
        version_of(demo_bundle, profiles(demo_bundle, big), now, company="Beta"),
    )  # fmt: skip
    for number, bundle in enumerate(versions, start=1):
        bundle.save(folder / str(number))
        tags = {"company": bundle.company, "gate": "passed", "icp_profiles": str(len(bundle.icp.profiles))}
        store.log_training(RunRecord({}, {}, tags, folder / str(number)))
    for number in ("1", "2"):
        store.promote(number, by_hand=False, gate="passed")
    workspace(folder / "acme", "Acme", settings_of(demo_bundle))
    workspace(folder / "stranger", "Stranger", f"[tables]\nsubscriptions = {REVENUE.format()}\n")
    return folder


@pytest.fixture
def ask(made: Path, planted: TrainedWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """A command over the store, with the planted tables as the workspace's."""
    from leap import sources

    def tables(folder: Path, data_until: str | None = None) -> AccountTables:
        whole = replace(planted.tables, settings=parse_settings({
            **planted.tables.settings.model_dump(exclude_defaults=True), "company": {"name": "Acme"},
        }))  # fmt: skip
        until = pd.Timestamp(data_until) if data_until else whole.data_until
        return whole if until >= whole.data_until else whole.known_before(until)

    verify = {**(Store.__init__.__kwdefaults__ or {}), "verify": lambda folder: None}
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", verify)
    monkeypatch.setattr(sources, "read_workspace", tables)

    def ask(*arguments: object, command: Any = icp) -> tuple[int, str, str]:
        code = command.main([*map(str, arguments), "--store", str(made / "store")])
        found = capsys.readouterr()
        return code, found.out, found.err

    return ask


@pytest.fixture
def document(made: Path, ask: Ask) -> dict[str, Any]:
    """The previous champion against the champion."""
    code, out, _ = ask("diff", made / "acme", "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_that_the_accounts_are_of_another_company_is_noted(demo_bundle: ModelBundle, planted: TrainedWorld) -> None:
    found, now = profiles(demo_bundle, ("established-1", "employees", ">=", 200.0)), demo_bundle.trained_on
    noted = []
    for company in ("Beta", planted.tables.settings.company.name):
        old, new = (Named(version_of(demo_bundle, found, now, company=company), number) for number in ("1", "2"))
        noted.append(
            [note for note in compare(old, new, (planted.tables, planted.tables))["notes"] if "those of" in note]
        )
    assert len(noted[0]) == 1 and noted[0][0].endswith("the profiles those of Beta.") and noted[1] == []


def test_the_champion_is_compared_with_the_one_before(document: dict[str, Any]) -> None:
    assert (document["from"]["version"], document["to"]["version"]) == ("1", "2")
    assert document["from"]["data_until"] == THEN and document["tiers"]["as_of"]["from"] == THEN
    assert [one["id"] for one in document["entered"]] == ["established-1", "negative-1"]
    moved = document["moved"][0]
    assert (moved["was"]["id"], moved["now"]["id"], moved["changes"]) == (
        "established-1", "established-2", ["renamed", "widened"],
    )  # fmt: skip
    assert moved["was"]["accounts"] < moved["now"]["accounts"] and 0 < moved["overlap"] < 1
    assert document["none_because"] is None and document["left"] == [] and document["monday"]


def test_tiers_are_those_of_the_accounts_then_and_now(document: dict[str, Any], planted: TrainedWorld) -> None:
    """Against the rules by hand: employees and industry of the planted company never change."""
    tiers = document["tiers"]
    firms = planted.tables.tables["accounts"].rows.set_index("_account_id")
    assert tiers["changed"] and sum(tiers["by_cause"][name] for name in ("data", "model", "policy")) == pytest.approx(
        len(tiers["changed"])
    )
    for one in tiers["changed"]:
        firm = firms.loc[one["account_id"]]
        was = "A" if firm.employees >= 200 else "B" if firm.employees >= 180 else "C"
        good = firm.employees >= 150 or firm.region == "north"
        now = "D" if firm.industry == "retail" else "A" if good else "B" if firm.employees >= 142.5 else "C"
        assert (one["from"], one["to"]) == (was, now), firm
        assert one["parts"]["model"] > 0 and one["parts"]["data"] == 0 and one["why"].startswith("model: it ")
    counted = {(t["from"], t["to"]): t["accounts"] for t in tiers["transitions"]}
    assert counted["A", "D"] == sum((o["from"], o["to"]) == ("A", "D") for o in tiers["changed"])
    # Every company of the table is a prospect before it buys, so none arrives; former customers are neither.
    assert tiers["accounts"]["arrived"] == 0 < tiers["accounts"]["gone"]


@pytest.mark.parametrize(
    ("name", "begins"), [("d.html", "<!doctype"), ("d.md", "# Acme"), ("d.csv", "account_id"), ("d.json", "{")]
)
def test_the_form_follows_the_name_of_the_file(made: Path, ask: Ask, tmp_path: Path, name: str, begins: str) -> None:
    code, out, _ = ask("diff", made / "acme", "--profiles-only", "--out", tmp_path / name, "--json")
    assert code == 0 and json.loads(out)["out"] == str(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8").lower().startswith(begins.lower())


def test_profiles_alone_need_no_table(made: Path, ask: Ask) -> None:
    _, out, _ = ask("diff", made / "acme", "--profiles-only", "--json")
    found = json.loads(out)
    assert len(found["entered"]) == 2 and found["tiers"]["changed"] == [] and found["tiers"]["none_because"]


def test_a_version_without_a_profile_takes_every_tier_away(made: Path, ask: Ask) -> None:
    _, out, _ = ask("diff", made / "acme", "--from", "1", "--to", "3", "--json")
    found = json.loads(out)
    assert [one["id"] for one in found["left"]] == ["established-1"]
    assert {one["to"] for one in found["tiers"]["changed"]} == {None}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--from", "2"), 2, "found version 2 twice"),
        (("--from", "99"), 2, "there is no version 99"),
        (("--from", "latest"), 2, "a version's number"),
        (("--to", "4"), 2, "Version 1 is a model of Acme, version 4 of Beta"),
        (("--out", "d.pdf"), 2, "ending in .html"),
    ],
)
def test_what_cannot_be_compared_is_named(
    made: Path, ask: Ask, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert (found := ask("diff", made / "acme", *arguments))[0] == code and said in found[2]


def test_without_a_previous_champion_it_asks_for_a_version(made: Path, ask: Ask, tmp_path: Path) -> None:
    code = icp.main(["diff", str(made / "acme"), "--store", str(tmp_path / "empty")])
    assert code == 1


def test_the_versions_of_another_company_are_refused(made: Path, ask: Ask) -> None:
    code, out, _ = ask("diff", made / "stranger", "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (1, "no_model") and "a model of Acme" in error["message"]


def test_a_bundle_of_another_form_is_named_with_a_remedy(made: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from leap.bundle import document as of_bundle

    monkeypatch.setattr(of_bundle, "FORMAT", 2)
    code, _, err = ask("diff", made / "acme")
    assert code == 2 and "Version 1 cannot be compared" in err and "leap train DIR --data-until D" in err


def test_a_workspace_named_diff_is_a_workspace(
    made: Path, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "diff").mkdir()
    (tmp_path / "diff" / "leap.toml").write_text(
        (made / "acme" / "leap.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    code, out, _ = ask("diff", "--json")
    assert code == 0 and json.loads(out)["version"] == "2"


# --- every version has its own ICP


def test_every_version_answers_with_its_own_profiles(made: Path, ask: Ask) -> None:
    code, out, _ = ask("--json", command=models)
    counted = {one["version"]: one["icp_profiles"] for one in json.loads(out)["versions"]}
    assert code == 0 and counted == {"1": 1, "2": 3, "3": 0, "4": 1}
    for version in ("1", "2", "3"):
        _, out, _ = ask(made / "acme", "--version", version, "--json")
        assert len(json.loads(out)["icps"]) == counted[version]


# --- publishing


def test_scoring_alone_publishes_nothing_and_publishing_twice_changes_nothing(
    made: Path, ask: Ask, tmp_path: Path
) -> None:
    asked = (made / "acme", "--version", "2", "--out", tmp_path / "s.csv", "--json")
    code, out, _ = ask(*asked, command=score)
    alone = (tmp_path / "s.csv").read_bytes()
    assert code == 0 and "tiers" not in json.loads(out) and not (made / "store" / "tiers").exists()
    _, out, _ = ask(*asked, "--publish-tiers", command=score)
    first = json.loads(out)["tiers"]
    kept = Path(first["file"]).read_bytes()
    _, out, _ = ask(*asked, "--publish-tiers", command=score)
    again = json.loads(out)["tiers"]
    assert (tmp_path / "s.csv").read_bytes() == alone and Path(first["file"]).read_bytes() == kept
    assert (again["changed"], again["arrived"], again["counts"]) == (0, 0, first["counts"])
    assert first["watched_from"] < first["as_of"]
    code, _, err = ask(*asked[:-1], "--as-of", "2023-07-01", "--publish-tiers", command=score)
    assert code == 2 and "published already" in err
