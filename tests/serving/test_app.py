"""Routes: what is asked, what is answered, what is refused, and that /docs.json tells the truth about it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from pydantic import BaseModel

from leap.errors import BundleError
from serving.errors import Refused
from serving.lanes import Lanes
from serving.live import LiveModel, Problem, Served
from serving.reference.shortened import undeclared
from serving.schemas import (
    AccountAnswer,
    IcpAnswer,
    IcpDiffAnswer,
    KpisAnswer,
    ModelAnswer,
    Ready,
    ScoresAnswer,
    TargetsAnswer,
)
from tests.serving.conftest import ask
from tests.serving.fakes import FakeScorer, fake_served
from tests.serving.test_guard import JSON, assert_error


def test_known_customers_are_scored_and_others_named(client: Any) -> None:
    answer = client.post("/v1/score", json={"account_ids": ["a2", "nobody", "a1"], "top": 2})
    assert answer.status_code == 200
    document = answer.json()
    ScoresAnswer.model_validate(document)
    assert document["model"] == {"name": "leap", "version": "7", "trained_on": "2026-10-01"}
    assert (document["definition_hash"], document["as_of"]) == ("d41f0c9e", "2026-11-01")
    assert [score["account_id"] for score in document["scores"]] == ["a2", "a1"]
    assert document["not_found"] == ["nobody"]
    assert document["not_found_because"] == {"nobody": "no table holds it"}
    assert [len(score["reasons"]) for score in document["scores"]] == [2, 2]


@pytest.mark.parametrize(("asked", "reasons"), [({}, 5), ({"top": 0}, 6), ({"top": 1}, 1)])
def test_base_reasons_and_residual_add_up_for_any_top(client: Any, asked: dict[str, int], reasons: int) -> None:
    score = client.post("/v1/score", json={"account_ids": ["a1"], **asked}).json()["scores"][0]
    assert len(score["reasons"]) == reasons
    listed = sum(reason["nrr_points"] for reason in score["reasons"])
    assert score["base"]["nrr"] + listed + score["residual"] == pytest.approx(score["nrr"]["point"], abs=1e-9)
    points = {
        ("churn_probability", "probability_points"): score["churn"]["p"],
        ("margin", "margin"): score["churn"]["margin"],
        ("money", "money"): score["nrr"]["point"] * score["mrr"],
    }
    for (base, unit), point in points.items():
        listed = sum(reason[unit] for reason in score["reasons"])
        assert score["base"][base] + listed + score["residuals"][unit] == pytest.approx(point, abs=1e-9), unit


def test_one_account_and_scores_of_several_have_one_form(client: Any) -> None:
    several = client.post("/v1/score", json={"account_ids": ["a1", "a49"], "top": 3}).json()
    of_several = ("scores", "not_found", "not_found_because", "refused")
    for score in several["scores"]:
        alone = client.get(f"/v1/accounts/{score['account_id']}?top=3").json()
        assert alone == {
            **{key: part for key, part in several.items() if key not in of_several},
            **score,
        }


def test_the_document_names_the_unit_of_every_figure_of_a_reason(client: Any) -> None:
    types = client.get("/docs.json").json()["components"]["schemas"]
    said = types["Reason"]["properties"]
    for unit, words in (
        ("margin", "Log-odds of churn before calibration"), ("probability_points", "churn probability"),
        ("nrr_points", "Points of NRR"), ("money", "MRR a month"),
    ):  # fmt: skip
        assert words in said[unit]["description"]
    assert set(types["Parts"]["properties"]) == {"churn", "contraction", "expansion"}
    assert "before calibration" in types["Churn"]["properties"]["margin"]["description"]


def test_accounts_with_features_and_with_rows_come_back_in_the_order_asked(client: Any) -> None:
    accounts = [
        {"account_id": "x", "tables": {"usage": [{"day": "2026-10-01", "users": 3}]}},
        {"account_id": "y", "features": {"employees": 12, "industry": "Software", "country": None}},
        {"account_id": "z", "tables": {"usage": []}},
    ]
    document = client.post("/v1/score", json={"accounts": accounts, "as_of": "2026-10-15"}).json()
    assert [score["account_id"] for score in document["scores"]] == ["x", "y", "z"]
    assert document["as_of"] == "2026-10-15"


BAD: dict[str, Any] = {"usage": [{"day": "2026-10-01", "users": -1}]}


@pytest.mark.parametrize("bad", [(1,), (0, 2, 3), (4,), (0, 1, 2, 3, 4)])
def test_accounts_whose_rows_allow_no_score_stand_apart_and_all_keep_their_order(
    client: Any, bad: tuple[int, ...]
) -> None:
    """Accounts with rows and with features in one request, some of one name: each is in one list, and once."""
    names = ["x", "y", "x", "z", "y"]
    accounts = [{"account_id": n, "tables": BAD if i in bad else {"usage": []}} for i, n in enumerate(names)]
    accounts[3:3] = [{"account_id": "f", "features": {}}]
    document = client.post("/v1/score", json={"accounts": accounts}).json()
    ScoresAnswer.model_validate(document)
    assert list(undeclared(ScoresAnswer, document)) == []
    assert [one["account_id"] for one in document["refused"]] == [names[i] for i in bad]
    scored = [n for i, n in enumerate(names) if i not in bad]
    scored.insert(sum(i not in bad for i in range(3)), "f")
    assert [score["account_id"] for score in document["scores"]] == scored
    assert document["not_found"] == []


def test_a_request_of_which_all_is_refused_is_answered_with_why(client: Any) -> None:
    answer = client.post("/v1/score", json={"accounts": [{"account_id": "x", "tables": BAD}]})
    assert answer.status_code == 200
    (one,) = answer.json()["refused"]
    assert answer.json()["scores"] == []
    assert (one["code"], one["details"][0]["rule"], one["message"]) == (
        "table",
        "negative",
        "x: usage, row 1: negative.",
    )


def test_a_day_that_is_ahead_is_refused_of_features_as_of_rows(client: Any) -> None:
    for given in ({"features": {}}, {"tables": {"usage": []}}):
        answer = client.post("/v1/score", json={"accounts": [{"account_id": "x", **given}], "as_of": "2190-01-01"})
        assert_error(answer, 422, "usage")


def test_an_account_that_abstains_says_why_and_has_nulls(client: Any) -> None:
    document = client.get("/v1/accounts/a49").json()
    AccountAnswer.model_validate(document)
    assert document["abstained"] == "already_leaving"
    assert document["nrr"]["point"] is None


def test_one_account_is_its_score_with_the_model_beside_it(client: Any) -> None:
    document = client.get("/v1/accounts/a1?top=0").json()
    AccountAnswer.model_validate(document)
    assert document["account_id"] == "a1" and document["model"]["version"] == "7" and len(document["reasons"]) == 6
    answer = client.get("/v1/accounts/ax%2F..%2Fa1")
    assert_error(answer, 404, "unknown_account")
    assert answer.json()["error"]["details"] == ["ax/../a1"]


def test_an_id_with_a_line_feed_is_an_id_and_no_other_address(client: Any) -> None:
    """One at the end is not passed over: the id with it is another one, as in `account_ids`."""
    for told, account in (("a1%0A", "a1\n"), ("a1%0Ab", "a1\nb"), ("%0Aa1", "\na1")):
        answer = client.get(f"/v1/accounts/{told}")
        assert_error(answer, 404, "unknown_account")
        assert answer.json()["error"]["details"] == [account]
        assert client.post("/v1/score", json={"account_ids": [account]}).json()["not_found"] == [account]
    assert_error(client.get("/v1/icp%0A"), 404, "not_found")
    assert_error(client.get("/livez%0A"), 404, "not_found")


def test_prospects_are_rated_by_what_is_true_before_they_buy(client: Any) -> None:
    document = client.post("/v1/prospects", json={"prospects": [{"id": "p1", "attributes": {"employees": 80}}]}).json()
    ScoresAnswer.model_validate(document)
    assert document["scores"][0]["account_id"] == "p1" and document["scores"][0]["mrr"] is None


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/score", {"accounts": [{"account_id": "x", "features": {"employes": 5}}]}, "catalog"),
        ("/v1/score", {"accounts": [{"account_id": "x", "tables": {"usages": []}}]}, "table"),
        ("/v1/prospects", {"prospects": [{"id": "p", "attributes": {"active_days_28d": 5}}]}, "catalog"),
    ],
)
def test_what_the_model_does_not_know_is_422_with_what_it_knows(
    client: Any, path: str, body: dict[str, Any], code: str
) -> None:
    answer = client.post(path, json=body)
    assert_error(answer, 422, code)
    assert "xpected some of" in answer.json()["error"]["message"]


def one_account(**cells: object) -> dict[str, Any]:
    return {"accounts": [{"account_id": "x", "features": cells}]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "a1",
        None,
        {"account_ids": []},
        {"account_ids": "a1"},
        {"account_ids": [1]},
        {"account_ids": [""]},
        {"account_ids": ["a" * 1001]},
        {"account_ids": ["a"] * 1001},
        {"account_ids": ["a1"], "accounts": []},
        {"account_ids": ["a1"], "accounts": [{"account_id": "x", "features": {}}]},
        {"account_ids": ["a1"], "top": -1},
        {"account_ids": ["a1"], "top": "all"},
        {"account_ids": ["a1"], "as_of": "soon"},
        {"account_ids": ["a1"], "as_of": "2026-10-01"},
        {"account_ids": ["a1"], "tpo": 3},
        {"accounts": [{"account_id": "x"}]},
        {"accounts": [{"account_id": "x", "features": {}, "tables": {}}]},
        {"accounts": [{"account_id": "x", "features": {}}] * 1001},
        {"accounts": [{"account_id": "x", "tables": {"usage": [{}] * 10_001}}]},
        {"accounts": [{"account_id": "x", "tables": {"usage": [[1]]}}]},
        one_account(employees=[1]),
        one_account(employees={"a": 1}),
        one_account(employees="x" * 1001),
        one_account(employees=10**400),
        one_account(**{"k" * 1001: 1}),
    ],
)
def test_what_breaks_the_schema_is_422_with_the_place(client: Any, body: Any) -> None:
    answer = client.post("/v1/score", content=json.dumps(body), headers=JSON)
    assert_error(answer, 422, "invalid")
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_422(client: Any, number: str) -> None:
    body = b'{"accounts": [{"account_id": "x", "features": {"employees": %s}}]}' % number.encode()
    answer = client.post("/v1/score", content=body, headers=JSON)
    assert_error(answer, 422, "invalid")
    assert answer.json()["error"]["details"][0]["where"] == "body.accounts.0.features.employees"


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"nonsense", b"\xff\xfe{}", b'{"account_ids": ["a1"]} trailing', b"[" * 100_000,
        b'{"account_ids":' + b"[" * 50_000 + b"]" * 50_000 + b"}", b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["open", "empty", "word", "not utf-8", "trailing", "deep", "deep and closed", "number too long"],
)  # fmt: skip
def test_what_is_no_json_or_nested_without_end_is_refused(client: Any, body: bytes) -> None:
    answer = client.post("/v1/score", content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    assert_error(answer, answer.status_code, {400: "malformed", 422: "invalid"}[answer.status_code])
    if body in (b"{", b"", b"nonsense", b"\xff\xfe{}", b"[" * 100_000):
        assert answer.status_code == 400


def test_text_that_is_no_unicode_is_refused_and_can_be_told(client: Any) -> None:
    for body in (
        b'{"account_ids": ["\\ud800"]}',
        b'{"accounts": [{"account_id": "x", "features": {"\\ud800": 1}}]}',
        b'{"accounts": [{"account_id": "x", "features": {"industry": "\\ud800"}}]}',
    ):
        assert_error(client.post("/v1/score", content=body, headers=JSON), 400, "malformed")


@pytest.mark.parametrize(
    ("path", "body", "where", "problem"),
    [
        ("/v1/score", {"account_ids": ["a1"], "topp": 1}, "body.topp", "unknown name; did you mean `top`?"),
        ("/v1/score", {"accounts": [{"account_id": "x", "feature": {}}]}, "body.accounts.0.feature",
         "unknown name; did you mean `features`?"),
        ("/v1/prospects", {"prospects": [{"id": "x", "attributes": {}, "q": 1}]}, "body.prospects.0.q",
         "unknown name; expected some of id, attributes"),
        ("/v1/score", [], "body", "an object expected"),
        ("/v1/icp/diff?form=1", None, "query.form", "unknown name; did you mean `from`?"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_known_is_refused_with_the_one_that_was_meant(
    client: Any, path: str, body: Any, where: str, problem: str
) -> None:
    answer = client.get(path) if body is None else client.post(path, json=body)
    assert_error(answer, 422, "invalid")
    assert {"where": where, "problem": problem} in answer.json()["error"]["details"]


def test_a_refusal_does_not_repeat_the_value(client: Any) -> None:
    answer = client.post("/v1/score", json=one_account(employees=["hidden-value"]))
    assert answer.status_code == 422 and "hidden-value" not in answer.text


DOCUMENTS: dict[str, type[BaseModel]] = {
    "/v1/icp": IcpAnswer,
    "/v1/icp/diff": IcpDiffAnswer,
    "/v1/kpis": KpisAnswer,
    "/v1/target-list": TargetsAnswer,
    "/v1/model": ModelAnswer,
}


@pytest.mark.parametrize(("path", "kind"), DOCUMENTS.items())
def test_documents_are_those_of_the_live_model_and_fit_their_types(
    client: Any, live: LiveModel, path: str, kind: type[BaseModel]
) -> None:
    document = client.get(path).json()
    kind.model_validate(document)
    scorer = live.take().scorer
    assert (document["model"], document["definition_hash"]) == (scorer.model_header(), scorer.definition_hash)
    assert list(undeclared(kind, document)) == []


def test_what_a_list_or_a_comparison_is_asked_for_is_passed_on(client: Any, live: LiveModel) -> None:
    documents: Any = live.take().documents
    client.get("/v1/target-list?budget=5000.5&capacity=3&quota=2&per_segment=4&segment=industry&limit=7")
    client.get("/v1/target-list")
    client.get("/v1/icp/diff?from=2&to=1")
    client.get("/v1/icp/diff")
    asked = {"budget": 5000.5, "capacity": 3, "quota": 2.0, "per_segment": 4, "segment": "industry"}
    assert documents.asked == [(asked, 7), ({}, 100), ("2", "1"), ("previous", "champion")]


@pytest.mark.parametrize(
    "query",
    ["budget=-1", "budget=nan", "budget=inf", "capacity=1.5", "limit=1001", "limit=-1", "limit=x", "segment=",
     "seconds=100", "budget=1&budget=2"],
)  # fmt: skip
def test_limits_of_a_list_that_are_none_are_422(client: Any, query: str) -> None:
    assert_error(client.get(f"/v1/target-list?{query}"), 422, "invalid")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("from=99", 404, "unknown_version"), ("to=98", 503, "registry"), ("from=latest", 422, "invalid"),
     ("from=0", 422, "invalid"), ("from=../1", 422, "invalid"), ("to=1234567890", 422, "invalid")],
)  # fmt: skip
def test_versions_that_cannot_be_compared_are_refused(client: Any, query: str, status: int, code: str) -> None:
    answer = client.get(f"/v1/icp/diff?{query}")
    assert_error(answer, status, code)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_without_a_model_scores_are_503_and_readyz_says_why() -> None:
    live = LiveModel()
    client = ask(live)
    answer = client.post("/v1/score", json={"account_ids": ["a1"]})
    assert_error(answer, 503, "no_model")
    assert int(answer.headers["retry-after"]) > 0
    live.problem = Problem("bundle", "models/churn.txt: checksum differs")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    Ready.model_validate(ready.json())
    assert ready.json()["ready"] is False and ready.json()["problem"] == "models/churn.txt: checksum differs"


def test_readyz_says_what_explains_scores(live: LiveModel) -> None:
    served = live.take()
    for engine in ("exact kernel", "LightGBM, slower"):
        live.swap(Served(served.scorer, served.company, explained_by=engine))
        ready = ask(live).get("/readyz")
        Ready.model_validate(ready.json())
        assert (ready.status_code, ready.json()["explained_by"]) == (200, engine)
    assert ask(LiveModel()).get("/readyz").json()["explained_by"] is None


def test_a_fault_of_the_scorer_is_a_500_in_the_one_form(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("hidden-value")

    monkeypatch.setattr(FakeScorer, "by_id", broken)
    answer = client.post("/v1/score", json={"account_ids": ["a1"]})
    assert_error(answer, 500, "internal")
    assert "hidden-value" not in answer.text


def test_a_damaged_bundle_met_while_scoring_is_503(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BundleError("models/churn.txt: gone")

    monkeypatch.setattr(FakeScorer, "by_features", broken)
    assert_error(client.post("/v1/score", json=one_account(employees=1)), 503, "bundle")


def test_an_answer_during_a_swap_is_of_one_version(live: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The swap happens while the scorer works; header, scores and hash still come from the one taken at the start."""
    entered, go_on = threading.Event(), threading.Event()
    original = FakeScorer.by_id

    def slow(self: FakeScorer, ids: Any, top: int = 5) -> Any:
        entered.set()
        assert go_on.wait(5)
        scores, not_found = original(self, ids, top)
        return [{**score, "scored_by": self.version} for score in scores], not_found

    monkeypatch.setattr(FakeScorer, "by_id", slow)
    answers: list[Any] = []
    client = ask(live)
    asking = threading.Thread(target=lambda: answers.append(client.post("/v1/score", json={"account_ids": ["a1"]})))
    asking.start()
    assert entered.wait(5)
    go_on_with = fake_served("8")
    live.swap(go_on_with)
    go_on.set()
    asking.join()
    document = answers[0].json()
    assert (document["model"]["version"], document["scores"][0]["scored_by"]) == ("7", "7")
    assert client.get("/v1/model").json()["version"] == "8"


# ------------------------------------------------------------------ /docs.json


def test_the_openapi_document_is_valid_with_and_without_a_model(client: Any) -> None:
    validate(client.get("/docs.json").json())
    validate(ask(LiveModel()).get("/docs.json").json())


def test_every_route_and_body_is_typed_and_every_error_is_the_one_form(client: Any) -> None:
    document = client.get("/docs.json").json()
    assert set(document["paths"]) == {
        "/v1/score", "/v1/prospects", "/v1/accounts/{account_id}", "/v1/icp", "/v1/icp/diff", "/v1/kpis",
        "/v1/target-list", "/v1/model",
        "/livez", "/readyz", "/metrics",
    }  # fmt: skip
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["summary"]
            for status, answer in operation["responses"].items():
                schema = next(iter(answer["content"].values()))["schema"]
                assert "$ref" in schema or path in ("/livez", "/metrics"), (path, status)
                if int(status) >= 400 and path != "/readyz":
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_example_of_the_document_works_and_answers_as_promised(client: Any) -> None:
    document = client.get("/docs.json").json()
    tried = 0
    for path in ("/v1/score", "/v1/prospects"):
        operation = document["paths"][path]["post"]
        media = operation["requestBody"]["content"]["application/json"]
        for example in media["examples"].values():
            validator_for(media["schema"], document).validate(example["value"])
            answer = client.post(path, json=example["value"])
            assert answer.status_code == 200, answer.text
            promised = operation["responses"]["200"]["content"]["application/json"]["schema"]
            validator_for(promised, document).validate(answer.json())
            assert answer.json()["scores"]
            tried += 1
    assert tried == 3


@pytest.mark.parametrize(
    "path",
    ["/v1/accounts/a1", "/v1/accounts/a49", "/v1/icp", "/v1/icp/diff", "/v1/kpis", "/v1/target-list", "/v1/model", "/readyz"],
)  # fmt: skip
def test_answers_fit_the_document(client: Any, path: str) -> None:
    document = client.get("/docs.json").json()
    template = "/v1/accounts/{account_id}" if "accounts" in path else path
    promised = document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator_for(promised, document).validate(client.get(path).json())


def test_everything_in_the_document_is_told_of(client: Any) -> None:
    """Routes, parameters, types and fields have words; answers have the headers that they come with."""
    document = client.get("/docs.json").json()
    schemas = document["components"]["schemas"]
    untold = [name for name, schema in schemas.items() if not schema.get("description")]
    untold += [f"{name}.{field}" for name, schema in schemas.items() for field, one in schema.get("properties", {}).items()
               if not one.get("description")]  # fmt: skip
    ids = set()
    for path, item in document["paths"].items():
        for operation in item.values():
            ids.add(operation["operationId"])
            told = [operation, *operation.get("parameters", ())]
            untold += [f"{path} {one.get('name', '')}" for one in told if not one.get("description")]
            for status, answer in operation["responses"].items():
                wanted = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}.get(status, [])
                assert set(answer["headers"]) >= {"X-Request-ID", *wanted}, (path, status)
            assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
            assert ("security" in operation) == (path in ("/livez", "/readyz"))
            assert "security" in operation or {"401", "403"} <= set(operation["responses"])
    assert untold == []
    assert ids == {"score", "prospects", "account", "icp", "icp_diff", "kpis", "target_list", "model", "readyz", "livez",
                   "metrics"}  # fmt: skip
    assert "servers" not in document and document["components"]["securitySchemes"]["token"]["description"]


def test_examples_of_parameters_fit_and_work(client: Any) -> None:
    document = client.get("/docs.json").json()
    (parameter,) = (one for one in document["paths"]["/v1/accounts/{account_id}"]["get"]["parameters"]
                    if one["name"] == "account_id")  # fmt: skip
    assert client.get(f"/v1/accounts/{parameter['example']}").status_code == 200
    given = {}
    for one in document["paths"]["/v1/target-list"]["get"]["parameters"]:
        for example in one["schema"].get("examples", ()):
            validator_for(one["schema"], document).validate(example)
            given[one["name"]] = example
    assert set(given) == {"budget", "limit"}
    assert client.get("/v1/target-list", params=given).status_code == 200


def validator_for(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    return OAS31Validator({**schema, "components": document["components"]})


def test_readyz_waits_for_no_turn(live: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches over a busy service must not queue behind its requests."""

    async def no_turn(*_: object) -> None:
        raise Refused(429, "no turn")

    monkeypatch.setattr(Lanes, "small", no_turn)
    client = ask(live)
    assert client.get("/v1/icp").status_code == 429
    assert client.get("/readyz").json()["ready"] is True
