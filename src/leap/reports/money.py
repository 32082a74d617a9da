"""What the ranking is worth in use, in words and as plain values: lists, offers and what they would have earned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap.evaluation import OutcomeQuality
from leap.evaluation.money import MRR_X_12, VALUE_12M, found_at
from leap.explanation.wording import money

_LOOKED_FOR = {
    "accounts": "accounts that left",
    "mrr": "their MRR",
    "mrr_by_expected_loss": "their MRR, ranked by probability times MRR",
}


def list_lines(churn: OutcomeQuality) -> list[str]:
    """What the tenth of accounts ranked highest held of those that left, and of their MRR."""
    left, lost = found_at(churn.lift, "10%", "accounts"), found_at(churn.lift, "10%", "mrr")
    if left is None or lost is None:
        return []
    return [
        f"  {'In use':<12} the 10% of accounts ranked highest held {left['value']:.0%} [{left['low']:.0%}, "
        f"{left['high']:.0%}] of those that left and {lost['value']:.0%} of the lost MRR (chance 10%, best possible "
        f"{left['best']:.0%} and {lost['best']:.0%})"
    ]


def offer_lines(churn: OutcomeQuality, currency: str) -> list[str]:
    """What offers to the accounts worth one would have earned, per account and date."""
    found = churn.money
    if not found or not found["earned"]:
        return []
    earned, contacted = found["earned"], found["contacted"]["model"]
    said = {name: money(one["value"], currency) for name, one in earned.items()}
    return [
        f"  {'Offers':<12} to the accounts worth one ({_part(contacted)} of all) would have earned {said['model']} "
        f"[{earned['model']['low']:,.0f}, {earned['model']['high']:,.0f}] per account of all; to everybody "
        f"{said['everybody']}, by a plain logistic {said['plain_logistic']}, with hindsight {said['hindsight']} "
        f"(at stake: {at_stake(found)})"
    ]


def _part(share: float) -> str:
    """A share in percent that does not call few none.

    >>> _part(0.0017), _part(0.734), _part(0.0)
    ('0.2%', '73%', '0%')
    """
    return f"{share:.1%}" if 0 < share < 0.01 else f"{share:.0%}"


def at_stake(found: Mapping[str, Any]) -> str:
    """What an account was taken to be worth if kept."""
    by_margin, by_mrr = found["value_is"][VALUE_12M], found["value_is"][MRR_X_12]
    if not by_mrr:
        return "the margin of 12 months"
    return "12 months of MRR" if not by_margin else "the margin of 12 months; 12 months of MRR where none is known"


def list_rows(churn: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the card's table of lists: how far down, what is looked for, and the figure of its gain."""
    at = (churn.get("lift") or {}).get("at") or {}
    return [
        {"depth": depth if depth.endswith("%") else "the capacity", "words": words, **found[name]["gain"]}
        for depth, found in at.items()
        for name, words in _LOOKED_FOR.items()
    ]


def offer_rows(churn: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the card's table of offers: whom they would have gone to, and what that would have earned."""
    earned = (churn.get("money") or {}).get("earned") or {}
    words = {
        "model": "accounts worth it by the model",
        "plain_logistic": "accounts worth it by a plain logistic regression",
        "everybody": "everybody",
        "hindsight": "those that left and were worth it (hindsight)",
    }
    return [{"words": words[name], **earned[name]} for name in words if name in earned]
