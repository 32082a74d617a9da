"""Waterfalls of scored customers as JSON: one portfolio, two of one date, or two dates; every line with all its digits.

`nrr_points` and `grr_points` are fractions (0.01 is one point); `money` is `nrr_points` times the MRR of the portfolio
that is looked at (of two the later, or the subset), in the reporting currency a month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.explanation.portfolio import GRR, NRR, Book, Waterfall, contrast, waterfall
from leap.explanation.portfolio_change import Change, change
from leap.scoring import waterfall_words as words
from leap.scoring.table import ScoreTable
from leap.scoring.waterfall_lines import Naming, added, amount, lines_of, pair
from leap.snapshots import known_as
from leap.tables import AccountTables
from leap.uncertainty import BookInterval, book_interval

EMPTY, SAME = "empty_cohort", "same_version"


@dataclass(frozen=True)
class View:
    """Customers of a date by one version, whom of them is looked at, and how that is said.

    `keep` is a mask, shape (n,); `where` are the conditions in words, none for the whole book; with `others` it is of
    those that do not meet them.
    """

    table: ScoreTable
    as_of: str
    keep: np.ndarray
    where: Sequence[str] = field(default_factory=tuple)
    others: bool = False

    @property
    def bundle(self) -> ModelBundle:
        """The model that scored them."""
        return self.table.bundle

    def book(self, keys: np.ndarray | None = None) -> Book:
        """As the arithmetic takes it; `keys` say which account is which at another date."""
        return book_of(self.table, keys).where(self.keep)

    def to_json(self, found: Waterfall | None) -> dict[str, Any]:
        """What is looked at, with its figures and no lines."""
        figures = {"nrr": None, "grr": None, "reason": EMPTY, "accounts": 0, "mrr": 0.0, "leaving": 0}
        if found is not None:
            figures = {
                "nrr": float(found.expected[NRR]),
                "grr": float(found.expected[GRR]),
                "accounts": found.accounts,
                "mrr": found.mrr,
                "leaving": found.leaving.accounts,
            }
        whom = {"where": list(self.where), "whom": words.of_whom(self.where, self.others)}
        model = {"version": self.table.version, "definition_hash": self.bundle.definition_hash}
        return {"as_of": self.as_of, **model, **whom, **figures}


def book_of(table: ScoreTable, keys: np.ndarray | None = None) -> Book:
    """A table of customers as the arithmetic takes it."""
    found, prediction, model = table.attribution, table.prediction, table.model
    d0 = model.contraction.base_change
    # GRR = (1 - p)(1 - d) by the same midpoints: contraction's part is that of NRR, churn's is this.
    middle = ((1 - d0) + (1 - prediction.d)) / 2
    return Book(
        keys=np.arange(len(table)) if keys is None else keys,
        mrr=table.mrr,
        leaving=table.leaving,
        expected=np.stack([prediction.nrr, prediction.grr], axis=1),
        contributions={
            "churn": found.churn,
            "contraction": found.contraction,
            "expansion": found.expansion,
            "grr_churn": -found.probability * middle[:, None],
        },
        source=np.array(model.encoder.source, dtype=np.int64),
        features=tuple(model.encoder.catalog.names),
        base=np.array([found.base_nrr, (1 - found.base_probability) * (1 - d0)]),
    )


def of_portfolio(view: View, top: int) -> dict[str, Any]:
    """The waterfall of one portfolio: base, drivers, and those that are leaving, which add up to its NRR."""
    found, bundle = waterfall(view.book()), view.bundle
    document = {"kind": "portfolio", **_about(bundle), **view.to_json(found)}
    if found is None:
        return {**document, "base": None, "lines": [], "leaving": None, "sum": None, "words": _nobody(document)}
    lines = lines_of(found.points, Naming([bundle]), found.mrr, top)
    leaving = amount(found.leaving, found.mrr)
    base_nrr, base_grr = (float(one) for one in found.base)
    interval = _interval(view)
    return {
        **document,
        **interval,
        "words": _said(document | interval),
        "base": base_nrr,
        "base_grr": base_grr,
        "base_money": base_nrr * found.mrr,
        "money": float(found.expected[NRR]) * found.mrr,
        "lines": lines,
        "leaving": leaving,
        "sum": base_nrr + added(lines) + leaving["nrr_points"],
        "sum_grr": base_grr + added(lines, "grr_points") + leaving["grr_points"],
    }


def of_subsets(view: View, against: View, top: int) -> dict[str, Any]:
    """Why the NRR of one portfolio differs from that of another at the same date: by driver, and by who is leaving.

    `before` is what is compared with, `after` what is looked at.
    """
    found, other = waterfall(view.book()), waterfall(against.book())
    document = _difference("subsets", view, against, found, other)
    if found is None or other is None:
        return {**document, "lines": [], "leaving": None, "sum": None}
    points, leaves = contrast(found, other)
    lines = lines_of(points, Naming([view.bundle]), found.mrr, top)
    leaving = {**amount(leaves, found.mrr), "accounts_against": other.leaving.accounts}
    return {
        **document,
        "lines": lines,
        "leaving": leaving,
        "sum": added(lines) + leaving["nrr_points"],
        "sum_grr": added(lines, "grr_points") + leaving["grr_points"],
    }


def of_dates(later: View, earlier: View, said: View | None, tables: AccountTables, top: int) -> dict[str, Any]:
    """Why the NRR of a date differs from that of an earlier one: model, behaviour and mix.

    `earlier` is by the version of `later`; `said` are the same rows by that of then, if it is another. Accounts that
    merged until the later date are one.
    """
    _require_same_horizon(later, said)
    moment = pd.Timestamp(later.as_of)
    book, before = (
        later.book(keys_at(later.table, tables, moment)),
        earlier.book(keys_at(earlier.table, tables, moment)),
    )
    of_old = before if said is None else said.book(before.keys)
    found = change(before, book, None if said is None else of_old)
    document = _difference("dates", later, earlier if said is None else said, waterfall(book), waterfall(of_old))
    if found is None:
        return {**document, "restated": None, "model": None, "behaviour": None, "mix": None, "sum": None}
    naming = Naming([view.bundle for view in (later, said) if view is not None])
    parts = {
        "model": _of_model(found, naming, top, later, said),
        "behaviour": _of_behaviour(found, naming, top),
        "mix": _of_mix(found, naming),
    }
    return {
        **document,
        "restated": float(found.before.expected[NRR]),
        **parts,
        "sum": added(parts.values()),
        "sum_grr": added(parts.values(), "grr_points"),
    }


def _of_model(found: Change, naming: Naming, top: int, later: View, said: View | None) -> dict[str, Any]:
    mrr, version = found.after.mrr, later.table.version
    if said is None:
        about = {"reason": SAME, "words": f"Both dates are scored by version {version}: the model makes no difference."}
    else:
        moved = words.apart(float(found.of_model[NRR]))
        about = {"words": f"The same accounts by version {version} instead of version {said.table.version}: {moved}."}
    lines = lines_of(found.model, naming, mrr, top)
    return {**pair(found.of_model, mrr), "base": pair(found.model_base, mrr), "lines": lines, **about}


def _of_behaviour(found: Change, naming: Naming, top: int) -> dict[str, Any]:
    mrr = found.after.mrr
    said = f"What changed in the {words.accounts(found.in_both)} that are in both is associated with "
    return {
        **pair(found.of_behaviour, mrr),
        "words": f"{said}{words.apart(float(found.of_behaviour[NRR]))}.",
        "accounts": found.in_both,
        "lines": lines_of(found.behaviour, naming, mrr, top),
        "became_leaving": amount(found.became_leaving, mrr),
        "no_longer_leaving": amount(found.no_longer_leaving, mrr),
    }


def _of_mix(found: Change, naming: Naming) -> dict[str, Any]:
    mrr, reference = found.after.mrr, float(found.reference[NRR])
    lines = [
        {
            "group": name,
            "label": words.MIX_LABELS[name],
            **amount(one, mrr),
            "expected": one.expected,
            "words": words.mixed(name, one, reference, naming.currency),
        }
        for name, one in found.mix.items()
    ]
    said = f"Who is in the portfolio, and what share of its MRR they pay: {words.apart(float(found.of_mix[NRR]))}."
    return {**pair(found.of_mix, mrr), "reference": reference, "lines": lines, "words": said}


def keys_at(table: ScoreTable, tables: AccountTables, moment: pd.Timestamp) -> np.ndarray:
    """Which account each row is, as known at a moment, shape (n,): what merged or was renamed until then is one."""
    codes = tables.accounts.get_indexer(pd.Index(table.account_ids))
    return known_as(tables, codes, moment)


def _require_same_horizon(one: View, other: View | None) -> None:
    if other is None:
        return
    months = [view.bundle.settings.outcome.horizon_months for view in (other, one)]
    if months[0] != months[1]:
        raise UsageError(
            f"version {other.table.version} expects NRR over {months[0]} months, version {one.table.version} over "
            f"{months[1]}: their difference means nothing.",
            remedy="Compare versions with the same horizon_months.",
        )


def _about(bundle: ModelBundle) -> dict[str, Any]:
    company, outcome = bundle.settings.company, bundle.settings.outcome
    return {
        "company": company.name,
        "currency": company.currency,
        "money_note": company.money_note,
        "horizon_months": outcome.horizon_months,
        "definition_hash": bundle.definition_hash,
    }


def _difference(
    kind: str, view: View, against: View, found: Waterfall | None, other: Waterfall | None
) -> dict[str, Any]:
    before, after = against.to_json(other), view.to_json(found)
    known = found is not None and other is not None
    return {
        "kind": kind,
        **_about(view.bundle),
        "before": before["nrr"],
        "after": after["nrr"],
        "difference": after["nrr"] - before["nrr"] if known else None,
        "difference_grr": after["grr"] - before["grr"] if known else None,
        "money": (after["nrr"] - before["nrr"]) * after["mrr"] if known else None,
        **({} if known else {"reason": EMPTY}),
        "of": {"before": before, "after": after},
        "words": _compared(before, after) if known else _nobody(before if other is None else after),
    }


def _interval(view: View) -> dict[str, Any]:
    """Where the NRR of the accounts looked at will lie, as `score` says it of all."""
    book = view.table.book if view.keep.all() else _book_of_some(view)
    names = ("nrr_low", "nrr_high", "level")
    return dict.fromkeys(names) if book is None else dict(zip(names, (book.low, book.high, book.level), strict=True))


def _book_of_some(view: View) -> BookInterval | None:
    paid = np.where(view.keep, view.table.mrr, 0.0)
    return book_interval(view.bundle.intervals, view.table.prediction, paid, view.table.leaving)


def _nobody(side: Mapping[str, Any]) -> str:
    return f"There is no NRR: none of {side['whom']} as of {side['as_of']}."


def _said(document: Mapping[str, Any]) -> str:
    counted = words.counted(document["accounts"], document["mrr"], document["currency"])
    between = ""
    if document["level"] is not None:
        between = f" ({document['level']:.0%} interval {document['nrr_low']:.1%} to {document['nrr_high']:.1%})"
    return (
        f"NRR {document['nrr']:.1%}{between} and GRR {document['grr']:.1%} are expected over "
        f"{document['horizon_months']} months of {document['whom']}: {counted} as of {document['as_of']}, version "
        f"{document['version']}."
    )


def _compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    one, other = after["whom"], before["whom"]
    if one == other:
        one, other = (f"{one} as of {side['as_of']}, version {side['version']}" for side in (after, before))
    difference = words.apart(after["nrr"] - before["nrr"], "")
    rounded = "" if words.adds_up(after["nrr"], before["nrr"]) else " before rounding"
    return f"Expected NRR of {one}: {after['nrr']:.1%}; of {other}: {before['nrr']:.1%}. That is {difference}{rounded}."
