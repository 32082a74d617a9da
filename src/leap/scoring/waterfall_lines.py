"""Lines of a waterfall as JSON: groups of features with every feature's own figures, and amounts without a driver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.bundle.model_bundle import ModelBundle
from leap.explanation.portfolio import GRR, NRR, Amount, Points, grr_of, nrr_of, total
from leap.features import Feature
from leap.scoring.waterfall_words import driver

OTHER = "other"


@dataclass(frozen=True)
class Naming:
    """Features and their groups in words, by the bundles that know them: the first that does decides."""

    bundles: Sequence[ModelBundle]

    @property
    def currency(self) -> str:
        """Of all money."""
        return self.bundles[0].settings.company.currency

    def feature(self, name: str) -> Feature:
        """The declaration of a feature."""
        return self._owner(name).catalog.by_name[name]

    def group(self, name: str) -> str:
        """The group of a feature."""
        return self._owner(name).groups.group_of(name)

    def group_label(self, group: str) -> str:
        """A group in words, as the list of drivers has it if it is one of them."""
        owner = self._owner(group)
        listed = next((driver for driver in owner.drivers if driver.id == group), None)
        return listed.label if listed is not None else owner.catalog.by_name[group].label

    def _owner(self, name: str) -> ModelBundle:
        return next(bundle for bundle in self.bundles if name in bundle.catalog.by_name)


def lines_of(points: Points, naming: Naming, mrr: float, top: int) -> list[dict[str, Any]]:
    """Groups of features by the size of their NRR points, the largest first; beyond `top` (0: none) joined in one."""
    groups: dict[str, list[str]] = {}
    moving = [name for name in points if points[name].any()]
    for name in sorted(moving, key=lambda name: (-abs(nrr_of(points[name])), name)):
        groups.setdefault(naming.group(name), []).append(name)
    lines = [_line(group, naming.group_label(group), members, points, naming, mrr) for group, members in groups.items()]
    lines.sort(key=lambda line: (-abs(line["nrr_points"]), line["group"]))
    if not 0 < top < len(lines):
        return lines
    rest = [one["feature"] for line in lines[top:] for one in line["features"]]
    return [*lines[:top], _line(OTHER, f"other drivers ({len(lines) - top})", rest, points, naming, mrr)]


def _line(group: str, label: str, members: Sequence[str], points: Points, naming: Naming, mrr: float) -> dict[str, Any]:
    own = [{"feature": name, "label": naming.feature(name).label, **_figures(points[name], mrr)} for name in members]
    together = total({name: points[name] for name in members})
    figures = _figures(together, mrr)
    words = driver(label, figures["nrr_points"], figures["money"], naming.currency)
    return {"group": group, "label": label, **figures, "words": words, "features": own}


def _figures(parts: np.ndarray, mrr: float) -> dict[str, Any]:
    nrr = nrr_of(parts)
    return {
        "nrr_points": nrr,
        "grr_points": grr_of(parts),
        "money": nrr * mrr,
        "parts": {"churn": float(parts[0]), "contraction": float(parts[1]), "expansion": float(parts[2])},
    }


def pair(points: np.ndarray, mrr: float) -> dict[str, Any]:
    """Points of NRR and GRR, shape (2,), and money."""
    return {"nrr_points": float(points[NRR]), "grr_points": float(points[GRR]), "money": float(points[NRR]) * mrr}


def amount(one: Amount, mrr: float) -> dict[str, Any]:
    """A line that no driver is behind."""
    return {**pair(one.points, mrr), "accounts": one.accounts, "mrr": one.mrr}


def added(lines: Iterable[Mapping[str, Any]], unit: str = "nrr_points") -> float:
    """What lines come to."""
    return float(sum(line[unit] for line in lines))
