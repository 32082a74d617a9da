"""One account's score as a waterfall: from the base over its largest reasons and the rest to its expected NRR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from leap.reports.charts.scales import Form, of_shares, signed
from leap.reports.charts.svg import WIDE, short
from leap.reports.charts.waterfall import Level, Step, waterfall
from leap.reports.rendering import known

_LEAST = 0.02
MOST = 8


def reasons(
    score: Mapping[str, Any],
    currency: str,
    *,
    form: Form | None = None,
    most: int = MOST,
    width: int = WIDE,
    name: str = "reasons",
) -> Markup:
    """The drawing of a score as `Score.to_json()` gives it; nothing where there is no score.

    At most so many reasons are drawn, the others together are the rest: the steps always add up to the NRR.
    """
    if score.get("abstained") or known((score.get("nrr") or {}).get("point")) is None:
        return Markup("")
    nrr, base = float(score["nrr"]["point"]), float(score["base"]["nrr"])
    return waterfall(
        Level("Base", base, "an account of which nothing is known"),
        steps_of(score, most),
        Level("NRR of this account", nrr),
        form or of_shares(),
        title=f"Reasons of the score of {short(score.get('name') or score.get('account_id') or 'this account', 80)}",
        name=name,
        width=width,
        beside=f"{currency} a month" if known(score.get("mrr")) is not None else "",
        least=_LEAST,
    )


def steps_of(score: Mapping[str, Any], most: int = MOST) -> list[Step]:
    """The largest reasons of a score, in order, and what all others come to."""
    ranked = sorted(score.get("reasons") or (), key=lambda reason: -abs(float(reason["nrr_points"])))
    shown = ranked[:most]
    steps = [
        Step(_name(reason), float(reason["nrr_points"]), value_words(reason), _money(reason.get("money")))
        for reason in shown
    ]
    rest = float(score["nrr"]["point"]) - float(score["base"]["nrr"]) - sum(step.value for step in steps)
    if len(ranked) == len(shown) and abs(rest) < 1e-9:
        return steps
    mrr = known(score.get("mrr"))
    return [*steps, Step("All smaller reasons", rest, "", _money(None if mrr is None else rest * mrr), kind="rest")]


def value_words(reason: Mapping[str, Any]) -> str:
    """The value beside what is usual, as the reason's phrase has it after its label.

    >>> value_words({"label": "Age", "phrase": "Age: 3 years, usually 7 years; associated with 1.0 points lower NRR"})
    '3 years, usually 7 years'
    >>> value_words({"label": "Age", "phrase": "Young"})
    ''
    """
    head, text = f"{reason.get('label')}: ", str(reason.get("phrase") or "")
    return text[len(head) :].partition("; associated with")[0] if text.startswith(head) else ""


def _name(reason: Mapping[str, Any]) -> str:
    return str(reason.get("label") or reason.get("feature") or "")


def _money(amount: Any) -> str:
    number = known(amount)
    return "" if number is None else signed(number)
