"""What an account's page says beside its score: where it lies among all customers, and its reasons as a sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leap.reports.adding_up import adding_up
from leap.reports.charts.reasons import value_words
from leap.reports.rendering import DASH, decimals, known

if TYPE_CHECKING:
    from leap.scoring.table import ScoreTable

MOST_SHOWN = 8
"""Reasons that are told at once; the picture has as many."""
NOT_SHOWN = "its direction or size did not hold over the periods it was checked in"
_EXACT = 1e6


@dataclass(frozen=True)
class Place:
    """An account's figure among those of all customers with a score: their median, and the shares with a lower one and
    with the same.
    """

    figure: float
    median: float
    below: float
    same: float
    customers: int


def places(table: ScoreTable, i: int) -> dict[str, Place]:
    """By name of figure: churn, nrr, contraction, expansion, value_12m, value_36m and mrr; without those unknown.

    Customers that are leaving have no score and do not count.
    """
    scored = ~table.silent
    if not scored[i]:
        return {}
    found = table.prediction
    columns = {
        "churn": found.p,
        "nrr": found.nrr,
        "contraction": found.d,
        "expansion": found.u,
        "value_12m": table.value[0],
        "value_36m": table.value_36m,
        "mrr": table.mrr,
    }
    return {name: place for name, column in columns.items() if (place := _place(column, scored, i)) is not None}


def _place(column: np.ndarray, scored: np.ndarray, i: int) -> Place | None:
    everyone = column[scored & np.isfinite(column)]
    if not np.isfinite(column[i]) or len(everyone) < 2:
        return None
    own = float(column[i])
    below, same = float((everyone < own).mean()), float((everyone == own).mean())
    return Place(own, float(np.median(everyone)), below, same, len(everyone))


@dataclass(frozen=True)
class ReasonLine:
    """One reason: its label and value in words, points of NRR as a fraction, and money a month (None: MRR unknown).

    `not_yet` is why its driver is not to be acted on, or empty; `group` the driver's place on the page of drivers.
    """

    label: str
    said: str
    points: float
    money: float | None
    before_sale: bool
    actionable: bool
    not_yet: str
    group: str


@dataclass(frozen=True)
class ReasonSum:
    """A score as a sum: the base, the largest reasons, all others and what is left, which is the NRR; money likewise.

    `exact` are the base, the largest together, the rest and the NRR in percent to four digits, and `exact_money` the
    same in money to the cent, each of which adds up as it is written.
    """

    base: float
    base_money: float | None
    shown: tuple[ReasonLine, ...]
    others: tuple[ReasonLine, ...]
    rest: float
    rest_money: float | None
    nrr: float
    nrr_money: float | None
    exact: tuple[str, str, str, str]
    exact_money: tuple[str, str, str, str] | None


def reason_sum(
    score: Mapping[str, Any], drivers: Iterable[Mapping[str, Any]] = (), most: int = MOST_SHOWN
) -> ReasonSum | None:
    """From a score with all its reasons as JSON, and drivers as `drivers_document` has them; None without a score."""
    nrr, base = known((score.get("nrr") or {}).get("point")), known((score.get("base") or {}).get("nrr"))
    if nrr is None or base is None:
        return None
    unsure = {name: driver for driver in drivers if not driver["stable"] for name in driver["features"]}
    ranked = sorted(score.get("reasons") or (), key=lambda reason: -abs(float(reason["nrr_points"])))
    lines = [_line(reason, unsure) for reason in ranked]
    shown, others = tuple(lines[:most]), tuple(lines[most:])
    told = sum(line.points for line in shown)
    rest, mrr = nrr - base - told, known(score.get("mrr"))
    money = None if mrr is None else _exactly([part * mrr for part in (base, told, rest)], nrr * mrr, 100)
    return ReasonSum(
        base, _of(base, mrr), shown, others, rest, _of(rest, mrr), nrr, _of(nrr, mrr),
        _exactly([100 * base, 100 * told, 100 * rest], 100 * nrr, _EXACT / 100), money,
    )  # fmt: skip


def _line(reason: Mapping[str, Any], unsure: Mapping[str, Mapping[str, Any]]) -> ReasonLine:
    label = str(reason.get("label") or reason["feature"])
    said, phrase = value_words(reason), str(reason.get("phrase") or "")
    driver = unsure.get(str(reason["feature"]))
    return ReasonLine(
        label=label,
        said=said or ("" if phrase == label else phrase.partition("; associated with")[0]),
        points=float(reason["nrr_points"]),
        money=known(reason.get("money")),
        before_sale=reason.get("scope") == "fit",
        actionable=bool(reason.get("actionable")),
        not_yet="" if driver is None else str(driver.get("why_not") or NOT_SHOWN),
        group=str(reason.get("group") or ""),
    )


def _of(share: float, mrr: float | None) -> float | None:
    return None if mrr is None else share * mrr


def _exactly(parts: Sequence[float], total: float, per_unit: float) -> tuple[str, str, str, str]:
    """Base, largest, rest and total with so many digits that one is `1 / per_unit`, adding up as they are written.

    >>> _exactly([93.84556, -5.12334, -0.43214], 88.29008, 1e4)
    ('93.8456', '−5.1234', '−0.4321', '88.2901')
    """
    digits = len(str(round(per_unit))) - 1
    if not all(np.isfinite([*parts, total])):
        return DASH, DASH, DASH, DASH
    whole = round(total * per_unit)
    base, *steps = adding_up([part * per_unit for part in parts], whole)
    written = [decimals(step / per_unit, digits) for step in steps]
    signed = [f"+{text}" if step > 0 else text for step, text in zip(steps, written, strict=True)]
    return decimals(base / per_unit, digits), signed[0], signed[1], decimals(whole / per_unit, digits)
