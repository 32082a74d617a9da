"""Who meets a rule, in words: each condition as a part of "software companies in Austria with 50 to 199 employees"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

from leap.features import Feature, Layer
from leap.features.naming import is_plural, value_words, within
from leap.icp.number_words import number_part
from leap.icp.rules import Condition, Rule
from leap.icp.words import PLAIN, Part, Place, clean, named

_LONGEST_LEVEL, _MOST_LEVELS = 48, 4
_PLAIN_LEVEL = re.compile(r"[^\W_](?:[\w \-&/’'.+%]*[\w+%])?")
_JOINS = re.compile(r"\b(?:and|or|not)\b")
_INDUSTRY = re.compile(r"(?:.*\s)?(?:industry|sector|vertical)", re.IGNORECASE)
_PLACE = re.compile(r"(?:.*\s)?(?:country|region|state|city|location)", re.IGNORECASE)
_WITH_ARTICLE = re.compile(r"(?:US|USA|UK|EU|UAE|(?:united|netherlands|philippines|czech republic).*)", re.IGNORECASE)
_IN_USE = re.compile(r"\b(?:technolog\w*|software|tools?|in use|uses?|stack|integrations?)\b", re.IGNORECASE)
_COUNTABLE = re.compile(
    r".*\b(?:warehouse|lake|database|crm|erp|cms|cdp|cdn|app|platform|system|suite|cluster|gateway|portal|store|vpn|"
    r"tool|framework|firewall)",
    re.IGNORECASE,
)
_VERBS = {"has": "have", "is": "are", "was": "were", "does": "do", "uses": "use", "offers": "offer", "sells": "sell",
          "runs": "run", "works": "work", "operates": "operate", "owns": "own"}  # fmt: skip
_NEGATED = {"are": "are not", "were": "were not", "do": "do not"}
_FORMER = ", had before and no longer"


def who(rule: Rule) -> str:
    """The companies that meet a rule, without a capital.

    >>> from leap.features import Recipe, Scope, Signal
    >>> f = Feature("e", Recipe("t", "history", "latest"), "Employees", "people", Scope.FIT, Signal.FIT, "third",
    ...             "number", "unknown", "e")
    >>> who(Rule((Condition(f, "between", (50.0, 200.0)),))), who(Rule((Condition(f, ">=", 50.0),)))
    ('companies with 50 to 199 employees', 'companies with at least 50 employees')
    """
    parts = sorted((_part(condition) for condition in _joined(rule.conditions)), key=lambda part: part.place)
    of = {place: [part.words for part in parts if part.place == place] for place in Place}
    heads = of[Place.HEAD]
    words = heads[0] if heads else "companies"
    words += "".join(f" {text}" for text in (_and(of[Place.IN]), _and(of[Place.WITH], "with ")) if text)
    clauses = [text for text in (_and(of[Place.THAT], "that "), _and(of[Place.WHOSE])) if text]
    also = [f"whose industry is {head.removesuffix(' companies')}" for head in heads[1:]]
    return " ".join([words, *([_and([*clauses, *also])] if clauses or also else [])])


def _and(parts: Sequence[str], shared: str = "") -> str:
    """Parts joined, a first word that they share said once.

    >>> _and(["with 2 deals", "with no tickets", "without a site"], "with ")
    'with 2 deals, no tickets and without a site'
    """
    if not parts:
        return ""
    rest = [
        part.removeprefix(shared) if shared and before.startswith(shared) else part
        for before, part in itertools.pairwise(parts)
    ]
    every = [parts[0], *rest]
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}"


def _joined(conditions: Sequence[Condition]) -> list[Condition]:
    """The conditions, "at least" and "under" of one number made the range that they are."""
    kept: list[Condition] = []
    for condition in conditions:
        other = next((c for c in kept if c.feature == condition.feature and {c.op, condition.op} == {">=", "<"}), None)
        if other is None:
            kept.append(condition)
            continue
        low, high = sorted((other, condition), key=lambda c: c.op, reverse=True)
        bounds = float(low.value), float(high.value)  # type: ignore[arg-type]
        if bounds[0] < bounds[1]:
            kept[kept.index(other)] = Condition(condition.feature, "between", bounds)
        else:
            kept.append(condition)
    return kept


def _part(condition: Condition) -> Part:
    feature = condition.feature
    if feature.kind == "boolean":
        return _yes_or_no(feature, (float(condition.value) >= 0.5) == (condition.op == "=="))  # type: ignore[arg-type]
    if feature.kind == "category":
        return _one_of(condition)
    return number_part(condition)


# --- yes or no


def _yes_or_no(feature: Feature, yes: bool) -> Part:
    label = clean(feature.label)
    if not PLAIN.fullmatch(label):
        return Part(Place.WITH, f"{'' if yes else 'not '}marked “{label}”")
    told = _OF_OPERATION.get(feature.recipe.operation)
    if told and ": " in label:
        return told(feature, label, yes)
    if label.startswith(_EVER):
        return _ever(label, yes)
    first, _, rest = label.partition(" ")
    verb = _VERBS.get(first.lower())
    if verb and rest:
        does = verb if yes else _NEGATED.get(verb, f"do not {verb}")
        return Part(Place.THAT, f"that {does} {rest}")
    if first.lower().endswith("ed") and rest and len(first) > 4:
        return Part(Place.THAT, f"that are {'' if yes else 'not '}{within(label)}")
    return Part(Place.WITH, f"{'' if yes else 'not '}marked “{label}”")


def _kind_active(feature: Feature, label: str, yes: bool) -> Part:
    prefix, _, kind = label.partition(": ")
    if feature.layer == Layer.TECHNOGRAPHIC and _IN_USE.search(prefix):
        return Part(Place.THAT, f"that {'use' if yes else 'do not use'} {_with_article(kind)}")
    has = "with" if yes else "without"
    thing = f"{within(prefix)} ({kind})" if is_plural(prefix.split(" ")[0].lower()) else f"{within(prefix)} “{kind}”"
    return Part(Place.WITH, f"{has} {thing}")


def _kind_former(feature: Feature, label: str, yes: bool) -> Part:
    prefix, _, kind = label.removesuffix(_FORMER).partition(": ")
    if feature.layer == Layer.TECHNOGRAPHIC and _IN_USE.search(prefix):
        thing = _with_article(kind)
        return Part(Place.THAT, f"that no longer use {thing}" if yes else f"that have not given up {thing}")
    thing = f"{within(prefix)} ({kind})"
    return Part(Place.THAT, f"that had {thing} and no longer do" if yes else f"that have not given up {thing}")


def _changed(_: Feature, label: str, yes: bool) -> Part:
    what, _colon, window = label.rpartition(": changed ")
    within_window = window.replace("365 days", "year")
    return Part(Place.WHOSE, f"whose {named(what)} {'changed' if yes else 'did not change'} {within_window}")


def _ever(label: str, yes: bool) -> Part:
    things = label.removeprefix(_EVER)
    return Part(Place.THAT, f"that {'have or once had' if yes else 'never had'} {things}")


_OF_OPERATION: dict[str, Callable[[Feature, str, bool], Part]] = {
    "kind_active": _kind_active,
    "kind_former": _kind_former,
    "changed": _changed,
}
_EVER = "Has or has had "


def _with_article(thing: str) -> str:
    """A thing used, with the article that it needs as far as its last word shows it.

    >>> _with_article("cloud data warehouse"), _with_article("ERP"), _with_article("single sign on")
    ('a cloud data warehouse', 'an ERP', 'single sign on')
    """
    if not _COUNTABLE.fullmatch(thing):
        return thing
    sounds_open = thing[0] in "AEFHILMNORSX" if thing.split(" ")[0].isupper() else thing[0].lower() in "aeiou"
    return f"{'an' if sounds_open else 'a'} {thing}"


# --- categories


def _one_of(condition: Condition) -> Part:
    label, no = clean(condition.feature.label), condition.op in ("!=", "not in")
    levels = [_level(level) for level in condition.levels]
    plain = all(_PLAIN_LEVEL.fullmatch(level) for level in levels) and len(levels) <= _MOST_LEVELS
    if plain and not no and _INDUSTRY.fullmatch(label) and not any(_JOINS.search(level) for level in levels):
        kinds = _or([_small(level) for level in levels])
        return Part(Place.HEAD, kinds if kinds.endswith("companies") else f"{kinds} companies")
    if plain and _PLACE.fullmatch(label) and "of " not in label:
        where = _or([f"the {level}" if _WITH_ARTICLE.fullmatch(level) else level for level in levels])
        return Part(Place.IN, f"{'outside' if no else 'in'} {where}")
    names = [
        level if _PLAIN_LEVEL.fullmatch(level) and not _JOINS.search(level) else f"“{level}”"
        for level in levels[:_MOST_LEVELS]
    ]
    if len(levels) > _MOST_LEVELS:
        names[-1:] = [f"one of {len(levels) - _MOST_LEVELS + 1} others"]
    first, _, rest = label.partition(" ")
    verb = _VERBS.get(first.lower())
    if verb and rest:
        does = _NEGATED.get(verb, f"do not {verb}") if no else verb
        return Part(Place.THAT, f"that {does} {rest} {_or(names)}")
    if no:
        other_than = f"neither {_or(names, 'nor')}" if names[1:] else f"not {names[0]}"
        return Part(Place.WHOSE, f"whose {named(label)} is {other_than}")
    return Part(Place.WHOSE, f"whose {named(label)} is {_or(names)}")


def _small(level: str) -> str:
    """A category as it stands in a sentence.

    >>> _small("Financial Services"), _small("SaaS tools")
    ('financial services', 'SaaS tools')
    """
    return " ".join(word.lower() if word[1:].islower() else word for word in level.split(" "))


def _level(value: str) -> str:
    """A category as people would write it; one that has capitals was written by people."""
    return clean(value_words(value) if value == value.lower() else value.replace("_", " "), _LONGEST_LEVEL)


def _or(names: Sequence[str], word: str = "or") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
