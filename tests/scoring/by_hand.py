"""Whole scores recomputed from the files of a bundle by plain loops: slow, and with nothing of `leap` in it.

Trees are read from LightGBM's text and their contributions are Shapley values over all subsets of the features that a
tree uses, where a feature outside of a subset follows both branches by their rows (Lundberg et al. 2020).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, factorial, isnan, log, log1p
from pathlib import Path
from typing import Any

Contributions = list[float]
UNITS = ("nrr_points", "probability_points", "margin", "churn", "contraction", "expansion")


@dataclass(frozen=True)
class Tree:
    """One tree of a text model; a child below zero is the leaf `-child - 1`."""

    feature: list[int]
    threshold: list[float]
    decision: list[int]
    left: list[int]
    right: list[int]
    value: list[float]
    leaf_rows: list[float]
    node_rows: list[float]

    def goes_left(self, node: int, row: Sequence[float]) -> bool:
        value, decision = row[self.feature[node]], self.decision[node]
        missing = (decision >> 2) & 3
        assert not decision & 1 and missing in (0, 2), "categories and zeros as missing do not occur"
        if isnan(value):
            if missing == 2:
                return bool(decision & 2)
            value = 0.0
        return value <= self.threshold[node]

    def rows(self, child: int) -> float:
        return self.leaf_rows[-child - 1] if child < 0 else self.node_rows[child]

    def expected(self, row: Sequence[float], known: frozenset[int], child: int = 0) -> float:
        """The mean leaf of the rows that agree with a row in the features known of it."""
        if not self.feature or child < 0:
            return self.value[-child - 1 if child < 0 else 0]
        left, right = self.left[child], self.right[child]
        if self.feature[child] in known:
            return self.expected(row, known, left if self.goes_left(child, row) else right)
        a, b = self.rows(left), self.rows(right)
        return (a * self.expected(row, known, left) + b * self.expected(row, known, right)) / (a + b)

    def shapley(self, row: Sequence[float], width: int) -> Contributions:
        used = sorted(set(self.feature))
        worth = {
            frozenset(some): self.expected(row, frozenset(some))
            for size in range(len(used) + 1)
            for some in combinations(used, size)
        }
        found, n = [0.0] * width, len(used)
        for feature in used:
            for some, value in worth.items():
                if feature not in some:
                    weight = factorial(len(some)) * factorial(n - len(some) - 1) / factorial(n)
                    found[feature] += weight * (worth[some | {feature}] - value)
        return found


def trees_of(text: str) -> list[Tree]:
    """All trees of LightGBM's text."""
    found = []
    for block in text.split("end of trees")[0].split("Tree=")[1:]:
        lines = dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)

        def numbers(name: str, kind: Any = float, lines: Mapping[str, str] = lines) -> list[Any]:
            return [kind(part) for part in lines.get(name, "").split()]

        branches = [numbers(name, int) for name in ("split_feature", "decision_type", "left_child", "right_child")]
        feature, decision, left, right = branches
        leaves = (numbers("leaf_value"), numbers("leaf_count"), numbers("internal_count"))
        found.append(Tree(feature, numbers("threshold"), decision, left, right, *leaves))
    return found


def logistic(margin: float) -> float:
    return 1 / (1 + exp(-margin))


def secant(contributions: Contributions, value: Any, start: float) -> Contributions:
    """Contributions to a margin as contributions to a value of it."""
    moved = sum(contributions)
    if abs(moved) < 1e-6:
        ratio = (value(start + 1e-6) - value(start - 1e-6)) / 2e-6
    else:
        ratio = (value(start + moved) - value(start)) / moved
    return [ratio * one for one in contributions]


def product(a: Contributions, a0: float, b: Contributions, b0: float) -> Contributions:
    """Contributions to a product of two factors: each by the other's middle."""
    middle_a, middle_b = a0 + sum(a) / 2, b0 + sum(b) / 2
    return [x * middle_b + y * middle_a for x, y in zip(a, b, strict=True)]


@dataclass(frozen=True)
class Explained:
    """What every feature adds to a score, by unit; the bases, and the score itself."""

    adds: dict[str, dict[str, float]]
    base: dict[str, float]
    score: dict[str, float]


class Files:
    """A saved bundle as it lies on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.document: dict[str, Any] = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        self.kinds = {feature["name"]: feature["kind"] for feature in self.document["catalog"]}
        self._trees: dict[str, list[Tree]] = {}

    def trees(self, name: str) -> list[Tree]:
        if name not in self._trees:
            self._trees[name] = trees_of((self.folder / name).read_text(encoding="utf-8"))
        return self._trees[name]

    def encoded(self, encoder: Mapping[str, Any], values: Mapping[str, Any]) -> list[float]:
        row = []
        for position, level in zip(encoder["source"], encoder["level"], strict=True):
            value = values.get(encoder["features"][position])
            missing = value is None or (isinstance(value, float) and isnan(value))
            if level is None:
                row.append(math.nan if missing else float(value))
            else:
                row.append(float(("(missing)" if missing else value) == level))
        return row

    def by_feature(self, encoder: Mapping[str, Any], contributions: Contributions) -> dict[str, float]:
        found = dict.fromkeys(encoder["features"], 0.0)
        for position, own in zip(encoder["source"], contributions, strict=True):
            found[encoder["features"][position]] += own
        return found

    def margin(self, learner: Mapping[str, Any], row: Sequence[float]) -> tuple[Contributions, float]:
        """Contributions to a learner's margin, and its base."""
        match learner["kind"]:
            case "base_rate":
                return [0.0] * len(row), learner["base"]
            case "linear":
                return self._linear(learner, row)
            case "boosted":
                return self._boosted(learner["file"], row, learner["base"])
            case "blend":
                linear, straight = self._linear(learner["linear"], row)
                boosted, branched = self._boosted(learner["file"], row, learner["boosted_base"])
                a, b = learner["weights"]
                return [a * x + b * y for x, y in zip(linear, boosted, strict=True)], a * straight + b * branched
        raise AssertionError(learner["kind"])

    def _linear(self, learner: Mapping[str, Any], row: Sequence[float]) -> tuple[Contributions, float]:
        found = []
        for j, value in enumerate(row):
            if isnan(value):
                z, absent = 0.0, 1.0
            else:
                shown = math.copysign(log1p(abs(value)), value) if learner["logarithm"][j] > 0 else value
                z, absent = min(4.0, max(-4.0, (shown - learner["mean"][j]) / learner["scale"][j])), 0.0
            own = (z - learner["centre"][j]) * learner["coefficient"][j]
            found.append(own + (absent - learner["missing_mean"][j]) * learner["missing_coefficient"][j])
        return found, learner["base"]

    def _boosted(self, name: str, row: Sequence[float], stored: float) -> tuple[Contributions, float]:
        found, base = [0.0] * len(row), 0.0
        for tree in self.trees(name):
            base += tree.expected(row, frozenset())
            found = [a + b for a, b in zip(found, tree.shapley(row, len(row)), strict=True)]
        assert abs(base - stored) < 1e-9, "the stored base is the trees' expected margin"
        return found, base

    def probability(
        self, component: Mapping[str, Any], row: Sequence[float]
    ) -> tuple[Contributions, float, Contributions, float]:
        """Contributions in points of probability with their base, and in log-odds with theirs."""
        margin, start = self.margin(component["learner"], row)
        slope, intercept = component["calibration"]

        def calibrated(x: float) -> float:
            return logistic(slope * x + intercept)

        return secant(margin, calibrated, start), calibrated(start), margin, start

    def change(self, component: Mapping[str, Any], row: Sequence[float]) -> tuple[Contributions, float]:
        """Contributions to the expected contraction or expansion of who stays, and the base."""
        of_q, q0, _, _ = self.probability(component, row)
        usual, sizing = component["size"], component["sizing"]
        if sizing is None:
            return [usual * one for one in of_q], usual * q0
        margin, _ = self.margin(sizing["learner"], row)
        margin = [sizing["slope"] * one for one in margin]
        share = sizing["link"] == "share"
        of_size = secant(margin, logistic if share else exp, log(usual / (1 - usual)) if share else log(usual))
        return product(of_q, q0, of_size, usual), q0 * usual

    def explained(self, scope: str, values: Mapping[str, Any]) -> Explained:
        """The score of an account with these values of features, in every unit."""
        model = self.document[scope]
        encoder = model["encoder"]
        row = self.encoded(encoder, values)
        of_p, p0, margin, margin0 = self.probability(model["churn"], row)
        of_d, d0 = self.change(model["contraction"], row)
        of_u, u0 = self.change(model["expansion"], row)
        # NRR = kept * rest, with kept = 1 - p and rest = 1 - d + u.
        kept0, rest0 = 1 - p0, 1 - d0 + u0
        of_rest = [u - d for d, u in zip(of_d, of_u, strict=True)]
        middle_kept, middle_rest = kept0 - sum(of_p) / 2, rest0 + sum(of_rest) / 2
        columns = {
            "nrr_points": product([-one for one in of_p], kept0, of_rest, rest0),
            "probability_points": of_p,
            "margin": margin,
            "churn": [-one * middle_rest for one in of_p],
            "contraction": [-one * middle_kept for one in of_d],
            "expansion": [one * middle_kept for one in of_u],
        }
        p, d, u = p0 + sum(of_p), d0 + sum(of_d), u0 + sum(of_u)
        return Explained(
            {unit: self.by_feature(encoder, own) for unit, own in columns.items()},
            {"nrr": kept0 * rest0, "churn_probability": p0, "margin": margin0},
            {"nrr": (1 - p) * (1 - d + u), "p": p, "margin": margin0 + sum(margin), "d": d, "u": u},
        )

    def explained_flat(self, values: Mapping[str, Any]) -> Explained:
        """The score of a row of a flat table: points of a probability and its margin, or of a number."""
        model = self.document["model"]
        encoder = model["encoder"]
        row = self.encoded(encoder, values)
        if model["outcome"]["kind"] == "number":
            points, base = self.margin(model["component"]["learner"], row)
            own = {"points": self.by_feature(encoder, points)}
            return Explained(own, {"points": base}, {"points": base + sum(points)})
        points, base, margin, margin0 = self.probability(model["component"], row)
        own = {"probability_points": self.by_feature(encoder, points), "margin": self.by_feature(encoder, margin)}
        score = {"probability_points": base + sum(points), "margin": margin0 + sum(margin)}
        return Explained(own, {"probability_points": base, "margin": margin0}, score)
