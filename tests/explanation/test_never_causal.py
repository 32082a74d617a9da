"""Nothing that people read about reasons claims a cause: templates, pages, strings of the code, phrases.

A model finds what goes with leaving or growing. What would happen if somebody acted, it does not know.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from leap.explanation import wording
from leap.features import CHANGE, RATE, SHARE, Feature, Recipe
from tests.worlds import a_feature

CHECKOUT = Path(__file__).parents[2]
CAUSAL = re.compile(
    r"\b(because|caus(e|es|ed|ing|al|ally)|due to|owing to|thanks to|drives?|drove|driven|driving|leads? to|led to"
    r"|leading to|results? in|resulting in|impact\w*|effects?|effective\w*|prevent(s|ed)?|trigger(s|ed)? (churn|growth)"
    r"|brings? about|responsible for)\b",
    re.IGNORECASE,
)
SCANNED = ("src/leap", "serving", "training")
ALLOWED = {
    # Denials.
    "that is not to say that they cause it": "serving/pages/templates/model_page.html",
    "need not be its cause": "serving/pages/templates/account.html",
    "A reason is an association, not a cause": "serving/pages/templates/account_parts.html",
    "in words: an association, not a cause.": "src/leap/reports/table_columns.py",
    "Associations in the history of one company, not effects": "src/leap/reports/templates/backtest.html",
    # Arithmetic: the same amounts at two rates of exchange.
    "Effect of rates": "src/leap/reports/retention_summary.py",
    # The made-up company, whose truth is known since it was simulated.
    "what drives it stands at the head of its leap.toml": "training/demo.py",
    "What makes accounts leave (effects on the log of the monthly risk": "src/leap/demo/settings.toml",
    "What makes accounts grow (effects on the log of the monthly chance": "src/leap/demo/settings.toml",
}


def sentences(path: Path) -> Iterator[str]:
    """The strings of a module that may be read: no docstrings, nothing without a space."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    strings = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in documentation]
    yield from (node.value for node in strings if isinstance(node.value, str) and " " in node.value.strip())


def template_text(path: Path) -> str:
    """What a template shows of itself: without its code, styles and comments."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"<!--.*?-->|<style.*?</style>", " ", text, flags=re.DOTALL)


def claims(text: str, place: str) -> list[str]:
    """Causal words with what stands around them, apart from what is allowed in this place."""
    for allowed, where in ALLOWED.items():
        if where == place:
            text = text.replace(allowed, "")
    return [f"{place}: ...{text[max(0, m.start() - 40) : m.end() + 40]}..." for m in CAUSAL.finditer(text)]


def files(*patterns: str) -> list[Path]:
    return sorted(path for top in SCANNED for pattern in patterns for path in (CHECKOUT / top).rglob(pattern))


def test_no_template_or_page_claims_a_cause():
    templates = files("*.html", "*.md", "*.toml", "*.svg", "*.js")
    assert len(templates) > 15
    assert not [claim for path in templates for claim in claims(template_text(path), place_of(path))]


@pytest.mark.parametrize("part", ["explanation", "features", "scoring", "reports", "icp", "bundle", "flat", "wins"])
def test_no_sentence_of_what_explains_claims_a_cause(part: str):
    modules = sorted((CHECKOUT / "src/leap" / part).rglob("*.py"))
    assert modules
    assert not [c for path in modules for text in sentences(path) for c in claims(text, place_of(path))]


@pytest.mark.parametrize("part", ["serving", "training"])
def test_no_sentence_of_commands_and_pages_claims_a_cause(part: str):
    modules = sorted((CHECKOUT / part).rglob("*.py"))
    assert modules
    assert not [c for path in modules for text in sentences(path) for c in claims(text, place_of(path))]


def place_of(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def test_what_is_allowed_is_still_there():
    for allowed, where in ALLOWED.items():
        assert allowed in (CHECKOUT / where).read_text(encoding="utf-8"), f"{where}: {allowed}"


@pytest.mark.parametrize(
    "sentence", ["They left because of it", "Usage drives NRR", "due to tickets", "the impact of price", "Causes churn"]
)
def test_a_causal_sentence_would_be_found(sentence: str):
    assert claims(sentence, "anywhere")


def every_phrase() -> Iterator[str]:
    """Phrases of every kind, unit and nature of feature, known or not, usual or not, lower or higher."""
    numbers = [a_feature("n", unit=unit) for unit in ("", "days", "people", "USD a month", CHANGE, SHARE, RATE, "year")]
    changed = a_feature("c", unit="people", recipe=Recipe("t", "history", "change", "c"))
    booleans, categories = [a_feature("b", "boolean")], [a_feature("k", "category")]
    consequence = [a_feature("s", unit="requests", consequence=True)]
    for feature in [*numbers, changed, *booleans, *categories, *consequence]:
        known: list[object] = ["pro", "basic"] if feature.kind == "category" else [0.0, 1.0, 3.5]
        for value, usual in itertools.product([*known, None], repeat=2):
            for points, share in ((-0.036, 0.7), (0.00001, 0.2), (0.212, None)):
                yield from phrases_of(feature, value, usual, points, share)


def phrases_of(feature: Feature, value: object, usual: object, points: float, share: float | None) -> Iterator[str]:
    yield wording.phrase(feature, value, usual, points, points * 1200, "USD", share=share)
    yield wording.group_phrase(feature, value, usual, points, None, "USD", related=2, share=share)
    yield wording.change_phrase(feature, value, usual, points, points * 1200, "USD")
    yield wording.what_if_phrase([(feature, value, usual)], 0.88, 0.88 + points, points * 1200, "USD", usual=True)
    yield wording.outcome_phrase(feature, value, usual, points, "churn", binary=True, share=share)
    yield wording.outcome_phrase(feature, value, usual, points, "spend", binary=False, share=share)


def test_no_phrase_claims_a_cause_or_shows_something_as_nothing():
    phrases = list(every_phrase())
    assert len(phrases) > 1000
    for phrase in phrases:
        assert not CAUSAL.search(phrase), phrase
        assert not re.search(r"-0(\.0)?\b(?!\.\d*[1-9])", phrase), phrase
        assert "0.0 points" not in phrase and "nan" not in phrase and "None" not in phrase, phrase
        assert "associated with" in phrase or wording.NO_PROMISE in phrase, phrase
