"""What a reader asks of a target list in the fields of a form: the limits, or in words what cannot be read.

A field that is not there stands for `[policy]` of the settings, an empty one for no limit, so that a form shows what
holds and can take it back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from leap.bundle.model_bundle import ModelBundle
from leap.config import Policy
from leap.features import Scope
from leap.scoring.targets import Asked

LIMITS = ("budget", "capacity", "quota", "per_segment")
SHARES = ("exploration_share", "emerging_share")
FIELDS = (*LIMITS, "segment", "months", "mode", *SHARES)
MOST_MONEY = 1e15
MOST_ACCOUNTS = 10_000_000
MONTHS = ("12", "36")
MODES = ("prioritise", "exclude")
LABELS = {
    "budget": "Budget",
    "capacity": "Capacity",
    "quota": "Quota",
    "per_segment": "Most of a segment",
    "segment": "Segments by",
    "months": "Months counted",
    "mode": "Profiles",
    "exploration_share": "Exploration",
    "emerging_share": "Emerging profiles",
}
_NUMBER = re.compile(r"\d{1,3}([, ]\d{3})+(\.\d+)?|\d+(\.\d*)?([eE]\+?\d{1,2})?")


@dataclass(frozen=True)
class AskedFor:
    """What is asked for. `texts` are the fields as they stand in the form, `wrong` says by field what is no answer.

    Where something is wrong, `asked` has what `[policy]` says in its place, and is not to be used.
    """

    asked: Asked
    months: Literal[12, 36]
    texts: Mapping[str, str]
    wrong: Mapping[str, str]
    changed: tuple[str, ...]
    """Fields that say another thing than `[policy]`."""


def segments_of(bundle: ModelBundle) -> list[tuple[str, str]]:
    """What may tell segments apart: fit categories with their labels."""
    return [(f.name, f.label) for f in bundle.fit.encoder.catalog.features if f.kind == "category"]


def usual_segment(bundle: ModelBundle, policy: Policy) -> str:
    """The fit category that tells segments apart: as `[policy]` says, else by what acquisition costs are known, else
    the first; empty where there is none.
    """
    column = policy.targets_segment or bundle.economics.get("cac_segment")
    categories = [f for f in bundle.fit.encoder.catalog.features if f.kind == "category" and f.scope == Scope.FIT]
    named = [f.name for f in categories if column in (f.name, f.recipe.column)]
    return next(iter([*named, *(f.name for f in categories)]), "")


def read(given: Mapping[str, str | None], policy: Policy, segments: Sequence[str], usual: str) -> AskedFor:
    """What the fields ask for; None for a field that is not there."""
    held = policy_texts(policy, usual)
    texts = {name: held[name] if given.get(name) is None else str(given[name]).strip() for name in FIELDS}
    wrong: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name in FIELDS:
        try:
            found[name] = _value(name, texts[name], segments)
        except ValueError as error:
            wrong[name] = str(error)
    if not wrong and found["exploration_share"] + found["emerging_share"] > 1:
        wrong["exploration_share"] = "Exploration and emerging profiles are parts of one list: together at most 100 %."
    if not wrong and found["per_segment"] is not None and not found["segment"]:
        wrong["per_segment"] = (
            "Nothing tells segments apart: no category that is known before the purchase is a feature."
        )
    months: Literal[12, 36] = 12 if texts["months"] == "12" else 36
    # A segment alone changes nothing, and a list would say so each time.
    segment = found.get("segment") or None if found.get("per_segment") is not None else None
    asked = Asked.of(policy)
    if not wrong:
        asked = Asked(
            budget=found["budget"],
            capacity=found["capacity"],
            quota=found["quota"],
            emerging_share=found["emerging_share"],
            exploration_share=found["exploration_share"],
            per_segment=found["per_segment"],
            segment=segment,
            mode=found["mode"],
            seconds=policy.solve_seconds,
        )
    changed = tuple(name for name in FIELDS if texts[name] != held[name])
    return AskedFor(asked, months, texts, wrong, changed)


def policy_texts(policy: Policy, usual: str) -> dict[str, str]:
    """What `[policy]` says, as it stands in the fields."""
    return {
        "budget": plain(policy.budget),
        "capacity": plain(policy.capacity),
        "quota": plain(policy.quota),
        "per_segment": plain(policy.targets_per_segment),
        "segment": usual,
        "months": str(policy.target_months),
        "mode": policy.mode,
        "exploration_share": plain(100 * policy.exploration_share),
        "emerging_share": plain(100 * policy.emerging_share),
    }


def texts_of(asked: Asked, months: int, usual: str) -> dict[str, str]:
    """The fields that ask for a list that was made."""
    return {
        **{name: plain(getattr(asked, name)) for name in LIMITS},
        "segment": asked.segment or usual,
        "months": str(months),
        "mode": asked.mode,
        **{name: plain(100 * getattr(asked, name)) for name in SHARES},
    }


def plain(value: float | None) -> str:
    """A number as somebody would type it; empty for none.

    >>> plain(200000.0), plain(0.5), plain(100 * 0.1), plain(None)
    ('200000', '0.5', '10', '')
    """
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(round(value, 6))


def _value(name: str, text: str, segments: Sequence[str]) -> Any:
    if name == "months":
        return _one_of(text, MONTHS)
    if name == "mode":
        return _one_of(text, MODES)
    if name == "segment":
        return _one_of(text, ("", *segments))
    if name in SHARES:
        return _share(text)
    if not text:
        return None
    number = _number(text, MOST_MONEY if name in ("budget", "quota") else MOST_ACCOUNTS)
    if name in ("budget", "quota"):
        return number
    if not number.is_integer():
        raise ValueError("Accounts are whole: expected a number such as 50, or nothing for no limit.")
    return int(number)


def _number(text: str, most: float) -> float:
    """
    >>> _number("200,000", 1e15), _number("2e5", 1e15)
    (200000.0, 200000.0)
    >>> _number("-1", 1e15)
    Traceback (most recent call last):
    ValueError: Expected a number from 0 on, such as 50000, or nothing for no limit.
    """
    if not _NUMBER.fullmatch(text) or not text.isascii():
        raise ValueError("Expected a number from 0 on, such as 50000, or nothing for no limit.")
    found = float(re.sub("[, ]", "", text))
    if found > most:
        raise ValueError(f"Expected at most {most:,.0f}; leave it empty for no limit.")
    return found


def _share(text: str) -> float:
    """
    >>> _share("10 %"), _share("")
    (0.1, 0.0)
    """
    written = text.removesuffix("%").strip()
    if not written:
        return 0.0
    if not _NUMBER.fullmatch(written) or not written.isascii() or float(re.sub("[, ]", "", written)) > 100:
        raise ValueError("Expected a share from 0 to 100 %, such as 10.")
    return float(written) / 100


def _one_of(text: str, known: Sequence[str]) -> str:
    if text not in known:
        listed = ", ".join(one for one in known[:12] if one) or "nothing, since there is none"
        raise ValueError(f"Expected one of {listed}.")
    return text
