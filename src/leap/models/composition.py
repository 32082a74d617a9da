"""Churn, contraction and expansion and their composition into NRR: `NRR = (1 - p)(1 - d + u)`, exactly, for every row.

`p` is the probability of losing the logo; given that the account is retained, `d = q_d * size_d` and `u = q_u *
size_u` are a
propensity times the size of such a change. `q_d` and `size_d` lie in [0, 1] and `u >= 0` by their links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leap.features import Scope
from leap.models.calibration import Calibration
from leap.models.encoding import Encoder
from leap.models.learners import Learner, learner_from_json
from leap.models.selection import Rows, Trained, recency, train

COMPONENTS = ("churn", "contraction", "expansion")
_SIZE_WINSOR = 0.99


@dataclass(frozen=True)
class Component:
    """A calibrated propensity, and the size of the change where it happens (1 for churn, which takes all).

    `moved` counts accounts: those with the event among those the model was fitted on. `settings` are the chosen
    candidate's: a later tuning starts from them.
    """

    learner: Learner
    calibration: Calibration
    size: float
    learner_name: str
    n_rows: int
    n_accounts: int
    n_events: int
    base_rate: float
    losses: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def probability(self, matrix: np.ndarray) -> np.ndarray:
        """The propensity, shape (n,)."""
        return self.calibration.probability(self.learner.margin(matrix))

    def attribute(self, matrix: np.ndarray) -> tuple[np.ndarray, float]:
        """Contributions in points of probability, shape (n, width), and the base probability."""
        return self.calibration.attribute(self.learner.contributions(matrix), self.learner.base)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        document = {k: v for k, v in self.__dict__.items() if k not in ("learner", "calibration")}
        document |= {"losses": dict(self.losses), "settings": dict(self.settings)}
        calibration = [self.calibration.slope, self.calibration.intercept]
        return {**document, "learner": self.learner.to_json(), "calibration": calibration}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Component:
        """The inverse of `to_json`."""
        rest = {k: v for k, v in document.items() if k not in ("learner", "calibration")}
        slope, intercept = document["calibration"]
        return cls(learner_from_json(document["learner"]), Calibration(slope, intercept), **rest)


@dataclass(frozen=True)
class Prediction:
    """What is expected of rows, shape (n,) each: `p`, `d`, `u`, `q`; `nrr` and `grr` are their composition."""

    p: np.ndarray
    d: np.ndarray
    u: np.ndarray
    q: np.ndarray
    q_contraction: np.ndarray
    direct: np.ndarray

    @property
    def nrr(self) -> np.ndarray:
        """Net revenue retention expected of a row."""
        kept = 1 - self.p
        return np.asarray(kept - kept * self.d + kept * self.u)

    @property
    def grr(self) -> np.ndarray:
        """Gross revenue retention expected of a row."""
        return np.asarray((1 - self.p) * (1 - self.d))


@dataclass(frozen=True)
class Attribution:
    """What each encoded column adds, shape (n, width): points of churn probability and of NRR; a row plus its base
    is the score.
    """

    probability: np.ndarray
    nrr: np.ndarray
    base_probability: float
    base_nrr: float


@dataclass(frozen=True)
class ScopeModel:
    """The models of one scope: health for customers, fit for prospects and ICPs."""

    scope: Scope
    encoder: Encoder
    churn: Component
    contraction: Component
    expansion: Component
    direct: Learner

    def component(self, name: str) -> Component:
        """churn, contraction or expansion."""
        found: Component = getattr(self, name)
        return found

    def predict(self, matrix: np.ndarray) -> Prediction:
        """Predictions for encoded rows."""
        q_contraction = self.contraction.probability(matrix)
        q = self.expansion.probability(matrix)
        return Prediction(
            p=self.churn.probability(matrix),
            d=q_contraction * self.contraction.size,
            u=q * self.expansion.size,
            q=q,
            q_contraction=q_contraction,
            direct=np.maximum(self.direct.margin(matrix), 0.0),
        )

    def attribute(self, matrix: np.ndarray) -> Attribution:
        """Contributions to churn probability and NRR, through the product by midpoints.

        `AB - A0 B0 = (A - A0)(B + B0)/2 + (B - B0)(A + A0)/2` with A = 1 - p and B = 1 - d + u.
        """
        churn, p0 = self.churn.attribute(matrix)
        contraction, qd0 = self.contraction.attribute(matrix)
        expansion, qu0 = self.expansion.attribute(matrix)
        rest = expansion * self.expansion.size - contraction * self.contraction.size
        kept0 = 1 - p0
        rest0 = 1 - qd0 * self.contraction.size + qu0 * self.expansion.size
        kept, change = kept0 - churn.sum(axis=1), rest0 + rest.sum(axis=1)
        nrr = -churn * ((change + rest0) / 2)[:, None] + rest * ((kept + kept0) / 2)[:, None]
        return Attribution(churn, nrr, p0, kept0 * rest0)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "scope": str(self.scope),
            "encoder": self.encoder.to_json(),
            **{name: self.component(name).to_json() for name in COMPONENTS},
            "direct": self.direct.to_json(),
        }


@dataclass(frozen=True)
class Labels:
    """What followed the rows, shape (n,) each; rows that were not retained have no contraction or expansion."""

    churned: np.ndarray
    ratio: np.ndarray
    starting: np.ndarray
    min_uplift: float = 0.0

    @property
    def retained(self) -> np.ndarray:
        """Rows that kept the logo."""
        return np.asarray(self.churned == 0)

    def propensity(self, name: str) -> np.ndarray:
        """1.0 where the component's event happened."""
        if name == "churn":
            return self.churned
        if name == "contraction":
            return np.asarray(self.ratio < 1 - 1e-9, dtype=float)
        return np.asarray(self.ratio > 1 + max(self.min_uplift, 1e-9), dtype=float)

    def amount(self, name: str) -> np.ndarray:
        """The share of starting MRR by which the row changed."""
        return np.asarray(np.maximum(1 - self.ratio if name == "contraction" else self.ratio - 1, 0))

    def where(self, keep: np.ndarray) -> Labels:
        """The rows that a mask keeps."""
        return Labels(self.churned[keep], self.ratio[keep], self.starting[keep], self.min_uplift)


@dataclass(frozen=True)
class TrainingRows:
    """Encoded rows with labels and the keys of folds, sorted by (account, as_of)."""

    matrix: np.ndarray
    labels: Labels
    accounts: np.ndarray
    as_of: np.ndarray
    known_at: np.ndarray

    def where(self, keep: np.ndarray) -> TrainingRows:
        """The rows that a mask keeps."""
        return TrainingRows(
            self.matrix[keep], self.labels.where(keep), self.accounts[keep], self.as_of[keep], self.known_at[keep]
        )

    def of(self, name: str) -> Rows:
        """The rows of one component: contraction and expansion are learned from retained rows only."""
        part = self if name == "churn" else self.where(self.labels.retained)
        outcome = part.labels.propensity(name)
        weight = recency(part.as_of) if len(part.as_of) else np.ones(0)
        return Rows(part.matrix, outcome, weight, part.accounts, part.as_of, part.known_at, "binary")

    def of_direct(self) -> Rows:
        """Rows of the direct NRR model: the ratio winsorised, weighted by starting MRR (winsorised too)."""
        ratio = np.minimum(self.labels.ratio, _winsor(self.labels.ratio))
        weight = np.minimum(self.labels.starting, np.quantile(self.labels.starting, 0.95)) * recency(self.as_of)
        return Rows(self.matrix, ratio, weight / weight.mean(), self.accounts, self.as_of, self.known_at, "ratio")


def train_scope(
    scope: Scope,
    encoder: Encoder,
    rows: TrainingRows,
    tuned: Mapping[str, Any] | None = None,
    only: str | None = None,
    unproven: Sequence[str] = (),
    seed: int = 0,
) -> ScopeModel:
    """The three components and the direct model of one scope; `tuned` is offered to churn, `only` fixes the learner.

    Components that are `unproven` out of time predict their base rate.
    """
    components = {}
    for name in COMPONENTS:
        part = rows.of(name)
        fixed = "base_rate" if name in unproven else only
        found = train(part, tuned if name == "churn" else None, fixed, seed)
        components[name] = _component(rows, name, part, found)
    direct = train(rows.of_direct(), None, only, seed)
    return ScopeModel(scope, encoder, **components, direct=direct.learner)


def _component(rows: TrainingRows, name: str, part: Rows, found: Trained) -> Component:
    probability = found.predict(part.matrix)
    return Component(
        learner=found.learner,
        calibration=found.calibration,
        size=1.0 if name == "churn" else _size(rows.labels.where(rows.labels.retained), name, probability, part.weight),
        learner_name=found.candidate.name,
        n_rows=len(part.outcome),
        n_accounts=part.n_accounts,
        n_events=part.n_events,
        base_rate=float(np.average(part.outcome, weights=part.weight)) if len(part.outcome) else 0.0,
        losses=found.losses,
        settings=found.candidate.settings,
    )


def _size(labels: Labels, name: str, probability: np.ndarray, weight: np.ndarray) -> float:
    """The size with which the money of the training rows adds up: sum(S * change) / sum(S * propensity).

    Changes are winsorised at their 99th percentile; a contraction takes at most everything.
    """
    amount = labels.amount(name)
    amount = np.minimum(amount, np.quantile(amount[amount > 0], _SIZE_WINSOR)) if (amount > 0).any() else amount
    money = labels.starting * weight
    expected = float((money * probability).sum())
    size = float((money * amount).sum()) / expected if expected > 0 else 0.0
    return min(size, 1.0) if name == "contraction" else size


def _winsor(ratio: np.ndarray) -> float:
    return max(float(np.quantile(ratio, _SIZE_WINSOR)), 1.0)


def scope_model_from_json(document: Mapping[str, Any], catalog: Any) -> ScopeModel:
    """The inverse of `ScopeModel.to_json`, with the bundle's whole catalog."""
    return ScopeModel(
        Scope(document["scope"]),
        Encoder.from_json(document["encoder"], catalog),
        **{name: Component.from_json(document[name]) for name in COMPONENTS},
        direct=learner_from_json(document["direct"]),
    )
