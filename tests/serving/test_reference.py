"""docs/api.md is what its generator makes of the OpenAPI document and of answers that real services gave."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from serving.reference.__main__ import kind_of
from serving.reference.page import PAGE, Example, Reference, examples, reference, template
from serving.reference.shortened import shortened, undeclared


@pytest.fixture(scope="module")
def page() -> Reference:
    return reference()


def test_the_page_is_what_the_generator_gives(page: Reference) -> None:
    found = PAGE.read_text(encoding="utf-8")
    assert found == page.written(template()), "run: python -m serving.reference"
    assert "[[" not in re.sub(r"```.*?```", "", found, flags=re.DOTALL)


def test_every_route_has_a_section_with_an_example_and_every_type_a_table(page: Reference) -> None:
    found = PAGE.read_text(encoding="utf-8")
    told = {example.route for example in examples()}
    assert told == set(page.routes) - {"GET /livez", "GET /metrics"}
    assert all(f"\n## {route}\n" in found for route in told)
    wanted = set(page.document["components"]["schemas"]) - {"ErrorAnswer", "ErrorBody"}
    assert set(re.findall(r"^### (\w+)$", found, re.MULTILINE)) == wanted


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.id)
def test_answers_that_real_services_gave_fit_their_types(page: Reference, example: Example) -> None:
    kind = kind_of(page.routes[example.route])
    kind.model_validate(example.answer)
    assert list(undeclared(kind, example.answer)) == []


def test_a_mark_that_means_nothing_is_refused(page: Reference) -> None:
    with pytest.raises(ValueError, match="expected"):
        page.written("[[nonsense]]\n")


class Inner(BaseModel):
    size: float
    names: list[str]


class Outer(BaseModel):
    inner: Inner | None
    by_name: dict[str, Inner]


def test_a_shortened_answer_keeps_every_field_that_its_type_names() -> None:
    inner = {"size": 0.123456, "names": ["a", "b"]}
    answer = {"inner": inner, "by_name": dict.fromkeys("abc", inner)}
    short = {"size": 0.1235, "names": ["a"]}
    assert shortened(Outer, answer) == {"inner": short, "by_name": {"a": short, "b": short}}
    assert list(undeclared(Outer, {**answer, "more": 1, "inner": {**inner, "odd": 2}})) == [".inner.odd", ".more"]
