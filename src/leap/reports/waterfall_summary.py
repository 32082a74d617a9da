"""A waterfall as rows of rounded figures that visibly add up: what a terminal, a page and a table lay out.

Points are in hundredths of a point of NRR, money in whole units of the currency a month. Base or start, parts and end
are rounded together, then the lines of each part to what the part shows: every column adds up, and across a line churn,
contraction and expansion are its points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leap.reports import rendering
from leap.reports.adding_up import adding_up
from leap.scoring.waterfall import SAME
from leap.scoring.waterfall_lines import OTHER
from leap.scoring.waterfall_words import accounts, counted

PARTS = ("churn", "contraction", "expansion")
_HUNDREDTHS = 10_000
Kind = Literal["level", "part", "line", "rest"]


@dataclass(frozen=True)
class Row:
    """One row; a `level` is where the waterfall begins or ends, a `part` is the sum of the rows below it.

    `points` and `parts` are whole hundredths of a point, `money` whole units; None where there is none. `features` are
    those behind a line with their own figures.
    """

    label: str
    points: int
    kind: Kind = "line"
    detail: str = ""
    parts: tuple[int, ...] | None = None
    money: int | None = None
    features: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Summary:
    """All that is laid out: what it is of in words, the rows, and what is to be known of them."""

    title: str
    words: str
    currency: str
    definition_hash: str
    rows: tuple[Row, ...]
    note: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """What is rounded together: lines with churn, contraction and expansion, then amounts (label, detail, figures)."""

    lines: Sequence[Mapping[str, Any]]
    amounts: Sequence[tuple[str, str, Mapping[str, Any]]] = field(default_factory=tuple)

    @property
    def points(self) -> list[float]:
        """What is rounded, in hundredths of a point: each column of the lines, then each amount."""
        columns = [sum(line["parts"][part] for line in self.lines) * _HUNDREDTHS for part in PARTS]
        return columns + [one["nrr_points"] * _HUNDREDTHS for _, _, one in self.amounts]

    @property
    def money(self) -> list[float]:
        """What is rounded as money: each line, then each amount."""
        return [line["money"] for line in self.lines] + [one["money"] for _, _, one in self.amounts]

    def rows(self, shown: Sequence[int], money: Sequence[int]) -> list[Row]:
        """The rows, from rounded columns and amounts, and rounded money."""
        columns = [
            adding_up([line["parts"][part] * _HUNDREDTHS for line in self.lines], whole)
            for part, whole in zip(PARTS, shown, strict=False)
        ]
        of_lines = zip(self.lines, zip(*columns, strict=True), money, strict=False)
        of_amounts = zip(self.amounts, shown[len(PARTS) :], money[len(self.lines) :], strict=True)
        return [
            *(_line_row(line, parts, paid) for line, parts, paid in of_lines),
            *(Row(label, whole, detail=about, money=paid) for (label, about, _), whole, paid in of_amounts),
        ]


def _line_row(line: Mapping[str, Any], parts: tuple[int, ...], money: int) -> Row:
    own = tuple(line["features"])
    detail = f"{len(own)} features" if len(own) > 1 else ""
    return Row(line["label"], sum(parts), "rest" if line["group"] == OTHER else "line", detail, parts, money, own)


def of_features(row: Row) -> list[tuple[Mapping[str, Any], tuple[int, ...], int]]:
    """Each feature behind a line with its parts and money, rounded so that they come to those of the line."""
    columns = [
        adding_up([one["parts"][part] * _HUNDREDTHS for one in row.features], whole)
        for part, whole in zip(PARTS, row.parts or (), strict=False)
    ]
    money = adding_up([one["money"] for one in row.features], row.money)
    return list(zip(row.features, zip(*columns, strict=True), money, strict=False))


def summarise(document: Mapping[str, Any]) -> Summary:
    """The rows of a document that `leap.scoring` gives; none where it says that there is no NRR."""
    by_kind = {"portfolio": _of_portfolio, "subsets": _of_subsets, "dates": _of_dates}
    rows = [] if "reason" in document else by_kind[document["kind"]](document)
    return Summary(
        title=f"{document['company']}: expected NRR over {document['horizon_months']} months",
        words=document["words"],
        currency=document["currency"],
        definition_hash=document["definition_hash"],
        rows=tuple(rows),
        note=document["money_note"],
        remarks=tuple(_remarks(document)) if rows else (),
    )


def _of_portfolio(document: Mapping[str, Any]) -> list[Row]:
    part = _Part(document["lines"], [_leaving(document["leaving"])])
    start, *shown = adding_up([document["base"] * _HUNDREDTHS, *part.points], document["nrr"] * _HUNDREDTHS)
    base_money, *money = adding_up([document["base_money"], *part.money], document["money"])
    return [
        Row("Base of the model", start, "level", money=base_money),
        *part.rows(shown, money),
        Row("Expected NRR", start + sum(shown), "level", money=base_money + sum(money)),
    ]


def _of_subsets(document: Mapping[str, Any]) -> list[Row]:
    part = _Part(document["lines"], [_leaving(document["leaving"])])
    start, *shown = adding_up([document["before"] * _HUNDREDTHS, *part.points], document["after"] * _HUNDREDTHS)
    return [
        _end(document, "before", start),
        *part.rows(shown, adding_up(part.money)),
        _end(document, "after", start + sum(shown)),
    ]


def _of_dates(document: Mapping[str, Any]) -> list[Row]:
    named = [(label, document[name], part) for name, label, part in _parts_of_dates(document)]
    wanted = [one["nrr_points"] * _HUNDREDTHS for _, one, _ in named]
    start, *shown = adding_up([document["before"] * _HUNDREDTHS, *wanted], document["after"] * _HUNDREDTHS)
    rows = [_end(document, "before", start)]
    for (label, one, part), whole, money in zip(
        named, shown, adding_up([one["money"] for _, one, _ in named]), strict=True
    ):
        rows.append(Row(label, whole, "part", _detail(one), money=money))
        rows += [row for row in part.rows(adding_up(part.points, whole), adding_up(part.money, money)) if _says(row)]
    return [*rows, _end(document, "after", start + sum(shown))]


def _parts_of_dates(document: Mapping[str, Any]) -> list[tuple[str, str, _Part]]:
    model, behaviour, mix = (document[name] for name in ("model", "behaviour", "mix"))
    became, no_longer = behaviour["became_leaving"], behaviour["no_longer_leaving"]
    known = [
        ("Became known to be leaving", accounts(became["accounts"]), became),
        ("No longer known to be leaving", accounts(no_longer["accounts"]), no_longer),
    ]
    lines = [(_first_upper(one["label"]), _of_mix(one), one) for one in mix["lines"]]
    return [
        ("model", "Model", _Part(model["lines"], [("Base of the model", "", model["base"])])),
        ("behaviour", "Behaviour", _Part(behaviour["lines"], known)),
        ("mix", "Mix", _Part([], lines)),
    ]


def _detail(one: Mapping[str, Any]) -> str:
    if one.get("reason") == SAME:
        return "both dates by one version"
    return f"{accounts(one['accounts'])} in both" if "accounts" in one else ""


def _of_mix(one: Mapping[str, Any]) -> str:
    if one["expected"] is None:
        return accounts(one["accounts"])
    return f"{one['accounts']:,} with expected NRR {one['expected']:.1%}"


def _says(row: Row) -> bool:
    """Whether a row is worth a line: nothing of nobody is not."""
    of_somebody = bool(row.detail) and not row.detail.startswith("0 ")
    return row.parts is not None or bool(row.points or row.money) or of_somebody


def _leaving(one: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    detail = accounts(one["accounts"])
    if "accounts_against" in one:
        detail += f"; {one['accounts_against']:,} of those compared with"
    return "Already leaving: NRR 0", detail, one


def _end(document: Mapping[str, Any], side: str, points: int) -> Row:
    """The level at one end of a difference."""
    one = document["of"][side]
    whom = _first_upper(one["whom"])
    if document["kind"] == "dates":
        whom = f"NRR as of {one['as_of']}, version {one['version']}"
    detail = counted(one["accounts"], one["mrr"], document["currency"])
    return Row(whom, points, "level", detail)


def _remarks(document: Mapping[str, Any]) -> list[str]:
    remarks = [_together(document)] if document["kind"] != "dates" else []
    if document["kind"] == "portfolio":
        remarks.append(
            f"GRR {document['grr']:.2%}: base {document['base_grr']:.2%}, drivers "
            f"{_signed(sum(line['grr_points'] for line in document['lines']))}, already leaving "
            f"{_signed(document['leaving']['grr_points'])} points."
        )
    else:
        remarks.append(f"GRR differs by {_signed(document['difference_grr'])} points.")
    if document["kind"] == "dates":
        mean = document["mix"]["reference"]
        remarks += [document[name]["words"] for name in ("model", "behaviour", "mix")]
        remarks.append(
            f"Mix counts from the mean NRR of both dates, {mean:.2%}: MRR above it adds, MRR below it takes away."
        )
    return [*remarks, _MONEY[document["kind"]], _READ]


_MONEY = {
    "portfolio": "Money is points times the MRR of these customers.",
    "subsets": "Money is points times the MRR of the customers looked at.",
    "dates": "Money is points times the MRR of the later date.",
}
_READ = (
    "A line is what a driver is associated with in the model, each account weighted by its MRR; it does not say what "
    "would follow if it were changed. Figures are rounded so that they add up; --json has all digits."
)


def _together(document: Mapping[str, Any]) -> str:
    sums = [sum(line["parts"][part] for line in document["lines"]) for part in PARTS]
    of = ", ".join(f"{part} {_signed(one)}" for part, one in zip(PARTS, sums, strict=True))
    return f"All drivers together: {_signed(sum(sums))} points of NRR ({of})."


def _signed(points: float) -> str:
    return rendering.points(points, 2)


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
