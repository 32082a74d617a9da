"""Churn, contraction and expansion and their composition into NRR: `NRR = (1 - p)(1 - d + u)`, exactly, for every row.

`p` is the probability of losing the logo; given that the account is retained, `d = q_d * size_d` and `u = q_u *
size_u` are a propensity times the size of such a change (`models.sizes`). `q_d` and `size_d` lie in [0, 1] and
`u >= 0` by their links. Beside the composition stands a direct model of NRR (`models.direct`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from leap.features import Scope
from leap.models.calibration import Calibration
from leap.models.direct import DirectNRR, fit_direct
from leap.models.encoding import Encoder
from leap.models.hazard import LONGEST, Hazard, reconciled
from leap.models.labels import Labels, TrainingRows
from leap.models.learners import Boosted, Learner, learner_from_json, trees_of
from leap.models.selection import Rows, Trained, train
from leap.models.sizes import Sizing, fit_sizes

__all__ = [
    "COMPONENTS",
    "Attribution",
    "Component",
    "DirectNRR",
    "Labels",
    "Prediction",
    "ScopeModel",
    "Sizing",
    "TrainingRows",
    "scope_model_from_json",
    "text_learners",
    "train_scope",
]

COMPONENTS = ("churn", "contraction", "expansion")


@dataclass(frozen=True)
class Component:
    """A calibrated propensity, and the size of the change where it happens (1 for churn, which takes all).

    `size` is the usual one, and everyone's where nothing moves it (`sizing` None). `n_events` counts accounts: those
    with the event among those the model was fitted on. `losses` are those of the propensity's candidates in the inner
    folds, `size_losses` those of the size's. `settings` are the chosen candidate's: a later tuning starts from them.
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
    sizing: Sizing | None = None
    size_losses: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        rows: Rows,
        found: Trained,
        *,
        size: float = 1.0,
        sizing: Sizing | None = None,
        size_losses: Mapping[str, float] | None = None,
    ) -> Component:
        """What was chosen for some rows, with what these rows were; a size of 1 is that of what happens or not."""
        return cls(
            learner=found.learner,
            calibration=found.calibration,
            size=size,
            learner_name=found.candidate.name,
            n_rows=len(rows.outcome),
            n_accounts=rows.n_accounts,
            n_events=rows.n_events,
            base_rate=float(np.average(rows.outcome, weights=rows.weight)) if len(rows.outcome) else 0.0,
            losses=found.losses,
            sizing=sizing,
            size_losses=size_losses or {},
            settings=found.candidate.settings,
        )

    def probability(self, matrix: np.ndarray) -> np.ndarray:
        """The propensity, shape (n,)."""
        return self.calibration.probability(self.learner.margin(matrix))

    def sizes(self, matrix: np.ndarray) -> np.ndarray:
        """The size of the change where it happens, shape (n,)."""
        return np.full(len(matrix), self.size) if self.sizing is None else self.sizing.sizes(self.size, matrix)

    def attribute(self, matrix: np.ndarray) -> tuple[np.ndarray, float]:
        """Contributions in points of probability, shape (n, width), and the base probability."""
        return self.calibration.attribute(self.learner.contributions(matrix), self.learner.base)

    @property
    def base_change(self) -> float:
        """The expected change before anything is known of an account."""
        return float(self.calibration.probability(np.array([self.learner.base]))[0]) * self.size

    def attribute_change(self, matrix: np.ndarray) -> Change:
        """Contributions to the propensity and to the expected change, which is propensity times size."""
        of_probability, base = self.attribute(matrix)
        q = base + of_probability.sum(axis=1)
        if self.sizing is None:
            return Change(q, of_probability * self.size, base * self.size)
        of_size = self.sizing.attribute(self.size, matrix)
        return Change(q, midpoints(of_probability, base, of_size, self.size), base * self.size)

    def explained_trees(self) -> dict[str, Boosted]:
        """The trees that its contributions come from, by what they predict: the propensity or the size."""
        learners = {"propensity": self.learner} | ({} if self.sizing is None else {"size": self.sizing.learner})
        return {name: trees for name, learner in learners.items() if (trees := trees_of(learner)) is not None}

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        document = {k: v for k, v in self.__dict__.items() if k not in ("learner", "calibration", "sizing")}
        document |= {"losses": dict(self.losses), "size_losses": dict(self.size_losses)}
        document["settings"] = dict(self.settings)
        calibration = [self.calibration.slope, self.calibration.intercept]
        sizing = None if self.sizing is None else self.sizing.to_json()
        return {**document, "learner": self.learner.to_json(), "calibration": calibration, "sizing": sizing}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Component:
        """The inverse of `to_json`."""
        rest = {k: v for k, v in document.items() if k not in ("learner", "calibration", "sizing")}
        slope, intercept = document["calibration"]
        found = document.get("sizing")
        sizing = None if found is None else Sizing.from_json(found)
        return cls(learner_from_json(document["learner"]), Calibration(slope, intercept), sizing=sizing, **rest)


@dataclass(frozen=True)
class Change:
    """The propensity `q`, shape (n,), and the expected change as `base` plus a row of `contributions`, (n, width)."""

    q: np.ndarray
    contributions: np.ndarray
    base: float

    @property
    def expected(self) -> np.ndarray:
        """Propensity times size, shape (n,)."""
        return np.asarray(self.base + self.contributions.sum(axis=1))


def midpoints(a: np.ndarray, a0: float, b: np.ndarray, b0: float) -> np.ndarray:
    """Contributions to a product from those to its factors, shape (n, width) each, and the factors' bases.

    `AB - A0 B0 = (A - A0)(B + B0)/2 + (B - B0)(A + A0)/2`, so a row's contributions plus `A0 B0` are its product.
    """
    middle_a, middle_b = a0 + a.sum(axis=1) / 2, b0 + b.sum(axis=1) / 2
    return np.asarray(a * middle_b[:, None] + b * middle_a[:, None])


@dataclass(frozen=True)
class Prediction:
    """What is expected of rows, shape (n,) each: `p`, `d`, `u`, `q`; `nrr` and `grr` are their composition."""

    p: np.ndarray
    d: np.ndarray
    u: np.ndarray
    q: np.ndarray
    q_contraction: np.ndarray
    direct: np.ndarray

    @cached_property
    def fates(self) -> np.ndarray:
        """Weights of being lost, paying less, the same and more, shape (n, 4), each row summing to 1."""
        kept = 1 - self.p
        weights = np.empty((len(kept), 4))
        weights[:, 0], weights[:, 1] = self.p, kept * self.q_contraction
        weights[:, 2], weights[:, 3] = kept * np.maximum(1 - self.q_contraction - self.q, 0.0), kept * self.q
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

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
    """What each encoded column adds, shape (n, width): a row plus its base is the score, in every unit.

    `margin` is in log-odds of churn before calibration and `probability` in points of churn probability. `churn`,
    `contraction` and `expansion` are in NRR points, signed as they move NRR: together they are `nrr`, which times the
    MRR of an account is money.
    """

    margin: np.ndarray
    per_margin: np.ndarray
    """Points of probability that a unit of margin is worth in each row, shape (n,)."""
    per_probability: np.ndarray
    """Points of NRR that a point of churn probability costs in each row, shape (n,)."""
    contraction: np.ndarray
    expansion: np.ndarray
    base_margin: float
    base_probability: float
    base_nrr: float

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """All of some rows, shape (rows, 6, width): NRR, probability, margin, churn, contraction, expansion."""
        found = np.empty((len(rows), 6, self.margin.shape[1]))
        found[:, 2], found[:, 4], found[:, 5] = self.margin[rows], self.contraction[rows], self.expansion[rows]
        found[:, 1] = found[:, 2] * self.per_margin[rows, None]
        found[:, 3] = -found[:, 1] * self.per_probability[rows, None]
        found[:, 0] = found[:, 3] + found[:, 4] + found[:, 5]
        return found

    @cached_property
    def probability(self) -> np.ndarray:
        """Points of churn probability, shape (n, width)."""
        return np.asarray(self.margin * self.per_margin[:, None])

    @cached_property
    def churn(self) -> np.ndarray:
        """Points of NRR by churn, shape (n, width)."""
        return np.asarray(-self.probability * self.per_probability[:, None])

    @cached_property
    def nrr(self) -> np.ndarray:
        """Points of NRR, shape (n, width)."""
        return np.asarray(self.churn + self.contraction + self.expansion)


@dataclass(frozen=True)
class ScopeModel:
    """The models of one scope: health for customers, fit for prospects and ICPs."""

    scope: Scope
    encoder: Encoder
    churn: Component
    contraction: Component
    expansion: Component
    direct: DirectNRR
    hazard: Hazard | None = None
    """When accounts are lost, where it was fitted: of customers, not of prospects."""

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
            d=q_contraction * self.contraction.sizes(matrix),
            u=q * self.expansion.sizes(matrix),
            q=q,
            q_contraction=q_contraction,
            direct=self.direct.predict(matrix),
        )

    def survival(self, matrix: np.ndarray, p: np.ndarray, horizon_months: int, months: int = LONGEST) -> np.ndarray:
        """S(1) .. S(months) of encoded rows, with S(horizon) = 1 - p exactly, shape (n, months).

        Without a hazard the probability is spread evenly: `(1 - p)^(m/h)`.
        """
        if self.hazard is None:
            return np.asarray((1 - p)[:, None] ** (np.arange(1, months + 1) / horizon_months))
        return reconciled(self.hazard.survival(matrix, max(months, horizon_months)), p, horizon_months)[:, :months]

    def attribute(self, matrix: np.ndarray) -> Attribution:
        """What each encoded column adds to the predictions of `predict`."""
        return self.explained(matrix)[1]

    def explained(self, matrix: np.ndarray) -> tuple[Prediction, Attribution]:
        """Predictions with what each encoded column adds to them, at the cost of the contributions alone.

        By nested midpoints: first inside `d = q_d * size_d` and `u = q_u * size_u`, then between `1 - p` and
        `1 - d + u`. A prediction is the sum of its contributions, so it differs from `predict` by rounding only.
        """
        margin = self.churn.learner.contributions(matrix)
        per_margin, p0 = self.churn.calibration.per_margin(margin, self.churn.learner.base)
        contraction, expansion = self.contraction.attribute_change(matrix), self.expansion.attribute_change(matrix)
        # Not p0 plus the sum, which may round to more than 1.
        p = self.churn.calibration.probability(self.churn.learner.base + margin.sum(axis=1))
        d, u = contraction.expected, expansion.expected
        kept, rest = 1 - p0, 1 - contraction.base + expansion.base
        middle_kept, middle_rest = ((kept + 1 - p) / 2)[:, None], (rest + 1 - d + u) / 2
        attribution = Attribution(
            margin=margin,
            per_margin=per_margin,
            per_probability=middle_rest,
            contraction=-contraction.contributions * middle_kept,
            expansion=expansion.contributions * middle_kept,
            base_margin=self.churn.learner.base,
            base_probability=p0,
            base_nrr=kept * rest,
        )
        return Prediction(p, d, u, expansion.q, contraction.q, self.direct.predict(matrix)), attribution

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "scope": str(self.scope),
            "encoder": self.encoder.to_json(),
            **{name: self.component(name).to_json() for name in COMPONENTS},
            "direct": self.direct.to_json(),
            "hazard": None if self.hazard is None else self.hazard.to_json(),
        }


def train_scope(
    scope: Scope,
    encoder: Encoder,
    rows: TrainingRows,
    tuned: Mapping[str, Any] | None = None,
    only: str | None = None,
    unproven: Sequence[str] = (),
    seed: int = 0,
    direct: str | None = None,
) -> ScopeModel:
    """The three components and the direct model of one scope; `tuned` is offered to churn, `only` fixes the learner,
    and `direct` that of the direct model where it is another one.

    Components that are `unproven` out of time predict their base rate.
    """
    components, rows = {}, rows.binned()
    for name in COMPONENTS:
        part = rows.of(name)
        fixed = "base_rate" if name in unproven else only
        found = train(part, tuned if name == "churn" else None, fixed, seed)
        components[name] = _component(rows, name, part, found, fixed, seed)
    parts = (components["churn"], components["contraction"], components["expansion"])
    return ScopeModel(scope, encoder, *parts, direct=fit_direct(rows, direct or only, seed))


def _component(rows: TrainingRows, name: str, part: Rows, found: Trained, only: str | None, seed: int) -> Component:
    size, sizing = 1.0, None
    losses: Mapping[str, float] = {}
    if name != "churn":
        kept = rows.where(rows.labels.retained)
        size, sizing, losses = fit_sizes(kept, name, found.predict(part.matrix), only, seed)
    return Component.of(part, found, size=size, sizing=sizing, size_losses=losses)


def text_learners(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every learner of a stored `ScopeModel` by the name of the file that holds its text where it has one."""
    found = {name: document[name]["learner"] for name in (*COMPONENTS, "direct")}
    sizings = {f"{name}_size": document[name].get("sizing") for name in COMPONENTS}
    found |= {name: sizing["learner"] for name, sizing in sizings.items() if sizing is not None}
    found |= {"hazard": document["hazard"]["part"]} if document.get("hazard") else {}
    return found | ({"direct_stays": stays} if (stays := document["direct"]["stays"]) is not None else {})


def scope_model_from_json(document: Mapping[str, Any], catalog: Any) -> ScopeModel:
    """The inverse of `ScopeModel.to_json`, with the bundle's whole catalog."""
    churn, contraction, expansion = (Component.from_json(document[name]) for name in COMPONENTS)
    return ScopeModel(
        Scope(document["scope"]),
        Encoder.from_json(document["encoder"], catalog),
        churn,
        contraction,
        expansion,
        direct=DirectNRR.from_json(document["direct"]),
        hazard=Hazard.from_json(document["hazard"]) if document.get("hazard") else None,
    )
