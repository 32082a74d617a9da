"""Fit rules for inbound leads: what to ask, which tier an answer gives, and what to do with it.

MQL is a marketing-qualified lead (worth a call), SQL a sales-qualified one (worth a salesperson's time, once they want
to buy). Fit says whether a company stays, never whether it wants to buy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leap.explanation import wording
from leap.features import Feature, Layer
from leap.icp import Attribute, Condition, ICPProfile
from leap.reports.crm_lists import Export, table
from leap.reports.rendering import line, md, share

MOST_QUESTIONS = 7
NEGATIVE, EMERGING = "negative", "emerging"


@dataclass(frozen=True)
class Handling:
    """What becomes of a lead: MQL, SQL (by fit alone), who takes it, and what to say."""

    mql: bool
    sql: bool
    route: str
    say: str

    def to_json(self) -> dict[str, Any]:
        """As in the table."""
        return dict(self.__dict__)


_FIT = Handling(True, True, "account executive, today", "Book the call: companies like this one stay.")
_EMERGING = Handling(
    True,
    True,
    "account executive, as a test",
    "Book the call and keep notes: few companies like this one are known yet.",
)
_OPEN = Handling(
    True, False, "sales development", "Ask the open questions of the list above, then read the table once more."
)
_NEAR = Handling(
    True,
    False,
    "sales development, before the others",
    "Check the one condition that is missed: if it holds after all, go by its row above.",
)
_USUAL = Handling(True, False, "sales development, in the usual order", "Nothing speaks for or against: as they come.")
_LAST = Handling(
    True,
    False,
    "sales development, after all others",
    "Help them to help themselves; neither discounts nor extra effort without a reason of your own.",
)
_OUT = Handling(False, False, "nobody: a friendly no", "Say what kind of company you serve best, and decline.")


def qualification_document(export: Export) -> dict[str, Any]:
    """Questions, decision table and discovery-call questions as JSON."""
    profiles = export.search.profiles
    excludes = export.settings.policy.mode == "exclude"
    return {
        **export.about,
        "none_because": export.nothing,
        "mode": export.settings.policy.mode,
        "questions": [_question(f, cs, decides) for f, cs, decides in _asked(profiles)],
        "rows": _rows(profiles, excludes, export.policy.band) if profiles else [],
        "discovery": _discovery(export.search.attributes),
        "unknown": "An answer that is not known meets no condition but one that says “not”.",
    }


def render_qualification(export: Export) -> str:
    """The same for the people who answer leads."""
    document = qualification_document(export)
    lines = [f"# {md(document['company'])}: is this lead one for us?", ""]
    lines += [md(export.subtitle), ""] if export.subtitle else []
    if document["none_because"]:
        why = md(document["none_because"].rstrip("."))
        return "\n".join([*lines, f"No rule: {why}. Qualify leads as before."]) + "\n"
    lines += [
        "Fit says whether such companies stay as customers. It does not say whether they want to buy: a lead is "
        "sales-qualified (SQL) by fit **and** by wanting to talk; marketing-qualified (MQL) means worth a call.",
        "", "## Ask, in this order", "",
    ]  # fmt: skip
    for number, asked in enumerate(document["questions"], start=1):
        lines.append(f"{number}. {md(asked['ask'])} {md(asked['answers'])}".rstrip())
    lines += ["", "## Decide: the first row that is true", ""]
    rows = [
        [
            str(r["order"]),
            md(r["words"]),
            r["tier"] or "open",
            _yes(r["mql"]),
            _yes(r["sql"]),
            md(r["route"]),
            md(r["say"]),
        ]
        for r in document["rows"]
    ]
    lines += table(["No.", "If", "Tier", "MQL", "SQL by fit", "Goes to", "What to do"], rows)
    lines += ["", md(document["unknown"]), "", _MODES[document["mode"]]]
    if document["discovery"]:
        lines += ["", "## On the discovery call", ""]
        lines += [f"- {md(one['ask'])} {md(one['why'])}" for one in document["discovery"]]
    return "\n".join(lines) + "\n"


_MODES = {
    "prioritise": "The table orders the work and turns nobody away: a company that wants to buy is sales-qualified in "
    "every tier. “No” under SQL by fit says that fit alone is no reason to hand it over (policy: prioritise).",
    "exclude": "Tier D is left out, as leap.toml says (policy: exclude). In the other tiers a company that wants to "
    "buy is sales-qualified; “no” under SQL by fit says that fit alone is no reason to hand it over.",
}


def _asked(profiles: Sequence[ICPProfile]) -> list[tuple[Feature, list[Condition], float]]:
    """The features of all profiles with their conditions, those that decide most first, at most seven.

    How much a profile decides: the part of the spread of its figure that knowing it explains, |lift| sqrt(s (1 - s)).
    """
    found: dict[str, tuple[Feature, list[Condition], float]] = {}
    for profile in profiles:
        support = min(max(profile.evidence.support, 0.0), 1.0)
        decides = abs(profile.evidence.headline.lift) * math.sqrt(support * (1 - support))
        for condition in profile.rule.conditions:
            feature, conditions, before = found.get(condition.feature.name, (condition.feature, [], 0.0))
            own = conditions if condition in conditions else [*conditions, condition]
            found[feature.name] = (feature, own, max(before, decides))
    return sorted(found.values(), key=lambda one: (-one[2], one[0].label))[:MOST_QUESTIONS]


def _question(feature: Feature, conditions: Sequence[Condition], decides: float) -> dict[str, Any]:
    return {
        "feature": feature.name,
        "ask": _ask(feature),
        "answers": _answers(feature, conditions),
        "decides": decides,
        "matters": [condition.words for condition in conditions],
        "if_unknown": feature.missing,
    }


def _ask(feature: Feature) -> str:
    label = line(feature.label)
    if feature.layer == Layer.ENVIRONMENTAL:
        return f"Look up, do not ask: {label}{_unit(feature)}."
    if feature.kind == "boolean":
        return f"{label}: yes or no?"
    return f"{label}: which?" if feature.kind == "category" else f"{label}: how much{_unit(feature)}?"


def _unit(feature: Feature) -> str:
    return f" ({line(feature.unit)})" if feature.unit else ""


def _answers(feature: Feature, conditions: Sequence[Condition]) -> str:
    if feature.kind == "boolean":
        return ""
    if feature.kind == "category":
        levels = dict.fromkeys(level for condition in conditions for level in condition.levels)
        return f"It matters whether it is {' or '.join(map(line, levels))}."
    bounds = sorted({float(b) for c in conditions for b in (c.value if isinstance(c.value, tuple) else (c.value,))})
    return f"It matters on which side of {' and '.join(wording.measured(b, feature.unit) for b in bounds)}."


def _rows(profiles: Sequence[ICPProfile], excludes: bool, band: float) -> list[dict[str, Any]]:
    """Negative profiles first, then the others by rank, then what is open or near, then everyone."""
    bad = [p for p in profiles if p.kind == NEGATIVE]
    good = [p for p in profiles if p.kind != NEGATIVE]
    rows = [_row(profile, "D", _OUT if excludes else _LAST) for profile in bad]
    rows += [_row(profile, "A", _EMERGING if profile.kind == EMERGING else _FIT) for profile in good]
    rows.append(_plain("a question that a row above needs has no answer yet", None, _OPEN, "open"))
    if good:
        words = f"one condition of a row with tier A is missed: one of several, or a number by up to {band:.0%}"
        rows.append({**_plain(words, "B", _NEAR, "one condition missed"), "of": [p.id for p in good], "band": band})
    rows.append(_plain("anything else", "C", _USUAL, "otherwise"))
    return [{"order": number, **row} for number, row in enumerate(rows, start=1)]


def _row(profile: ICPProfile, tier: str, handling: Handling) -> dict[str, Any]:
    return {
        "when": "all conditions",
        "words": line(profile.rule.words),
        "conditions": [
            {**condition.to_json(), "if_unknown": "met" if condition.op in ("!=", "not in") else "not met"}
            for condition in profile.rule.conditions
        ],
        "icp_id": profile.id,
        "tier": tier,
        **handling.to_json(),
    }


def _plain(words: str, tier: str | None, handling: Handling, when: str) -> dict[str, Any]:
    return {"when": when, "words": words, "conditions": [], "icp_id": None, "tier": tier, **handling.to_json()}


def _discovery(attributes: Sequence[Attribute]) -> list[dict[str, Any]]:
    """What to talk about: attributes that decide much, each with what was seen of them."""
    decided = [a for a in attributes if a.grade in ("must", "strong") and not _of_the_market(a)]
    decided.sort(key=lambda a: (a.grade != "must", -abs(a.evidence.headline.lift), a.rule.words))
    of_features: dict[frozenset[str], Attribute] = {}
    for attribute in decided:
        of_features.setdefault(attribute.rule.features, attribute)
    return [
        {"ask": _tell(a), "why": _seen(a), "grade": a.grade, "words": a.rule.words, "verdict": a.verdict}
        for a in list(of_features.values())[:MOST_QUESTIONS]
    ]


def _of_the_market(attribute: Attribute) -> bool:
    """Whether a company could not tell: what is so of its market stands in publications."""
    return any(c.feature.layer == Layer.ENVIRONMENTAL for c in attribute.rule.conditions)


_OPEN_QUESTIONS = {
    "number": "“{}”: where are you today, and where will you be in a year?",
    "boolean": "“{}”: is it so today, since when, and will it stay so?",
    "category": "“{}”: how would you say it in your own words, and is it about to change?",
}


def _tell(attribute: Attribute) -> str:
    features = {c.feature.name: c.feature for c in attribute.rule.conditions}.values()
    return " ".join(_OPEN_QUESTIONS[feature.kind].format(line(feature.label)) for feature in features)


_FIGURES = {
    "churn": "{} of them left, against {} of the others",
    "nrr": "they kept {} of their revenue, the others {}",
    "contraction_rate": "they cut {} of what they paid, the others {}",
    "expansion_rate": "they added {} to what they paid, the others {}",
}


def _seen(attribute: Attribute) -> str:
    headline, words = attribute.evidence.headline, line(attribute.rule.words)
    kind = "do better" if attribute.verdict == "stays" else "are a risk"
    inside, outside = share(headline.inside, 0), share(headline.outside, 0)
    figure = _FIGURES[attribute.evidence.metric].format(inside, outside)
    return f"Companies with “{words}” {kind}: {figure}."


def _yes(value: bool) -> str:
    return "yes" if value else "no"
