"""The same answers from BentoML as its documentation shows it: `@bentoml.api`, pandas, LightGBM, pydantic in and out.

What someone writes in an afternoon, and writes well: boosters are loaded once, all accounts of a request are one frame,
and the contributions of three components become the five groups of features that move NRR most, with no loop over
columns. It leaves out what else a score of Leap holds: intervals, value, survival, ICP, phrases, what is usual.

`PLAIN_MODEL` names a folder with the text of three models and `columns.json`, as `http_world.py` writes it;
`PLAIN_THREADS` how many requests BentoML works on at once (default: BentoML's own). LightGBM takes as many threads as
`OMP_NUM_THREADS` says: with more than one it is slower here, not faster.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import bentoml
import lightgbm
import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

FOLDER = Path(os.environ["PLAIN_MODEL"])
THREADS = {"threads": int(os.environ["PLAIN_THREADS"])} if "PLAIN_THREADS" in os.environ else {}
TOP = 5


class Account(BaseModel):
    """One account with its features."""

    account_id: str
    features: dict[str, Any]


class Reason(BaseModel):
    """What moves a score."""

    group: str
    value: Any
    nrr_points: float


class Score(BaseModel):
    """What is expected of one account."""

    account_id: str
    churn: float
    contraction: float
    expansion: float
    nrr: float
    reasons: list[Reason]


class Scores(BaseModel):
    """Of all accounts in the order asked."""

    scores: list[Score] = Field(default_factory=list)


@bentoml.service(name="plain", **THREADS)  # type: ignore[call-overload]
class Plain:
    """Churn, contraction, expansion and NRR with the five largest reasons."""

    def __init__(self) -> None:
        self.known = known = json.loads((FOLDER / "columns.json").read_text())
        self.boosters = {name: lightgbm.Booster(model_file=str(FOLDER / f"{name}.txt")) for name in known["components"]}
        self.group_of = {name: group for group, names in known["features_of_group"].items() for name in names}
        self.features = np.array(sorted(set(known["feature_of_column"])))
        self.groups = np.array(sorted(set(known["group_of_column"])))
        self.to_feature = np.equal.outer(known["feature_of_column"], self.features).astype(float)
        self.to_group = np.equal.outer(known["group_of_column"], self.groups).astype(float)
        self.members = [np.flatnonzero([self.group_of[f] == group for f in self.features]) for group in self.groups]

    @bentoml.api(route="/v1/score")
    def score(self, accounts: list[Account]) -> Scores:
        """Score accounts by their features."""
        frame = pd.DataFrame([account.features for account in accounts], columns=self.known["features"])
        of_nrr, figures = self.explain(self.encode(frame))
        by_feature, by_group = of_nrr @ self.to_feature, of_nrr @ self.to_group
        largest = np.argsort(-np.abs(by_group), axis=1)[:, :TOP]
        scores = []
        for i, account in enumerate(accounts):
            reasons = []
            for g in largest[i]:
                members = self.members[g]
                leading = self.features[members[np.abs(by_feature[i, members]).argmax()]]
                value = account.features.get(str(leading))
                reasons.append(Reason(group=self.groups[g], value=value, nrr_points=by_group[i, g]))
            row = {name: float(values[i]) for name, values in figures.items()}
            scores.append(Score(account_id=account.account_id, reasons=reasons, **row))
        return Scores(scores=scores)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Numbers as they are, categories as one column a level."""
        matrix = np.empty((len(frame), len(self.known["columns"])))
        numbers, names = self.known["numbers"], self.known["number_names"]
        matrix[:, numbers] = frame[names].to_numpy(dtype=float, na_value=np.nan)
        for name, levels in self.known["categories"].items():
            values = frame[name].fillna("(missing)").to_numpy()
            matrix[:, levels["columns"]] = np.equal.outer(values, np.array(levels["names"], dtype=object))
        return matrix

    def explain(self, matrix: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What each column adds to NRR, and the figures themselves, from the contributions to three margins."""
        expected, points, bases = {}, {}, {}
        for name, booster in self.boosters.items():
            rest = self.known["components"][name]
            contributions = booster.predict(matrix, pred_contrib=True)
            phi, base = contributions[:, :-1], contributions[0, -1]
            p0 = sigmoid(rest["slope"] * base + rest["intercept"])
            p = sigmoid(rest["slope"] * contributions.sum(axis=1) + rest["intercept"])
            points[name] = phi * ((p - p0) / phi.sum(axis=1))[:, None] * rest["size"]
            expected[name], bases[name] = p * rest["size"], p0 * rest["size"]
        kept, grown = 1 - expected["churn"], 1 - expected["contraction"] + expected["expansion"]
        kept0, grown0 = 1 - bases["churn"], 1 - bases["contraction"] + bases["expansion"]
        middle_kept, middle_grown = ((kept + kept0) / 2)[:, None], ((grown + grown0) / 2)[:, None]
        of_nrr = (points["expansion"] - points["contraction"]) * middle_kept - points["churn"] * middle_grown
        return of_nrr, {**expected, "nrr": kept * grown}


def sigmoid(margin: Any) -> Any:
    """Of log-odds."""
    return 1 / (1 + np.exp(-margin))
