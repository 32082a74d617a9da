"""The documents of one live model: made once, remembered, and of one list at a time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from leap.errors import UnknownVersion
from leap.scoring import Scorer
from leap.scoring import documents as made_of
from serving import documents
from serving.documents import Documents, Remembered
from serving.errors import Refused
from serving.live import LiveModel, Served
from serving.reference.shortened import undeclared
from serving.schemas import IcpAnswer, IcpDiffAnswer, KpisAnswer, ModelAnswer, TargetsAnswer
from tests.serving.conftest import ask
from tests.serving.fakes import fake_served
from tests.serving.test_app import validator_for
from tests.worlds import TrainedWorld


def no_deadline() -> None:
    """Work may take as long as it takes."""


class OneVersion:
    """Other versions: one, which was champion before."""

    def __init__(self, bundle: Any) -> None:
        self._bundle = bundle

    def bundle(self, version: str) -> Any:
        if version != "6":
            raise UnknownVersion(f"There is no version {version}.")
        return self._bundle

    def previous(self, champion: str) -> str:
        return "6"


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture
def own(scorer: Scorer) -> Documents:
    before = replace(scorer.bundle, icp=replace(scorer.bundle.icp, profiles=scorer.bundle.icp.profiles[:1]))
    return Documents(scorer, versions=OneVersion(before))  # type: ignore[arg-type]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of what was made, each time that it was."""
    made: list[str] = []
    for name in ("kpis_document", "targets_of", "targets_document", "icp_diff_document"):
        original = getattr(made_of, name)

        def noted(*given: Any, _name: str = name, _original: Any = original, **more: Any) -> Any:
            made.append(_name)
            return _original(*given, **more)

        monkeypatch.setattr(made_of, name, noted)
    yield made


def test_documents_of_a_real_model_fit_their_types_and_hold_nothing_that_is_not_told_of(own: Documents) -> None:
    found: list[tuple[type[BaseModel], bytes]] = [
        (IcpAnswer, own.icp()),
        (ModelAnswer, own.model()),
        (KpisAnswer, own.kpis()),
        (TargetsAnswer, own.target_list({"capacity": 5}, 3, no_deadline)),
        (IcpDiffAnswer, own.icp_diff("previous", "champion", no_deadline)),
    ]
    for kind, content in found:
        kind.model_validate_json(content)
        document = json.loads(content)
        assert list(undeclared(kind, document)) == []
        assert document["model"]["version"] == "7"


def test_the_model_tells_nothing_of_how_it_was_made(own: Documents) -> None:
    document = json.loads(own.model())
    assert set(document) & {"libraries", "problems", "seed", "trials", "tuning"} == set()


def test_a_document_is_made_once_also_for_those_who_ask_at_once(own: Documents, counted: list[str]) -> None:
    threads = [threading.Thread(target=own.kpis) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own.kpis()
    assert counted == ["kpis_document"]


def test_what_cannot_be_made_ahead_is_no_fault_of_whoever_prepares() -> None:
    alone = Documents(None)  # type: ignore[arg-type]
    alone.prepare()
    with pytest.raises(AttributeError):
        alone.icp()


def test_a_list_is_made_once_for_all_that_is_shown_of_it(own: Documents, counted: list[str]) -> None:
    for limit in (1, 2, 2, 1):
        document = json.loads(own.target_list({"capacity": 4}, limit, no_deadline))
        assert (document["shown"], document["totals"]["accounts"]) == (limit, 4)
    assert counted == ["targets_of", "targets_document", "targets_document"]
    own.target_list({"capacity": 3}, 1, no_deadline)
    assert counted.count("targets_of") == 2


def test_while_a_list_is_made_another_one_is_asked_to_come_again(
    own: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "WAIT_SECONDS", 0.01)
    with own._one_list, pytest.raises(Refused) as raised:
        own.target_list({}, 1, no_deadline)
    assert raised.value.status == 429
    own.target_list({}, 1, no_deadline)


def test_work_that_is_too_late_is_given_up(own: Documents, counted: list[str]) -> None:
    class Passed(Exception):
        pass

    def passed() -> None:
        raise Passed

    with pytest.raises(Passed):
        own.target_list({}, 1, passed)
    assert "targets_document" not in counted


def test_versions_go_by_number_or_alias_and_are_compared_once(own: Documents, counted: list[str]) -> None:
    named = json.loads(own.icp_diff("previous", "champion", no_deadline))
    assert (named["from"]["version"], named["to"]["version"]) == ("6", "7")
    assert own.icp_diff("6", "7", no_deadline) == own.icp_diff("previous", "7", no_deadline)
    assert counted == ["icp_diff_document"]
    assert json.loads(own.icp_diff("champion", "6", no_deadline))["to"]["version"] == "6"
    with pytest.raises(UnknownVersion):
        own.icp_diff("5", "champion", no_deadline)


def test_a_service_without_a_registry_knows_its_own_version_alone(scorer: Scorer) -> None:
    alone = Documents(scorer)
    for old in ("previous", "6"):
        with pytest.raises(UnknownVersion, match="no registry"):
            alone.icp_diff(old, "champion", no_deadline)


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    kept = Remembered[str, int](2)
    for name, value in (("a", 1), ("b", 2)):
        kept.keep(name, value)
    assert kept.get("a") == 1
    kept.keep("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_the_openapi_document_of_a_real_model_is_valid_and_all_that_it_shows_works(scorer: Scorer) -> None:
    client = ask(LiveModel(Served(scorer, scorer.bundle.settings.company)))
    document = client.get("/docs.json").json()
    validate(document)
    shown = [(path, "post", example["value"]) for path, item in document["paths"].items()
             for example in item.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
             .get("examples", {}).values()]  # fmt: skip
    assert {path for path, _, _ in shown} == {"/v1/score", "/v1/prospects"}
    of = {one["name"]: one for item in document["paths"].values() for one in item.get("get", {}).get("parameters", ())}
    shown += [(f"/v1/accounts/{of['account_id']['example']}?top=2", "get", None), ("/v1/target-list", "get", None)]
    shown += [
        (f"/v1/target-list?per_segment=1&segment={name}", "get", None) for name in of["segment"]["schema"]["enum"]
    ]
    shown += [("/v1/target-list?per_segment=1", "get", None), ("/v1/icp/diff?from=champion", "get", None)]
    shown += [(path, "get", None) for path in ("/v1/icp", "/v1/kpis", "/v1/model", "/readyz")]
    for path, method, body in shown:
        operation = operation_of(document, path, method)
        if body is not None:
            validator_for(operation["requestBody"]["content"]["application/json"]["schema"], document).validate(body)
        answer = client.get(path) if body is None else client.post(path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        promised = operation["responses"]["200"]["content"]["application/json"]["schema"]
        validator_for(promised, document).validate(answer.json())


def operation_of(document: dict[str, Any], path: str, method: str) -> Any:
    plain = path.partition("?")[0]
    return document["paths"]["/v1/accounts/{account_id}" if "accounts" in plain else plain][method]


def test_what_pages_are_made_from_is_made_once_a_name_even_where_it_is_nothing() -> None:
    served, made = fake_served("7"), Counter[str]()

    def make(name: str) -> None:
        made[name] += 1

    def outer() -> str:
        with ThreadPoolExecutor(1) as other:  # another page is not kept waiting by this one
            other.submit(served.once, "inner", lambda: make("inner")).result(timeout=5)
        return "outer"

    assert [served.once("outer", outer) for _ in range(2)] == ["outer"] * 2
    assert served.once("inner", lambda: make("inner")) is None
    assert made == {"inner": 1}
