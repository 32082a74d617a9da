"""The card's page says what its Markdown says, sections appear with their keys, and nothing of others is markup."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.evaluation import slices
from leap.explanation import pictures
from leap.reports import markdown_page, model_card
from tests.reports.markup import Markup
from tests.reports.searches import SCRIPT, bundle_with, search
from tests.worlds import TrainedWorld

HOSTILE = f'A: "b" #{SCRIPT} | **x** `y` <img src=x onerror=alert(1)> =HYPERLINK("http://evil")'
GATE = [
    {"check": "claim", "passed": True, "ours": None, "theirs": None, "low": None, "high": None, "words": "a | b"},
    {"check": "champion.auc", "passed": False, "ours": 0.61, "theirs": 0.7, "low": -0.1, "high": -0.05, "words": "no"},
]


def with_quality(bundle: ModelBundle, **more: Any) -> ModelBundle:
    health = {**bundle.quality["health"], **more}
    return replace(bundle, quality={**bundle.quality, "health": health})


@pytest.fixture(scope="module")
def hostile(demo_bundle: ModelBundle) -> ModelBundle:
    return bundle_with(demo_bundle, search(), name=HOSTILE)


def test_names_with_markup_are_text_and_the_page_asks_for_nothing(hostile: ModelBundle) -> None:
    page = Markup(markdown_page.page(model_card.render(hostile)))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "a"}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    links = [attributes.get("href") for tag, attributes in page.tags if tag == "link"]
    assert links == ["data:,"]
    assert f"Model card: Leap for {HOSTILE}" in page.text, "every character of the name, and nothing of it markup"


def test_every_heading_and_figure_of_the_markdown_stands_on_the_page(demo_bundle: ModelBundle) -> None:
    card = model_card.render(demo_bundle)
    page = markdown_page.page(card)
    body = card.split("\n---\n", 1)[1]
    assert re.findall(r"<h2>(.*?)</h2>", page) == re.findall(r"^## (.*)$", body, re.MULTILINE)
    figures = re.findall(r"\d+\.\d+", "\n".join(line for line in body.splitlines() if line.startswith("|")))
    text = " ".join(Markup(page).text)
    assert len(figures) > 50 and all(figure in text for figure in figures)
    assert len(re.findall("<tr>", page)) == len(re.findall(r"^\|", body, re.MULTILINE)) - len(
        re.findall(r"^\|[-:|]+\|$", body, re.MULTILINE)
    ) - len(re.findall(r"^\| \| \|$", body, re.MULTILINE))


def test_pictures_are_inside_the_file(demo_bundle: ModelBundle, tmp_path: Path) -> None:
    pictures.calibration_picture(np.array([0.0, 1.0] * 20), np.linspace(0, 1, 40), "t", tmp_path / "calibration.png")
    _, page = model_card.write(model_card.render(demo_bundle), tmp_path)
    sources = [attributes["src"] for tag, attributes in Markup(page.read_text("utf-8")).tags if tag == "img"]
    assert len(sources) == 1 and sources[0] is not None
    assert base64.b64decode(sources[0].partition(",")[2]) == (tmp_path / "calibration.png").read_bytes()


def test_sections_appear_with_their_keys_and_are_absent_without(planted: TrainedWorld) -> None:
    plain = model_card.render(with_quality(planted.bundle, slices=[], intervals={}, survival=None))
    optional = ("### Metrics by segment", "### Coverage by segment", "## Survival", "## Gate")
    assert not any(heading in plain for heading in optional)
    figure = {"value": 0.66, "low": 0.6, "high": 0.7, "baseline": 0.5}
    segment = {"by": "Industry", "value": "x|y", "n_rows": 9, "n_accounts": 5, "coverage": 0.9, "low": 0.8, "high": 1.0}
    full = with_quality(
        planted.bundle,
        slices=slices(planted.found, planted.health, draws=20),
        intervals={"segments": [segment], "alarm": "too low in x"},
        survival={"c_index": figure, "ibs": figure},
    )
    card = model_card.render(full, gate=GATE, bundle_hash="ab" * 32)
    assert all(f"\n{heading}\n" in card for heading in optional)
    assert "| customers | Churn | Industry | retail |" in card and "too low in x" in card
    assert "| champion.auc | NO | no | 0.610 | 0.700 |" in card and "Not passed." in card and "ab" * 32 in card
    assert not re.search(r"\b(nan|None|null|inf)\b", card)
    for table in re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_a_tuning_that_time_stopped_promises_no_same_model(planted: TrainedWorld) -> None:
    same, other = "give the same model", "may give another model"
    plain = model_card.render(planted.bundle)
    assert same in plain and other not in plain and "stopped by time" not in plain
    tuned = {**planted.bundle.trained, "trials": 1000, "tuning": {"stopped_by_time": True}}
    card = model_card.render(replace(planted.bundle, trained=tuned), bundle_hash="ab" * 32)
    assert "at most 1000 tuning trials, stopped by time" in card and other in card and same not in card
    assert "SHA-256 of the bundle's manifest" in card


def test_the_hash_is_the_one_that_the_registry_keeps(demo_bundle_folder: Path, tmp_path: Path) -> None:
    from leap.bundle.files import read_folder
    from leap.registry.copies import identity_of

    assert model_card.hash_of(demo_bundle_folder) == identity_of(read_folder(demo_bundle_folder))
    assert model_card.hash_of(tmp_path) is None


def test_the_picture_of_the_folds_is_a_picture(planted: TrainedWorld, tmp_path: Path) -> None:
    from leap.evaluation.fold_figures import fold_spans

    pictures.folds_picture(fold_spans(planted.health), tmp_path / "folds.png")
    assert (tmp_path / "folds.png").read_bytes().startswith(b"\x89PNG")
