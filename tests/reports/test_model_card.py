"""The model card: what a reader looks for is there, and nothing in it is undefined or markup of others."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml

from leap.bundle.model_bundle import ModelBundle
from leap.reports import model_card
from tests.reports.searches import NOTE, SCRIPT, bundle_with, search


@pytest.fixture(scope="module")
def bundle(demo_bundle: ModelBundle) -> ModelBundle:
    return bundle_with(demo_bundle, search(), name=f'A: "b" #{SCRIPT}\n---')


@pytest.fixture(scope="module")
def card(bundle: ModelBundle) -> str:
    return model_card.render(bundle)


def test_the_front_matter_is_yaml_that_says_what_the_model_is(
    card: str, bundle: ModelBundle, demo_bundle: ModelBundle
) -> None:
    _, front, body = card.split("---\n", 2)
    about = yaml.safe_load(front)
    assert about["company"] == f'A: "b" #{SCRIPT} ---' and body.startswith("\n# Model card")
    assert about["catalog_fingerprint"] == demo_bundle.fingerprint
    assert about["definition_hash"] == bundle.definition_hash
    figures = about["model-index"][0]["results"][0]["metrics"]
    churn = demo_bundle.quality["health"]["outcomes"]["churn"]["metrics"]["auc"]["value"]
    assert {"type": "auc", "name": "Churn, customers: AUC", "value": churn} in figures


@pytest.mark.parametrize(
    "heading",
    [
        "Details",
        "Intended use",
        "Out of scope",
        "Data",
        "Outcomes and definitions",
        "Selection",
        "Metrics",
        "Calibration",
        "Intervals",
        "Folds",
        "Leaks and notes",
        "Limits",
        "How to reproduce",
    ],
)
def test_every_section_is_there(card: str, heading: str) -> None:
    assert f"\n## {heading}\n" in card


def test_tables_have_as_many_cells_as_their_heads(card: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE)
    assert len(tables) >= 7
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_what_is_undefined_is_a_dash(bundle: ModelBundle) -> None:
    health = bundle.quality["health"]
    outcomes = {**health["outcomes"], "churn": {**health["outcomes"]["churn"]}}
    outcomes["churn"]["calibration"] = {"slope": None, "mean_predicted": float("nan"), "mean_observed": 0.1}
    outcomes["churn"]["metrics"] = {"auc": {"value": None, "low": None, "high": None, "baseline": 0.5}}
    card = model_card.render(replace(bundle, quality={**bundle.quality, "health": {**health, "outcomes": outcomes}}))
    assert "| customers | Churn | – | 10.0% | – |" in card
    assert not re.search(r"\b(nan|None|null|inf)\b", card)


def test_names_with_markup_are_inert_and_money_has_its_note(card: str) -> None:
    assert SCRIPT not in card.split("---\n", 2)[2]
    assert NOTE in card
