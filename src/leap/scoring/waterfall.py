"""Waterfalls of scored customers as JSON: one portfolio, two of one date, or two dates; every line with all its digits.

`nrr_points` and `grr_points` are fractions (0.01 is one point); `money` is `nrr_points` times the MRR of the portfolio
that is looked at (of two the later, or the subset), in the reporting currency a month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.explanation.portfolio import (
    GRR,
    NRR,
    Amount,
    Book,
    Points,
    Waterfall,
    contrast,
    grr_of,
    nrr_of,
    total,
    waterfall,
)
from leap.explanation.portfolio_change import MIX, change
from leap.features import Feature
from leap.models.composition import Component
from leap.scoring.table import ScoreTable
from leap.snapshots import known_as
from leap.tables import AccountTables

EMPTY = "empty_cohort"
OTHER = "other"
_MIX_LABELS = {
    "moved": "MRR that moved between accounts in both",
    "new": "new accounts",
    "entered": "accounts that came into the subset",
    "left": "accounts that left",
    "left_as_known": "accounts that left as was known",
    "exited": "accounts that went out of the subset",
}


@dataclass(frozen=True)
class View:
    """Customers of a date by one version, whom of them is looked at, and how that is said.

    `keep` is a mask, shape (n,); `where` are conditions in words, none for the whole book.
    """

    table: ScoreTable
    as_of: str
    keep: np.ndarray
    where: Sequence[str] = field(default_factory=tuple)

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
        return {"as_of": self.as_of, "version": self.table.version, "where": list(self.where), **figures}


def book_of(table: ScoreTable, keys: np.ndarray | None = None) -> Book:
    """A table of customers as the arithmetic takes it."""
    found, prediction, model = table.attribution, table.prediction, table.model
    d0 = _base_change(model.contraction)
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


def _base_change(part: Component) -> float:
    """Expected change of the model's base: the propensity there times the usual size."""
    return float(part.calibration.probability(np.array([part.learner.base]))[0]) * part.size


@dataclass(frozen=True)
class Naming:
    """Features and their groups in words, by the bundles that know them: the first that does decides."""

    bundles: Sequence[ModelBundle]

    def feature(self, name: str) -> Feature:
        """The declaration of a feature."""
        return next(b.catalog.by_name[name] for b in self.bundles if name in b.catalog.by_name)

    def group(self, name: str) -> str:
        """The group of a feature."""
        feature = self.feature(name)
        return f"{feature.recipe.table}.{feature.group}" if feature.recipe.table else feature.group

    def label(self, group: str, members: Sequence[str]) -> str:
        """A group in words: those of the feature that leads it."""
        return self.feature(members[0]).label


def lines_of(points: Points, naming: Naming, mrr: float, top: int) -> list[dict[str, Any]]:
    """Groups of features by the size of their NRR points, the largest first; beyond `top` (0: none) joined in one."""
    groups: dict[str, list[str]] = {}
    for name in sorted(points, key=lambda name: (-abs(nrr_of(points[name])), name)):
        groups.setdefault(naming.group(name), []).append(name)
    lines = [
        _line(group, naming.label(group, members), members, points, naming, mrr) for group, members in groups.items()
    ]
    lines.sort(key=lambda line: (-abs(line["nrr_points"]), line["group"]))
    if not 0 < top < len(lines):
        return lines
    rest = [one["feature"] for line in lines[top:] for one in line["features"]]
    return [*lines[:top], _line(OTHER, f"other drivers ({len(lines) - top})", rest, points, naming, mrr)]


def _line(group: str, label: str, members: Sequence[str], points: Points, naming: Naming, mrr: float) -> dict[str, Any]:
    own = [{"feature": name, "label": naming.feature(name).label, **_figures(points[name], mrr)} for name in members]
    together = total({name: points[name] for name in members})
    return {"group": group, "label": label, **_figures(together, mrr), "features": own}


def _figures(parts: np.ndarray, mrr: float) -> dict[str, Any]:
    nrr = nrr_of(parts)
    return {
        "nrr_points": nrr,
        "grr_points": grr_of(parts),
        "money": nrr * mrr,
        "parts": {"churn": float(parts[0]), "contraction": float(parts[1]), "expansion": float(parts[2])},
    }


def _pair(points: np.ndarray, mrr: float) -> dict[str, float]:
    return {"nrr_points": float(points[NRR]), "grr_points": float(points[GRR]), "money": float(points[NRR]) * mrr}


def _amount(one: Amount, mrr: float) -> dict[str, Any]:
    return {**_pair(one.points, mrr), "accounts": one.accounts, "mrr": one.mrr}


def _added(lines: Iterable[Mapping[str, Any]], unit: str = "nrr_points") -> float:
    return float(sum(line[unit] for line in lines))


def of_portfolio(view: View, top: int) -> dict[str, Any]:
    """The waterfall of one portfolio: base, drivers, and those that are leaving, which add up to its NRR."""
    found, bundle = waterfall(view.book()), view.bundle
    document = {"kind": "portfolio", **_about(bundle), **view.to_json(found)}
    base = {"base": float(view.table.attribution.base_nrr) if len(view.table) else None}
    if found is None:
        return {**document, **base, "lines": [], "leaving": None, "sum": None}
    lines = lines_of(found.points, Naming([bundle]), found.mrr, top)
    leaving = _amount(found.leaving, found.mrr)
    base_nrr, base_grr = (float(one) for one in found.base)
    return {
        **document,
        "base": base_nrr,
        "base_grr": base_grr,
        "base_money": base_nrr * found.mrr,
        "money": float(found.expected[NRR]) * found.mrr,
        "lines": lines,
        "leaving": leaving,
        "sum": base_nrr + _added(lines) + leaving["nrr_points"],
        "sum_grr": base_grr + _added(lines, "grr_points") + leaving["grr_points"],
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
    leaving = {**_amount(leaves, found.mrr), "accounts_against": other.leaving.accounts}
    return {
        **document,
        "lines": lines,
        "leaving": leaving,
        "sum": _added(lines) + leaving["nrr_points"],
        "sum_grr": _added(lines, "grr_points") + leaving["grr_points"],
    }


def of_dates(
    later: View, earlier: View, said: View | None, tables: AccountTables, moment: Any, top: int
) -> dict[str, Any]:
    """Why the NRR of a date differs from that of an earlier one: model, behaviour and mix.

    `earlier` is by the version of `later`; `said`, the same rows by that of then, if it is another. `moment` is the later
    date: accounts that merged until then are one.
    """
    _require_same_horizon(later, said)
    keys = [_keys(view.table, tables, moment) for view in (earlier, later)]
    books = [view.book(own) for view, own in zip((earlier, later), keys, strict=True)]
    found = change(*books, None if said is None else said.book(keys[0]))
    then = earlier if said is None else said
    ends = (waterfall(books[1]), waterfall(books[0] if said is None else said.book()))
    document = _difference("dates", later, then, *ends)
    document["same_version"] = said is None
    if found is None:
        return {**document, "restated": None, "model": None, "behaviour": None, "mix": None, "sum": None}
    mrr, naming = found.after.mrr, Naming([later.bundle, then.bundle])
    model = {**_pair(found.of_model, mrr), "base": _pair(found.model_base, mrr)}
    model["lines"] = lines_of(found.model, naming, mrr, top) if said is not None else []
    behaviour = {**_pair(found.of_behaviour, mrr), "accounts": found.in_both}
    behaviour["lines"] = lines_of(found.behaviour, naming, mrr, top)
    behaviour["became_leaving"] = _amount(found.became_leaving, mrr)
    behaviour["no_longer_leaving"] = _amount(found.no_longer_leaving, mrr)
    reference = float(found.reference[NRR])
    mix = {**_pair(found.of_mix, mrr), "reference": reference}
    mix["lines"] = [
        {
            "group": name,
            "label": _MIX_LABELS[name],
            **_amount(found.mix[name], mrr),
            "expected": found.mix[name].expected,
        }
        for name in MIX
    ]
    parts = (model, behaviour, mix)
    return {
        **document,
        "restated": float(found.before.expected[NRR]),
        "model": model if said is not None else {**model, "reason": "same_version"},
        "behaviour": behaviour,
        "mix": mix,
        "sum": _added(parts),
        "sum_grr": _added(parts, "grr_points"),
    }


def _keys(table: ScoreTable, tables: AccountTables, moment: Any) -> np.ndarray:
    """Which account each row is, as known at a moment."""
    codes = tables.accounts.get_indexer(list(table.account_ids))
    return np.asarray(known_as(tables, codes, moment))


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
    }
