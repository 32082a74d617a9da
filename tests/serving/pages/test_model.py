"""The page of the model: how good it is in plain words, what it is judged by, and what is not known here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.config import Company
from leap.registry import VersionInfo
from leap.registry.versions import RegistryAway
from serving.documents import Documents
from serving.live import LiveModel, Served
from serving.pages.model import _verdict, told
from tests.serving.conftest import ask
from tests.serving.fakes import FakeScorer
from tests.serving.pages.hostile import HOSTILE
from tests.serving.pages.parsing import read

SAID = {
    "outcome": "churn", "at_days": 90, "accounts": 40, "look_ups": 40, "already_leaving": 0, "unranked": 0,
    "beyond_horizon": 0, "top_10": {"value": 0.3, "low": 0.2, "high": 0.45, "chance": 0.1, "stayed": 0.07},
    "top_20": {"value": 0.5, "low": 0.35, "high": 0.65, "chance": 0.2, "stayed": 0.15}, "mean_rank": {},
    "mean_probability": 0.31, "mean_base_rate": 0.18,
}  # fmt: skip

PART = {
    "outcome": "churn", "label": "Industry", "value": "retail", "low": None, "high": None, "n_rows": 90,
    "n_accounts": 40, "n_events": 9, "auc": {"value": 0.7, "low": 0.5, "high": 0.8, "baseline": 0.5},
    "ratio": {"value": 1.4, "low": 1.1, "high": 1.8, "baseline": 1.0},
}  # fmt: skip


class BundleScorer(FakeScorer):
    """A made-up scorer of a real bundle."""

    def __init__(self, bundle: ModelBundle) -> None:
        super().__init__()
        self.bundle = bundle


def with_quality(bundle: ModelBundle, **more: Any) -> ModelBundle:
    """The bundle with more known of its models of customers."""
    return replace(bundle, quality={**bundle.quality, "health": {**bundle.quality["health"], **more}})


def version(number: str, gate: str = "passed", tags: Mapping[str, str] | None = None, *aliases: str) -> VersionInfo:
    """A version of the store."""
    made = datetime(2026, 10, int(number), tzinfo=UTC)
    metrics = {"health.churn.auc": 0.67, "health.churn.auc.low": 0.6, "health.churn.auc.high": 0.7}
    return VersionInfo(number, made, "Nordlicht", aliases, gate, metrics, tags or {})


def client_of(bundle: ModelBundle, listed: Any = None) -> Any:
    """The application over a bundle, with a registry where `listed` is given."""
    scorer: Any = BundleScorer(bundle)
    versions: Any = None if listed is None else SimpleNamespace(listed=listed)
    company = Company(name="Nordlicht", currency="EUR")
    return ask(LiveModel(Served(scorer, company, documents=Documents(scorer, (), versions))))


def test_the_page_says_in_plain_words_how_good_the_model_is(demo_bundle: ModelBundle) -> None:
    words = read(client_of(with_quality(demo_bundle, slices=[PART])), "/model").words
    auc = demo_bundle.quality["health"]["outcomes"]["churn"]["metrics"]["auc"]
    assert f"{100 * auc['value']:.0f} of 100" in words
    assert "Of two accounts, one that left within" in words and "By chance it would be 50" in words
    for heading in (
        "What was predicted, and what happened", "Who is at the top of the list", "What it said before customers left",
        "Parts of the customers", "What intervals held", "Gate", "Versions", "Limits and notes",
    ):  # fmt: skip
        assert heading in words, heading


def test_every_outcome_with_skill_has_a_picture_of_its_calibration(demo_bundle: ModelBundle) -> None:
    page = read(client_of(demo_bundle), "/model")
    outcomes = demo_bundle.quality["health"]["outcomes"]
    shown = [name for name in ("churn", "contraction", "expansion") if outcomes[name]["learner"] != "base_rate"]
    assert shown and sum("chart reliability" in str(attrs.get("class")) for _, attrs in page.tags) == len(shown)
    points = sum(len(outcomes[name]["calibration"]["deciles"]) for name in shown)
    assert sum(tag == "circle" and attrs.get("class") == "dot" for tag, attrs in page.tags) == points


def test_what_was_said_before_stands_there_or_says_how_to_make_it(demo_bundle: ModelBundle) -> None:
    without = {k: v for k, v in demo_bundle.quality["health"].items() if k != "said_before"}
    bare = replace(demo_bundle, quality={**demo_bundle.quality, "health": without})
    assert "leap backtest DIR --out backtest.html looks it up" in read(client_of(bare), "/model").words
    held = with_quality(demo_bundle, said_before={"summary": [SAID, {**SAID, "outcome": "expansion"}], "note": None})
    words = read(client_of(held), "/model").words
    assert "90 days" in words and "50.0 % 35.0 % to 65.0 %" in words and "15.0 %" in words
    assert "This version does not hold it" not in words
    nobody = with_quality(demo_bundle, said_before={"summary": [{**SAID, "accounts": 0}], "note": None})
    assert "This version does not hold it" in read(client_of(nobody), "/model").words


def test_without_a_registry_the_page_stands_and_says_so(demo_bundle: ModelBundle) -> None:
    words = read(client_of(demo_bundle), "/model").words
    assert words.count("This service has no registry: it knows the live version alone.") == 2


def test_a_registry_that_does_not_answer_does_not_take_the_page_away(demo_bundle: ModelBundle) -> None:
    def away() -> list[VersionInfo]:
        raise RegistryAway("The registry has not answered within 2 seconds.")

    assert "has not answered within 2 seconds" in read(client_of(demo_bundle, away), "/model").words


def test_versions_stand_with_their_day_gate_and_skill_and_the_live_one_is_marked(demo_bundle: ModelBundle) -> None:
    tags = {"leap.gate_checks": '[["latency", true, 1.01, 3.0], ["champion", false, 0.6, 0.7], ["slice.a", true]]'}
    listed = [version("8", "failed: champion", None, "challenger"), version("7", "passed", tags, "champion")]
    words = read(client_of(demo_bundle, lambda: listed), "/model").words
    for part in ("8 Oct 2026", "challenger", "not passed: champion", "0.67 [0.60, 0.70]", "7 live here", "7 Oct 2026"):
        assert part in words, part
    said = words[words.index("A new model has to pass") :]
    assert said.index("NO it is not worse than the champion on the same rows") < said.index("ok one score")
    assert "ok one score takes no longer than it may 1.01 against 3" in said
    assert "1 parts of the accounts are judged no worse" in said


def test_old_versions_are_counted(demo_bundle: ModelBundle) -> None:
    listed = [version(str(number)) for number in range(20, 0, -1)]
    assert "8 older ones: leap models lists all." in read(client_of(demo_bundle, lambda: listed), "/model").words


@pytest.mark.parametrize(
    ("gate", "found"), [("passed", (True, "passed")), ("", (None, "not judged")), ("failed", (False, "not passed"))]
)
def test_a_gate_is_told_as_it_was(gate: str, found: tuple[bool | None, str]) -> None:
    assert _verdict(gate) == found


def test_checks_that_failed_come_first() -> None:
    checks = [{"check": "claim", "passed": True}, {"check": "slice.a = b", "passed": False}]
    assert [one["passed"] for one in told(checks)] == [False, True]


def test_the_card_can_be_kept(demo_bundle: ModelBundle) -> None:
    tags = {"leap.gate_checks": '[["latency", true, 1.01, 3.0]]'}
    answer = client_of(demo_bundle, lambda: [version("7", "passed", tags)]).get("/model/card.md")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="model_card_7.md"'
    assert "# Model card: Leap for" in answer.text and "one score takes no longer than it may" in answer.text


def test_texts_of_data_are_inert(demo_bundle: ModelBundle) -> None:
    found = with_quality(demo_bundle, slices=[{**PART, "label": HOSTILE, "value": HOSTILE}])
    found = replace(found, trained={**found.trained, "notes": [HOSTILE]})
    answer = client_of(found, lambda: [version("7", f"failed: {HOSTILE}", None, HOSTILE)]).get("/model")
    assert answer.status_code == 200 and "<script>alert" not in answer.text and "onmouseover='x'" not in answer.text
    assert not re.search(r"<[^>]+ onmouseover", answer.text)
