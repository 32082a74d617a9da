"""Scores of many rows at once, each with one form in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.explanation import wording
from leap.explanation.novelty import Unlike
from leap.features import Scope
from leap.icp import Match
from leap.models.composition import Attribution, Prediction, ScopeModel
from leap.models.hazard import LONGEST
from leap.offers import value_if_kept
from leap.scoring.action import Actions, Reach
from leap.scoring.prepared import Prepared
from leap.scoring.reasons import REASONS_IN_FILE, Reason, Reasons, plain, residual
from leap.scoring.won import CURVE_MONTHS, Won, curve_json
from leap.uncertainty import BookInterval, book_interval
from leap.value import (
    pays_back_along,
    served,
    value_along,
)  # fmt: skip

ALREADY_LEAVING = "already_leaving"
YEAR = 12


@dataclass(frozen=True)
class ScoreTable:
    """Scores of rows of one scope, all computed at once; `to_json(i)` is the only form of a single score."""

    bundle: ModelBundle
    model: ScopeModel
    version: str
    account_ids: Sequence[str]
    names: Sequence[str]
    as_of: Sequence[str]
    mrr: np.ndarray
    leaving: np.ndarray
    margin: np.ndarray
    cost: np.ndarray
    columns: Mapping[str, np.ndarray]
    matrix: np.ndarray
    won: Won
    """What winning the accounts cost and began with."""
    reach: Reach | None = None
    """How far the capacity goes in the list these accounts stand beside; None: they are the list."""
    win: np.ndarray | None = None
    """Of prospects the probability that a deal with them is won; None where nothing is claimed of it."""
    prepared: Prepared | None = field(default=None, repr=False)
    """What all tables of the bundle's scope share, where it is at hand."""

    def __len__(self) -> int:
        return len(self.account_ids)

    def ready(self) -> ScoreTable:
        """Itself, with all computed that the score of a row is read from."""
        _ = (
            self._figures,
            self.survival,
            self.actions,
            self.matches,
            self._reasons,
            self._bands,
            self._pays_back,
            self._curves,
        )
        return self

    @cached_property
    def _own(self) -> Prepared:
        return self.prepared or Prepared(self.bundle, self.scope)

    @property
    def scope(self) -> Scope:
        """health for customers, fit for prospects."""
        return self.model.scope

    @cached_property
    def _explained(self) -> tuple[Prediction, Attribution]:
        return self.model.explained(self.matrix)

    @property
    def prediction(self) -> Prediction:
        """p, d, u, q and their composition."""
        return self._explained[0]

    @property
    def attribution(self) -> Attribution:
        """Contributions by encoded column."""
        return self._explained[1]

    @cached_property
    def _reasons(self) -> Reasons:
        return Reasons("nrr_points", self._own.layout, self.columns, self._points)

    def _points(self, rows: Sequence[int]) -> np.ndarray:
        """What every feature adds to rows, shape (rows, 6, n_features): to NRR, churn probability, margin, parts of
        NRR.
        """
        of_columns = self.attribution.of_rows(np.asarray(rows, dtype=np.intp))
        # Never minus nought, which people would read as lowering.
        return self.model.encoder.by_feature(of_columns) + 0.0

    @cached_property
    def _interval(self) -> tuple[np.ndarray, np.ndarray]:
        return self._own.intervals.ratio(self.prediction)

    @property
    def nrr_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end for the NRR of each row, shape (n,) each."""
        return self._interval

    @property
    def interval_level(self) -> float:
        """The share of accounts that intervals are to hold."""
        return self._own.intervals.level

    @cached_property
    def book(self) -> BookInterval | None:
        """NRR of all rows together with its interval; None without MRR."""
        return book_interval(self.bundle.intervals, self.prediction, self.mrr, self.leaving)

    @cached_property
    def survival(self) -> np.ndarray:
        """S(1) .. S(36) of every row, with S(horizon) = 1 - p; shape (n, 36)."""
        return self.model.survival(self.matrix, self.prediction.p, self._own.terms.horizon_months, LONGEST)

    @cached_property
    def value(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value of twelve months less its cost (to serve; to win, for prospects) and its interval in money; NaN
        where unknown.
        """
        earned, cost = self._earned(YEAR), self._costs(YEAR)
        low, high = self._own.intervals.value(self.prediction, earned, self.mrr * self.margin, self._own.terms)
        return earned - cost, low - cost, high - cost

    @cached_property
    def value_36m(self) -> np.ndarray:
        """Value of thirty-six months less its cost, shape (n,); NaN where unknown."""
        return np.asarray(self._earned(LONGEST) - self._costs(LONGEST))

    def _earned(self, months: int) -> np.ndarray:
        found = self.prediction
        return value_along(self.mrr, self.survival[:, :months], found.u - found.d, self.margin, self._own.terms)

    def _costs(self, months: int) -> np.ndarray:
        """Customers cost their service in every month; prospects what winning them costs, once."""
        return served(self.cost, self._own.terms, months) if self.scope == Scope.HEALTH else self.cost

    @cached_property
    def actions(self) -> Actions:
        """Whom to contact with an offer to stay, and what that is expected to gain."""
        found = self.prediction
        worth = value_if_kept(self.mrr, found.d, found.u, self.margin, self.cost, self._own.terms)
        none = [self._no_action(i) for i in range(len(self))]
        return Actions.of(self._own.offer, self.account_ids, found.p, worth, none, self.reach)

    def _no_action(self, i: int) -> str | None:
        if self.scope == Scope.FIT:
            return "not_a_customer"
        return self.abstained(i) or ("no_expected_mrr" if math.isnan(self.mrr[i]) else None)

    @cached_property
    def matches(self) -> list[Match]:
        """The ICP match of every row."""
        return self._own.matcher.match(self.columns, len(self))

    @cached_property
    def unlike(self) -> Unlike | None:
        """How prospects compare with customers when they bought; None for customers."""
        if self.scope == Scope.HEALTH or self.bundle.novelty is None:
            return None
        return self.bundle.novelty.judge(self.columns, len(self))

    @cached_property
    def silent(self) -> np.ndarray:
        """Rows without a score: leaving, or like no customer; shape (n,)."""
        return self.leaving if self.unlike is None else np.asarray(self.leaving | self.unlike.refused)

    def abstained(self, i: int) -> str | None:
        """Why there is no score, or None."""
        if self.leaving[i]:
            return ALREADY_LEAVING
        return None if self.unlike is None else self.unlike.reason(i)

    def abstained_because(self, i: int) -> str | None:
        """The same in words, where there is more to say: what makes a prospect unlike every customer."""
        return None if self.unlike is None else self.unlike.because(i)

    def reasons(self, i: int, top: int) -> list[dict[str, Any]]:
        """The groups of features that move NRR most, largest first; with `top` 0 all features, each on its own."""
        found = self._reasons.grouped(i, top) if top else self._reasons.each(i)
        return [self._reason(i, reason) for reason in found]

    def main_reason(self, i: int) -> dict[str, Any] | None:
        """The largest reason that lowers NRR where loss is expected, else the largest of all."""
        found = next(self._main([i]))
        return None if found is None else self._reason(i, found)

    def main_phrases(self) -> list[str]:
        """The same of every row in words alone; empty where there is no score or nothing moves it."""
        rows = range(len(self))
        found = zip(rows, self._main(rows), strict=True)
        return ["" if reason is None or self.silent[i] else self._phrase(i, reason) for i, reason in found]

    def _main(self, rows: Sequence[int]) -> Iterator[Reason | None]:
        return self._reasons.main(rows, (self.nrr[rows] < 1).tolist())

    def _phrase(self, i: int, reason: Reason) -> str:
        points, prepared = reason.points[0], self._own
        usual, share, typical = prepared.usual(self._bands[i], reason.feature, self._mrr[i])
        return wording.phrase(
            reason.feature, reason.value, usual, points, self._money(i, points), prepared.currency,
            share=share, related=max(0, len(reason.members) - 1), typical=typical,
        )  # fmt: skip

    @cached_property
    def _bands(self) -> list[int]:
        return [self._own.peers.band(mrr) for mrr in self._mrr]

    def _reason(self, i: int, reason: Reason) -> dict[str, Any]:
        points, probability, margin, churn, contraction, expansion = reason.points
        figures = {
            "probability_points": probability,
            "margin": margin,
            "nrr_points": points,
            "money": self._money(i, points),
            "parts": {"churn": churn, "contraction": contraction, "expansion": expansion},
        }
        return self._reasons.to_json(i, reason, self._phrase(i, reason), figures)

    def _money(self, i: int, points: float | None) -> float | None:
        """Points of NRR as MRR a month; None where the MRR is not known."""
        mrr = self._mrr[i]
        return None if points is None or mrr != mrr else points * mrr

    @cached_property
    def _mrr(self) -> list[float]:
        found: list[float] = self.mrr.tolist()
        return found

    @cached_property
    def _curves(self) -> np.ndarray:
        """The survival of every row in the months that its JSON has, shape (n, len(CURVE_MONTHS))."""
        return self.survival[:, np.array(CURVE_MONTHS) - 1]

    @cached_property
    def nrr(self) -> np.ndarray:
        """NRR expected of each row, shape (n,)."""
        return self.prediction.nrr

    @cached_property
    def _figures(self) -> np.ndarray:
        """The numbers of scores in the order of `to_json`, shape (n, 14); NaN where undefined or abstained."""
        found, (low, high), value = self.prediction, self._interval, self.value
        margin = self.attribution.base_margin + self.attribution.margin.sum(axis=1)
        columns = (found.p, margin, found.d, found.u, found.q, found.grr, self.nrr, low, high, found.direct, *value)
        figures = np.column_stack([*columns, self.value_36m]).astype(float)
        figures[self.silent] = np.nan
        return figures

    def to_json(self, i: int, top: int = 5) -> dict[str, Any]:
        """One score as `scores[]` of the HTTP answer."""
        return next(self.documents([i], top))

    def documents(self, rows: Sequence[int], top: int = 5) -> Iterator[dict[str, Any]]:
        """The scores of some rows, each as `to_json` has it; what rows share is computed for many at once."""
        found = self._reasons.of_rows(rows, top) if top else (list(self._reasons.each(i)) for i in rows)
        for i, reasons in zip(rows, found, strict=True):
            yield self._document(i, [] if self.silent[i] else [self._reason(i, reason) for reason in reasons])

    def _document(self, i: int, reasons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        abstained = self.abstained(i)
        p, margin, d, u, q, grr, nrr, low, high, direct, value, value_low, value_high, value_36m = (
            figure if math.isfinite(figure) else None for figure in self._figures[i].tolist()
        )
        return {
            "account_id": self.account_ids[i],
            "name": self.names[i],
            "mrr": plain(self._mrr[i]),
            "churn": {"p": p, "margin": margin},
            "contraction": {"rate": d},
            "expansion": {"rate": u, "p": q},
            "grr": grr,
            "nrr": {
                "point": nrr,
                "low": low,
                "high": high,
                "level": self._own.intervals.level,
                "coverage": self._own.intervals.coverage,
                "direct": direct,
            },
            "value_12m": {"point": value, "low": value_low, "high": value_high, "reason": self._no_value(i)},
            "action": self.actions.to_json(i),
            "value_36m": {"point": value_36m, "reason": self._no_value(i)},
            "survival": None if abstained else curve_json(self._curves[i].tolist(), self._observed),
            **self._returns(i, abstained),
            "icp": self.matches[i].to_json(),
            "reasons": reasons,
            **self._beside_reasons(i, reasons, {"nrr_points": nrr, "probability_points": p, "margin": margin}),
            "abstained": abstained,
            "abstained_because": self.abstained_because(i),
            "scope": str(self.scope),
            **self._win_json(i),
        }

    def _beside_reasons(
        self, i: int, reasons: Sequence[Mapping[str, Any]], score: Mapping[str, float | None]
    ) -> dict[str, Any]:
        """`base`, and what it and the listed reasons leave of the score, in every unit; null where it abstains."""
        own = self.attribution
        bases = {"nrr_points": own.base_nrr, "probability_points": own.base_probability, "margin": own.base_margin}
        base = {unit: None if score[unit] is None else found for unit, found in bases.items()}
        left = {unit: residual(point, bases[unit], reasons, unit) for unit, point in score.items()}
        return {
            "base": {
                "nrr": base["nrr_points"],
                "churn_probability": base["probability_points"],
                "margin": base["margin"],
                "money": self._money(i, base["nrr_points"]),
            },
            "residual": left["nrr_points"],
            "residuals": {
                "probability_points": left["probability_points"],
                "margin": left["margin"],
                "money": self._money(i, left["nrr_points"]),
            },
        }

    def _win_json(self, i: int) -> dict[str, Any]:
        """`win` of a prospect; a customer has none."""
        if self.scope == Scope.HEALTH:
            return {}
        abstained = self.abstained(i)
        if self.win is None or abstained:
            return {"win": {"p": None, "reason": abstained or "no_win_model"}}
        return {"win": {"p": plain(float(self.win[i]))}}

    @property
    def _observed(self) -> int:
        """How many months ahead accounts were followed; beyond, the curve goes on as it was last."""
        hazard = self.model.hazard
        return self._own.terms.horizon_months if hazard is None else hazard.observed

    def _returns(self, i: int, abstained: str | None) -> dict[str, Any]:
        """CAC, payback and LTV : CAC, where LTV is the value of 36 months before what winning cost."""
        if abstained:
            return self.won.nothing(abstained)
        lifetime = self.value_36m[i] + (self.cost[i] if self.scope == Scope.FIT else 0.0)
        margin, why = float(self.margin[i]), self._no_value(i)
        return self.won.returns(i, margin, self._pays_back[i], float(lifetime), why)

    @cached_property
    def _pays_back(self) -> list[int | None]:
        """The month in which what winning an account cost has come back along its curve; None if it never does."""
        return pays_back_along(self.won.cac, self.won.new_mrr * self.margin, self.survival)

    def _no_value(self, i: int) -> str | None:
        if math.isnan(self.margin[i]):
            return "no_gross_margin"
        return "no_expected_mrr" if math.isnan(self.mrr[i]) else None

    def _told(self, i: int) -> list[str]:
        """In place of reasons, why a prospect has no score."""
        because = self.abstained_because(i)
        return [] if because is None else [because]

    def frame(self, *, prospects: bool = False, rows: Sequence[int] | None = None) -> pd.DataFrame:
        """The columns of a score file, one row each; of some rows only, where they are given."""
        at = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.intp)
        chosen = at.tolist()
        kept = np.where(self.silent[at], np.nan, 1.0)
        found, (low, high), (value, value_low, value_high) = self.prediction, self._interval, self.value
        numbers = {
            "churn_probability": found.p,
            "contraction_rate": found.d,
            "expansion_rate": found.u,
            "expansion_probability": found.q,
            "nrr": found.nrr,
            "nrr_low": low,
            "nrr_high": high,
            "nrr_direct": found.direct,
            "grr": found.grr,
        }
        values = {"value_12m": value, "value_12m_low": value_low, "value_12m_high": value_high}
        values["value_36m"] = self.value_36m
        told = zip(chosen, self._reasons.of_rows(chosen, REASONS_IN_FILE), strict=True)
        phrases = [self._told(i) if self.silent[i] else [self._phrase(i, r) for r in reasons] for i, reasons in told]
        status = "prospect" if prospects else "customer"
        columns: dict[str, Any] = {
            "account_id": [self.account_ids[i] for i in chosen],
            "name": [self.names[i] for i in chosen],
            "as_of": [self.as_of[i] for i in chosen],
            "mrr": np.full(len(at), np.nan) if prospects else self.mrr[at],
            **{name: array[at] * kept for name, array in numbers.items()},
            "win_probability": np.full(len(at), np.nan) if self.win is None else self.win[at] * kept,
            "status": ["leaving" if leaves else status for leaves in self.leaving[at]],
            **{name: array[at] * kept for name, array in values.items()},
            "icp_id": [self.matches[i].icp_id for i in chosen],
            "icp_tier": [self.matches[i].tier for i in chosen],
            **{
                f"reason_{k + 1}": [phrase[k] if k < len(phrase) else "" for phrase in phrases]
                for k in range(REASONS_IN_FILE)
            },
            "abstained": [self.abstained(i) or "" for i in chosen],
            "expected_gain": self.actions.gain[at],
            "contact": pd.array([self.actions.to_json(i)["contact"] for i in chosen], dtype="boolean"),
            "model_version": self.version,
            "definition_hash": self.bundle.definition_hash,
        }
        return pd.DataFrame(columns)
